"""A panel of a sheet: one bar a word, side by side, with a scale on the left and the words below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.figures.sheets.drawing import Drawing, Point, number
from memviz.figures.sheets.lettering import SMALL, measure
from memviz.figures.style.labels import pooled_labels, shorten, ticks
from memviz.figures.style.numbers import percent

AXIS = 46  # pixels left of a panel, for its numbers
HIGH = 170  # of a panel, its name included
NAME = 24  # of its name
SECTION = 15  # letters of a name
LABEL = 12
LARGEST = 256  # bars; above it neighbours share one


@dataclass(frozen=True)
class Bars:
    """One bar for ``step`` words, the largest of them: heights, which are grey, and labels."""

    heights: np.ndarray
    muted: np.ndarray
    labels: list[str]
    step: int

    @classmethod
    def of(cls, values: np.ndarray, muted: np.ndarray, texts: Sequence[str]) -> Bars:
        """The bars of these words: a bar is grey where its word is ``muted``; shared bars leave it out."""
        step = max(1, -(-len(values) // LARGEST))
        starts = np.arange(0, len(values), step)
        if not len(starts):
            return cls(np.zeros(0), np.zeros(0, dtype=bool), [], 1)
        seen = np.where(muted, np.nan, values) if step > 1 else values
        heights, grey = np.fmax.reduceat(seen, starts), np.logical_and.reduceat(muted, starts)
        return cls(heights, grey, pooled_labels(texts, starts.tolist(), step=step), step)

    @property
    def drop(self) -> float:
        """How many pixels the words take below the bars."""
        return 14 + 0.87 * max((measure(label, size=LABEL) for label in self.labels), default=0)


def draw_section(drawing: Drawing, at: Point, name: str, *, unit: str) -> None:
    """The name of a panel, and beside it what its numbers are."""
    (left, top), muted = at, drawing.theme.muted
    drawing.text(at, name, size=SECTION, bold=True)
    drawing.text((left + measure(name, size=SECTION, bold=True) + 12, top), unit, size=SMALL, colour=muted)


def draw_bars(drawing: Drawing, bars: Bars, at: Point, *, width: float, name: str, unit: str, high: float) -> None:
    """The panel at a point; ``high`` is the end of its scale, where a higher bar is cut off."""
    draw_section(drawing, at, name, unit=unit)
    left, wide, base, theme = at[0] + AXIS, width - AXIS, at[1] + HIGH, drawing.theme
    for share in (0, 0.5, 1):
        level = base - share * (HIGH - NAME)
        draw_rule(drawing, (left, level), wide)
        mark = percent(share * high, digits=1) if share else "0"
        drawing.text((left - 8, level + 4), mark, size=SMALL, colour=theme.muted, anchor="right")
    pitch = wide / max(1, len(bars.heights))
    for place, height in enumerate(bars.heights):
        if height > 0:
            tall = (HIGH - NAME) * min(1.0, height / high)
            colour = theme.muted if bars.muted[place] else theme.blue
            drawing.box((left + (place + 0.09) * pitch, base - tall), (0.82 * pitch, tall), fill=colour)
    for place in ticks(len(bars.labels), room=int(wide / 15)):
        corner = left + (place + 0.5) * pitch, base + 12
        drawing.text(corner, shorten(bars.labels[place]), size=LABEL, anchor="right", turned=60)


def draw_rule(drawing: Drawing, at: Point, wide: float, *, strong: bool = False) -> None:
    """A thin line across a panel."""
    colour = drawing.theme.muted if strong else drawing.theme.line
    drawing.path(f"M{number(at[0])} {number(at[1])}h{number(wide)}", width=1, colour=colour)
