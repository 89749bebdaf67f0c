"""A KV cache that lets keys go: what an `Eviction` says of a text that is read, done while a text is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer


class EvictingCache(Cache):
    """Keys and values of every layer, without those that were let go. Positions stay what they were."""

    def __init__(self, layers: int) -> None:
        self._evicting = [EvictingLayer() for _ in range(layers)]
        super().__init__(layers=list(self._evicting))

    def positions(self, layer: int) -> np.ndarray:
        """Where in the text do the keys of a layer stand? int64 [key-value head or 1, key]; all of them end alike."""
        return self._evicting[layer].positions

    def evict(self, layer: int, expiry: np.ndarray) -> None:
        """Lets the keys of a layer go that the next query does not see any more.

        ``expiry`` is int32 [key-value head or 1, position], of as many keys for each head.
        """
        self._evicting[layer].evict(expiry)


class EvictingLayer(DynamicLayer):
    """One layer of it.

    positions   int64 [key-value head or 1, key]: where in the text its keys stand
    seen        how many tokens it has seen, those that it let go included
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.positions = np.zeros((1, 0), dtype=np.int64)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Takes in the keys and values of a step; gives those that its queries read."""
        new = np.arange(self.seen, self.seen + key_states.shape[-2])
        self.positions = np.concatenate([self.positions, np.tile(new, (len(self.positions), 1))], axis=1)
        self.seen += len(new)
        return super().update(key_states, value_states, *args, **kwargs)

    def evict(self, expiry: np.ndarray) -> None:
        """Lets go what is gone for the next query; see `EvictingCache.evict`."""
        heads = max(len(expiry), len(self.positions))
        positions = np.broadcast_to(self.positions, (heads, self.positions.shape[1]))
        stay = np.take_along_axis(np.broadcast_to(expiry, (heads, expiry.shape[1])), positions, axis=1) > self.seen
        if stay.all():
            return
        places = np.nonzero(stay)[1].reshape(heads, -1)
        self.positions = np.take_along_axis(positions, places, axis=1)
        assert self.keys is not None
        assert self.values is not None
        index = torch.from_numpy(places).to(self.keys.device)[None, :, :, None]
        self.keys, self.values = (
            states.gather(2, index.expand(len(states), states.shape[1], -1, states.shape[3]))
            for states in (self.keys, self.values)
        )

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(how many keys the next queries read, how many went before them): none of those that stay is hidden."""
        stored = self.positions.shape[1]
        return stored + query_length, self.seen - stored

    def get_seq_length(self) -> int:
        """How many tokens it has seen, those that it let go included: positions go on from there."""
        return self.seen
