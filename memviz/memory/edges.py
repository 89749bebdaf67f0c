"""Which edges of one layer are cut? Linear facts, from which any block of edges, and every count, is made.

An edge leads from a query (the token that looks) to a key (the token looked at). Whatever cuts edges, forgetting by
name or a cache that lets keys go, is said in one form: *these queries, in these heads, lose every key from the query on
at which it is gone*. A fact has as many numbers as the text has tokens, never one for each edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from memviz.errors import TraceError

NEVER = np.iinfo(np.int32).max  # the query from which on a key is gone that is never gone


@dataclass(frozen=True, eq=False)
class EdgeCut:
    """One fact about one layer: in these heads, these queries lose every key that is gone by then.

    heads     bool [head]
    queries   bool [query]
    expiry    int32 [key]: the position of the query from which on a key is no longer seen; `NEVER` for none, 0 for all
    lenient   a query that would be left with nothing to read is spared this cut
    named     such a query is an error
    """

    heads: np.ndarray
    queries: np.ndarray
    expiry: np.ndarray
    lenient: bool = False
    named: bool = False


@dataclass(frozen=True, eq=False)
class EdgeMask:
    """The edges that are cut in one head.

    cuts    facts, of which any one cuts an edge: (bool [query], int32 [key]) as in `EdgeCut`
    first   the position of the first query: of a step with a KV cache, the queries are the latest
    """

    cuts: tuple[tuple[np.ndarray, np.ndarray], ...]
    first: int = 0

    def of_keys(self, keys: np.ndarray) -> EdgeMask:
        """The same of some of the ``keys``, which alone are left: their positions, int [key]."""
        return replace(self, cuts=tuple((queries, expiry[keys]) for queries, expiry in self.cuts))

    def among(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which edges between the queries ``rows`` and the keys ``cols`` are cut? bool [row, column]."""
        cut = np.zeros((len(rows), len(cols)), dtype=bool)
        for queries, expiry in self.cuts:
            cut |= queries[rows, None] & (rows[:, None] + self.first >= expiry[cols])
        return cut

    def at(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Which of these single edges, ``queries[k]`` → ``keys[k]``, are cut? bool [edge]."""
        cut = np.zeros(np.broadcast(queries, keys).shape, dtype=bool)
        for losing, expiry in self.cuts:
            cut |= losing[queries] & (queries + self.first >= expiry[keys])
        return cut

    @cached_property
    def groups(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Every query once, with those that lose the same keys: (queries as bool [query], expiry as int32 [key])."""
        length = len(self.cuts[0][0])
        signature = np.zeros(length, dtype=np.int64)
        for number, (queries, _) in enumerate(self.cuts):
            signature |= queries.astype(np.int64) << number
        groups = []
        for which in np.unique(signature):
            losses = [expiry for number, (_, expiry) in enumerate(self.cuts) if which >> number & 1]
            nothing = np.full(len(self.cuts[0][1]), NEVER, dtype=np.int32)
            groups.append((signature == which, np.minimum.reduce([nothing, *losses])))
        return groups

    def keys_left(self, spans: np.ndarray) -> np.ndarray:
        """How many keys are left to each query? int [query]; ``spans`` as in `edge_masks`."""
        left = np.zeros(len(spans), dtype=np.int64)
        for queries, expiry in self.groups:
            left[queries] = _keys_left(expiry, spans, first=self.first)[queries]
        return left

    def queries_left(self, spans: np.ndarray) -> np.ndarray:
        """How many queries are left to each key? int [key]; ``spans`` as in `edge_masks`."""
        left = np.zeros(len(self.cuts[0][1]), dtype=np.int64)
        for queries, expiry in self.groups:
            left += _queries_left(queries, expiry, spans, first=self.first)
        return left


def edge_masks(
    cuts: Iterable[EdgeCut], *, heads: int, spans: np.ndarray, first: int = 0
) -> tuple[EdgeMask | None, ...] | None:
    """Which edges are cut in each head of a layer? A mask a head, the same one for heads that lose the same.

    ``spans`` is int [query, 2]: the first key that a query may see, and one past the last. ``None`` for no cuts at all.
    Raises `TraceError` for a query with nothing left to read that a cut has `named`.
    """
    cuts = [cut for cut in cuts if cut.heads.any() and cut.queries.any()]
    if not cuts:
        return None
    masks: dict[tuple[int, ...], EdgeMask | None] = {}
    by_head = []
    for head in range(heads):
        members = tuple(number for number, cut in enumerate(cuts) if cut.heads[head])
        if members not in masks:
            masks[members] = _mask([cuts[number] for number in members], spans, first) if members else None
        by_head.append(masks[members])
    return tuple(by_head)


def heads_by_mask(masks: Sequence[EdgeMask | None]) -> Iterator[tuple[EdgeMask, list[int]]]:
    """Each of the ``masks`` of a layer's heads once, with the heads that it belongs to."""
    seen: dict[int, tuple[EdgeMask, list[int]]] = {}
    for head, mask in enumerate(masks):
        if mask is not None:
            seen.setdefault(id(mask), (mask, []))[1].append(head)
    yield from seen.values()


def _mask(cuts: list[EdgeCut], spans: np.ndarray, first: int) -> EdgeMask:
    mask = EdgeMask(tuple((cut.queries, cut.expiry) for cut in cuts), first)
    empty = mask.keys_left(spans) == 0
    named = np.logical_or.reduce([np.zeros_like(empty), *(cut.queries for cut in cuts if cut.named)])
    if (empty & named).any():
        raise TraceError(
            "Position {position} would have nothing left to read.",
            todo="Leave it at least one key, or leave `queries` out.",
            position=int(np.flatnonzero(empty & named)[0]) + first,
        )
    if not empty.any():
        return mask
    return replace(mask, cuts=tuple((cut.queries & ~(empty & cut.lenient), cut.expiry) for cut in cuts))


def _keys_left(expiry: np.ndarray, spans: np.ndarray, *, first: int) -> np.ndarray:
    """How many keys of each span are not gone yet? int [query]."""
    length = len(expiry)
    start, stop = spans[:, 0].astype(np.int64), spans[:, 1].astype(np.int64)
    always = np.concatenate([[0], np.cumsum(expiry == 0)])
    left = stop - start - (always[stop] - always[start])
    leaving = (expiry > 0) & (expiry < NEVER)
    if not leaving.any():
        return left
    # a key that leaves was seen before, so at a query it is gone, or out of the span, or still there
    rows = np.arange(len(spans)) + first
    out = _first_query(start, np.arange(length)) + first  # from which query on a key lies before the span
    counts = np.zeros(rows[-1] + 2, dtype=np.int64)
    both = np.minimum(expiry[leaving], out[leaving])
    np.add.at(counts, np.minimum(both, rows[-1] + 1), 1)
    lost = np.cumsum(counts)[rows]  # leaving keys that are gone or before the span
    before = np.concatenate([[0], np.cumsum(leaving)])[start]
    return left - (lost - before)


def _queries_left(queries: np.ndarray, expiry: np.ndarray, spans: np.ndarray, *, first: int) -> np.ndarray:
    """How many of these queries see each key before it is gone? int [key]."""
    length = len(expiry)
    if ((expiry == 0) | (expiry == NEVER)).all():
        return np.where(expiry == 0, 0, overlaps(spans[queries], length))
    keys = np.arange(length)
    counts = np.concatenate([[0], np.cumsum(queries)])
    enters = _first_query(spans[:, 1], keys)
    leaves = np.minimum(_first_query(spans[:, 0], keys), np.maximum(expiry.astype(np.int64) - first, 0))
    return np.maximum(counts[np.minimum(leaves, len(queries))] - counts[enters], 0)


def _first_query(edge: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The first query whose span's edge lies past each key; the number of queries for none. Edges never go back."""
    return np.searchsorted(edge, keys, side="right")


def overlaps(spans: np.ndarray, length: int) -> np.ndarray:
    """How many spans [first, one past the last) hold each position? int [position]."""
    steps = np.zeros(length + 1, dtype=np.int64)
    np.add.at(steps, spans[:, 0], 1)
    np.add.at(steps, spans[:, 1], -1)
    return np.cumsum(steps)[:-1]
