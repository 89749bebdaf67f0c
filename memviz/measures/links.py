"""What does each word remember, and who remembers it? The few strongest links of every word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memviz.measures.pairs import Block, Pairs
from memviz.measures.renormalised import renormalised_lifts
from memviz.measures.side import Side
from memviz.measures.top_keys import top_key_pairs
from memviz.measures.weights import sink_positions
from memviz.memory import Memory, positions
from memviz.tokens import Word

CELLS = 80_000_000  # weights looked at one by one; above it only the strongest key of every head and token
BLOCK = 2_000_000  # of them held at once
MANY = 1_000_000  # links kept before all but the best are let go

LINK = np.dtype(
    [
        ("query", np.int32),
        ("key", np.int32),
        ("rank", np.float32),
        ("weight", np.float32),
        ("lift", np.float32),
        ("excess", np.float32),
        ("layer", np.int16),
        ("head", np.int16),
    ]
)


@dataclass(frozen=True, eq=False)
class Links:
    """A few links of each word, best first: arrays [word, link].

    index    the other word, −1 where there is no link
    weight   share of the row, 0..1 (0: no link): sum to a split word, mean from it; renormalised where keys were
             taken out
    lift     the weight over the mean weight that the key word gets from the tokens of other words, special tokens
             included; both renormalised where keys were taken out. NaN: undefined
    excess   the weight less the larger of that mean and of what other tokens give at the same distance, the first key
             left out; measured on the weights as they were before anything was taken out
    layer, head   where the link is
    """

    index: np.ndarray
    weight: np.ndarray
    lift: np.ndarray
    excess: np.ndarray
    layer: np.ndarray
    head: np.ndarray


def links(
    memory: Memory,
    query_words: Sequence[Word],
    key_words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
    count: int = 8,
    pause: Callable[[], None] = lambda: None,
) -> tuple[Links, Links]:
    """What does each word remember, and who remembers it? (per query word, per key word).

    ``query_words`` and ``key_words`` are the words along the two sides of the memory; of each, the ``count`` best links
    are listed.

    In one head, links are ordered by weight. Over several heads (``layer``, ``head`` or both left
    out) each pair of words is shown in the head where it is most special, and ordered by that: the
    *excess* of the weight over what the same key gets from the other tokens, and over what other
    tokens give at the same distance. So a column that every word looks at, and a head that always
    looks at its neighbour, do not hide the links that belong to two words. A word's look at itself
    is left out.

    ``without`` are keys (token positions) to take out of every row; what is left is renormalised.
    That changes weights and lifts, and not which links are special, nor in which head.

    On a long text (more than 80 million weights) only the strongest key of every token and head
    is considered, special tokens left out (without any, the first token); `is_exhaustive` tells.
    ``pause()`` is called after each head, and may raise to stop.
    Raises `TraceError` for a layer, head or position that is not there.
    """
    layers = range(memory.layers) if layer is None else (layer,)
    heads = range(memory.heads) if head is None else (head,)
    places = [(at, which) for at in layers for which in heads]
    for place in places:
        memory.require_head(*place)
    best = _Best(len(query_words), len(key_words), count)
    removed = positions(without, len(memory.keys))
    if query_words and key_words:
        pairs = Pairs(memory, Side.of(query_words), Side.of(key_words), without=removed)
        by_weight = layer is not None and head is not None
        every = is_exhaustive(memory, heads=len(places))
        tables = _all_pairs if every else _top_key_pairs
        for table in tables(pairs, places, by_weight=by_weight, count=count, pause=pause):
            best.add(table)
        if len(removed):
            table = best.settle()
            table["lift"] = renormalised_lifts(pairs, table)
    return best.rows(), best.columns()


def writing_links(
    memory: Memory, words: Sequence[Word], *, pause: Callable[[], None] = lambda: None
) -> tuple[Links, Links]:
    """What was read to write each word, and which words was each read for? (per word, per word).

    As `links` between the ``words`` of a text, of a model that predicts the next token, but with the rows of the
    positions that *predict* the tokens of a word: of the token at position t, the row t − 1. Its look at itself, the
    token before the word, is left out. Nothing predicts the first word: it has no row. ``pause`` as in `links`.

    Raises `TraceError` as `links` does.
    """
    queries = [replace(word, tokens=tuple(token - 1 for token in word.tokens)) for word in words if word.tokens[0]]
    missing = len(words) - len(queries)
    rows, columns = links(memory, queries, words, pause=pause)
    nothing = {"index": -1, "lift": np.nan}
    padded = {
        name: np.concatenate([np.full((missing, array.shape[1]), nothing.get(name, 0), dtype=array.dtype), array])
        for name, array in vars(rows).items()
    }
    return Links(**padded), replace(columns, index=np.where(columns.index >= 0, columns.index + missing, -1))


def most_distinctive(rows: Links, words: Sequence[Word], memory: Memory) -> np.ndarray:
    """Which links of a text belong most to their two words? int [number, 2]: (word, link), the highest excess first.

    ``rows`` are what each of the ``words`` attends to, as `links` gives it. Links of or to an attention sink, and of or
    to a word without a letter or digit, are left out.
    """
    sinks = set(sink_positions(memory))
    real = np.array(
        [any(map(str.isalnum, word.text)) and not sinks.intersection(word.tokens) for word in words], dtype=bool
    )
    usable = (rows.index >= 0) & real[:, None] & real[np.maximum(rows.index, 0)]
    order = np.argsort(-np.where(usable, rows.excess, -np.inf), axis=None, kind="stable")[: int(usable.sum())]
    return np.stack(np.unravel_index(order, usable.shape), axis=1)


def is_exhaustive(memory: Memory, *, heads: int | None = None) -> bool:
    """Does `links` look at every weight of so many heads (``None``: all), or only at each head's strongest?"""
    count = memory.layers * memory.heads if heads is None else heads
    return count * len(memory.queries) * len(memory.keys) <= CELLS


def _all_pairs(
    pairs: Pairs, places: list[tuple[int, int]], *, by_weight: bool, count: int, pause: Callable[[], None]
) -> Iterator[np.ndarray]:
    """The links that may be among the best of some word, from every weight; some query words at a time.

    Of each pair the best head is known before the best of each word are picked, so nothing is missed.
    """
    for words in _blocks(pairs):
        block = Block(pairs, words)
        best = np.zeros(block.foreign.shape, dtype=LINK)
        best["rank"] = -np.inf
        for layer, head in places:
            scores = block.look(layer, head)
            rank = scores.weight if by_weight else scores.excess
            better = (rank > best["rank"]) & (scores.weight > 0) & block.foreign
            for name, value in (("rank", rank), ("layer", layer), ("head", head), *vars(scores).items()):
                np.copyto(best[name], value, where=better)
            pause()
        best["query"] = np.arange(len(pairs.queries))[words, None]
        best["key"] = np.arange(len(pairs.keys))
        for axis in (0, 1):
            yield _top(best, count, axis=axis)


def _blocks(pairs: Pairs) -> Iterator[slice]:
    """Stretches of query words whose rows can be held at once; at least one word each."""
    rows = max(BLOCK // len(pairs.memory.keys), 1)
    ends = np.cumsum(pairs.queries.sizes)
    start = 0
    while start < len(ends):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + rows, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def _top(best: np.ndarray, count: int, *, axis: int) -> np.ndarray:
    """The links of the highest rank along an axis, as one list."""
    if best.shape[axis] > count:
        places = np.argpartition(-best["rank"], count - 1, axis=axis)
        best = np.take_along_axis(best, places.take(range(count), axis=axis), axis=axis)
    return best[best["rank"] > -np.inf]


def _top_key_pairs(
    pairs: Pairs, places: list[tuple[int, int]], *, by_weight: bool, count: int, pause: Callable[[], None]
) -> Iterator[np.ndarray]:
    """The links to the strongest key of every token, head after head."""
    for layer, head in places:
        query, key, scores = top_key_pairs(pairs, layer, head)
        table = np.zeros(len(query), dtype=LINK)
        rank = scores.weight if by_weight else scores.excess
        where = {"query": query, "key": key, "layer": layer, "head": head, "rank": rank}
        for name, value in (where | vars(scores)).items():
            table[name] = value
        yield table[scores.weight > 0]
        pause()


class _Best:
    """The best links of each word so far; of a pair of words only the better one."""

    def __init__(self, queries: int, keys: int, count: int) -> None:
        self.queries, self.keys, self.count = queries, keys, count
        self.parts: list[np.ndarray] = []

    def add(self, table: np.ndarray) -> None:
        """Adds links, and now and then forgets those that others have left behind for good."""
        self.parts.append(table)
        if sum(len(part) for part in self.parts) > MANY:
            self.settle()

    def rows(self) -> Links:
        """The best links of each query word."""
        return self._picked("query", "key", length=self.queries)

    def columns(self) -> Links:
        """The best links of each key word."""
        return self._picked("key", "query", length=self.keys)

    def settle(self) -> np.ndarray:
        """All links that are among the best of one of their words, as one table."""
        table = np.concatenate([*self.parts, np.zeros(0, dtype=LINK)])
        table = table[np.argsort(-table["rank"], kind="stable")]
        pair = table["query"].astype(np.int64) * self.keys + table["key"]
        table = table[np.sort(np.unique(pair, return_index=True)[1])]
        among_best = [_places(table[side]) < self.count for side in ("query", "key")]
        self.parts = [table[among_best[0] | among_best[1]]]
        return self.parts[0]

    def _picked(self, side: str, other: str, *, length: int) -> Links:
        table = self.settle()
        place = _places(table[side])
        table, place = table[place < self.count], place[place < self.count]

        def filled(name: str, empty: float, kind: type) -> np.ndarray:
            out: np.ndarray = np.full((length, self.count), empty, dtype=kind)
            out[table[side], place] = table[name]
            return out

        return Links(
            index=filled(other, -1, np.int64),
            weight=filled("weight", 0, np.float32),
            lift=filled("lift", np.nan, np.float32),
            excess=filled("excess", 0, np.float32),
            layer=filled("layer", 0, np.int64),
            head=filled("head", 0, np.int64),
        )


def _places(owner: np.ndarray) -> np.ndarray:
    """Of links that are sorted, best first: which place does each have among those of the same word? int [link]."""
    order = np.argsort(owner, kind="stable")
    ranked = owner[order]
    places = np.empty(len(owner), dtype=np.int64)
    places[order] = np.arange(len(owner)) - np.searchsorted(ranked, ranked)
    return places
