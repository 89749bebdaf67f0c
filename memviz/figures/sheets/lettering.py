"""How is a line of text drawn, whatever its script? Lengths in CSS pixels outside, in device pixels inside."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from memviz.figures.sheets.fonts import Face, runs
from memviz.figures.style import phrases
from memviz.figures.style.labels import width as letters
from memviz.figures.style.labels import wrap
from memviz.figures.style.palette import Colour
from memviz.figures.style.phrases import Translate, say

SCALE = 2  # device pixels for one CSS pixel: sharp when printed or projected
Pieces = Sequence[tuple[Face | None, str]]


def px(length: float) -> int:
    """CSS pixels as device pixels."""
    return round(length * SCALE)


def measure(text: str, *, size: float = 14, bold: bool = False) -> float:
    """How wide is a line of text, in CSS pixels?"""
    return sum(length_of(face, piece, size) for face, piece in runs(text, bold=bold)) / SCALE


def footer(lines: Sequence[str], *, width: float, size: float = 12, bold: bool = False) -> list[str]:
    """The lines of what stands above or under a picture, each paragraph broken to fit the width."""
    found = []
    for paragraph in lines:
        long = max(1.0, measure(paragraph, size=size, bold=bold))
        found += wrap(paragraph, int(0.95 * width * letters(paragraph) / long))  # lines differ from their average
    return found


def boxed_note(texts: Sequence[str], translate: Translate) -> list[str]:
    """One line on the characters that no font has, or nothing. Asked before drawing: the picture needs room for it."""
    missing = dict.fromkeys(piece for text in texts for face, piece in runs(text) if face is None)
    if not missing:
        return []
    codes = ", ".join(_code(piece) for piece in list(missing)[:12]) + (", …" if len(missing) > 12 else "")
    return [say(translate, phrases.BOXES, codes=codes)]


def _code(piece: str) -> str:
    return "+".join(f"U+{ord(char):04X}" for char in piece)


def length_of(face: Face | None, piece: str, size: float) -> float:
    """How wide is a piece, in device pixels?"""
    if face is None:
        return px(size * 0.34) * len(_hex(piece)) + px(size * 0.5)
    font = face.at(px(size))
    return font.getlength(piece) * (px(size) * 1.15 / font.size if face.colour else 1)


def _hex(piece: str) -> str:
    return f"{ord(piece[0]):04X}"


def write(
    image: Image.Image,
    at: tuple[float, float],
    pieces: Pieces,
    *,
    size: float,
    colour: Colour,
) -> None:
    """Pieces one after the other along a baseline, in device pixels."""
    pen, (left, base) = ImageDraw.Draw(image), at
    for face, piece in pieces:
        length = length_of(face, piece, size)
        if face is None:
            _code_box(pen, (left, base), piece, length=length, size=size, colour=colour)
        elif face.colour:
            _bitmap(image, (left, base), face, piece, size=size)
        else:
            pen.text((left, base), piece, font=face.at(px(size)), fill=colour, anchor="ls")
        left += length


def _bitmap(image: Image.Image, at: tuple[float, float], face: Face, piece: str, *, size: float) -> None:
    """An emoji: drawn at the size its font has, then made as large as the text."""
    font = face.at(px(size))
    room = (int(font.getlength(piece)) + 2, int(font.size * 1.5))
    sheet = Image.new("RGBA", room, (0, 0, 0, 0))
    ImageDraw.Draw(sheet).text((0, font.size * 1.15), piece, font=font, embedded_color=True, anchor="ls")
    share = px(size) * 1.15 / font.size
    sheet = sheet.resize((max(1, round(room[0] * share)), max(1, round(room[1] * share))), Image.Resampling.LANCZOS)
    image.paste(sheet, (round(at[0]), round(at[1] - font.size * 1.15 * share + px(size) * 0.12)), sheet)


def _code_box(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], piece: str, *, length: float, size: float, colour: Colour
) -> None:
    """A frame with the character's number, where no font has the character."""
    (left, base), small = at, size * 0.55
    edges = [left + 1, base - px(size * 0.8), left + length - px(size * 0.12), base + px(size * 0.16)]
    pen.rounded_rectangle(edges, px(size * 0.12), outline=colour, width=max(1, px(size * 0.05)))
    [(face, _)] = runs("0") or [(None, "")]
    if face is not None:
        middle = (left + (length - px(size * 0.12)) / 2, base - px(size * 0.32))
        pen.text(middle, _hex(piece), font=face.at(px(small)), fill=colour, anchor="mm")
