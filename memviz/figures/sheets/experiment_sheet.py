"""An experiment on one sheet, as SVG and PNG: the text, what is said of the result, and its numbers as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from memviz.figures.sheets.drawing import Drawing, number, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.sheets.words_sheet import MARGIN, MOST, WIDTH, PlacedWord, flow
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName
from memviz.figures.style.labels import isolated, shorten, wrap
from memviz.figures.style.phrases import Translate
from memviz.figures.style.provenance import origin
from memviz.tokens import Word

HEADING = 19
SPOKEN = 17  # letters of the statement
LABEL = 14
LANE = 20  # pixels of a bar
GAP = 14  # pixels between two rows
HATCH = 6.0  # pixels between two strokes over a covered word
LONGEST = 40  # rows drawn


@dataclass(frozen=True)
class Bar:
    """One bar of a row: its length (``value``), that number as it is written (``text``), and its ``colour``."""

    value: float
    text: str
    colour: Literal["blue", "orange", "muted"] = "blue"


@dataclass(frozen=True)
class SheetRow:
    """A row of the sheet: its ``label``, its ``bars``, and ``strokes`` for numbers to compare with."""

    label: str
    bars: tuple[Bar, ...]
    strokes: tuple[float, ...] = ()


def experiment_sheet(
    words: Sequence[Word],
    covered: Sequence[int],
    rows: Sequence[SheetRow],
    *,
    statement: str,
    unit: str,
    provenance: Mapping[str, str],
    title: str = "",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """An experiment on one sheet, as a drawing? See `experiment_svg`."""
    first = max(0, min((covered[0] if covered else 0) - MOST // 2, len(words) - MOST))
    placed = flow(words[first : first + MOST], first, top=MARGIN + (HEADING + 16 if title else 0))
    bottom = max((place.base for place in placed), default=MARGIN) + 34
    told = wrap(statement, int((WIDTH - 2 * MARGIN) / (SPOKEN * 0.5)))
    rows = rows[:LONGEST]
    left = MARGIN + max((measure(_label(row), size=LABEL) for row in rows), default=0.0) + 14
    top = bottom + len(told) * (SPOKEN + 7) + 14
    lanes = [len(row.bars) + bool(row.strokes) for row in rows]
    end = top + sum(LANE * count + GAP for count in lanes)
    lines = footer([unit, " · ".join(origin(provenance))], width=WIDTH - 2 * MARGIN)
    drawing = Drawing(
        (WIDTH, end + 20 + LINE * len(lines) + MARGIN - 8),
        title=title or translate(phrases.BEFORE_AND_AFTER),
        alt_text=statement,
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    if title:
        drawing.text((MARGIN, MARGIN + 12), title, size=HEADING, bold=True)
    for place in placed:
        drawing.text((place.left, place.base), place.text, size=place.size)
        if place.index in covered:
            _hatch(drawing, place)
    for line, text in enumerate(told):
        drawing.text((MARGIN, bottom + line * (SPOKEN + 7)), text, size=SPOKEN, bold=True)
    _draw_rows(drawing, rows, lanes, left=left, top=top)
    drawing.notes((MARGIN, end + 20), lines)
    return drawing


@written_as(experiment_sheet)
def experiment_svg(drawing: Drawing) -> str:
    """What did an experiment show, as an SVG?

    The ``words`` of the text, those that are ``covered`` (by number) hatched; the ``statement``; and a row of bars for
    each of the ``rows``, on one scale, whose ``unit`` stands below. Grey strokes are numbers to compare with. Of a long
    text 400 words around the first that is covered are drawn. ``provenance`` is written into ``<metadata>`` as JSON
    and, in short, below the picture.
    """
    return drawing.svg()


@written_as(experiment_sheet)
def experiment_png(drawing: Drawing) -> bytes:
    """What did an experiment show, as a PNG?

    The same picture as `memviz.figures.experiment_svg`, which explains the options. Characters that no font on this
    computer has are drawn as boxes with their number, and named.
    """
    return drawing.png()


def _label(row: SheetRow) -> str:
    return isolated(shorten(row.label, 24))


def _hatch(drawing: Drawing, place: PlacedWord) -> None:
    """Strokes over a covered word, and a frame around it."""
    (left, top), (wide, high) = place.corner, place.area
    drawing.box((left, top), (wide, high), line=drawing.theme.muted, width=1.2, radius=place.size * 0.24)
    shape, start = "", -high
    while start < wide:
        x0, x1 = max(0.0, start), min(wide, start + high)
        shape += (
            f"M{number(left + x0)} {number(top + high - (x0 - start))}"
            f"L{number(left + x1)} {number(top + high - (x1 - start))}"
        )
        start += HATCH
    drawing.path(shape, width=1.1, colour=drawing.theme.muted)


def _draw_rows(drawing: Drawing, rows: Sequence[SheetRow], lanes: Sequence[int], *, left: float, top: float) -> None:
    theme = drawing.theme
    largest = max([bar.value for row in rows for bar in row.bars] + [s for row in rows for s in row.strokes] + [1e-9])
    scale = (WIDTH - MARGIN - 80 - left) / largest
    for row, count in zip(rows, lanes, strict=True):
        drawing.text((left - 12, top + LANE * len(row.bars) / 2 + 5), _label(row), size=LABEL, anchor="right")
        for lane, bar in enumerate(row.bars):
            at = (left, top + LANE * lane + 3)
            drawing.box(at, (max(1.0, bar.value * scale), LANE - 6), fill=getattr(theme, bar.colour), radius=2)
            end = left + max(1.0, bar.value * scale) + 7
            drawing.text((end, at[1] + LANE - 9), bar.text, size=SMALL, colour=theme.muted)
        if row.strokes:
            middle = top + LANE * (len(row.bars) + 0.5)
            low, high = min(row.strokes) * scale, max(row.strokes) * scale
            drawing.box((left + low, middle - 3), (max(1.0, high - low), 6), fill=theme.line, radius=3)
            marks = "".join(f"M{number(left + value * scale)} {number(middle - 7)}v14" for value in row.strokes)
            drawing.path(marks, width=1.4, colour=theme.muted)
        top += LANE * count + GAP
