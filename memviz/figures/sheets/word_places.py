"""Where does each word of a translation stand? In two rows, or in two columns; in CSS pixels."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.figures.sheets.canvas import Anchor
from memviz.figures.sheets.lettering import measure
from memviz.tokens import Token, Word

ACROSS = 300.0  # pixels between two columns
GAP = 9.0  # between a word and its lines
ASCENT, DESCENT = 0.82, 0.28  # of a line of text, in its size

Point = tuple[float, float]
Unit = Word | Token


@dataclass(frozen=True)
class Spot:
    """One word on the sheet: where its text begins, ends or is centred, and where its lines arrive."""

    text: str
    base: Point
    anchor: Anchor
    port: Point
    room: float  # that its lines may take, along the row or column
    right_to_left: bool
    special: bool


Placed = tuple[tuple[tuple[Spot, ...], tuple[Spot, ...]], tuple[float, float]]
Both = tuple[Sequence[Unit], Sequence[Unit]]


def length(texts: Sequence[str], size: float) -> float:
    """How long is a row of words?"""
    return sum(measure(text, size=size) for text in texts) + _between(size) * max(0, len(texts) - 1)


def _between(size: float) -> float:
    """The smallest gap between two words of a row."""
    return size * 0.9


def column_size(count: int) -> float:
    """How large are the words of a column that has so many?"""
    return 18.0 if count <= 30 else 16.0 if count <= 60 else 13.0


def rows(units: Both, said: Sequence[list[str]], *, size: float, right_to_left: tuple[bool, bool]) -> Placed:
    """Two rows of the same length, as far as their gaps allow; one that runs from right to left begins on the right."""
    wide = max(length(texts, size) for texts in said)
    steep = 1.4 if right_to_left[0] != right_to_left[1] else 1.0  # then all lines cross in the middle
    apart = steep * min(240.0, max(130.0, wide * 0.24))
    bases = size * ASCENT, size * (ASCENT + DESCENT) + apart + 2 * GAP + size * ASCENT
    ports = bases[0] + size * DESCENT + GAP, bases[1] - size * ASCENT - GAP
    spots = []
    for side, texts in enumerate(said):
        widths = [measure(text, size=size) for text in texts]
        gap = min((wide - sum(widths)) / max(1, len(texts) - 1), 3 * _between(size))
        left = (wide - sum(widths) - gap * max(0, len(texts) - 1)) / 2
        lefts = left + np.cumsum([0.0, *(width + gap for width in widths[:-1])])
        if right_to_left[side]:
            lefts = wide - lefts - widths
        spots.append(
            tuple(
                Spot(
                    text,
                    base=(x + width / 2, bases[side]),
                    anchor="middle",
                    port=(x + width / 2, ports[side]),
                    room=width + gap * 0.5,
                    right_to_left=_turned(text, right_to_left[side]),
                    special=unit.special,
                )
                for text, width, x, unit in zip(texts, widths, lefts.tolist(), units[side], strict=False)
            )
        )
    return (spots[0], spots[1]), (wide, bases[1] + size * DESCENT)


def columns(units: Both, said: Sequence[list[str]], *, size: float, right_to_left: tuple[bool, bool]) -> Placed:
    """Two columns of the same height, as far as their gaps allow, the words against the lines."""
    high = max(map(len, said)) * size * 1.6
    widths = [max((measure(text, size=size) for text in texts), default=0.0) for texts in said]
    edges = widths[0], widths[0] + 2 * GAP + ACROSS
    spots = []
    for side, texts in enumerate(said):
        pitch = min(high / max(1, len(texts)), size * 3)
        top = (high - pitch * len(texts)) / 2
        spots.append(
            tuple(
                Spot(
                    text,
                    base=(edges[side], top + (place + 0.5) * pitch + size * 0.34),
                    anchor=("right", "left")[side],
                    port=(edges[side] + (GAP, -GAP)[side], top + (place + 0.5) * pitch),
                    room=pitch * 0.9,
                    right_to_left=_turned(text, right_to_left[side]),
                    special=unit.special,
                )
                for place, (text, unit) in enumerate(zip(texts, units[side], strict=False))
            )
        )
    return (spots[0], spots[1]), (edges[1] + widths[1], high)


def _turned(text: str, row: bool) -> bool:
    """Does this word run from right to left? By its first letter; signs and figures as their row does."""
    kinds = (unicodedata.bidirectional(char) for char in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), row)
