"""Memories made by hand, without any model: random scores, and the weights they must give."""

from __future__ import annotations

import numpy as np

from memviz.memory import Forget, Memory, Scores, Summary, read_only
from memviz.tokens import Token


def tokens(count: int) -> tuple[Token, ...]:
    return tuple(Token(f"t{n}", n % 5, n, n + 1, n, special=n == 0) for n in range(count))


def summary(weights: np.ndarray, *, normaliser: np.ndarray | None = None) -> Summary:
    """The fields that memories need themselves are right; the others are empty of meaning."""
    layers, heads, rows, cols = weights.shape
    return Summary(
        mass=read_only(weights.sum(axis=2)),
        entropy=read_only(np.zeros((layers, heads, rows), dtype=np.float32)),
        normaliser=read_only(np.zeros((layers, heads, rows), np.float32) if normaliser is None else normaliser),
        first=read_only(weights[..., 0].copy()),
        top_key=read_only(weights.argmax(-1).astype(np.int32)),
        top_weight=read_only(weights.max(-1)),
        distance=read_only(np.zeros((layers, heads, rows + cols - 1), dtype=np.float32)),
        duplicate=read_only(np.zeros((layers, heads), dtype=np.float32)),
        induction=read_only(np.zeros((layers, heads), dtype=np.float32)),
        repeats=3,
        value_norm=read_only(np.ones((layers, heads, cols), dtype=np.float32)),
        thumbnail=read_only((weights * 255).astype(np.uint8)),
    )


def recorded(
    rows: int = 9, cols: int | None = None, *, kind: str = "self", window: int = 0, forget: Forget | None = None,
    bias: str = "", softcap: float | None = None, sink: bool = False, layers: int = 2, seed: int = 0,
) -> tuple[Memory, np.ndarray]:  # fmt: skip
    """(a memory of 4 heads that share 2 key-value heads, the weights it must give [layer, head, query, key])."""
    draw, cols = np.random.default_rng(seed), rows if cols is None else cols
    start, stop = np.zeros(rows, dtype=np.int32), np.full(rows, cols, dtype=np.int32)
    if window:
        stop = np.arange(1, rows + 1, dtype=np.int32)
        start = np.maximum(0, stop - window).astype(np.int32)
    visible = np.stack([start, stop], axis=1)
    biases = {"": None, "distance": (4, rows + cols - 1), "one": (1, rows + cols - 1), "table": (4, rows, cols)}
    kept, weights, normaliser = [], [], []
    for layer in range(layers):
        shape = biases[bias]
        scores = Scores(
            query=read_only(draw.normal(size=(4, rows, 6)).astype(np.float32)),
            key=read_only(draw.normal(size=(2, cols, 6)).astype(np.float32)),
            scale=0.8,
            visible=read_only(visible),
            bias=None if shape is None else read_only(draw.normal(size=shape).astype(np.float32)),
            softcap=softcap,
            sink=read_only(draw.normal(size=4).astype(np.float32)) if sink else None,
        )
        logits = np.stack([naive_logits(scores, head) for head in range(4)])
        if forget is not None and (forget.layers is None or layer in forget.layers):
            for head in range(4) if forget.heads is None else forget.heads:
                logits[head][naive_cut(forget, logits[head])] = -np.inf
        total = np.exp(logits).sum(axis=-1)
        total += 0 if scores.sink is None else np.exp(scores.sink.astype(np.float64))[:, None]
        kept.append(scores)
        weights.append(np.exp(logits) / total[..., None])
        normaliser.append(np.log(total))
    own = np.stack(weights).astype(np.float32)
    memory = Memory(
        kind=kind, queries=tokens(rows), keys=tokens(cols), layers=layers, heads=4, causal=bool(window),
        scores=tuple(kept), summary=summary(own, normaliser=np.stack(normaliser).astype(np.float32)), forget=forget,
    )  # fmt: skip
    return memory, own


def naive_logits(scores: Scores, head: int) -> np.ndarray:
    """float64 [query, key], one edge at a time."""
    rows, cols = scores.query.shape[1], scores.key.shape[1]
    out = np.full((rows, cols), -np.inf)
    for query in range(rows):
        for key in range(*scores.visible[query]):
            score = float(scores.query[head, query].astype(np.float64) @ scores.key[head // 2, key]) * scores.scale
            if scores.softcap is not None:
                score = scores.softcap * np.tanh(score / scores.softcap)
            if scores.bias is not None:
                bias = scores.bias[head if len(scores.bias) > 1 else 0]
                score += bias[key - query + rows - 1] if bias.ndim == 1 else bias[query, key]
            out[query, key] = score
    return out


def naive_cut(forget: Forget, logits: np.ndarray) -> np.ndarray:
    """bool [query, key]; a query that would be left with nothing keeps what it has."""
    rows, cols = logits.shape
    cut = np.zeros((rows, cols), dtype=bool)
    for query in range(rows) if forget.queries is None else forget.queries:
        for key in forget.keys:
            cut[query % rows, key % cols] = True
    for query in range(rows):
        if np.isneginf(np.where(cut[query], -np.inf, logits[query])).all():
            cut[query] = False
    return cut


def dense(weights: np.ndarray, *, kind: str = "self") -> Memory:
    layers, heads, rows, cols = weights.shape
    return Memory(
        kind=kind, queries=tokens(rows), keys=tokens(cols), layers=layers, heads=heads,
        causal=not np.triu(weights, 1).any(), scores=(), summary=summary(weights), weights=read_only(weights),
    )  # fmt: skip
