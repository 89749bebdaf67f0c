"""Which units of a source collect attention from everywhere?"""

from __future__ import annotations

import numpy as np

from memviz.measures.weights import received
from memviz.memory import Memory

COLLECTS = 8.0  # times the even share, from which on a unit is said to collect attention


def times_even(memory: Memory) -> np.ndarray:
    """How many times an even share of the attention does each unit get? Float64 [layer, key].

    The weight that a key receives, on average over all queries and heads of a layer, times the number of keys: 1 for
    each where all look evenly. Darcet et al. 2023, Vision Transformers Need Registers, found patches of the background
    that collect much of it; in other models [CLS] does.
    """
    collected: np.ndarray = received(memory).astype(np.float64).mean(axis=1) * len(memory.keys)
    return collected
