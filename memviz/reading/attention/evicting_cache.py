"""A KV cache that lets keys go: what an `Eviction` says of a text that is read, done while a text is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from memviz.memory import Eviction


class EvictingCache(Cache):
    """Keys and values of every layer, without those that the ``eviction`` has let go. Positions stay what they were."""

    def __init__(self, eviction: Eviction, layers: int) -> None:
        self._evicting = [EvictingLayer(eviction, layer) for layer in range(layers)]
        super().__init__(layers=list(self._evicting))

    def positions(self, layer: int) -> np.ndarray:
        """Where in the text did the keys of a layer stand that the latest step read? int64 [key]."""
        return self._evicting[layer].positions


class EvictingLayer(DynamicLayer):
    """One layer of it.

    positions   int64 [key]: where in the text the keys of the latest step stood
    """

    def __init__(self, eviction: Eviction, layer: int) -> None:
        super().__init__()
        self.eviction = eviction
        self.layer = layer
        self.seen = 0
        self.positions = np.zeros(0, dtype=np.int64)
        self._stored = np.zeros(0, dtype=np.int64)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Takes in the keys and values of a step; gives those that its queries read. What goes after it is let go."""
        keys, values = super().update(key_states, value_states, *args, **kwargs)
        new = key_states.shape[-2]
        self.positions = np.concatenate([self._stored, np.arange(self.seen, self.seen + new)])
        self.seen += new
        expiry = self.eviction.expiry(self.seen)
        stay = expiry[min(self.layer, len(expiry) - 1), 0][self.positions] > self.seen  # of the query that comes next
        self._stored = self.positions[stay]
        if not stay.all():
            index = torch.from_numpy(np.flatnonzero(stay)).to(keys.device)
            self.keys, self.values = keys.index_select(-2, index), values.index_select(-2, index)
        return keys, values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(how many keys the next queries read, how many went before them): none of those that stay is hidden."""
        return len(self._stored) + query_length, self.seen - len(self._stored)

    def get_seq_length(self) -> int:
        """How many tokens it has seen, those that it let go included: positions go on from there."""
        return self.seen
