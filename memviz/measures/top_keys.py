"""Which pairs of words hold the strongest key of some token? Linear in the text, and the same numbers as `Block`."""

from __future__ import annotations

import numpy as np

from memviz.measures.pairs import Distances, Pairs, PairScores, lift_and_excess, mean_of_others
from memviz.measures.rest import LEAST_REST

EDGES = 24  # edges that are looked up at most, for each token of the text


def top_key_pairs(pairs: Pairs, layer: int, head: int) -> tuple[np.ndarray, np.ndarray, PairScores]:
    """In this head: (query word [pair], key word [pair], their numbers [pair]).

    A token whose strongest key is itself, belongs to its own word or is taken out brings no pair. Should all the pairs
    be more than 24 edges a token, those of the longest words are left out.
    """
    memory, queries, keys = pairs.memory, pairs.queries, pairs.keys
    query, key = _candidates(pairs, memory.summary.top_key[layer, head])
    rows, cols, pair = pairs.edges(query, key)
    size = queries.sizes[query].astype(np.float32)

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(pair, weights=values, minlength=len(query))

    def merged(values: np.ndarray) -> np.ndarray:
        return sums(values).astype(np.float32) / size

    weights = pairs.weights_at(layer, head, rows, cols)
    near = np.zeros(1, dtype=np.float32)
    if memory.geometry == "line":
        near = Distances(memory, rows, cols).mean_of_others(pairs.at_distance(layer, head), weights)
        near = merged(np.where(pairs.removed[cols], np.float32(0), near))
    weight = merged(weights)
    viewers_inside = merged(pairs.keys_seen(layer, head, rows, key[pair])) * size / keys.sizes[key]
    count = pairs.viewers(layer, head)[key] - viewers_inside
    by_others = mean_of_others(pairs.received(layer, head)[key], sums(weights), count=count)
    by_others = by_others.astype(np.float32)
    lift, excess = lift_and_excess(weight, by_others=by_others, near=near)
    if pairs.removed.any():
        rest = pairs.rest(layer, head)[rows]
        weight = merged(np.divide(weights, rest, out=np.zeros_like(weights), where=rest > LEAST_REST))
    return query, key, PairScores(weight, lift, excess)


def _candidates(pairs: Pairs, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of words, each once, in order: (query word, key word)."""
    token = np.nonzero((top >= 0) & ~pairs.removed[top])[0]
    query, key = pairs.query_owner[token], pairs.key_owner[top[token]]
    linked = (query >= 0) & (key >= 0) & (pairs.same_word[query] != key)
    query, key = np.divmod(np.unique(query[linked] * len(pairs.keys) + key[linked]), len(pairs.keys))
    edges = pairs.queries.sizes[query] * pairs.keys.sizes[key]
    limit = EDGES * len(top)
    if edges.sum() <= limit:
        return query, key
    shortest_first = np.argsort(edges, kind="stable")
    affordable = np.sort(shortest_first[np.cumsum(edges[shortest_first]) <= limit])
    return query[affordable], key[affordable]
