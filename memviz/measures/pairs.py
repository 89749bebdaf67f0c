"""How hard do whole words look at whole words in one head, and what would be usual between them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memviz.measures.rest import without_keys
from memviz.measures.side import Side
from memviz.measures.weights import ROUNDING
from memviz.memory import Memory

CANCELLING = 1 / 32  # of a sum: where less is left of it once a part is taken away, that part has to be exact
AT_ONCE = 1 << 16  # edges that are looked up in one go


@dataclass(frozen=True, eq=False)
class PairScores:
    """Pairs of words in one head: arrays [query word, key word], or [pair]; see `Links` for what they mean."""

    weight: np.ndarray
    lift: np.ndarray
    excess: np.ndarray


class Pairs:
    """The words of a memory, and what is usual between them.

    ``removed`` are the keys that are taken out of every row, bool [key]. ``same_word`` is the key word that each query
    word is itself, −1 for none; where a decoder writes a token, that token is the next key.
    """

    def __init__(self, memory: Memory, queries: Side, keys: Side, *, without: np.ndarray) -> None:
        self.memory, self.queries, self.keys = memory, queries, keys
        self.removed = np.zeros(len(memory.keys), dtype=bool)
        self.removed[without] = True
        self.query_owner = queries.owners(len(memory.queries))
        self.key_owner = keys.owners(len(memory.keys))
        self.first = np.minimum.reduceat(keys.tokens, keys.starts)
        self.last = np.maximum.reduceat(keys.tokens, keys.starts)
        self._visible: dict[int, np.ndarray] = {}
        self.same_word = np.full(len(queries), -1)
        if memory.kind != "cross":
            place = queries.tokens[queries.starts] + (memory.kind == "decoder")
            inside = place < len(memory.keys)
            self.same_word[inside] = self.key_owner[place[inside]]

    def visible(self, layer: int) -> np.ndarray:
        """Which keys may each query see? int [query, 2]; cached: a dense memory looks through all its weights."""
        if layer not in self._visible:
            self._visible[layer] = self.memory.visible(layer)
        return self._visible[layer]

    def keys_seen(self, layer: int, head: int, query: np.ndarray, key: np.ndarray) -> np.ndarray:
        """May these query tokens look at some token of these key words? bool, of the shape of both together."""
        spans, mask = self.visible(layer)[query], self.memory.edge_mask(layer, head)
        if mask is None:
            return (spans[..., 0] <= self.last[key]) & (spans[..., 1] > self.first[key])
        visible = np.zeros(np.broadcast(query, key).shape, dtype=bool)
        for queries, expiry in mask.groups:
            first, last, until = self._left(expiry)
            inside = (spans[..., 0] <= last[key]) & (spans[..., 1] > first[key]) & (query < until[key])
            visible |= queries[query] & inside
        return visible

    def viewers(self, layer: int, head: int) -> np.ndarray:
        """How many tokens may look at some token of each key word? int [key word]."""
        visible, mask = self.visible(layer), self.memory.edge_mask(layer, head)
        if mask is None:
            return _viewers(visible, self.first, self.last)
        viewers = np.zeros(len(self.keys), dtype=np.int64)
        for queries, expiry in mask.groups:
            first, last, until = self._left(expiry)
            some = last >= 0
            if (until[some] >= len(queries)).all():
                viewers[some] += _viewers(visible[queries], first, last)[some]
            else:
                viewers[some] += _viewers_until(visible, queries, first, last, until)[some]
        return viewers

    def _left(self, expiry: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each key word, the tokens that are not forgotten: the first, the last, and until which query it is seen.

        Past the end, −1 and 0 where none is left.
        """
        tokens, starts = self.keys.tokens, self.keys.starts
        until = expiry[tokens]
        first = np.minimum.reduceat(np.where(until == 0, len(self.memory.keys), tokens), starts)
        last = np.maximum.reduceat(np.where(until == 0, -1, tokens), starts)
        return first, last, np.maximum.reduceat(until, starts)

    def received(self, layer: int, head: int) -> np.ndarray:
        """What each key word gets from all tokens, without the keys that are removed: float64 [key word]."""
        mass = np.where(self.removed, 0.0, self.memory.summary.mass[layer, head].astype(np.float64))
        return self.keys.sums(mass[self.keys.tokens])

    def at_distance(self, layer: int, head: int) -> np.ndarray:
        """Sums of weights by distance as in the summary, without the first key, where attention rests.

        At a long distance there are few pairs: the first key alone would look like the habit of the head.
        """
        sums = self.memory.summary.distance[layer, head].copy()
        sums[np.arange(len(self.memory.queries)) + len(self.memory.keys) - 1] -= self.memory.summary.first[layer, head]
        return sums

    def rest(self, layer: int, head: int) -> np.ndarray:
        """What is left of each row without the keys that are removed, from what the reading kept: float32 [query]."""
        if self.memory.weights is not None:
            return self.memory.weights[layer, head][:, ~self.removed].sum(axis=1)
        sink = self.memory.scores[layer].sink
        on_sink = 0.0 if sink is None else np.exp(sink[head] - self.memory.summary.normaliser[layer, head])
        return 1.0 - on_sink - self._share_removed[layer, head]

    @cached_property
    def _share_removed(self) -> np.ndarray:
        """What the keys that are removed take of each row: float32 [layer, head, query]."""
        share = np.zeros((self.memory.layers, self.memory.heads, len(self.memory.queries)), dtype=np.float32)
        for key in np.nonzero(self.removed)[0]:
            share += self.memory.column(int(key))
        return share

    def edges(self, query: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every pair of tokens of these pairs of words: (the token that looks, the key, number of the pair), [edge]."""
        queries, keys = self.queries, self.keys
        counts = queries.sizes[query] * keys.sizes[key]
        pair = np.repeat(np.arange(len(query)), counts)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        width = keys.sizes[key][pair]
        rows = queries.tokens[queries.starts[query][pair] + place // width]
        cols = keys.tokens[keys.starts[key][pair] + place % width]
        return rows, cols, pair

    def weights_at(self, layer: int, head: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """The weights of these edges, looked up some at a time; 0 for a key that is removed. float32 [edge].

        The same edge has the same weight, bit by bit, whatever edges it is looked up with.
        """
        out = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), AT_ONCE):
            step = slice(start, start + AT_ONCE)
            out[step] = self.memory.weights_at(layer, head, rows[step], cols[step])
        return np.where(self.removed[cols], np.float32(0), out)


def _viewers(visible: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many of these spans reach into each stretch from first to last? int [stretch]."""
    begins, ends = (np.sort(column) for column in visible.T)
    return np.searchsorted(begins, last, side="right") - np.searchsorted(ends, first, side="right")


def _viewers_until(
    visible: np.ndarray, queries: np.ndarray, first: np.ndarray, last: np.ndarray, until: np.ndarray
) -> np.ndarray:
    """The same of the spans of some queries (bool [query]), before the query at which a stretch is gone.

    Spans never go back, as in a text that is read from left to right.
    """
    counts = np.concatenate([[0], np.cumsum(queries)])
    enters = np.searchsorted(visible[:, 1], first, side="right")
    leaves = np.minimum(np.searchsorted(visible[:, 0], last, side="right"), until)
    return np.maximum(counts[leaves] - counts[enters], 0)


def mean_of_others(total: np.ndarray, part: np.ndarray, *, count: np.ndarray) -> np.ndarray:
    """What does a key word get from each of so many other tokens? Of the precision of both; 0 where there are none.

    ``total`` is what it gets from all, ``part`` what the tokens of one word give: a difference of two numbers, so
    where they are nearly equal (`CANCELLING`) both have to be float64, and every weight in ``part`` exact.
    """
    rest = total - part
    rest = np.where(rest > ROUNDING * total, rest, np.zeros_like(rest))
    return np.divide(rest, count, out=np.zeros_like(rest), where=count > 0)


def lift_and_excess(weight: np.ndarray, *, by_others: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(lift, excess) of weights, by what others give to the same key, and what is given at the same distance."""
    lift = np.divide(weight, by_others, out=np.full_like(weight, np.nan), where=by_others > 0)
    return lift, weight - np.maximum(by_others, near)


class Distances:
    """What do other tokens give at the same distance as these edges, of any shape?"""

    def __init__(self, memory: Memory, query: np.ndarray, key: np.ndarray) -> None:
        rows, cols = len(memory.queries), len(memory.keys)
        apart = query - key
        pairs = np.minimum(rows, cols + apart) - np.maximum(apart, 0)
        count = pairs - 1 - ((apart >= 0) & (key > 0))  # neither this edge nor the one to the first key
        self.place = apart + cols - 1
        self.share = np.divide(1, count, out=np.zeros(apart.shape, dtype=np.float32), where=count > 0)
        self.share_of_edge = np.where(key > 0, self.share, np.float32(0))

    def mean_of_others(self, sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The mean weight of the others, by the sums by distance and the weights of these edges themselves."""
        return sums[self.place] * self.share - weights * self.share_of_edge


class Block:
    """All pairs of some query words with all key words, head after head."""

    def __init__(self, pairs: Pairs, words: slice) -> None:
        self.pairs, self.words = pairs, pairs.queries.part(words)
        self.start = words.start
        self.removed = pairs.removed[pairs.keys.tokens]
        self.foreign = pairs.same_word[words, None] != np.arange(len(pairs.keys))
        self.distances = None
        if pairs.memory.geometry == "line":
            self.distances = Distances(pairs.memory, self.words.tokens[:, None], pairs.keys.tokens[None, :])
        self._visible = self._viewers_cache = np.zeros(0)

    def look(self, layer: int, head: int) -> PairScores:
        """Every pair in one head: arrays [query word, key word]."""
        pairs = self.pairs
        weights = pairs.memory.pattern(layer, head, rows=self.words.tokens, cols=pairs.keys.tokens)
        near = np.zeros(1, dtype=np.float32)
        if self.distances is not None:
            near = self.distances.mean_of_others(pairs.at_distance(layer, head), weights)
            near = self._merged(self._without_removed(near))
        weight = self._merged(self._without_removed(weights))
        by_others = self._by_others(layer, head, weight)
        lift, excess = lift_and_excess(weight, by_others=by_others, near=near)
        if self.removed.any():
            weight = self._merged(without_keys(weights, np.nonzero(self.removed)[0]))
        return PairScores(weight, lift, excess)

    def _by_others(self, layer: int, head: int, weight: np.ndarray) -> np.ndarray:
        """What each key word gets from each token outside of a query word: float32 [query word, key word].

        A pattern is rounded by how many rows are computed at once, and that is all that is left where nearly all of
        what a key word gets comes from one query word. There, every weight is looked up by itself. Of a key word
        there is at most one such word, so that stays linear.
        """
        pairs = self.pairs
        total, count = pairs.received(layer, head), pairs.viewers(layer, head) - self._viewers_inside(layer, head)
        from_word, single = weight * self.words.sizes[:, None].astype(np.float32), total.astype(np.float32)
        mean = mean_of_others(single, from_word, count=count)
        query, key = np.nonzero((from_word > (1 - CANCELLING) * single) & self.foreign)
        rows, cols, pair = pairs.edges(query + self.start, key)
        part = np.bincount(pair, weights=pairs.weights_at(layer, head, rows, cols), minlength=len(query))
        mean[query, key] = mean_of_others(total[key], part, count=count[query, key])
        return mean

    def _without_removed(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.removed, np.float32(0), values) if self.removed.any() else values

    def _merged(self, values: np.ndarray) -> np.ndarray:
        """Sum to a word, mean from it."""
        sums = self.pairs.keys.sums(self.words.sums(values), axis=-1)
        return sums / self.words.sizes[:, None].astype(np.float32)

    def _viewers_inside(self, layer: int, head: int) -> np.ndarray:
        """How many tokens of each query word may look at each key word? Counted once for layers that see alike."""
        visible = self.pairs.visible(layer)[self.words.tokens]
        forgets = self.pairs.memory.edge_mask(layer, head) is not None
        if forgets or not np.array_equal(visible, self._visible):
            views = self.pairs.keys_seen(layer, head, self.words.tokens[:, None], np.arange(len(self.pairs.keys)))
            self._visible = np.zeros(0) if forgets else visible
            self._viewers_cache = self.words.sums(views.astype(np.int32))
        return self._viewers_cache
