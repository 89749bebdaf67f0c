"""Attention by distance as it is drawn: far distances together, and how many pairs of tokens each is a mean of."""

from __future__ import annotations

import numpy as np

from memviz import measures
from memviz.memory import Memory

FEW = 5  # pairs of tokens; with fewer, a mean says little
EXACT = 64  # distances drawn one by one; beyond them neighbours share a point
POINTS = 120  # for all distances beyond


def pairs_by_distance(memory: Memory, head: int | None) -> np.ndarray:
    """How many pairs of tokens are this far apart, in the layer and head where they are most? [distance]."""
    heads = range(memory.heads) if head is None and memory.forget is not None else (head or 0,)
    return np.maximum.reduce(
        [measures.pairs_by_distance(memory, index, each) for index in range(memory.layers) for each in heads]
    )


def group_distances(ratios: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(distances, ratios, pairs) with neighbouring far distances averaged, each weighted by its pairs."""
    used = int(np.flatnonzero(pairs)[-1]) + 1 if pairs.any() else 0
    ratios, pairs = ratios[..., :used], pairs[:used]
    if used <= EXACT:
        return np.arange(1, used + 1), ratios, pairs
    starts = np.unique(np.concatenate([np.arange(EXACT), np.geomspace(EXACT, used, POINTS + 1)[:-1].astype(int)]))
    weights = np.isfinite(ratios) * pairs
    sums = np.add.reduceat(np.nan_to_num(ratios) * pairs, starts, axis=-1)
    weight = np.add.reduceat(weights, starts, axis=-1)
    out = np.divide(sums, weight, out=np.full_like(sums, np.nan), where=weight > 0)
    ends = np.append(starts[1:], used)
    return (starts + ends + 1) // 2, out, np.add.reduceat(pairs, starts)


def mean_over_heads(ratios: np.ndarray, layer: int | None, head: int | None) -> np.ndarray:
    """The mean over the heads that are shown: [distance], NaN where nothing is known."""
    part = ratios if layer is None else ratios[layer : layer + 1]
    part = part if head is None else part[:, head : head + 1]
    return measures.known_mean(part, axis=(0, 1))
