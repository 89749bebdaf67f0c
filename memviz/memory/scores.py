"""What one layer keeps, and how its patterns are rebuilt from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz.memory.places import is_all


def read_only(array: np.ndarray) -> np.ndarray:
    """The same ``array``, read-only."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Scores:
    """What one layer needs to rebuild any of its patterns.

    query    float32 [head, query, dim]
    key      float32 [key-value head, key, dim]; head h reads key-value head h // groups
    scale    what the dot product is multiplied by
    visible  int32 [query, 2]: the first key a query may see, and one past the last
    bias     float32 [head or 1, query + key - 1], added to the scores by distance (key - query,
             from -(query - 1)), or [head or 1, query, key]; ``None`` for none
    softcap  scores become ``softcap * tanh(score / softcap)``; ``None`` for none
    sink     float32 [head]: a logit that takes part in the softmax and belongs to no token
    """

    query: np.ndarray
    key: np.ndarray
    scale: float
    visible: np.ndarray
    bias: np.ndarray | None = None
    softcap: float | None = None
    sink: np.ndarray | None = None

    @property
    def groups(self) -> int:
        """How many heads share one key-value head."""
        return self.query.shape[0] // self.key.shape[0]

    def logits(self, head: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Scores of the queries ``rows`` and the keys ``cols`` before the softmax, −inf where a query may not look.

        float32 [query, key].
        """
        query, key = self.query[head], self.key[head // self.groups]
        query = query if is_all(rows, len(query)) else query[rows]
        key = key if is_all(cols, len(key)) else key[cols]
        scores = (query * np.float32(self.scale)) @ key.T
        if self.softcap is not None:
            scores = np.tanh(scores / self.softcap) * np.float32(self.softcap)
        if self.bias is not None:
            scores += self._bias(head, rows[:, None], cols[None, :])
        visible = self.visible[rows]
        if (visible[:, 0] > cols.min()).any() or (visible[:, 1] <= cols.max()).any():
            hidden = (cols < visible[:, :1]) | (cols >= visible[:, 1:])
            scores[hidden] = -np.inf
        return scores

    def at(self, head: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Scores of single edges, ``queries[k]`` → ``keys[k]``: float32 [edge]."""
        query, key = self.query[head][queries], self.key[head // self.groups][keys]
        scores = np.einsum("kd,kd->k", query, key) * np.float32(self.scale)
        if self.softcap is not None:
            scores = np.tanh(scores / self.softcap) * np.float32(self.softcap)
        if self.bias is not None:
            scores += self._bias(head, queries, keys)
        hidden = (keys < self.visible[queries, 0]) | (keys >= self.visible[queries, 1])
        scores[hidden] = -np.inf
        return scores

    def _bias(self, head: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        assert self.bias is not None
        bias = self.bias[head % self.bias.shape[0]]
        return bias[cols - rows + self.query.shape[1] - 1] if bias.ndim == 1 else bias[rows, cols]

    def weights(self, head: int, rows: np.ndarray, *, cut: np.ndarray | None = None) -> np.ndarray:
        """Softmax over all keys of the scores of the queries ``rows``: float32 [query, key].

        ``cut`` is bool [query, key]: edges that are forgotten. A sink takes its share of every row.
        """
        weights = self.logits(head, rows, np.arange(self.key.shape[1]))
        if cut is not None:
            weights[cut] = -np.inf
        peak = weights.max(axis=1, keepdims=True)
        if self.sink is not None:
            peak = np.maximum(peak, self.sink[head])
        np.subtract(weights, peak, out=weights)
        np.exp(weights, out=weights)
        total = weights.sum(axis=1, keepdims=True)
        if self.sink is not None:
            total = total + np.exp(self.sink[head] - peak)
        weights /= total
        return weights
