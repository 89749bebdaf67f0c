"""Heatmaps as SVG and PNG, drawn without a browser, with their provenance drawn below and written inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memviz.figures.data.captions import UNITS, alt_text, notes
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import FLOOR, Mark, PatternData, PatternView, Values, Window
from memviz.figures.sheets.drawing import Drawing, Point, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.colours import Theme, ThemeName, mixed, strength
from memviz.figures.style.labels import LETTER_HIGH, ticks
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate
from memviz.figures.style.provenance import origin
from memviz.memory import Memory
from memviz.tokens import Word

MARGIN = 28
LONGEST = 620  # of a field of cells
LARGEST_CELL = 34
LABEL = 13  # letters of the labels
HEADING = 19
AXIS_NAME = 18  # pixels that the name of an axis takes
SCALE_LENGTH = 240  # pixels of the colour scale


def pattern_sheet(
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
    mark: Mark = ((), ()),
    largest: int = 256,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """How hard does each word look at each other word, as a drawing? See `pattern_svg`."""
    selection = PatternView(
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
    data = pattern_data(memory, selection)
    lines = notes(data, translate)
    heading = lines[0] if title is None else title
    if data.mass is not None:
        lines.append(translate(phrases.PAIR))
    below = [" · ".join(lines), " · ".join(origin(provenance))]
    frame = _Frame.of(data, heading=heading, below=below)
    drawing = Drawing(
        (frame.width, frame.height),
        title=heading or lines[0],
        alt_text=alt_text(data, translate),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    drawing.text((MARGIN, MARGIN + 14), heading, size=HEADING, bold=True)
    drawing.cells(frame.at, frame.size, _cell_colours(data, drawing.theme), gap=1 if frame.cell >= 8 else 0)
    marks = data.rows.cells_of(mark[0]), data.cols.cells_of(mark[1])
    _draw_labels(drawing, frame, down=data.rows.labels, across=data.cols.labels, marks=marks)
    _draw_marks(drawing, frame, marks)
    _draw_axis_names(drawing, frame, cross=memory.kind == "cross", translate=translate)
    _draw_scale(drawing, data, (frame.at[0], frame.scale_top), translate)
    if data.mass is not None:
        _draw_pair(drawing, data, frame, data.mass)
    drawing.notes((MARGIN, frame.scale_top + 66), frame.lines)
    return drawing


@written_as(pattern_sheet)
def pattern_svg(drawing: Drawing) -> str:
    """How hard does each word look at each other word, as an SVG?

    The same numbers, scale and notes as `memviz.figures.pattern`, which explains the options. One file that needs
    nothing else: text stays text, and there is no script in it. ``provenance`` is written into ``<metadata>`` as JSON
    and, in short, below the picture. Same errors.
    """
    return drawing.svg()


@written_as(pattern_sheet)
def pattern_png(drawing: Drawing) -> bytes:
    """How hard does each word look at each other word, as a PNG?

    The same numbers, scale and notes as `memviz.figures.pattern`, which explains the options.
    ``provenance`` is written into the file and, in short, below the picture. Characters that no
    font on this computer has are drawn as boxes with their number, and named. Same errors.
    """
    return drawing.png()


@dataclass(frozen=True)
class _Frame:
    """Where does everything stand around the cells of a heatmap? ``at`` is their corner, on whole pixels."""

    at: Point
    size: tuple[float, float]
    cell: float
    flat: bool  # labels above the columns lie, because they fit
    scale_top: float
    width: float
    height: float
    lines: tuple[str, ...]

    @classmethod
    def of(cls, data: PatternData, *, heading: str, below: Sequence[str]) -> _Frame:
        """The frame of this heatmap; ``below`` are the paragraphs of its notes."""
        down, across = ([measure(label, size=LABEL) for label in side.labels] for side in (data.rows, data.cols))
        rows, cols = data.values.shape
        cell = min(LARGEST_CELL, LONGEST / max(rows, cols))
        flat = max(across) < cell - 2
        above = max(across) * 0.87 + 14
        top = MARGIN + (22 if heading else 0) + (22 if flat else above)
        at = float(round(MARGIN + max(down) + 10)), float(round(top))
        right = 96 if data.mass is not None else 0 if flat else above * 0.6
        width = max(at[0] + max(cols * cell, 260) + right + MARGIN, 420)
        lines = footer(below, width=width - 2 * MARGIN)
        scale_top = at[1] + rows * cell + 22 + AXIS_NAME
        height = scale_top + 62 + LINE * len(lines) + MARGIN - 10
        return cls(at, (cols * cell, rows * cell), cell, flat, scale_top, width, height, tuple(lines))


def _draw_marks(drawing: Drawing, frame: _Frame, marks: tuple[list[int], list[int]]) -> None:
    """A frame around each row and column that is marked."""
    (left, top), (wide, high), cell, line = frame.at, frame.size, frame.cell, drawing.theme.orange
    for row in marks[0]:
        drawing.box((left, top + row * cell), (wide, cell), line=line, width=1.5)
    for col in marks[1]:
        drawing.box((left + col * cell, top), (cell, high), line=line, width=1.5)


def _draw_labels(
    drawing: Drawing,
    frame: _Frame,
    *,
    down: Sequence[str],
    across: Sequence[str],
    marks: tuple[list[int], list[int]] = ([], []),
) -> None:
    (left, top), cell = frame.at, frame.cell
    size = max(9.0, min(LABEL, cell * 0.8))
    room = max(1, int(LONGEST / LETTER_HIGH))
    for row in ticks(len(down), room=room, keep=marks[0]):
        middle = top + (row + 0.5) * cell + size * 0.36
        drawing.text((left - 7, middle), down[row], size=size, anchor="right", bold=row in marks[0])
    for col in ticks(len(across), room=room, keep=marks[1]):
        place, bold = (left + (col + 0.5) * cell, top - 7), col in marks[1]
        if frame.flat:
            drawing.text(place, across[col], size=size, anchor="middle", bold=bold)
        else:
            drawing.text(place, across[col], size=size, turned=60, bold=bold)


def _draw_axis_names(drawing: Drawing, frame: _Frame, *, cross: bool, translate: Translate) -> None:
    """What the rows are, up along the left, and what the columns are, below the cells."""
    (left, top), (wide, high), muted = frame.at, frame.size, drawing.theme.muted
    rows, columns = (phrases.TARGET_AXIS, phrases.SOURCE_AXIS) if cross else (phrases.QUERY_AXIS, phrases.KEY_AXIS)
    middle = MARGIN - AXIS_NAME / 2, top + high / 2
    drawing.text(middle, translate(rows), size=SMALL, colour=muted, anchor="middle", turned=90)
    below = left + wide / 2, top + high + SMALL + 6
    drawing.text(below, translate(columns), size=SMALL, colour=muted, anchor="middle")


def _draw_scale(drawing: Drawing, data: PatternData, at: Point, translate: Translate) -> None:
    """The colour scale with its range and unit."""
    (left, top), theme = at, drawing.theme
    drawing.text((left, top + 8), translate(UNITS[data.view.values]), size=SMALL, colour=theme.muted)
    steps = np.linspace(0, 1, SCALE_LENGTH)
    shares = steps if data.view.values == "log" else strength(steps)
    drawing.cells((left, top + 16), (SCALE_LENGTH, 9), mixed(theme.panel, theme.blue, shares)[None])
    for share, text in _marks(data):
        place = left + share * SCALE_LENGTH, top + 40
        drawing.text(place, text, size=SMALL, colour=theme.muted, anchor="middle")


def _draw_pair(drawing: Drawing, data: PatternData, frame: _Frame, mass: np.ndarray) -> None:
    """Lines between the two texts of a pair, and beside them what each text gives to each."""
    (left, top), (wide, high), muted = frame.at, frame.size, drawing.theme.muted
    down, across = data.rows.edge * frame.cell, data.cols.edge * frame.cell
    drawing.box((left, top + down - 1), (wide, 2), fill=muted)
    drawing.box((left + across - 1, top), (2, high), fill=muted)
    for number, (start, stop) in enumerate(((0, down), (down, high))):
        for place in range(2):
            text = f"{'AB'[number]}→{'AB'[place]} {percent(mass[number, place])}"
            drawing.text((left + wide + 10, top + (start + stop) / 2 + 18 * place), text, size=LABEL)


def _cell_colours(data: PatternData, theme: Theme) -> np.ndarray:
    """The colour of every cell: uint8 [row, column, 3]; paper where nothing is drawn."""
    values = np.nan_to_num(data.values, nan=0.0)
    if data.view.values == "log":
        share = 1 - np.log10(np.maximum(values, FLOOR)) / np.log10(FLOOR)
    else:
        share = strength(values / data.high)
    colours = mixed(theme.panel, theme.blue, share)
    colours[np.isnan(data.values)] = theme.paper
    return colours


def _marks(data: PatternData) -> list[tuple[float, str]]:
    """(place, 0..1, and text) of the numbers under the colour scale."""
    if data.view.values == "log":
        steps = int(-np.log10(FLOOR))
        return [(step / steps, f"{FLOOR * 10**step:g}") for step in range(steps + 1)]
    return [(share, f"{share * data.high:.3g}") for share in (0, 0.25, 0.5, 0.75, 1)]
