"""What was measured of every head while the model was reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from memviz.memory.kinds import Kind
from memviz.memory.scores import read_only

THUMBNAIL = 32  # cells along a side, at most


def thumbnail_cell(queries: int, keys: int) -> tuple[int, int]:
    """How many ``queries`` and how many ``keys``, of so many, share one cell of a thumbnail?"""
    return max(1, -(-queries // THUMBNAIL)), max(1, -(-keys // THUMBNAIL))


@dataclass(frozen=True, eq=False)
class LayersRead:
    """The layers that a reading has just finished, while it goes on.

    kind         of which memory
    first        the first of these layers
    count        how many layers the memory will have
    thumbnails   of theirs, uint8 [layer, head, ≤32, ≤32], as in `Summary`
    """

    kind: Kind
    first: int
    count: int
    thumbnails: np.ndarray


OnLayers = Callable[[LayersRead], None]


@dataclass(frozen=True, eq=False)
class Summary:
    """What was measured of every head while the model was reading; linear in the text.

    mass         [layer, head, key]      sum of the weights a key got from all queries
    entropy      [layer, head, query]    −Σ a ln a, in nats
    normaliser   [layer, head, query]    log of the softmax denominator
    first        [layer, head, query]    weight on the first key
    top_key      [layer, head, query]    the key looked at hardest, special tokens left out (−1: none)
    top_weight   [layer, head, query]    its weight
    distance     [layer, head, query + key − 1]  sum of weights by distance (query − key, from −(key − 1));
                                         empty for cross-attention, where distance means nothing
    duplicate    [layer, head]           mean weight on earlier copies of the same token
    induction    [layer, head]           mean weight on the tokens that came after earlier copies
    repeats      int                     how many queries have an earlier copy
    value_norm   [layer, head, key]      ‖value · W_O‖, what a full weight on this key would write;
                                         empty where the output projection is not known
    value_dots   [layer, head, pair]     the product of what two pieces of one word would write, in the order of
                                         `memviz.tokens.word_pairs`; empty where the output projection is not known,
                                         or in a file from before it was kept
    thumbnail    uint8 [layer, head, ≤32, ≤32]   255 · √weight, max-pooled over `thumbnail_cell`
    """

    mass: np.ndarray
    entropy: np.ndarray
    normaliser: np.ndarray
    first: np.ndarray
    top_key: np.ndarray
    top_weight: np.ndarray
    distance: np.ndarray
    duplicate: np.ndarray
    induction: np.ndarray
    repeats: int
    value_norm: np.ndarray
    thumbnail: np.ndarray
    value_dots: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __post_init__(self) -> None:
        if not self.value_dots.size:
            nothing = read_only(np.zeros((*self.duplicate.shape, 0), dtype=np.float32))
            object.__setattr__(self, "value_dots", nothing)
