"""What does each word remember, and who remembers it? The few strongest links of every word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.memory import Memory
from memviz.tokens import Word

CELLS = 40_000_000  # weights looked at one by one; above it only the strongest key of every head and token


@dataclass(frozen=True, eq=False)
class Links:
    """A few links of each word, best first: arrays [word, link].

    index    the other word, −1 where there is no link
    weight   share of the row, 0..1 (0: no link): sum to a split word, mean from it
    lift     the weight over the mean weight the same word gets from all other tokens; NaN: undefined
    excess   the weight less what the key usually gets and what this distance usually gets
    layer, head   where it was found
    """

    index: np.ndarray
    weight: np.ndarray
    lift: np.ndarray
    excess: np.ndarray
    layer: np.ndarray
    head: np.ndarray


@dataclass(frozen=True, eq=False)
class _Found:
    """Links of one head as flat arrays, one entry a pair of words."""

    query: np.ndarray
    key: np.ndarray
    weight: np.ndarray
    lift: np.ndarray
    excess: np.ndarray


def links(
    memory: Memory,
    query_words: Sequence[Word],
    key_words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
    count: int = 8,
) -> tuple[Links, Links]:
    """What does each word remember, and who remembers it? (per query word, per key word).

    In one head, links are ordered by weight. Over all heads (``layer`` and ``head`` left out) each
    pair of words is shown in the head where it is most special, and ordered by that: the *excess*
    of the weight over what the same key gets from the other tokens, and over what other tokens
    give at the same distance. So a column that every word looks at, and a head that always looks
    at its neighbour, do not hide the links that belong to two words. A word's look at itself is
    left out.

    ``without`` are keys (token positions) to take out of every row; what is left is renormalised.

    On a long text (more than 40 million weights) only the strongest key of every token and head
    is considered; `exhaustive` tells.
    """
    heads = [(layer, head)] if layer is not None and head is not None else _all(memory)
    every = exhaustive(memory, heads=len(heads))
    # a matrix of the best link so far serves short texts; long ones keep lists and sort them
    best = _Best(len(query_words), len(key_words))
    by_weight = len(heads) == 1
    spell = _Spelling(memory, query_words, key_words, without)
    for at, which in heads:
        found = spell.all_pairs(at, which) if every else spell.strongest(at, which)
        best.add(found, at, which, by_weight=by_weight)
    return best.rows(count), best.columns(count)


def exhaustive(memory: Memory, *, heads: int | None = None) -> bool:
    """Does `links` look at every weight, or only at each head's strongest?"""
    count = memory.layers * memory.heads if heads is None else heads
    return count * len(memory.queries) * len(memory.keys) <= CELLS


def _all(memory: Memory) -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(memory.layers) for head in range(memory.heads)]


class _Spelling:
    """Turns token weights into links between words."""

    def __init__(
        self, memory: Memory, query_words: Sequence[Word], key_words: Sequence[Word], without: Sequence[int]
    ) -> None:
        self.memory = memory
        self.of_query = _owner(query_words, len(memory.queries))
        self.of_key = _owner(key_words, len(memory.keys))
        self.queries = [np.array(word.tokens) for word in query_words]
        self.keys = [np.array(word.tokens) for word in key_words]
        self.same_text = memory.kind != "cross"
        self.without = np.array(sorted(without), dtype=np.int64)

    def all_pairs(self, layer: int, head: int) -> _Found:
        """Every pair of words of one head."""
        weights = self.memory.pattern(layer, head)
        if len(self.without):
            weights = dropped(weights, self.without)
        mass = weights.sum(0)
        by_key = _sum_by(weights, self.of_key, len(self.keys), axis=1)
        size = np.array([len(tokens) for tokens in self.queries], dtype=np.float32)
        merged = _sum_by(by_key, self.of_query, len(self.queries), axis=0) / size[:, None]
        query, key = np.nonzero(merged > 0)
        expected = self._usual(mass, layer, merged[query, key], query, key)
        near = self._nearby(layer, head, merged[query, key], query, key)
        return self._found(query, key, merged[query, key], expected, near)

    def strongest(self, layer: int, head: int) -> _Found:
        """The strongest key of every token, with the weight of the whole words."""
        token = np.arange(len(self.memory.queries))
        top = self.memory.summary.top_key[layer, head]
        some = (top >= 0) & ~np.isin(top, self.without)
        pairs = np.unique(np.stack([self.of_query[token[some]], self.of_key[top[some]]], axis=1), axis=0)
        query, key = pairs[:, 0], pairs[:, 1]
        weight = np.zeros(len(pairs), dtype=np.float32)
        tokens_q, tokens_k, pair = self._spread(query, key)
        scores = self.memory.weights_at(layer, head, tokens_q, tokens_k)
        np.add.at(weight, pair, scores)
        weight /= np.array([len(self.queries[word]) for word in query], dtype=np.float32)
        if len(self.without):
            weight = weight / (1.0 - self._taken(layer, head)[query]).clip(min=1e-9)
        expected = self._usual(self.memory.summary.mass[layer, head], layer, weight, query, key)
        near = self._nearby(layer, head, weight, query, key)
        return self._found(query, key, weight, expected, near)

    def _found(self, query, key, weight, expected, near) -> _Found:
        keep = np.ones(len(query), dtype=bool) if not self.same_text else query != key
        with np.errstate(invalid="ignore", divide="ignore"):
            lift = np.where(expected > 0, weight / expected, np.nan)
        excess = weight - np.fmax(np.nan_to_num(expected), np.nan_to_num(near))
        return _Found(query[keep], key[keep], weight[keep], lift[keep].astype(np.float32), excess[keep])

    def _usual(self, mass, layer, weight, query, key) -> np.ndarray:
        """The mean weight that each pair's key word gets from the tokens of other words; NaN where there are none."""
        total = np.bincount(self.of_key, weights=mass, minlength=len(self.keys))
        seen = self.memory.seen_by(layer)[[tokens[0] for tokens in self.keys]]
        size = np.array([len(tokens) for tokens in self.queries])
        others = seen[key] - size[query]
        left = (total[key] - weight * size[query]).clip(min=0)
        return np.where(others > 0, left / np.maximum(others, 1), np.nan)

    def _nearby(self, layer, head, weight, query, key) -> np.ndarray:
        """The mean weight that other tokens give at the same distance; 0 where distance means nothing."""
        if not self.same_text:
            return np.zeros(len(query))
        rows, cols = len(self.memory.queries), len(self.memory.keys)
        sums = self.memory.summary.distance[layer, head]
        apart = np.arange(len(sums)) - (cols - 1)
        pairs = np.minimum(rows, cols + apart) - np.maximum(apart, 0)
        first_q = np.array([tokens[0] for tokens in self.queries])
        nearest = np.array([tokens[-1] for tokens in self.keys])
        place = first_q[query] - nearest[key] + cols - 1
        others = pairs[place] - 1
        return np.where(others > 0, (sums[place] - weight).clip(min=0) / np.maximum(others, 1), 0.0)

    def _spread(self, query, key) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every pair of tokens of the pairs of words: (query token, key token, number of the pair)."""
        left, right, pair = [], [], []
        for number, (q, k) in enumerate(zip(query, key, strict=True)):
            tokens_q, tokens_k = self.queries[q], self.keys[k]
            left.append(np.repeat(tokens_q, len(tokens_k)))
            right.append(np.tile(tokens_k, len(tokens_q)))
            pair.append(np.full(len(tokens_q) * len(tokens_k), number))
        if not left:
            return (np.zeros(0, dtype=np.int64),) * 3
        return np.concatenate(left), np.concatenate(right), np.concatenate(pair)

    def _taken(self, layer: int, head: int) -> np.ndarray:
        """What the keys left out take of each query word's row."""
        shares = self.memory.pattern(layer, head, cols=self.without).sum(1)
        return np.array([shares[tokens].mean() for tokens in self.queries], dtype=np.float32)


class _Best:
    """The best link of each pair of words so far."""

    def __init__(self, queries: int, keys: int) -> None:
        self.queries, self.keys = queries, keys
        self.parts: list[np.ndarray] = []

    def add(self, found: _Found, layer: int, head: int, *, by_weight: bool) -> None:
        """Adds one head's links; of a pair that is known already only the better one stays."""
        rank = found.weight if by_weight else found.excess
        where = np.full(len(rank), layer), np.full(len(rank), head)
        columns = (found.query, found.key, rank, found.weight, found.lift, found.excess, *where)
        self.parts.append(np.stack([column.astype(np.float64) for column in columns]))
        if sum(part.shape[1] for part in self.parts) > 2_000_000:
            self.parts = [self._settled()]

    def rows(self, count: int) -> Links:
        """The best links of each query word."""
        return self._picked(0, 1, self.queries, count)

    def columns(self, count: int) -> Links:
        """The best links of each key word."""
        return self._picked(1, 0, self.keys, count)

    def _settled(self) -> np.ndarray:
        table = np.concatenate(self.parts, axis=1)
        order = np.lexsort((-table[2], table[1], table[0]))
        table = table[:, order]
        pair = table[0] * self.keys + table[1]
        return table[:, np.r_[True, pair[1:] != pair[:-1]][: len(pair)]]

    def _picked(self, side: int, other: int, length: int, count: int) -> Links:
        self.parts = [self._settled()]
        table = self.parts[0]
        table = table[:, np.lexsort((-table[2], table[side]))]
        owner = table[side].astype(np.int64)
        place = np.arange(len(owner)) - np.searchsorted(owner, owner)
        kept = place < count
        table, owner, place = table[:, kept], owner[kept], place[kept]

        def filled(values: np.ndarray, empty: float, dtype: type) -> np.ndarray:
            out = np.full((length, count), empty, dtype=dtype)
            out[owner, place] = values
            return out

        return Links(
            index=filled(table[other], -1, np.int64),
            weight=filled(table[3], 0, np.float32),
            lift=filled(table[4], np.nan, np.float32),
            excess=filled(table[5], 0, np.float32),
            layer=filled(table[6], 0, np.int64),
            head=filled(table[7], 0, np.int64),
        )


def dropped(weights: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The same rows without some keys, renormalised to sum to one: [query, key].

    A row that looked at nothing else stays empty (all zero).
    """
    kept = weights.copy()
    kept[:, keys] = 0.0
    total = kept.sum(axis=1, keepdims=True)
    return np.divide(kept, total, out=np.zeros_like(kept), where=total > 1e-9)


def _owner(words: Sequence[Word], tokens: int) -> np.ndarray:
    """The word each token belongs to; int [token]."""
    owner = np.zeros(tokens, dtype=np.int64)
    for number, word in enumerate(words):
        owner[list(word.tokens)] = number
    return owner


def _sum_by(values: np.ndarray, owner: np.ndarray, length: int, *, axis: int) -> np.ndarray:
    shape = (values.shape[0], length) if axis == 1 else (length, values.shape[1])
    out = np.zeros(shape, dtype=values.dtype)
    if axis == 1:
        np.add.at(out.T, owner, values.T)
    else:
        np.add.at(out, owner, values)
    return out
