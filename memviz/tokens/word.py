"""Which words do the tokens make, and how does attention look between words?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.errors import TraceError
from memviz.tokens.sequence import Token
from memviz.tokens.spelling import BREAKS, WHITE, Span, SpanUnion, clean, printable


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it stands in the text. Added tokens are words too, with an empty span."""

    text: str
    tokens: tuple[int, ...]  # positions in the sequence, at least one
    start: int
    end: int
    special: bool
    segment: int = 0
    space: bool = False  # white space stands before it
    newline: bool = False  # a line break stands before it


def words(tokens: Sequence[Token], text: str, pair: str | None = None) -> tuple[Word, ...]:
    """Which words do these tokens make?

    Returns the words in reading order, ``word.tokens`` are positions in ``tokens``; their spans are disjoint and
    cover every character of the text but white space: characters that the tokenizer dropped stay with the word
    before them (with the one after, at the start). ``text`` is the text's own, except that what could not be seen is
    made visible.
    """
    texts = [clean(part) for part in (text, pair or "")]
    hulls = [SpanUnion.words(part, [_span(t) for t in tokens if _holds(t, i)]) for i, part in enumerate(texts)]
    found = []
    for places in _members(tokens):
        own, segment = [tokens[place] for place in places], tokens[places[0]].segment
        found.append(_word(own, places, text=texts[segment], hulls=hulls[segment]))
    return tuple(found)


def merge(pattern: np.ndarray, query_tokens: Sequence[Token], key_tokens: Sequence[Token]) -> np.ndarray:
    """How does an attention pattern look between words instead of tokens?

    ``pattern``: ``[..., query, key]``, weights. *To* a split word its tokens' weights are summed, *from* it they are
    averaged, so a row that sums to one still does (Clark et al. 2019, "What Does BERT Look At?", section 4).

    Returns ``[..., query word, key word]`` in the input's precision, words in the order of `words`; a new array.

    Raises:
        TraceError: the pattern's last two axes are not these tokens.
    """
    pattern = np.asarray(pattern)
    if pattern.shape[-2:] != (len(query_tokens), len(key_tokens)):
        raise TraceError(
            "The pattern is {shape}, but there are {queries} querying and {keys} read tokens.",
            todo="Pass the tokens of the pattern's own two axes.",
            shape=" × ".join(map(str, pattern.shape)),
            queries=len(query_tokens),
            keys=len(key_tokens),
        )
    kind = pattern.dtype if np.issubdtype(pattern.dtype, np.floating) else np.float32
    summed, _ = _pooled(pattern.astype(kind, copy=False), key_tokens, axis=-1)
    pooled, counts = _pooled(summed, query_tokens, axis=-2)
    return (pooled / counts[:, None]).astype(kind)


def _members(tokens: Sequence[Token]) -> list[tuple[int, ...]]:
    """Which positions make each word? An added token is always one of its own, also where sequences were joined."""
    found: dict[tuple[int, int], list[int]] = {}
    for place, token in enumerate(tokens):
        found.setdefault((token.word, place if token.special else -1), []).append(place)
    return [tuple(places) for _, places in sorted(found.items(), key=lambda item: (item[0][0], item[1][0]))]


def _pooled(values: np.ndarray, tokens: Sequence[Token], *, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the tokens of each word along one axis, in double precision for queries; and how many there were."""
    numbers = np.zeros(len(tokens), dtype=np.int64)
    for number, places in enumerate(_members(tokens)):
        numbers[list(places)] = number
    if (np.diff(numbers) < 0).any():  # a tokenizer that reorders marks may split a word's tokens
        order = np.argsort(numbers, kind="stable")
        numbers, values = numbers[order], np.take(values, order, axis=axis)
    _, starts, counts = np.unique(numbers, return_index=True, return_counts=True)
    if not len(starts):
        return values, counts
    # Along the last axis numpy adds in pairs and stays exact; across rows it adds one by one and needs the bits.
    return np.add.reduceat(values, starts, axis=axis, dtype=values.dtype if axis == -1 else np.float64), counts


def _span(token: Token) -> Span:
    return token.start, token.end


def _holds(token: Token, segment: int) -> bool:
    """Does this token hold characters of that text?"""
    return token.segment == segment and not token.special and token.start < token.end


def _word(tokens: Sequence[Token], places: tuple[int, ...], *, text: str, hulls: SpanUnion) -> Word:
    """The word that these tokens make, with everything of the text that belongs to it."""
    head = tokens[0]
    own = [hulls.spans[hulls.around(token.start)] for token in tokens if _holds(token, head.segment)]
    if own:
        start, end = min(own)[0], max(own)[1]
        shown = printable(text[start:end])
    else:
        start, end = head.start, head.end
        shown = "".join(dict.fromkeys(token.text for token in tokens))
    gap = start
    while gap and text[gap - 1] in WHITE and not head.special:
        gap -= 1
    broken = not BREAKS.isdisjoint(text[gap:start])
    return Word(shown, places, start, end, head.special, head.segment, gap < start, broken)
