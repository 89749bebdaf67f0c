"""Which words do the tokens make, and how does attention look between words?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from memviz.errors import TraceError
from memviz.tokens.sequence import Token, start_token_end
from memviz.tokens.spelling import BREAKS, WHITE, Span, SpanUnion, clean, printable

LONGEST = 32  # pieces of a word whose pairs are listed: fewer than 16 pairs for each token


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it stands in the text. Added tokens are words too, with an empty span."""

    text: str
    tokens: tuple[int, ...]  # positions in the sequence, at least one
    start: int  # of its characters in the text, the first
    end: int  # and one past the last
    special: bool  # added by the tokenizer
    segment: int = 0  # 0: of the text, 1: of its pair
    space: bool = False  # white space stands before it
    newline: bool = False  # a line break stands before it


def words(tokens: Sequence[Token], text: str, pair: str | None = None) -> tuple[Word, ...]:
    """Which words do these tokens of a text, or of a text and its ``pair``, make?

    Returns the words in reading order, ``word.tokens`` are positions in ``tokens``; their spans are disjoint and
    cover every character of the text but white space and what the tokenizer dropped (`dropped_characters`). ``text``
    is the text's own, except that what could not be seen is made visible.
    """
    texts = [clean(part) for part in (text, pair or "")]
    hulls = [_hulls(tokens, part, segment) for segment, part in enumerate(texts)]
    out = []
    for places in _members(tokens):
        members, segment = [tokens[place] for place in places], tokens[places[0]].segment
        out.append(_word(members, places, text=texts[segment], hulls=hulls[segment]))
    return tuple(out)


def distinct_texts(words: Sequence[Word]) -> tuple[str, ...]:
    """By which names can words that are written alike be told apart?

    The text of each word; a text that occurs several times carries its place among the ``words``, counted from 0:
    "the #5".
    """
    return distinct_names([word.text for word in words])


def distinct_names(texts: Sequence[str]) -> tuple[str, ...]:
    """The same as `distinct_texts`, of the ``texts`` of words or tokens."""
    counts = Counter(texts)
    return tuple(text if counts[text] == 1 else f"{text} #{place}" for place, text in enumerate(texts))


def dropped_characters(tokens: Sequence[Token], text: str, pair: str | None = None) -> str:
    """Which characters of the text, and of its ``pair``, did the tokenizer drop, so that the model cannot read them?

    ``tokens`` are those of the ``text`` and its ``pair``. White space, what is in a word of which a token holds a part,
    and the spelling of a start token (`start_token_end`) do not count. Returns the characters in reading order.
    """
    characters = []
    for segment, part in enumerate((clean(text), clean(pair or ""))):
        hulls, end = _hulls(tokens, part, segment), 0 if segment else start_token_end(tokens, part)
        for start, stop in [*hulls.spans, (len(part), len(part))]:
            characters += [character for character in part[end:start] if character not in WHITE]
            end = stop
    return "".join(characters)


def merge(pattern: np.ndarray, query_tokens: Sequence[Token], key_tokens: Sequence[Token]) -> np.ndarray:
    """How does an attention pattern look between words instead of tokens?

    ``query_tokens`` and ``key_tokens`` are the tokens along its two axes.

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


def word_pairs(tokens: Sequence[Token]) -> np.ndarray:
    """Which two of these ``tokens`` are pieces of one word? int [pair, 2], their positions, the earlier first.

    A word of more than `LONGEST` pieces has no pairs here: they would grow with the square of it.
    """
    pieces = [places for places in _members(tokens) if 1 < len(places) <= LONGEST]
    pairs = [pair for places in pieces for pair in combinations(places, 2)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _members(tokens: Sequence[Token]) -> list[tuple[int, ...]]:
    """Which positions make each word? An added token is always one of its own, also where sequences were joined."""
    places_of: dict[tuple[int, int], list[int]] = {}
    for place, token in enumerate(tokens):
        places_of.setdefault((token.word, place if token.special else -1), []).append(place)
    return [tuple(places) for _, places in sorted(places_of.items(), key=lambda item: (item[0][0], item[1][0]))]


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


def _hulls(tokens: Sequence[Token], text: str, segment: int) -> SpanUnion:
    """Where are the words of a text that these tokens hold?"""
    return SpanUnion.words(text, [_span(token) for token in tokens if _holds(token, segment)])


def _span(token: Token) -> Span:
    return token.start, token.end


def _holds(token: Token, segment: int) -> bool:
    """Does this token hold characters of that text?"""
    return token.segment == segment and not token.special and token.start < token.end


def _word(tokens: Sequence[Token], places: tuple[int, ...], *, text: str, hulls: SpanUnion) -> Word:
    """The word that these tokens make, with everything of the text that belongs to it."""
    head = tokens[0]
    spans = [hulls.spans[hulls.around(token.start)] for token in tokens if _holds(token, head.segment)]
    if spans:
        start, end = min(spans)[0], max(spans)[1]
        label = printable(text[start:end])
    else:
        start, end = head.start, head.end
        label = "".join(dict.fromkeys(token.text for token in tokens))
    gap = start
    while gap and not head.special and (text[gap - 1] in WHITE or hulls.around(gap - 1) < 0):
        gap -= 1
    before = text[gap:start]
    return Word(
        label,
        places,
        start,
        end,
        head.special,
        head.segment,
        space=not set(WHITE).isdisjoint(before),
        newline=not BREAKS.isdisjoint(before),
    )
