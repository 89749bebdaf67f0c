"""A field of square cells with words beside it: where the cells stand, what its axes say, how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import label_axis
from memviz.figures.data.view import Side
from memviz.figures.style.labels import LETTER_HIGH, escape, label_count, width

LONGEST = 600  # pixels of the longer side of a large picture
SHORTEST = 460  # the same of a small one, whose cells may grow for it
CELL, LARGEST_CELL = 30, 44
BAR = 74  # pixels that the colour bar takes below
NAME = 22  # pixels that the name of an axis takes


@dataclass(frozen=True)
class Field:
    """The labels of the rows and of the columns, the numbers of the first of them, and what the two axes are called."""

    down: Sequence[str]
    across: Sequence[str]
    first: tuple[int, int] = (0, 0)
    names: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, rows: Side, cols: Side, *, names: tuple[str, str] = ("", "")) -> Field:
        """Numbers are positions in the whole text, or cells where they are pooled."""
        first = [side.first if side.step == 1 else 0 for side in (rows, cols)]
        return cls(rows.labels, cols.labels, (first[0], first[1]), names)

    @property
    def cell(self) -> float:
        """How large is one cell, in pixels?"""
        count = max(len(self.down), len(self.across))
        return min(LARGEST_CELL, LONGEST / count, max(CELL, SHORTEST / count))

    @property
    def above(self) -> int:
        """How many pixels do the labels and the name of the columns take?"""
        return int(max(map(width, self.across)) * 6.7) + 14 + NAME * bool(self.names[1])

    def places(self) -> dict[str, Any]:
        """Where do the cells of a heatmap stand? On whole numbers, with thin gaps between large ones."""
        gap = int(self.cell >= 8)
        return {"x0": self.first[1], "dx": 1, "y0": self.first[0], "dy": 1, "xgap": gap, "ygap": gap}

    def size(self, *, beside: int = 0) -> tuple[int, int]:
        """Width of the cells with what stands beside them, ``beside`` on the right, and height of the cells."""
        across = int(max(300, self.cell * len(self.across)))
        return across + self._beside(beside), int(self.cell * len(self.down))

    def narrow(self, *, beside: int = 0) -> dict[str, int]:
        """What a page with less room must know: the width of the cells, of what is beside them, the least of all."""
        room = self._beside(beside)
        labels = max(label_count(len(side)) for side in (self.across, self.down))
        return {"cells": int(self.cell * len(self.across)), "beside": room, "least": room + LETTER_HIGH * labels}

    def _beside(self, right: int) -> int:
        labels = int(max(map(width, self.down)) * 7.5) + 12 + NAME * bool(self.names[0])
        leaning = (self.above - NAME * bool(self.names[1])) // 2  # the last label leans out over the edge
        return labels + max(right, leaning) + 24

    def axes(self, figure: Draft, *, matches: tuple[list[int], list[int]] = ([], [])) -> None:
        """Rows run downwards, columns have their labels above, cells stay square; those of ``matches`` are bold."""
        flat = max(map(width, self.across)) * 8 < self.cell
        row, col = self.first
        figure.update_xaxes(
            **label_axis([*map(escape, self.across)], first=col, keep=matches[1]),
            side="top",
            tickangle=0 if flat else -60,
            range=[col - 0.5, col + len(self.across) - 0.5],
            title=_axis_title(self.names[1]),
            constrain="domain",
            constraintoward="left",
        )
        figure.update_yaxes(
            **label_axis([*map(escape, self.down)], first=row, keep=matches[0]),
            range=[row + len(self.down) - 0.5, row - 0.5],
            title=_axis_title(self.names[0]),
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
        )


def _axis_title(name: str) -> dict[str, Any]:
    """What an axis is called, in small letters close to its labels; nothing for ""."""
    return {"text": escape(name), "standoff": 6, "font": {"size": 12}}


def colour_bar(title: str, **scale: Any) -> dict[str, Any]:
    """A colour scale below the picture, with its unit."""
    bar = {"orientation": "h", "thickness": 10, "lenmode": "pixels", "len": 240, "outlinewidth": 0, "ticks": ""}
    place = {"x": 0, "xanchor": "left", "xpad": 0, "y": 0, "yanchor": "top", "ypad": 14}
    return {**bar, **place, **scale, "title": {"text": title, "side": "top", "font": {"size": 12}}}
