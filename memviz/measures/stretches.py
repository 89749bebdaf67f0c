"""How much of the attention of some tokens goes to stretches of the text, such as its sentences?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memviz.memory import Memory


def attention_to_stretches(
    memory: Memory, queries: Sequence[int], stretches: Sequence[Sequence[int]], *, without: Sequence[int] = ()
) -> np.ndarray:
    """Which share of their attention do the ``queries`` put on each stretch, in every head?

    float32 [layer, head, stretch], 0..1: the weights of a row summed over the keys of a stretch, averaged over the rows
    of the ``queries``; ``stretches`` are lists of positions. ``without`` are keys that do not count, such as attention
    sinks; nothing is renormalised. A long stretch gets more than a short one from a head that looks everywhere.

    Raises `TraceError` for positions that are not there.
    """
    removed = set(without)
    keys = [[key for key in stretch if key not in removed] for stretch in stretches]
    shares = np.zeros((memory.layers, memory.heads, len(keys)), dtype=np.float32)
    for layer in range(memory.layers):
        for head in range(memory.heads):
            rows = memory.pattern(layer, head, rows=list(queries))
            shares[layer, head] = [rows[:, stretch].sum(axis=1).mean() if stretch else 0.0 for stretch in keys]
    return shares
