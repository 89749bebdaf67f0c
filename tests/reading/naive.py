"""The summary of a memory, the slow and obvious way: from all of its weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memviz.memory import Memory

CELLS = 32


def mass(weights: np.ndarray) -> np.ndarray:
    return weights.sum(axis=-2)


def entropy(weights: np.ndarray) -> np.ndarray:
    exact = weights.astype(np.float64)
    return -(exact * np.log(np.where(exact > 0, exact, 1.0))).sum(axis=-1)


def normaliser(memory: Memory, cut: np.ndarray | None) -> np.ndarray:
    """[layer, head, query]: log of the softmax denominator, a sink's logit included."""
    rows, cols = np.arange(len(memory.queries)), np.arange(len(memory.keys))
    out = np.zeros((memory.layers, memory.heads, len(rows)))
    for layer, scores in enumerate(memory.scores):
        for head in range(memory.heads):
            logits = scores.logits(head, rows, cols).astype(np.float64)
            if cut is not None:
                logits[cut[layer, head]] = -np.inf
            total = np.exp(logits).sum(axis=1)
            out[layer, head] = np.log(total + (0 if scores.sink is None else np.exp(np.float64(scores.sink[head]))))
    return out


def strongest(weights: np.ndarray, memory: Memory) -> np.ndarray:
    """[layer, head, query]: the largest weight, special keys left out (the first key where there are none)."""
    left_out = [n for n, token in enumerate(memory.keys) if token.special] or [0]
    others = weights.copy()
    others[..., left_out] = 0.0
    return others.max(axis=-1)


def distance(weights: np.ndarray) -> np.ndarray:
    layers, heads, rows, cols = weights.shape
    out = np.zeros((layers, heads, rows + cols - 1))
    for query in range(rows):
        for key in range(cols):
            out[..., query - key + cols - 1] += weights[..., query, key]
    return out


def repeats(weights: np.ndarray, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray, int]:
    """(duplicate, induction) [layer, head], and how many tokens have an earlier copy."""
    duplicate, induction = np.zeros(weights.shape[:2]), np.zeros(weights.shape[:2])
    count = 0
    for query, token in enumerate(ids):
        copies = [place for place in range(query) if ids[place] == token]
        count += bool(copies)
        for place in copies:
            duplicate += weights[..., query, place]
            if place + 1 < query:
                induction += weights[..., query, place + 1]
    return duplicate / max(count, 1), induction / max(count, 1), count


def thumbnail(weights: np.ndarray) -> np.ndarray:
    layers, heads, rows, cols = weights.shape
    tall, wide = max(1, -(-rows // CELLS)), max(1, -(-cols // CELLS))
    out = np.zeros((layers, heads, -(-rows // tall), -(-cols // wide)))
    for down in range(out.shape[2]):
        for across in range(out.shape[3]):
            cell = weights[..., down * tall : (down + 1) * tall, across * wide : (across + 1) * wide]
            out[..., down, across] = cell.max(axis=(-2, -1))
    return np.round(np.sqrt(out) * 255)


def check(memory: Memory, weights: np.ndarray, *, cut: np.ndarray | None = None) -> None:
    """The memory's summary equals what its weights say; ``cut`` are the forgotten edges [layer, head, query, key]."""
    summary = memory.summary
    close = {"rtol": 0, "atol": 2e-5}
    np.testing.assert_allclose(summary.mass, mass(weights), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(summary.entropy, entropy(weights), rtol=0, atol=2e-4)
    np.testing.assert_allclose(summary.first, weights[..., 0], **close)
    np.testing.assert_allclose(summary.top_weight, strongest(weights, memory), **close)
    _check_top_key(memory, weights)
    assert summary.thumbnail.dtype == np.uint8
    assert summary.thumbnail.shape == thumbnail(weights).shape
    assert np.abs(summary.thumbnail - thumbnail(weights)).max() <= 1
    if memory.scores:
        np.testing.assert_allclose(summary.normaliser, normaliser(memory, cut), rtol=0, atol=1e-4)
    if memory.kind == "cross":
        assert summary.distance.shape[-1] == 0
        assert not summary.duplicate.any()
        assert not summary.induction.any()
        return
    np.testing.assert_allclose(summary.distance, distance(weights), rtol=1e-4, atol=1e-4)
    duplicate, induction, count = repeats(weights, [token.id for token in memory.keys])
    assert summary.repeats == count
    np.testing.assert_allclose(summary.duplicate, duplicate, **close)
    np.testing.assert_allclose(summary.induction, induction, **close)


def _check_top_key(memory: Memory, weights: np.ndarray) -> None:
    """Two keys can be equally strong up to rounding, so the weight of the key that was named is what counts."""
    keys, best = memory.summary.top_key, strongest(weights, memory)
    assert (keys[best > 1e-6] >= 0).all()
    assert (keys[memory.summary.top_weight == 0] == -1).all()
    named = np.take_along_axis(weights, np.maximum(keys, 0)[..., None].astype(np.int64), axis=-1)[..., 0]
    np.testing.assert_allclose(named[keys >= 0], best[keys >= 0], rtol=0, atol=2e-5)
    special = [n for n, token in enumerate(memory.keys) if token.special] or [0]
    assert not np.isin(keys, special).any()
