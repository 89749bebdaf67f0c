"""What do other words give to a word, of what is left of their rows once some keys are taken out?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memviz.measures.pairs import Pairs, mean_of_others
from memviz.measures.rest import LEAST_REST
from memviz.measures.side import Side

AT_ONCE = 4_000_000  # weights held at once


def renormalised_lifts(pairs: Pairs, table: np.ndarray) -> np.ndarray:
    """The lift of each link of a ``table`` (query, key, layer, head, weight), measured on what is left of every row.

    float32 [link]: its renormalised weight over the mean renormalised weight that its key word gets from the tokens
    of other words; a row of which nothing is left gives nothing. NaN where nobody else looks there. Linear in the
    text for each key word of each head.
    """
    lifts = np.full(len(table), np.nan, dtype=np.float32)
    for layer, head, places in _by_head(table):
        links = table[places]
        query, key = links["query"], links["key"]
        rest = pairs.rest(layer, head)
        share = np.divide(1, rest, out=np.zeros_like(rest), where=rest > LEAST_REST)
        total, part = np.zeros(len(links)), np.zeros(len(links))
        for words, tokens in _stretches(pairs, np.unique(key)):
            weights = pairs.memory.columns(layer, head, tokens.tokens) * share[:, None]
            weights[:, pairs.removed[tokens.tokens]] = 0
            received = tokens.sums(weights.astype(np.float64), axis=-1)
            mine = np.flatnonzero(np.isin(key, words))
            column = np.searchsorted(words, key[mine])
            total[mine] = received.sum(axis=0)[column]
            part[mine] = _sums_of_words(pairs.queries, query[mine], received, column)
        count = pairs.viewers(layer, head)[key] - _viewers_inside(pairs, layer, head, query, key)
        by_others = mean_of_others(total, part, count=count)
        looked_at = by_others > 0
        lifts[places[looked_at]] = links["weight"][looked_at] / by_others[looked_at]
    return lifts


def _by_head(table: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """(layer, head, the places of its links) of every head that has some."""
    order = np.lexsort((table["head"], table["layer"]))
    heads = np.stack([table["layer"], table["head"]], axis=1)[order]
    if not len(order):
        return
    for places in np.split(order, np.flatnonzero((np.diff(heads, axis=0) != 0).any(axis=1)) + 1):
        yield int(table["layer"][places[0]]), int(table["head"][places[0]]), places


def _stretches(pairs: Pairs, words: np.ndarray) -> Iterator[tuple[np.ndarray, Side]]:
    """(key words, their tokens), as many as can be held at once; at least one word each."""
    ends = np.cumsum(pairs.keys.sizes[words])
    room = max(AT_ONCE // len(pairs.memory.queries), 1)
    start = 0
    while start < len(words):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + room, side="right")), start + 1)
        yield words[start:stop], pairs.keys.of_words(words[start:stop])
        start = stop


def _sums_of_words(side: Side, words: np.ndarray, values: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The sum of ``values`` [token, column] over the tokens of each word, in its column: float64 [link]."""
    tokens = side.of_words(words)
    number = np.repeat(np.arange(len(words)), tokens.sizes)
    return np.bincount(number, weights=values[tokens.tokens, column[number]], minlength=len(words))


def _viewers_inside(pairs: Pairs, layer: int, head: int, query: np.ndarray, key: np.ndarray) -> np.ndarray:
    """How many tokens of each query word may look at its key word? int [link]."""
    tokens = pairs.queries.of_words(query)
    number = np.repeat(np.arange(len(query)), tokens.sizes)
    may_look = pairs.keys_seen(layer, head, tokens.tokens, key[number])
    return np.bincount(number, weights=may_look, minlength=len(query)).astype(np.int64)
