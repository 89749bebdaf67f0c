"""How hard do whole words look at whole words in one head, and what would be usual between them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memviz.measures.read import ROUNDING
from memviz.measures.side import Side
from memviz.memory import EdgeMask, Memory

LEFT = 1e-4  # of a row: with less than this left, there is nothing to renormalise


@dataclass(frozen=True, eq=False)
class PairScores:
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

    def keys_seen(self, layer: int, head: int, query: np.ndarray, key: np.ndarray) -> np.ndarray:
        """May these query tokens look at some token of these key words? bool, of the shape of both together."""
        visible, cut = self.visible(layer)[query], self.memory.cut(layer, head)
        first, last = self.first[key], self.last[key]
        if cut is not None:
            (first_left, last_left), forgets = self._left(cut), cut.queries[query]
            first, last = np.where(forgets, first_left[key], first), np.where(forgets, last_left[key], last)
        return (visible[..., 0] <= last) & (visible[..., 1] > first)

    def viewers(self, layer: int, head: int) -> np.ndarray:
        """How many tokens may look at some token of each key word? int [key word]."""
        visible, cut = self.visible(layer), self.memory.cut(layer, head)
        if cut is None:
            return _seers(visible, self.first, self.last)
        first, last = self._left(cut)
        forgetting = np.where(last >= 0, _seers(visible[cut.queries], first, last), 0)
        return _seers(visible[~cut.queries], self.first, self.last) + forgetting

    def _left(self, cut: EdgeMask) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last token of each key word that is not forgotten; past the end, and −1, where none is."""
        tokens, starts = self.keys.tokens, self.keys.starts
        gone = cut.keys[tokens]
        first = np.minimum.reduceat(np.where(gone, len(self.memory.keys), tokens), starts)
        return first, np.maximum.reduceat(np.where(gone, -1, tokens), starts)

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


def _seers(visible: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many of these spans reach into each stretch from first to last? int [stretch]."""
    begins, ends = (np.sort(column) for column in visible.T)
    return np.searchsorted(begins, last, side="right") - np.searchsorted(ends, first, side="right")


def mean_of_others(total: np.ndarray, given: np.ndarray, *, others: np.ndarray) -> np.ndarray:
    """What does a key word get from each of so many other tokens? 0 where there are none.

    ``total`` is what it gets from all, ``given`` what the tokens of one word give.
    """
    rest = total - given
    rest = np.where(rest > ROUNDING * total, rest, np.float32(0))
    return np.divide(rest, others, out=np.zeros_like(rest), where=others > 0)


def lift_and_excess(weight: np.ndarray, *, by_others: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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

    def look(self, layer: int, head: int) -> PairScores:
        """Every pair in one head: arrays [query word, key word]."""
        pairs = self.pairs
        weights = pairs.memory.pattern(layer, head, rows=self.words.tokens, cols=pairs.keys.tokens)
        near = np.zeros(1, dtype=np.float32)
        if self.distances is not None:
            near = self._merged(self._kept(self.distances.usual(pairs.at_distance(layer, head), weights)))
        weight = self._merged(self._kept(weights))
        given = weight * self.words.sizes[:, None].astype(np.float32)
        others = pairs.viewers(layer, head) - self._own_seers(layer, head)
        by_others = mean_of_others(pairs.received(layer, head), given, others=others)
        lift, excess = lift_and_excess(weight, by_others=by_others, near=near)
        if self.gone.any():
            weight = self._merged(without_keys(weights, np.nonzero(self.gone)[0]))
        return PairScores(weight, lift, excess)

    def _kept(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.gone, np.float32(0), values) if self.gone.any() else values

    def _merged(self, values: np.ndarray) -> np.ndarray:
        """Sum to a word, mean from it."""
        summed = self.pairs.keys.sums(self.words.sums(values), axis=-1)
        return summed / self.words.sizes[:, None].astype(np.float32)

    def _own_seers(self, layer: int, head: int) -> np.ndarray:
        """How many tokens of each query word may look at each key word? Found once for layers that see alike."""
        visible, forgets = self.pairs.visible(layer)[self.words.tokens], self.pairs.memory.cut(layer, head) is not None
        if forgets or not np.array_equal(visible, self._visible):
            seen = self.pairs.keys_seen(layer, head, self.words.tokens[:, None], np.arange(len(self.pairs.keys)))
            self._visible = np.zeros(0) if forgets else visible
            self._seers = self.words.sums(seen.astype(np.int32))
        return self._seers


def without_keys(weights: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The same rows without some keys, renormalised to sum to one: [query, key].

    A row of which less than 0.01 % is left stays empty (all zero): weights are exact to 1e-5, it would show rounding.
    """
    kept = weights.copy()
    kept[:, keys] = 0.0
    total = kept.sum(axis=1, keepdims=True)
    return np.divide(kept, total, out=np.zeros_like(kept), where=total > LEFT)
