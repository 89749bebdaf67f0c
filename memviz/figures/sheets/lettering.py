"""How long is a line of text, whatever its script, and where is it broken? Lengths in CSS pixels."""

from __future__ import annotations

from collections.abc import Sequence

from memviz.figures.sheets.fonts import Face, runs
from memviz.figures.style import phrases
from memviz.figures.style.labels import width as letters
from memviz.figures.style.labels import wrap
from memviz.figures.style.phrases import Translate, say

SCALE = 2  # device pixels for one CSS pixel: sharp when printed or projected
LINE = 17  # from one line of notes to the next
SMALL = 12  # letters of notes


def measure(text: str, *, size: float = 14, bold: bool = False) -> float:
    """How wide is a line of text, in CSS pixels?"""
    return sum(run_length(face, piece, size) for face, piece in runs(text, bold=bold))


def run_length(face: Face | None, piece: str, size: float) -> float:
    """How wide is a piece in one font, or the box that stands for it where no font has it?"""
    if face is None:
        return size * 0.34 * len(code_digits(piece)) + size * 0.5
    pixels = round(size * SCALE)
    font = face.at(pixels)
    return font.getlength(piece) * (pixels / font.size if face.colour else 1) / SCALE


def code_digits(piece: str) -> str:
    """The number of a character, as it stands in the box that is drawn for it."""
    return f"{ord(piece[0]):04X}"


def footer(lines: Sequence[str], *, width: float, size: float = SMALL, bold: bool = False) -> list[str]:
    """The lines of what stands above or under a picture, each paragraph broken to fit the width."""
    out = []
    for paragraph in lines:
        long = max(1.0, measure(paragraph, size=size, bold=bold))
        out += wrap(paragraph, int(0.95 * width * letters(paragraph) / long))  # lines differ from their average
    return out


def missing_note(texts: Sequence[str], translate: Translate) -> list[str]:
    """One line on the characters that no font on this computer has, or nothing."""
    missing = dict.fromkeys(piece for text in texts for face, piece in runs(text) if face is None)
    if not missing:
        return []
    codes = ", ".join(_code(piece) for piece in list(missing)[:12]) + (", …" if len(missing) > 12 else "")
    return [say(translate, phrases.BOXES, codes=codes)]


def _code(piece: str) -> str:
    return "+".join(f"U+{ord(char):04X}" for char in piece)
