"""What is different between two patterns of attention: of two texts, two heads or two models? Word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from memviz.errors import MeasureError
from memviz.measures.rest import without_keys
from memviz.memory import Memory
from memviz.tokens import Word


@dataclass(frozen=True, eq=False)
class PatternOf:
    """One pattern to be compared: ``words`` attend to each other, in one head of a memory of self-attention.

    ``without`` are keys (token positions) to take out of every row, such as attention sinks: what is left is
    renormalised, and a word that is nothing else is not compared.
    """

    memory: Memory
    words: Sequence[Word]
    layer: int
    head: int
    without: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Difference:
    """How two patterns differ, over the words that both texts have.

    places   (place in the first text, place in the second) of each word that they have in common, in their order
    first    float32 [query, key], 0..1: how much each of those words attends to each, in the first
    second   the same in the second
    """

    places: tuple[tuple[int, int], ...]
    first: np.ndarray
    second: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """Second − first, float32 [query, key], −1..1."""
        return np.asarray(self.second - self.first)

    @property
    def size(self) -> float:
        """How much attention is elsewhere, 0..1: half the sum of |second − first| over the keys, mean over queries."""
        return float(np.abs(self.values.astype(np.float64)).sum(axis=1).mean() / 2)


def common_words(first: Sequence[Word], second: Sequence[Word]) -> tuple[tuple[int, int], ...]:
    """Which words do two texts have in common, in the same order? Pairs of places, by difflib's longest matches.

    ``first`` and ``second`` are the words of the two texts.
    """
    matcher = SequenceMatcher(None, [word.text for word in first], [word.text for word in second], autojunk=False)
    return tuple(
        (block.a + step, block.b + step) for block in matcher.get_matching_blocks() for step in range(block.size)
    )


def word_pattern(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int,
    head: int,
    places: Sequence[int] | None = None,
    without: Sequence[int] = (),
) -> np.ndarray:
    """How much does each word attend to each, in one head? float32 [word, word], 0..1.

    The sum over the tokens of the word that is attended to, the mean over those of the word that attends, as
    `memviz.measures.word_row`. ``words`` are those of the text that looks at itself, ``places`` those of them that are
    wanted; all without. ``without`` are keys (token positions) to take out of every row; what is left is renormalised,
    and a row of which less than 0.01 % is left stays empty. Raises `TraceError` for a head that is not there.
    """
    members = [words[place] for place in (range(len(words)) if places is None else places)]
    rows = [token for word in members for token in word.tokens]
    weights = memory.pattern(layer, head, rows=rows)
    if without:
        weights = without_keys(weights, np.array(without))
    keys = np.stack([weights[:, list(word.tokens)].sum(axis=1) for word in members], axis=1)
    ends = np.cumsum([len(word.tokens) for word in members])
    starts = ends - [len(word.tokens) for word in members]
    return np.stack([keys[start:end].mean(axis=0) for start, end in zip(starts, ends, strict=True)]).astype(np.float32)


def difference(first: PatternOf, second: PatternOf) -> Difference:
    """Where does the second pattern attend more, and where less, than the first? See `Difference`.

    The texts of ``first`` and ``second`` may differ: the words that they have in common are compared (`common_words`),
    and attention to other words is left out. Raises `MeasureError` where they have none, `TraceError` for a head that
    is not there.
    """
    return _difference(first, second, _require_common(first, second))


def _require_common(first: PatternOf, second: PatternOf) -> tuple[tuple[int, int], ...]:
    sides = (first, second)
    places = tuple(
        pair
        for pair in common_words(first.words, second.words)
        if all(set(side.words[place].tokens) - {*side.without} for side, place in zip(sides, pair, strict=True))
    )
    if not places:
        raise MeasureError("These two texts have no word in common.", todo="Choose texts that share words.")
    return places


def _difference(first: PatternOf, second: PatternOf, places: tuple[tuple[int, int], ...]) -> Difference:
    """The difference over the words at these ``places``."""
    patterns = [
        word_pattern(side.memory, side.words, layer=side.layer, head=side.head, places=numbers, without=side.without)
        for side, numbers in zip((first, second), zip(*places, strict=True), strict=True)
    ]
    return Difference(places, patterns[0], patterns[1])


def head_differences(
    first: Memory,
    first_words: Sequence[Word],
    second: Memory,
    second_words: Sequence[Word],
    *,
    without: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> np.ndarray:
    """How much does each head do something else in the second text? float64 [layer, head], 0..1: `Difference.size`.

    ``first`` and ``second`` are readings by one model, with their ``first_words`` and ``second_words``;
    ``without`` are keys to take out of each, see `PatternOf`. Raises
    `MeasureError` where the heads are not as many, or no word is common.
    """
    shape = (first.layers, first.heads)
    if shape != (second.layers, second.heads):
        raise MeasureError(
            "Heads are compared one by one, and these are {first} and {second} layers × heads.",
            todo="Compare two readings by the same model.",
            first=f"{first.layers} × {first.heads}",
            second=f"{second.layers} × {second.heads}",
        )
    sizes, places = np.zeros(shape), None
    for layer, head in np.ndindex(shape):
        sides = (
            PatternOf(first, first_words, layer, head, tuple(without[0])),
            PatternOf(second, second_words, layer, head, tuple(without[1])),
        )
        places = places or _require_common(*sides)
        sizes[layer, head] = _difference(*sides, places).size
    return sizes
