"""Which pairs of words hold the strongest key of some token? Linear in the text, and the same numbers as `Block`."""

from __future__ import annotations

import numpy as np

from memviz.measures.pairs import LEFT, Distances, Pairs, PairScores, lift_and_excess, mean_of_others

EDGES = 24  # edges that are looked up at most, for each token of the text
AT_ONCE = 1 << 16  # of them in one go


def top_key_pairs(pairs: Pairs, layer: int, head: int) -> tuple[np.ndarray, np.ndarray, PairScores]:
    """In this head: (query word [pair], key word [pair], their numbers [pair]).

    A token whose strongest key is itself, belongs to its own word or is taken out brings no pair. Should all the pairs
    be more than 24 edges a token, those of the longest words are left out.
    """
    memory, queries, keys = pairs.memory, pairs.queries, pairs.keys
    query, key = _candidates(pairs, memory.summary.top_key[layer, head])
    asked, looked, pair = _edges(pairs, query, key)
    size = queries.sizes[query].astype(np.float32)

    def merged(values: np.ndarray) -> np.ndarray:
        return np.bincount(pair, weights=values, minlength=len(query)).astype(np.float32) / size

    gone = pairs.gone[looked]
    weights = np.where(gone, np.float32(0), _weights(pairs, layer, head, asked=asked, looked=looked))
    near = np.zeros(1, dtype=np.float32)
    if memory.kind != "cross":
        near = Distances(memory, asked, looked).usual(pairs.at_distance(layer, head), weights)
        near = merged(np.where(gone, np.float32(0), near))
    weight = merged(weights)
    own_seers = merged(pairs.keys_seen(layer, head, asked, key[pair])) * size / keys.sizes[key]
    others = pairs.viewers(layer, head)[key] - own_seers
    by_others = mean_of_others(pairs.received(layer, head)[key], weight * size, others=others)
    lift, excess = lift_and_excess(weight, by_others=by_others, near=near)
    if pairs.gone.any():
        left = pairs.left(layer, head)[asked]
        weight = merged(np.divide(weights, left, out=np.zeros_like(weights), where=left > LEFT))
    return query, key, PairScores(weight, lift, excess)


def _candidates(pairs: Pairs, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of words, each once, in order: (query word, key word)."""
    token = np.nonzero((top >= 0) & ~pairs.gone[top])[0]
    query, key = pairs.query_owner[token], pairs.key_owner[top[token]]
    some = (query >= 0) & (key >= 0) & (pairs.own[query] != key)
    query, key = np.divmod(np.unique(query[some] * len(pairs.keys) + key[some]), len(pairs.keys))
    edges = pairs.queries.sizes[query] * pairs.keys.sizes[key]
    limit = EDGES * len(top)
    if edges.sum() <= limit:
        return query, key
    shortest = np.argsort(edges, kind="stable")
    kept = np.sort(shortest[np.cumsum(edges[shortest]) <= limit])
    return query[kept], key[kept]


def _edges(pairs: Pairs, query: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of tokens of these pairs of words: (the token that looks, the one looked at, number of the pair)."""
    queries, keys = pairs.queries, pairs.keys
    counts = queries.sizes[query] * keys.sizes[key]
    pair = np.repeat(np.arange(len(query)), counts)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    wide = keys.sizes[key][pair]
    asked = queries.tokens[queries.starts[query][pair] + place // wide]
    looked = keys.tokens[keys.starts[key][pair] + place % wide]
    return asked, looked, pair


def _weights(pairs: Pairs, layer: int, head: int, *, asked: np.ndarray, looked: np.ndarray) -> np.ndarray:
    """The weights of these edges, looked up some at a time: float32 [edge]."""
    out = np.empty(len(asked), dtype=np.float32)
    for start in range(0, len(asked), AT_ONCE):
        step = slice(start, start + AT_ONCE)
        out[step] = pairs.memory.weights_at(layer, head, asked[step], looked[step])
    return out
