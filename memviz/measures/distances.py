"""How far back the model looks, against what chance would give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memviz.measures.registry import measure
from memviz.memory import EdgeMask, Memory, heads_by_mask


@measure(
    "Attention by distance, over the uniform baseline",
    group="forget",
    unit="× uniform",
    axes=("layer", "head", "distance"),
    formula=r"\frac{D(\delta)}{U(\delta)}, \quad D(\delta) = \operatorname{mean}_{|i-j|=\delta,\; j>0} a_{ij}, \quad "
    r"U(\delta) = \operatorname{mean}_{|i-j|=\delta,\; j>0} \frac{1}{|\text{visible}_i|}, \quad "
    r"j \text{ visible to } i",
    source="Vig & Belinkov 2019, Analyzing the Structure of Attention; the baseline is MemViz's",
    caveat="Looking back further than chance is not remembering more; and the first token is left out, as attention "
    "often rests on it.",
)
def distance(memory: Memory) -> np.ndarray:
    """Does each head look this far back more than chance would?

    float32 [layer, head, distance] for distances 0 to n − 1 (looking back; in an encoder also
    forward, by absolute distance). 1 is a uniform look. The first key is left out, as attention
    often rests on it; NaN where no pair of tokens is that far apart.
    """
    memory.require_line("Attention by distance")
    total, expected = _sums(memory)
    return np.divide(total, expected, out=np.full_like(total, np.nan), where=expected > 0)


@measure(
    "Mean distance",
    group="forget",
    unit="tokens",
    axes=("layer", "head"),
    formula=r"\frac{1}{n} \sum_{ij} a_{ij}\, |i - j|",
    source="Vig & Belinkov 2019, Analyzing the Structure of Attention in a Transformer Language Model",
    caveat="A head that rests on the first token has a long mean distance without remembering anything.",
)
def mean_distance(memory: Memory) -> np.ndarray:
    """How far away does each head look on average?

    float32 [layer, head], in tokens, the first token included.
    """
    memory.require_line("Mean distance")
    keys = len(memory.keys)
    apart = np.abs(np.arange(memory.summary.distance.shape[-1]) - (keys - 1)).astype(np.float32)
    return memory.summary.distance @ apart / np.float32(len(memory.queries))


@measure(
    "Span",
    group="forget",
    unit="tokens",
    axes=("layer", "head"),
    formula=r"\min \{ d : \sum_{|i-j| \le d,\; j>0} a_{ij} \ge \tfrac12 \sum_{ij,\; j>0} a_{ij} \}",
    source="MemViz; the median of the look-back distance, after Vig & Belinkov 2019",
    caveat="How far a head looks, not how far back the text still changes what the model says.",
)
def span(memory: Memory, share: float = 0.5) -> np.ndarray:
    """Within how many tokens does each head find half of what it looks at?

    float32 [layer, head], in tokens: the smallest distance that holds ``share`` of the weight,
    the first token left out. NaN for a head that looks at nothing but the first token.
    """
    memory.require_line("Span")
    total, _ = _sums(memory)
    reached = np.cumsum(total, axis=-1)
    whole = reached[..., -1:]
    within = (reached >= share * whole - 1e-6).argmax(-1).astype(np.float32)
    return np.where(whole[..., 0] > 1e-6, within, np.nan).astype(np.float32)


def baseline(memory: Memory, layer: int, head: int = 0) -> np.ndarray:
    """What weight would a uniform look give at each distance? float32 [distance], NaN where there is no pair.

    The mean of 1 / (number of keys a query sees) over all pairs that far apart, the first key left out. The heads of
    a layer differ only in what they forget.
    """
    sums, pairs = _uniform(memory, layer, memory.edge_mask(layer, head))
    return np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0)


def pairs_by_distance(memory: Memory, layer: int, head: int = 0) -> np.ndarray:
    """How many pairs of a query and a key it sees are this far apart? float32 [distance], the first key left out."""
    return _uniform(memory, layer, memory.edge_mask(layer, head))[1]


def _sums(memory: Memory) -> tuple[np.ndarray, np.ndarray]:
    """(sums of weights, sums of uniform weights) by absolute distance, first key left out: [layer, head, distance]."""
    keys = len(memory.keys)
    signed = memory.summary.distance.copy()
    queries = np.arange(len(memory.queries))
    signed[:, :, queries + keys - 1] -= memory.summary.first
    total = signed[:, :, keys - 1 :].copy()
    total[:, :, 1:keys] += signed[:, :, : keys - 1][:, :, ::-1]
    expected = np.stack([_expected(memory, layer) for layer in range(memory.layers)])
    # a sum from which the first key was taken away again keeps its rounding: what is below that is nothing
    total[np.abs(total) < 1e-6] = 0.0
    return total.clip(min=0), expected


def _expected(memory: Memory, layer: int) -> np.ndarray:
    """Sums of uniform weights in every head of a layer: float32 [head, distance]; counted once for heads alike."""
    expected = np.tile(_uniform(memory, layer, None)[0], (memory.heads, 1))
    masks = [memory.edge_mask(layer, head) for head in range(memory.heads)]
    for mask, heads in heads_by_mask(masks):
        expected[heads] = _uniform(memory, layer, mask)[0]
    return expected


def _uniform(memory: Memory, layer: int, mask: EdgeMask | None) -> tuple[np.ndarray, np.ndarray]:
    """(sum of 1 / keys seen, number of pairs) by absolute distance, first key left out: float32 [distance]."""
    rows = len(memory.queries)
    visible = memory.visible(layer)
    share = 1.0 / (visible[:, 1] - visible[:, 0] if mask is None else mask.keys_left(visible))
    first = np.maximum(visible[:, 0], 1)
    steps = np.zeros((2, rows + 1))  # of both, where they rise and fall
    amounts = np.stack([share, np.ones(rows)])
    query = np.arange(rows)
    stretches = [
        (1.0, query - np.minimum(visible[:, 1] - 1, query), query - first),  # looking back, itself included
        (1.0, np.maximum(first - query, 1), visible[:, 1] - 1 - query),  # looking forward
    ]
    if mask is not None:
        stretches += [(-1.0, low, high) for low, high in _cut_distances(mask, visible)]
    for sign, low, high in stretches:
        some = high >= low
        for step, amount in zip(steps, sign * amounts, strict=True):
            np.add.at(step, low[some], amount[some])
            np.add.at(step, high[some] + 1, -amount[some])
    sums, pairs = np.cumsum(steps, axis=1)[:, :-1]
    counted = np.round(pairs)
    return np.where(counted > 0, sums, 0.0).astype(np.float32), counted.astype(np.float32)


def _cut_distances(mask: EdgeMask, visible: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """At which distances does each query lose a key that it would see, the first key left out?

    Stretches (from [query], to [query]), empty where to < from: for keys that are gone from the start, one by one; for
    keys that leave, together where neighbours stay as long.
    """
    query = np.arange(len(visible))
    nothing = np.full(len(visible), -1)
    for queries, expiry in mask.groups:
        for key in np.flatnonzero(expiry[1:] == 0) + 1:
            losing = queries & (visible[:, 0] <= key) & (key < visible[:, 1])
            yield np.where(losing, np.abs(query - key), 0), np.where(losing, np.abs(query - key), nothing)
        leaving = np.flatnonzero((expiry > 0) & (expiry < len(visible)))
        leaving = leaving[leaving > 0]
        stays = expiry[leaving] - leaving
        ends = np.flatnonzero((np.diff(leaving) != 1) | (np.diff(stays) != 0)) + 1
        for run in np.split(leaving, ends) if len(leaving) else ():
            low = np.maximum(expiry[run[0]] - run[0], query - run[-1])
            high = query - np.maximum(run[0], visible[:, 0])
            yield low.clip(min=0), np.where(queries, high, nothing)
