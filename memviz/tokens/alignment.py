"""Where in a text does each piece lie, when the tokenizer does not say?

Tokenizers written in Python (Marian, M2M-100, ByT5 …) return pieces without offsets, and so does every model that
writes. The pieces may come from a normalised text: lower case, compatibility forms, accents or control characters
gone. So text and pieces are folded the same way, the pieces are walked along the text, and what cannot be found
shares the gap it was lost in.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, product

import regex

from memviz.tokens import raw_bytes
from memviz.tokens.spelling import WHITE, Span, word_spans

_ACCENTS = regex.compile(r"\p{Mn}+")  # what accent stripping takes away; vowel signs that take room (Mc) stay
_SPACES = str.maketrans("", "", WHITE)
_NEAR, _FAR = 64, 4096  # folded characters that may be missing before a long piece, before any piece
MARKS = "▁Ġ"  # of a word's start, each
_SLACK = 4  # and between a piece and the next, which bears it out


def locate(pieces: Sequence[str], text: str, *, unknown: str | None = None) -> list[Span]:
    """Where in the text does each piece lie? ``unknown``: the piece that says nothing about its characters.

    Returns one span ``[start, end)`` of character offsets per piece, in order of the text. Pieces of one character
    share its span; a piece without characters in the text (a word-start mark) has an empty span or its white space.
    """
    exact = raw_bytes.byte_spans(pieces, text)
    if exact is not None:
        return exact
    tries = []
    for fold in (_fold, _bare):
        walk = _Walk.along(_units(pieces, fold, unknown), text, fold=fold)
        if not walk.missed:
            return walk.spans
        tries.append(walk)
    return min(tries, key=lambda walk: walk.missed).spans


def without_word_marks(piece: str) -> str:
    """What is left of a piece without the marks that tokenizers put on word starts and word ends?"""
    piece = piece.lstrip(MARKS)
    for mark in ("</w>", "@@"):
        piece = piece.removesuffix(mark) or piece
    return piece.removeprefix("##") or piece


def _fold(text: str) -> str:
    """How does a text look when case, compatibility forms and white space do not count?"""
    return unicodedata.normalize("NFKD", text).casefold().translate(_SPACES)


def _bare(text: str) -> str:
    """The same without accents, for tokenizers that strip them."""
    return _ACCENTS.sub("", _fold(text))


@dataclass(frozen=True, slots=True)
class _Unit:
    """One thing to find in the text: a piece, or the bytes of one character."""

    pieces: tuple[int, ...]
    spellings: tuple[str, ...]  # the first that fits counts; none = nothing is known
    marks: int = 0  # of a mere word-start mark: how much white space it may stand for

    @property
    def size(self) -> int:
        """How many folded characters is it likely to fill?"""
        return len(self.spellings[-1]) if self.spellings and not self.marks else 0


def _units(pieces: Sequence[str], fold: Callable[[str], str], unknown: str | None) -> list[_Unit]:
    """What has to be found, in order? Runs of byte pieces are read as characters."""
    units: list[_Unit] = []
    index = 0
    while index < len(pieces):
        size, char = _character(pieces, index)
        if size:
            folded = fold(char)
            blank = bool(char) and not folded
            units.append(_Unit(tuple(range(index, index + size)), (folded,) if folded else (), int(blank)))
        elif pieces[index] == unknown:
            units.append(_Unit((index,), ()))
            size = 1
        else:
            piece, size = pieces[index], 1
            stripped = fold(without_word_marks(piece)).replace("▁", "")
            ways = dict.fromkeys(
                (fold(piece), fold((raw_bytes.gpt2_bytes(piece) or b"").decode(errors="ignore")), stripped)
            )
            units.append(_Unit((index,), tuple(way for way in ways if way), 0 if stripped else len(piece)))
        index += size
    return units


def _character(pieces: Sequence[str], start: int) -> tuple[int, str]:
    """How many byte pieces from here make one character, and which? ``(0, "")``: not a byte piece."""
    raw = b""
    for piece in pieces[start : start + 4]:
        byte = raw_bytes.byte_of(piece)
        if byte is None:
            break
        raw += bytes([byte])
        try:
            return len(raw), raw.decode()
        except UnicodeDecodeError:
            continue
    return (1, "") if raw else (0, "")


class _Walk:
    """One walk of the pieces along the folded text; ``missed`` counts pieces that were not found."""

    def __init__(self, text: str, *, count: int, fold: Callable[[str], str]) -> None:
        self.text = text
        folds = [fold(char) for char in text]
        self.folded = "".join(folds)
        self.origin = [index for index, part in enumerate(folds) for _ in part]
        self.spans: list[Span] = [(0, 0)] * count
        self.cursor = 0  # in the folded text
        self.upto = 0  # in the text
        self.missed = 0
        self.waiting: list[_Unit] = []
        self.owing = 0  # folded characters that the waiting units would fill

    @classmethod
    def along(cls, units: Sequence[_Unit], text: str, *, fold: Callable[[str], str]) -> _Walk:
        """Walk all units along the text."""
        walk = cls(text, count=sum(len(unit.pieces) for unit in units), fold=fold)
        for unit, after in zip(units, [*units[1:], None], strict=False):
            place = walk._find(unit, after)
            if place is None:
                walk.waiting.append(unit)
                walk.owing += unit.size
                continue
            walk._settle(place[0])
            walk._place(unit, *place)
        walk._settle(len(walk.folded))
        return walk

    def _find(self, unit: _Unit, after: _Unit | None) -> Span | None:
        """Where does this unit begin and end in the folded text? A jump has to be borne out by the next unit."""
        expected, limit = self.cursor + self.owing, self.cursor + _FAR
        for spelling in unit.spellings:
            if self.folded.startswith(spelling, expected):
                return expected, expected + len(spelling)
        if unit.marks:
            return None if self.waiting else (self.cursor, self.cursor)
        anchors = [
            word for word in (after.spellings if after else ()) if 0 <= self.folded.find(word, self.cursor, limit)
        ]
        for slack, spelling in product((0, _SLACK), unit.spellings):
            at = self.folded.find(spelling, self.cursor, limit)
            while at >= 0:
                end = at + len(spelling)
                sure = len(spelling) > 3 and at < expected + _NEAR
                if sure or not anchors or any(self.folded.find(w, end, end + slack + len(w)) >= 0 for w in anchors):
                    return at, end
                at = self.folded.find(spelling, at + 1, limit)
        return None

    def _place(self, unit: _Unit, start: int, end: int) -> None:
        """Write down where a unit lies, and move on."""
        if start == end:
            span = self._white(unit.marks)
        else:
            span = self.origin[start], self.origin[end - 1] + 1
        for piece in unit.pieces:
            self.spans[piece] = span
        self.cursor, self.upto = max(self.cursor, end), max(self.upto, span[1])

    def _white(self, marks: int) -> Span:
        """Which white space comes next, at most so many characters?"""
        end = self.upto
        while end < len(self.text) and end - self.upto < marks and self.text[end] in WHITE:
            end += 1
        return self.upto, end

    def _settle(self, limit: int) -> None:
        """Which characters of the gap do the waiting units get?

        By their sizes where these fill it, one word each where there are as many words, else all of it together.
        """
        waiting, self.waiting, self.owing = self.waiting, [], 0
        owed = [unit for unit in waiting if not unit.marks]
        self.missed += sum(len(unit.pieces) for unit in owed)
        shares = iter(self._shares(owed, self.cursor, limit))
        for unit in waiting:
            self._place(unit, *((self.cursor, self.cursor) if unit.marks else next(shares)))

    def _shares(self, owed: Sequence[_Unit], start: int, limit: int) -> list[Span]:
        """The parts of the folded text ``[start, limit)`` that go to each of the waiting units."""
        ends = list(accumulate((unit.size for unit in owed), initial=start))
        if ends[-1] == limit and all(unit.size for unit in owed):
            return list(pairwise(ends))
        fresh = start
        while fresh < limit and (unicodedata.combining(self.folded[fresh]) or self._begun(fresh)):
            fresh += 1  # the rest of what has its place already
        start = fresh if fresh < limit else start
        if start < limit:
            first = self.origin[start]
            spans = [(first + a, first + b) for a, b in word_spans(self.text[first : self.origin[limit - 1] + 1])]
            if len(spans) == len(owed):
                return [(bisect_left(self.origin, a), bisect_left(self.origin, b)) for a, b in spans]
        return [(start, limit)] * len(owed)

    def _begun(self, place: int) -> bool:
        """Is this folded character the second or later of one character of the text?"""
        return 0 < place and self.origin[place] == self.origin[place - 1]
