"""How does a token become a label? Tokens are untrusted: whatever they hold is shown as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import regex

WIDTH = 16  # of a label, in narrow letters
READABLE = 40  # labels along one side; above it some are left out
THINNED = 24  # and at most so many are drawn
LETTER_HIGH = 12  # pixels that a label needs across its direction

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "{": "&#123;", "\n": "⏎", "\r": "⏎"})


def escape(text: str) -> str:
    """The same text for Plotly, which reads some tags, entities, formulas and places (`<b>`, `&lt;`, `$x$`, `%{x}`)."""
    return text.translate(_ESCAPES)


def width(text: str) -> int:
    """How many narrow letters wide is this text? East Asian letters and emoji count two, marks none."""
    if text.isascii():
        return len(text)
    return sum(max(map(_wide, piece)) for piece in regex.findall(r"\X", text))


def _wide(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def isolated(text: str) -> str:
    """The same text, kept from turning round the signs next to it where it runs from right to left."""
    turns = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)
    return f"\u2068{text}\u2069" if turns else text


def shorten(text: str, at_most: int = WIDTH) -> str:
    """The start and the end of a long text, "…" between; whole characters (graphemes) only."""
    if width(text) <= at_most:
        return text
    pieces = regex.findall(r"\X", text[: 40 * at_most]), regex.findall(r"\X", text[-40 * at_most :])
    room = at_most - 1
    start = _prefix(pieces[0], room - room // 3)
    end = _prefix(pieces[1][::-1], room // 3)[::-1]
    return "".join(start) + "…" + "".join(end)


def _prefix(pieces: Sequence[str], room: int) -> list[str]:
    out = []
    for piece in pieces:
        room -= width(piece)
        if room < 0:
            break
        out.append(piece)
    return out


def pooled_labels(texts: Sequence[str], starts: Sequence[int], *, step: int) -> list[str]:
    """What stands at each row, column or bar? Where ``step`` units share one: the first of them, with its number."""
    if step == 1:
        return [isolated(shorten(texts[unit])) for unit in starts]
    return [f"{unit} {isolated(shorten(texts[unit], WIDTH - 6))}…" for unit in starts]


def label_count(count: int) -> int:
    """How many labels are drawn at most, of so many?"""
    return count if count <= READABLE else THINNED


def ticks(count: int, *, keep: Sequence[int] = (), room: int | None = None) -> np.ndarray:
    """Which of so many labels are drawn, so that they can be read? int, always those to ``keep``.

    Every k-th, and not right beside one that is kept; of too many to keep, again every k-th.
    """
    room = label_count(count) if room is None else room
    fixed = np.unique(np.asarray(keep, dtype=np.int64))
    fixed = fixed[:: -(-len(fixed) // room) or 1]
    step = -(-count // max(1, room - len(fixed))) if count > room else 1
    every = np.arange(0, count, step)
    if step > 1 and len(fixed):
        every = every[np.abs(every[:, None] - fixed).min(axis=1) >= step]
    return np.union1d(every, fixed)


def wrap(text: str, columns: int) -> list[str]:
    """The lines of a text that is so many narrow letters wide; East Asian text breaks anywhere but before a sign."""
    lines, current = [], ""
    for piece in regex.findall(r"(?:[^\s\p{Han}\p{Kana}]+|.)[，。、；：？！）”]*\s*", text):
        if current and width((current + piece).rstrip()) > columns:
            lines.append(current.rstrip())
            current = ""
        current += piece
    return [*lines, current.rstrip()] if current.strip() else lines
