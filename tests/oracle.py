"""What a memory must hold, worked out the slow and obvious way in double precision, apart from MemViz's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memviz.memory import Eviction, Forget, Memory, Scores, Summary, read_only
from memviz.tokens import Token

CELLS = 32  # a thumbnail has at most so many along a side


# -- weights ------------------------------------------------------------------------------------------


def allowed(
    visible: np.ndarray,
    cols: int,
    *,
    heads: int,
    layer: int = 0,
    forget: Forget | None = None,
    eviction: Eviction | None = None,
) -> np.ndarray:
    """Which keys may each query see in this layer? bool [head, query, key]. One with nothing left keeps what it has."""
    key = np.arange(cols)
    mask = np.tile((key >= visible[:, :1]) & (key < visible[:, 1:]), (heads, 1, 1))
    if eviction is not None and eviction.recent is not None:
        for query in range(len(visible)):
            for place in range(eviction.first, cols):
                mask[:, query, place] &= query < place + eviction.recent
    left = mask.copy()
    for member in () if forget is None else (replace(forget, also=()), *forget.also):
        if member.layers is None or layer in member.layers:
            for head in range(heads) if member.heads is None else member.heads:
                for query in range(len(visible)) if member.queries is None else member.queries:
                    left[head, query, list(member.keys)] = False
    return np.where(left.any(axis=2, keepdims=True), left, mask)


def logits(scores: Scores, mask: np.ndarray) -> np.ndarray:
    """Scores before the softmax, float64 [head, query, key]; −inf where ``mask`` [head, query, key] forbids."""
    heads, rows, cols = mask.shape
    out = np.full(mask.shape, -np.inf)
    distance = np.subtract.outer(np.arange(rows), np.arange(cols))
    for head in range(heads):
        key = scores.key[head * len(scores.key) // heads].astype(np.float64)
        score = scores.query[head].astype(np.float64) @ key.T * scores.scale
        if scores.softcap is not None:
            score = scores.softcap * np.tanh(score / scores.softcap)
        if scores.bias is not None:
            bias = scores.bias[head if len(scores.bias) > 1 else 0]
            score = score + (bias if bias.ndim == 2 else bias[rows - 1 - distance])
        out[head][mask[head]] = score[mask[head]]
    return out


def softmax(scores: Scores, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(weights [head, query, key], log of the denominators [head, query]); a sink's logit takes its share."""
    powers = np.exp(logits(scores, mask))
    total = powers.sum(axis=2)
    if scores.sink is not None:
        total = total + np.exp(scores.sink.astype(np.float64))[:, None]
    return powers / total[..., None], np.log(total)


# -- the summary --------------------------------------------------------------------------------------


def mass(weights: np.ndarray) -> np.ndarray:
    """[layer, head, key]: what each key got from all queries."""
    return weights.sum(axis=-2)


def entropy(weights: np.ndarray) -> np.ndarray:
    """[layer, head, query], in nats."""
    exact = weights.astype(np.float64)
    return -(exact * np.log(np.where(exact > 0, exact, 1.0))).sum(axis=-1)


def without_special(weights: np.ndarray, keys: Sequence[Token]) -> np.ndarray:
    """The same weights, 0 on special keys, or on the first key where none is special."""
    others = weights.copy()
    others[..., [n for n, token in enumerate(keys) if token.special] or [0]] = 0.0
    return others


def distance(weights: np.ndarray) -> np.ndarray:
    """[layer, head, query + key − 1]: the sums of the diagonals, from the key farthest ahead to the farthest back."""
    rows, cols = weights.shape[-2:]
    return np.stack([np.trace(weights, -away, -2, -1) for away in range(1 - cols, rows)], axis=-1)


def repeats(weights: np.ndarray, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray, int]:
    """(duplicate, induction) [layer, head], and how many tokens have an earlier copy."""
    same = np.equal.outer(ids, ids)
    copies = np.tril(same, -1)  # [query, key]: the key is an earlier copy of the query
    successors = np.tril(np.roll(same, 1, axis=1), -1)  # … or the token after an earlier copy
    successors[:, 0] = False
    count = int(copies.any(axis=1).sum())
    sums = [(weights * edges).sum(axis=(-1, -2)) / max(count, 1) for edges in (copies, successors)]
    return sums[0], sums[1], count


def thumbnail(weights: np.ndarray) -> np.ndarray:
    """[layer, head, ≤32, ≤32]: 255 · √ of the largest weight of every cell."""
    layers, heads, rows, cols = weights.shape
    tall, wide = max(1, -(-rows // CELLS)), max(1, -(-cols // CELLS))
    out = np.zeros((layers, heads, -(-rows // tall), -(-cols // wide)))
    for down in range(out.shape[2]):
        for across in range(out.shape[3]):
            cell = weights[..., down * tall : (down + 1) * tall, across * wide : (across + 1) * wide]
            out[..., down, across] = cell.max(axis=(-2, -1))
    return np.round(np.sqrt(out) * 255)


def summary_of(
    weights: np.ndarray,
    keys: Sequence[Token],
    *,
    cross: bool,
    value_norm: np.ndarray | None = None,
    normaliser: np.ndarray | None = None,
) -> Summary:
    """The summary of these weights [layer, head, query, key]; what they do not tell is NaN or empty.

    ``cross``: queries and keys are two sources, or stand in a grid, so that nothing is far from anything.
    """
    weights = weights.astype(np.float64)
    layers, heads, rows, _ = weights.shape
    others = without_special(weights, keys)
    tokens = not cross and isinstance(keys[0], Token)
    duplicate, induction, count = repeats(weights, [token.id for token in keys]) if tokens else (None, None, 0)
    real = {
        "mass": mass(weights),
        "entropy": entropy(weights),
        "normaliser": np.full((layers, heads, rows), np.nan) if normaliser is None else normaliser,
        "first": weights[..., 0],
        "top_weight": others.max(axis=3),
        "distance": np.zeros((layers, heads, 0)) if cross else distance(weights),
        "duplicate": duplicate if tokens else np.zeros((layers, heads)),
        "induction": induction if tokens else np.zeros((layers, heads)),
        "value_norm": np.zeros((layers, heads, 0)) if value_norm is None else value_norm,
    }
    return Summary(
        **{name: read_only(np.ascontiguousarray(array, dtype=np.float32)) for name, array in real.items()},
        top_key=read_only(np.where(others.max(axis=3) > 0, others.argmax(axis=3), -1).astype(np.int32)),
        repeats=count,
        thumbnail=read_only(thumbnail(weights).astype(np.uint8)),
    )


def check_summary(memory: Memory, weights: np.ndarray, *, cut: np.ndarray | None = None) -> None:
    """The memory's summary equals what its weights say; ``cut`` are the forgotten edges [layer, head, query, key]."""
    summary, wanted = memory.summary, summary_of(weights, memory.keys, cross=memory.geometry != "line")
    close = {"rtol": 0, "atol": 2e-5}
    np.testing.assert_allclose(summary.mass, wanted.mass, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(summary.entropy, wanted.entropy, rtol=0, atol=2e-4)
    np.testing.assert_allclose(summary.first, wanted.first, **close)
    np.testing.assert_allclose(summary.top_weight, wanted.top_weight, **close)
    _check_top_key(memory, weights)
    assert summary.thumbnail.dtype == np.uint8
    assert summary.thumbnail.shape == wanted.thumbnail.shape
    assert np.abs(summary.thumbnail.astype(int) - wanted.thumbnail).max() <= 1
    np.testing.assert_allclose(summary.distance, wanted.distance, rtol=1e-4, atol=1e-4)
    assert summary.repeats == wanted.repeats
    np.testing.assert_allclose(summary.duplicate, wanted.duplicate, **close)
    np.testing.assert_allclose(summary.induction, wanted.induction, **close)
    for layer, scores in enumerate(memory.scores):
        mask = allowed(scores.visible, len(memory.keys), heads=memory.heads)
        if cut is not None:
            mask &= ~cut[layer]
        np.testing.assert_allclose(summary.normaliser[layer], softmax(scores, mask)[1], rtol=0, atol=1e-4)


def _check_top_key(memory: Memory, weights: np.ndarray) -> None:
    """Two keys can be equally strong up to rounding, so the weight of the key that was named is what counts."""
    keys, best = memory.summary.top_key, without_special(weights, memory.keys).max(axis=-1)
    assert (keys[best > 1e-6] >= 0).all()
    assert (keys[memory.summary.top_weight == 0] == -1).all()
    named = np.take_along_axis(weights, np.maximum(keys, 0)[..., None].astype(np.int64), axis=-1)[..., 0]
    np.testing.assert_allclose(named[keys >= 0], best[keys >= 0], rtol=0, atol=2e-5)
    special = [n for n, token in enumerate(memory.keys) if token.special] or [0]
    assert not np.isin(keys, special).any()
