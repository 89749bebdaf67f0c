"""Heatmaps as PNG bytes, drawn without a browser, with their provenance drawn below and written inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memviz.figures.data.captions import UNITS, notes
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import FLOOR, PatternData, PatternView, Values, Window
from memviz.figures.sheets.canvas import Canvas
from memviz.figures.sheets.lettering import boxed_note, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.labels import LETTER_HIGH, ticks
from memviz.figures.style.palette import Theme, ThemeName, mixed, percent, strength
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.memory import Memory
from memviz.tokens import Word

MARGIN = 28
LONGEST = 620  # of a field of cells
LARGEST_CELL = 34
LINE = 17  # of the notes
LABEL = 13
GAP = 5  # between the heads of a grid


def pattern_png(
    memory: Memory,
    layer: int | None = None,
    head: int | None = None,
    *,
    provenance: Mapping[str, str],
    view: Values = "weight",
    query_words: Sequence[Word] | None = None,
    key_words: Sequence[Word] | None = None,
    without: Sequence[int] = (),
    window: Window | None = None,
    cumulative: float = 1.0,
    shift: int = 0,
    largest: int = 256,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> bytes:
    """How hard does each word look at each other word, as a PNG?

    The same numbers, scale and notes as `memviz.figures.pattern`, which explains the options.
    ``provenance`` is written into the file and, in short, below the picture. Characters that no
    font on this computer has are drawn as boxes with their number, and named. Same errors.
    """
    how = PatternView(
        layer=layer,
        head=head,
        values=view,
        query_words=query_words,
        key_words=key_words,
        without=without,
        window=window,
        cumulative=cumulative,
        shift=shift,
        largest=largest,
    )
    what = pattern_data(memory, how)
    said = notes(what, translate)
    heading = said[0] if title is None else title
    if what.mass is not None:
        said.append(translate(phrases.PAIR))
    return _Field(what, heading=heading, said=said, provenance=provenance, theme=theme, translate=translate).png()


class _Field:
    """One heatmap on its sheet: where everything stands, and how it is drawn."""

    def __init__(
        self,
        what: PatternData,
        *,
        heading: str,
        said: Sequence[str],
        provenance: Mapping[str, str],
        theme: ThemeName,
        translate: Translate,
    ) -> None:
        self.what, self.heading, self.provenance, self.translate = what, heading, provenance, translate
        self.down, self.across = what.rows.labels, what.cols.labels
        rows, cols = what.values.shape
        self.cell = min(LARGEST_CELL, LONGEST / max(rows, cols))
        self.size = cols * self.cell, rows * self.cell
        self.flat = max(measure(label, size=LABEL) for label in self.across) < self.cell - 2
        beside = max(measure(label, size=LABEL) for label in self.down) + 10
        above = max(measure(label, size=LABEL) for label in self.across) * 0.87 + 14
        top = MARGIN + (34 if heading else 0) + (22 if self.flat else above)
        self.at = MARGIN + beside, top
        right = 96 if what.mass is not None else 0 if self.flat else above * 0.6
        self.width = max(self.at[0] + max(self.size[0], 260) + right + MARGIN, 420)
        below = [" · ".join(said), " · ".join(origin(provenance))]
        below += boxed_note([*self.down, *self.across, heading, *below], translate)
        self.lines = footer(below, width=self.width - 2 * MARGIN)
        self.bar_top = self.at[1] + self.size[1] + 22
        height = self.bar_top + 62 + LINE * len(self.lines) + MARGIN - 10
        self.canvas = Canvas(self.width, height, theme=theme)

    def png(self) -> bytes:
        canvas, what = self.canvas, self.what
        canvas.text((MARGIN, MARGIN + 14), self.heading, size=19, bold=True)
        canvas.cells(self.at, self.size, _coloured(what, canvas.theme), gap=1 if self.cell >= 8 else 0)
        self._labels()
        self._bar()
        if what.mass is not None:
            self._pair(what.mass)
        for number, line in enumerate(self.lines):
            place = MARGIN, self.bar_top + 66 + number * LINE
            canvas.text(place, line, size=12, colour=canvas.theme.muted)
        return canvas.png(self.provenance)

    def _labels(self) -> None:
        canvas, (left, top), cell = self.canvas, self.at, self.cell
        size = max(9.0, min(LABEL, cell * 0.8))
        room = max(1, int(LONGEST / LETTER_HIGH))
        for row in ticks(len(self.down), room=room):
            middle = top + (row + 0.5) * cell + size * 0.36
            canvas.text((left - 7, middle), self.down[row], size=size, anchor="right")
        for col in ticks(len(self.across), room=room):
            place = left + (col + 0.5) * cell, top - 7
            if self.flat:
                canvas.text(place, self.across[col], size=size, anchor="middle")
            else:
                canvas.text(place, self.across[col], size=size, turned=True)

    def _bar(self) -> None:
        """The colour scale with its range and unit."""
        canvas, what = self.canvas, self.what
        left, top, long = self.at[0], self.bar_top, 240
        canvas.text((left, top + 8), self.translate(UNITS[what.view.values]), size=12, colour=canvas.theme.muted)
        steps = np.linspace(0, 1, long)
        shares = steps if what.view.values == "log" else strength(steps)
        ramp = mixed(canvas.theme.panel, canvas.theme.blue, shares)[None]
        canvas.cells((left, top + 16), (long, 9), ramp)
        for share, text in _marks(what):
            canvas.text((left + share * long, top + 40), text, size=12, colour=canvas.theme.muted, anchor="middle")

    def _pair(self, mass: np.ndarray) -> None:
        """Lines between the two texts of a pair, and beside them what each text gives to each."""
        canvas, (left, top), cell = self.canvas, self.at, self.cell
        down, across = self.what.rows.edge * cell, self.what.cols.edge * cell
        canvas.box((left, top + down - 1), (self.size[0], 2), fill=canvas.theme.muted)
        canvas.box((left + across - 1, top), (2, self.size[1]), fill=canvas.theme.muted)
        for number, (start, stop) in enumerate(((0, down), (down, self.size[1]))):
            for place in range(2):
                text = f"{'AB'[number]}→{'AB'[place]} {percent(mass[number, place])}"
                canvas.text((left + self.size[0] + 10, top + (start + stop) / 2 + 18 * place), text, size=13)


def _coloured(what: PatternData, theme: Theme) -> np.ndarray:
    """The colour of every cell: uint8 [row, column, 3]; paper where nothing is drawn."""
    values = np.nan_to_num(what.values, nan=0.0)
    if what.view.values == "log":
        share = 1 - np.log10(np.maximum(values, FLOOR)) / np.log10(FLOOR)
    else:
        share = strength(values / what.high)
    colours = mixed(theme.panel, theme.blue, share)
    colours[np.isnan(what.values)] = theme.paper
    return colours


def _marks(what: PatternData) -> list[tuple[float, str]]:
    """(place, 0..1, and text) of the numbers under the colour scale."""
    if what.view.values == "log":
        steps = int(-np.log10(FLOOR))
        return [(step / steps, f"{FLOOR * 10**step:g}") for step in range(steps + 1)]
    return [(share, f"{share * what.high:.3g}") for share in (0, 0.25, 0.5, 0.75, 1)]


def grid_png(
    memory: Memory,
    *,
    provenance: Mapping[str, str],
    selected: tuple[int, int] | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> bytes:
    """Which heads do what: all of them as small pictures, as a PNG?

    Each tile is a head's thumbnail from the summary: max-pooled to at most 32 × 32 cells, coloured by the
    square root of the weight from 0 to 1. ``selected`` is (layer, head), framed. ``provenance`` as in `pattern_png`.
    """
    layers, heads, rows, cols = memory.summary.thumbnail.shape
    if selected is not None:
        memory.require_head(*selected)
    tile = min(48.0, max(18.0, 860 / heads - GAP))
    said = [translate(phrases.GRID_RANGE)]
    pooled = -(-len(memory.queries) // rows), -(-len(memory.keys) // cols)
    if max(pooled) > 1:
        said.append(say(translate, phrases.GRID_POOLED, down=pooled[0], across=pooled[1]))
    heading = translate(phrases.ALL_HEADS) if title is None else title
    at, pitch = (MARGIN + 34.0, MARGIN + (38.0 if heading else 0.0) + 22), tile + GAP
    width = max(at[0] + heads * pitch + MARGIN - GAP, 460)
    below = [" ".join(said), " · ".join(origin(provenance))]
    lines = footer([*below, *boxed_note([heading, *below], translate)], width=width - 2 * MARGIN)
    bottom = at[1] + layers * pitch + 22
    canvas = Canvas(width, bottom + LINE * len(lines) + MARGIN - 12, theme=theme)
    canvas.text((MARGIN, MARGIN + 14), heading, size=19, bold=True)
    _tiles(canvas, memory.summary.thumbnail, at=at, tile=tile, selected=selected)
    for number, line in enumerate(lines):
        canvas.text((MARGIN, bottom + number * LINE), line, size=12, colour=canvas.theme.muted)
    return canvas.png(provenance)


def _tiles(
    canvas: Canvas, thumbnails: np.ndarray, *, at: tuple[float, float], tile: float, selected: tuple[int, int] | None
) -> None:
    """The heads with their numbers, and a frame around one of them."""
    layers, heads = thumbnails.shape[:2]
    (left, top), pitch = at, tile + GAP
    ramp = mixed(canvas.theme.panel, canvas.theme.blue, np.linspace(0, 1, 256))
    muted = canvas.theme.muted
    for head in range(0, heads, 1 if pitch >= 28 else 2):
        canvas.text((left + head * pitch + tile / 2, top - 8), f"H{head}", size=12, colour=muted, anchor="middle")
    for layer in range(layers):
        down = top + layer * pitch
        canvas.text((left - 8, down + tile / 2 + 4), f"L{layer}", size=12, colour=muted, anchor="right")
        for head in range(heads):
            canvas.cells((left + head * pitch, down), (tile, tile), ramp[thumbnails[layer, head]])
    if selected is not None:
        corner = left + selected[1] * pitch - GAP / 2, top + selected[0] * pitch - GAP / 2
        canvas.box(corner, (pitch, pitch), line=canvas.theme.ink, width=2.5)
