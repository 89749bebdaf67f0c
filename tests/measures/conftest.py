"""Memories of every kind that a measure may meet."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import LONG, PLAIN, REPEATED, drawn, given, shift, uniform

from memviz.memory import Memory

MEMORIES = {
    "causal": lambda: drawn(PLAIN),
    "encoder": lambda: drawn(LONG, causal=False, seed=1),
    "window": lambda: drawn(PLAIN, window=4, seed=2),
    "encoder window": lambda: drawn(LONG, causal=False, window=3, seed=3),
    "sinks": lambda: drawn(PLAIN, sink=True, seed=4),
    "decoder": lambda: drawn(PLAIN, kind="decoder", seed=5),
    "cross": lambda: drawn(PLAIN, kind="cross", keys=LONG, causal=False, seed=6),
    "dense": lambda: given(np.stack([np.stack([uniform(10), shift(10, 1), shift(10, 2)])] * 2), REPEATED),
    "one token": lambda: drawn("Hello", seed=7),
    "one token repeated": lambda: drawn("ha " * 9, seed=8),
}


@pytest.fixture(params=MEMORIES)
def memory(request: pytest.FixtureRequest) -> Memory:
    """One memory of every kind."""
    return MEMORIES[request.param]()
