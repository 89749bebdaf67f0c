"""How hard do whole words look at whole words in one head, and what would be usual between them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memviz.measures.read import ROUNDING
from memviz.memory import Memory
from memviz.tokens import Word

FEW = 16  # tokens a word

LEFT = 1e-4  # of a row: with less than this left, there is nothing to renormalise


@dataclass(frozen=True, eq=False)
class Side:
    """The words along one side of a memory.

    tokens         int [token]: the positions of all tokens, word after word
    starts, sizes  int [word]: where each word begins in ``tokens``, and of how many it is made
    """

    tokens: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, words: Sequence[Word]) -> Side:
        """The side that these words make."""
        sizes = np.array([len(word.tokens) for word in words], dtype=np.int64)
        tokens = np.array([token for word in words for token in word.tokens], dtype=np.int64)
        return cls(tokens, np.cumsum(sizes) - sizes, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def part(self, words: slice) -> Side:
        """The side of some of the words, one after the other."""
        starts, sizes = self.starts[words], self.sizes[words]
        return Side(self.tokens[starts[0] : starts[-1] + sizes[-1]], starts - starts[0], sizes)

    def sums(self, values: np.ndarray, *, axis: int = 0) -> np.ndarray:
        """Values of tokens, in the order of ``tokens``, summed by word along the first or the last axis."""
        longest = self.sizes.max()
        if longest > FEW:
            return np.add.reduceat(values, self.starts, axis=axis)
        sums = np.take(values, self.starts, axis=axis)
        for number in range(1, longest):  # most words have one token: adding up the others is much faster than reduceat
            some = np.nonzero(self.sizes > number)[0]
            sums[some if axis == 0 else (..., some)] += np.take(values, self.starts[some] + number, axis=axis)
        return sums

    def owners(self, length: int) -> np.ndarray:
        """The word that each position belongs to, −1 for none; int [position]."""
        owners = np.full(length, -1, dtype=np.int64)
        owners[self.tokens] = np.repeat(np.arange(len(self)), self.sizes)
        return owners


@dataclass(frozen=True, eq=False)
class Found:
    """Pairs of words in one head: arrays [query word, key word], or [pair]; see `Links` for what they mean."""

    weight: np.ndarray
    lift: np.ndarray
    excess: np.ndarray


class Pairs:
    """The words of a memory, and what is usual between them.

    ``gone`` are the keys that are taken out of every row, bool [key]. ``own`` is the key word that each query word is
    itself, −1 for none; where a decoder writes a token, that token is the next key.
    """

    def __init__(self, memory: Memory, queries: Side, keys: Side, *, without: np.ndarray) -> None:
        self.memory, self.queries, self.keys = memory, queries, keys
        self.gone = np.zeros(len(memory.keys), dtype=bool)
        self.gone[without] = True
        self.query_owner = queries.owners(len(memory.queries))
        self.key_owner = keys.owners(len(memory.keys))
        self.first = np.minimum.reduceat(keys.tokens, keys.starts)
        self.last = np.maximum.reduceat(keys.tokens, keys.starts)
        self._visible: dict[int, np.ndarray] = {}
        self.own = np.full(len(queries), -1)
        if memory.kind != "cross":
            place = queries.tokens[queries.starts] + (memory.kind == "decoder")
            there = place < len(memory.keys)
            self.own[there] = self.key_owner[place[there]]

    def visible(self, layer: int) -> np.ndarray:
        """Which keys may each query see? int [query, 2]; kept, as a dense memory must look through all its weights."""
        if layer not in self._visible:
            self._visible[layer] = self.memory.visible(layer)
        return self._visible[layer]

    def sees(self, layer: int, query: np.ndarray, key: np.ndarray) -> np.ndarray:
        """Can these query tokens see some token of these key words? bool, of the shape of both together."""
        visible = self.visible(layer)[query]
        return (visible[..., 0] <= self.last[key]) & (visible[..., 1] > self.first[key])

    def seers(self, layer: int) -> np.ndarray:
        """How many tokens can see some token of each key word? int [key word]."""
        begins, ends = (np.sort(column) for column in self.visible(layer).T)
        return np.searchsorted(begins, self.last, side="right") - np.searchsorted(ends, self.first, side="right")

    def received(self, layer: int, head: int) -> np.ndarray:
        """What each key word gets from all tokens, without the keys that are gone: float32 [key word]."""
        mass = np.where(self.gone, np.float32(0), self.memory.summary.mass[layer, head])
        return self.keys.sums(mass[self.keys.tokens])

    def at_distance(self, layer: int, head: int) -> np.ndarray:
        """Sums of weights by distance as in the summary, without the first key, where attention rests.

        At a long distance there are few pairs: the first key alone would look like the habit of the head.
        """
        sums = self.memory.summary.distance[layer, head].copy()
        sums[np.arange(len(self.memory.queries)) + len(self.memory.keys) - 1] -= self.memory.summary.first[layer, head]
        return sums

    def left(self, layer: int, head: int) -> np.ndarray:
        """What is left of each row without the keys that are gone, from what the reading kept: float32 [query]."""
        if self.memory.weights is not None:
            return self.memory.weights[layer, head][:, ~self.gone].sum(axis=1)
        sink = self.memory.scores[layer].sink
        resting = 0.0 if sink is None else np.exp(sink[head] - self.memory.summary.normaliser[layer, head])
        return 1.0 - resting - self._taken[layer, head]

    @cached_property
    def _taken(self) -> np.ndarray:
        """What the keys that are gone take of each row: float32 [layer, head, query]."""
        taken = np.zeros((self.memory.layers, self.memory.heads, len(self.memory.queries)), dtype=np.float32)
        for key in np.nonzero(self.gone)[0]:
            taken += self.memory.column(int(key))
        return taken


def usual(total: np.ndarray, given: np.ndarray, *, others: np.ndarray) -> np.ndarray:
    """What does a key word get from each of so many other tokens? 0 where there are none.

    ``total`` is what it gets from all, ``given`` what the tokens of one word give.
    """
    rest = total - given
    rest = np.where(rest > ROUNDING * total, rest, np.float32(0))
    return np.divide(rest, others, out=np.zeros_like(rest), where=others > 0)


def judged(weight: np.ndarray, *, by_others: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(lift, excess) of weights, given what others give to the same key, and at the same distance."""
    lift = np.divide(weight, by_others, out=np.full_like(weight, np.nan), where=by_others > 0)
    return lift, weight - np.maximum(by_others, near)


class Distances:
    """What do other tokens give at the same distance as these edges, of any shape?"""

    def __init__(self, memory: Memory, query: np.ndarray, key: np.ndarray) -> None:
        rows, cols = len(memory.queries), len(memory.keys)
        apart = query - key
        pairs = np.minimum(rows, cols + apart) - np.maximum(apart, 0)
        others = pairs - 1 - ((apart >= 0) & (key > 0))  # neither this edge nor the one to the first key
        self.place = apart + cols - 1
        self.share = np.divide(1, others, out=np.zeros(apart.shape, dtype=np.float32), where=others > 0)
        self.own = np.where(key > 0, self.share, np.float32(0))

    def usual(self, sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The mean weight of the others, given the sums by distance and the weights of these edges themselves."""
        return sums[self.place] * self.share - weights * self.own


class Block:
    """All pairs of some query words with all key words, head after head."""

    def __init__(self, pairs: Pairs, words: slice) -> None:
        self.pairs, self.words = pairs, pairs.queries.part(words)
        self.gone = pairs.gone[pairs.keys.tokens]
        self.foreign = pairs.own[words, None] != np.arange(len(pairs.keys))
        self.distances = None
        if pairs.memory.kind != "cross":
            self.distances = Distances(pairs.memory, self.words.tokens[:, None], pairs.keys.tokens[None, :])
        self._visible = self._seers = np.zeros(0)

    def look(self, layer: int, head: int) -> Found:
        """Every pair in one head: arrays [query word, key word]."""
        pairs = self.pairs
        weights = pairs.memory.pattern(layer, head, rows=self.words.tokens, cols=pairs.keys.tokens)
        near = np.zeros(1, dtype=np.float32)
        if self.distances is not None:
            near = self._merged(self._kept(self.distances.usual(pairs.at_distance(layer, head), weights)))
        weight = self._merged(self._kept(weights))
        given = weight * self.words.sizes[:, None].astype(np.float32)
        others = pairs.seers(layer) - self._own_seers(layer)
        by_others = usual(pairs.received(layer, head), given, others=others)
        lift, excess = judged(weight, by_others=by_others, near=near)
        if self.gone.any():
            weight = self._merged(dropped(weights, np.nonzero(self.gone)[0]))
        return Found(weight, lift, excess)

    def _kept(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.gone, np.float32(0), values) if self.gone.any() else values

    def _merged(self, values: np.ndarray) -> np.ndarray:
        """Sum to a word, mean from it."""
        summed = self.pairs.keys.sums(self.words.sums(values), axis=-1)
        return summed / self.words.sizes[:, None].astype(np.float32)

    def _own_seers(self, layer: int) -> np.ndarray:
        """How many tokens of each query word see each key word? Found once for layers that see alike."""
        visible = self.pairs.visible(layer)[self.words.tokens]
        if not np.array_equal(visible, self._visible):
            seen = self.pairs.sees(layer, self.words.tokens[:, None], np.arange(len(self.pairs.keys)))
            self._visible = visible
            self._seers = self.words.sums(seen.astype(np.int32))
        return self._seers


def dropped(weights: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The same rows without some keys, renormalised to sum to one: [query, key].

    A row of which less than 0.01 % is left stays empty (all zero): weights are exact to 1e-5, it would show rounding.
    """
    kept = weights.copy()
    kept[:, keys] = 0.0
    total = kept.sum(axis=1, keepdims=True)
    return np.divide(kept, total, out=np.zeros_like(kept), where=total > LEFT)
