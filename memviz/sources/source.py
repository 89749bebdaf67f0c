"""What all sources have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from memviz.errors import TraceError
from memviz.note import Note
from memviz.sources.picture import Patch, Picture
from memviz.sources.sound import Frame, Sound
from memviz.sources.text import Text
from memviz.tokens import Token, Word, word_pairs

Geometry = Literal["line", "grid"]
"""How the units of a source stand: one after the other, or beside and below each other."""

Units = tuple[Token, ...] | tuple[Frame, ...] | tuple[Patch, ...]
"""The slots along one axis of a memory."""

Unit = Token | Frame | Patch
"""One slot of a memory."""

Source = Text | Sound | Picture
"""What was read or written, in one stretch."""

PLURALS = {Frame: Note("frames"), Patch: Note("patches")}


def tokens_of(units: Sequence[Unit]) -> tuple[Token, ...]:
    """The ``units`` of a text, which are tokens. Raises `TraceError` for those of a sound or a picture."""
    tokens = tuple(unit for unit in units if isinstance(unit, Token))
    if len(tokens) < len(units):
        raise TraceError(
            "These are not tokens of a text but {kind}, which cannot be drawn here yet.",
            todo="Read their memory in Python: trace.memory().pattern(layer, head).",
            kind=next(PLURALS[type(unit)] for unit in units if not isinstance(unit, Token)),
        )
    return tokens


def pieces_of_words(units: Sequence[Unit]) -> np.ndarray:
    """Which two of these ``units`` are pieces of one word, as `word_pairs` lists them? Of sounds and pictures, none."""
    return word_pairs([unit for unit in units if isinstance(unit, Token)])


def special_places(units: Sequence[Unit]) -> list[int]:
    """Where do special ``units`` stand?"""
    return [place for place, unit in enumerate(units) if unit.special]


def words_of_units(units: Sequence[Frame | Patch]) -> tuple[Word, ...]:
    """The ``units`` of a sound or a picture as words, which have no characters: one for each running number."""
    members: dict[int, list[int]] = {}
    for place, unit in enumerate(units):
        members.setdefault(unit.word, []).append(place)
    return tuple(
        Word(units[places[0]].text, tuple(places), 0, 0, units[places[0]].special, 0, number > 0, False)
        for number, places in enumerate(members.values())
    )
