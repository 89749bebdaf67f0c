"""A picture, patch by patch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Patch:
    """One slot of a model's memory of a picture: a rectangle of it, or a token that belongs to no place.

    ``text`` is what a person sees of it; ``row`` and ``column`` count from 0 (−1 for a token without a place); ``box``
    is (left, top, right, bottom) as shares of the picture's width and height, 0..1; ``word`` is its running number.
    """

    geometry: ClassVar[Literal["grid"]] = "grid"

    text: str
    row: int
    column: int
    box: tuple[float, float, float, float]
    word: int
    special: bool = False


@dataclass(frozen=True)
class Picture:
    """What was looked at.

    width, height   in pixels, as it was given
    rows, columns   of patches that the model made of it
    units           tokens without a place first ([CLS] …), then the patches, row by row
    """

    role: ClassVar[str] = "picture"

    width: int
    height: int
    rows: int
    columns: int
    units: tuple[Patch, ...]

    @classmethod
    def of(cls, width: int, height: int, *, rows: int, columns: int, prefix: int) -> Picture:
        """The picture of so many pixels (``width``, ``height``) in so many ``rows`` and ``columns`` of patches.

        ``prefix`` tokens without a place come first.
        """
        nowhere = (0.0, 0.0, 0.0, 0.0)
        names = ["[CLS]", *(f"[REG{number}]" for number in range(1, prefix))][:prefix]
        units = [Patch(name, -1, -1, nowhere, number, special=True) for number, name in enumerate(names)]
        for row in range(rows):
            for column in range(columns):
                box = (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
                units.append(Patch(f"{row + 1}·{column + 1}", row, column, box, len(units)))
        return cls(width, height, rows, columns, tuple(units))
