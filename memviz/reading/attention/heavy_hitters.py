"""Which keys does a cache let go that keeps what was looked at most? Decided while reading, query by query (H2O).

The scores of a block of queries are one product. What goes after each query depends on the one before, and is worked
out on nothing but the keys that are still there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from memviz.memory import Eviction
from memviz.memory.edges import NEVER
from memviz.reading.attention.attention_function import AttentionCall, block_scores, blocks

UNDERFLOW = 60.0  # e^−60 of the strongest score: what little is left below would not be exact in float32


class HeavyHitters:
    """The keys of one layer, and what they have collected so far; see `Eviction.heavy_hitters`.

    A text may come in one call, or step by step: what was decided stays.
    """

    def __init__(self, eviction: Eviction) -> None:
        if eviction.recent is None or eviction.budget is None:
            raise ValueError(f"{eviction} does not follow the attention")
        self._first, self._recent = eviction.first, eviction.recent
        self._room = eviction.first + eviction.recent + eviction.budget
        self._sums = np.zeros((0, 0))
        self._expiry = np.zeros((0, 0), dtype=np.int32)

    def expiry(self, call: AttentionCall, *, first: int = 0, positions: np.ndarray | None = None) -> np.ndarray:
        """From which query on is each key gone? int32 [key-value head, position], up to the latest query's own.

        The ``call`` sees every key that the eviction has not let go before. ``first`` is the position of its first
        query; ``positions`` int64 [key-value head or 1, key] say where its keys stand, where some between are gone.
        """
        kv_heads, rows = len(call.key), call.query.shape[1]
        length = first + rows
        if first == 0:
            self._sums, self._expiry = np.zeros((kv_heads, 0)), np.zeros((kv_heads, 0), dtype=np.int32)
        new = length - self._sums.shape[1]
        self._sums = np.concatenate([self._sums, np.zeros((kv_heads, new))], axis=1)
        self._expiry = np.concatenate([self._expiry, np.full((kv_heads, new), NEVER, dtype=np.int32)], axis=1)
        if positions is None:
            positions = np.arange(length)[None]
        positions = np.broadcast_to(positions, (kv_heads, positions.shape[1]))
        before = positions.shape[1] - rows  # keys that stood there before the first query came
        visible = call.visible.cpu().numpy()
        ranges = list(blocks(rows, 1))
        most = len(call.query) * max(stop - start for start, stop in ranges) * positions.shape[1]
        buffer = torch.empty(most, dtype=torch.float32, device=call.query.device)
        for start, stop in ranges:
            there = positions[:, : before + stop]
            alive = np.take_along_axis(self._expiry, there, axis=1) > first + start
            places = np.nonzero(alive)[1].reshape(kv_heads, -1)  # as many in every head
            scores = _scores_of_keys(call, visible, buffer, (start, stop), places)
            self._read(scores, call.sink, first + start, np.take_along_axis(there, places, axis=1))
        return self._expiry

    def _read(self, scores: Tensor, sink: Tensor | None, first: int, positions: np.ndarray) -> None:
        """Takes in a block of ``scores`` [key-value head, group, query, key]; ``first`` is its first query."""
        kv_heads, _, rows, keys = scores.shape
        front = 0 if sink is None else 1  # a column of the sink's, which is no key
        if sink is not None:
            column = sink.float().view(kv_heads, -1, 1, 1).expand(-1, -1, rows, 1)
            scores = torch.cat([column, scores], dim=3)
        own = front + keys - rows  # the column of the first query's own key
        shares, risky = _shares(scores, own)
        free = min(max(self._room - 1 - first, 0), rows)  # so many queries come before anything has to go
        sums = np.zeros((kv_heads, front + keys))
        sums[:, front:] = np.take_along_axis(self._sums, positions, axis=1)
        if free:
            early = shares[:, :, :free].reshape(kv_heads, -1, front + keys)
            sums += np.matmul(1 / early.sum(axis=-1)[:, None], early)[:, 0]
        alive = np.ones((kv_heads, front + keys, 1), dtype=np.float32)
        heads, low, high = np.arange(kv_heads), front + self._first, own + 2 - self._recent
        victims = np.empty((rows, kv_heads), dtype=np.int64)
        for row in range(free, rows):
            share = shares[:, :, row]
            if risky[row]:
                share = _softmax(scores[:, :, row], alive[..., 0], own + row + 1)
            total = share @ alive  # later keys have no share
            sums += np.matmul((1 / total).swapaxes(1, 2), share)[:, 0]
            least = sums[:, low : high + row].argmin(axis=1)
            least += low
            sums[heads, least] = np.inf
            alive[heads, least] = 0
            victims[row] = least
        np.put_along_axis(self._sums, positions, sums[:, front:], axis=1)
        late = np.arange(free, rows)
        self._expiry[heads, positions[heads, victims[late] - front]] = first + late[:, None] + 1


def _scores_of_keys(
    call: AttentionCall, visible: np.ndarray, buffer: Tensor, rows: tuple[int, int], places: np.ndarray
) -> Tensor:
    """The scores of a block of queries and the keys at these ``places`` [key-value head, key], of the ``call``'s.

    float32 [key-value head, group, query, key], in ``buffer``. The last keys are the queries' own.
    """
    (start, stop), (kv_heads, keys) = rows, places.shape
    index = torch.from_numpy(places).to(call.query.device)
    last = int(places[0, -1]) + 1
    if call.bias is None and call.cut is None and not visible[start:stop, 0].any():
        key = call.key.gather(1, index[..., None].expand(-1, -1, call.key.shape[2]))
        left = replace(call, query=call.query[:, start:stop], key=key)
        own = np.arange(keys - (stop - start), keys)
        spans = np.stack([np.zeros_like(own), own + 1], axis=1)
        return block_scores(left, spans, buffer, (0, stop - start, 0, keys)).view(kv_heads, -1, stop - start, keys)
    scores = block_scores(call, visible, buffer, (start, stop, 0, last)).view(kv_heads, -1, stop - start, last)
    if keys == last:
        return scores
    return scores.gather(3, index[:, None, None].expand(-1, *scores.shape[1:3], -1))


def _shares(scores: Tensor, own: int) -> tuple[np.ndarray, np.ndarray]:
    """(e^(score − the row's largest) float32, for which queries that is not exact once others are gone bool [query]).

    A query's own key, from the column ``own`` on, never goes before the next query: it shows how little may be left.
    """
    peak = scores.amax(dim=-1, keepdim=True)
    certain = torch.diagonal(scores[..., own:], dim1=2, dim2=3)  # [key-value head, group, query]
    risky = (peak[..., 0] - certain > UNDERFLOW).any(dim=1).any(dim=0)
    shares = scores - peak if bool(risky.any()) else scores.sub_(peak)  # the scores are needed again
    return shares.exp_().cpu().numpy(), risky.cpu().numpy()


def _softmax(scores: Tensor, alive: np.ndarray, end: int) -> np.ndarray:
    """The weights of one query on the keys that are ``alive`` before the column ``end``, the others 0."""
    there = torch.from_numpy(alive[:, None] > 0).to(scores.device)
    there = there & (torch.arange(scores.shape[-1], device=scores.device) < end)
    return scores.masked_fill(~there, -torch.inf).softmax(dim=-1).cpu().numpy()
