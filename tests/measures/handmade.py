"""Memories made by hand: from given weights, or from random queries and keys. Their summaries are added one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memviz.memory import Forget, Kind, Memory, Scores, Summary
from memviz.tokens import Token, Word, words

# words stand between spaces, the pieces of a word between ·
LONG = "[CLS] the c·at sat on the m·a·t be·cause the c·at sat tired [SEP]"
PLAIN = "When M·ar·y and John went out , John gave M·ar·y tea"
REPEATED = "a b c d e a b c d e"


def tokens(spec: str) -> tuple[Token, ...]:
    """The tokens of such a text; equal pieces have equal ids, pieces in brackets are special."""
    out: list[Token] = []
    ids: dict[str, int] = {}
    start = 0
    for number, word in enumerate(spec.split()):
        special = word.startswith("[")
        start += 1 if start and not special else 0  # the space before it
        for piece in word.split("·"):
            end = start if special else start + len(piece)
            out.append(Token(piece, ids.setdefault(piece, len(ids)), start, end, number, special, group=len(out)))
            start = end
    return tuple(out)


def text(spec: str) -> str:
    """What a person reads of it."""
    return " ".join(word for word in spec.replace("·", "").split() if not word.startswith("["))


def words_of(spec: str) -> tuple[Word, ...]:
    """Its words."""
    return words(tokens(spec), text(spec))


def spans(rows: int, cols: int, *, causal: bool, window: int | None = None) -> np.ndarray:
    """Which keys may each query see? int [query, 2]."""
    spans = np.zeros((rows, 2), dtype=np.int32)
    for query in range(rows):
        first = 0 if window is None else max(0, query - window + 1)
        stop = cols if window is None else min(cols, query + window)
        spans[query] = first, query + 1 if causal else stop
    return spans


def given(
    weights: np.ndarray, spec: str | None = None, *, kind: Kind = "self", value_norm: np.ndarray | None = None
) -> Memory:
    """The dense memory that holds these weights: [query, key], or [head, query, key], or [layer, head, query, key]."""
    weights = np.asarray(weights, dtype=np.float32)
    weights = weights.reshape((1,) * (4 - weights.ndim) + weights.shape)
    layers, heads, rows, cols = weights.shape
    spec = spec or " ".join(f"w{number}" for number in range(max(rows, cols)))
    queries, keys = tokens(spec)[:rows], tokens(spec)[:cols]
    assert (len(queries), len(keys)) == (rows, cols)
    summary = summarised(weights, queries, keys, square=kind != "cross", value_norm=value_norm)
    causal = kind != "cross" and not np.triu(weights, 1).any()
    return Memory(kind, queries, keys, layers, heads, causal, (), summary, weights=weights)


def drawn(
    spec: str = LONG,
    *,
    seed: int = 0,
    kind: Kind = "self",
    keys: str | None = None,
    causal: bool = True,
    window: int | None = None,
    sink: bool = False,
    layers: int = 2,
    heads: int = 4,
    groups: int = 2,
    forget: Forget | None = None,
) -> Memory:
    """A memory of random queries and keys, sharp enough that heads differ; layers but the first may have a window."""
    random = np.random.default_rng(seed)
    queries, cols = tokens(spec), tokens(keys or spec)
    if kind == "decoder":  # its inputs: the start token first, the last token never
        cols = (
            Token("[START]", 99, 0, 0, 0, True),
            *(replace(token, word=token.word + 1) for token in queries[:-1]),
        )
    scores, weights, normalisers = [], [], []
    for layer in range(layers):
        visible = spans(len(queries), len(cols), causal=causal, window=window if layer else None)
        one = Scores(
            query=random.normal(0, 1.5, (heads, len(queries), 6)).astype(np.float32),
            key=random.normal(0, 1.5, (heads // groups, len(cols), 6)).astype(np.float32),
            scale=0.5,
            visible=visible,
            sink=random.normal(0, 1, heads).astype(np.float32) if sink else None,
        )
        scores.append(one)
        pattern, normaliser = softmax(one, may_look(visible, len(cols), heads, layer, forget))
        weights.append(pattern)
        normalisers.append(normaliser)
    norms = random.uniform(0.1, 2, (layers, heads, len(cols))).astype(np.float32)
    summary = summarised(
        np.stack(weights),
        queries,
        cols,
        square=kind != "cross",
        value_norm=norms,
        normaliser=np.stack(normalisers),
    )
    return Memory(kind, queries, cols, layers, heads, causal and kind != "cross", tuple(scores), summary, forget)


def may_look(visible: np.ndarray, keys: int, heads: int, layer: int, forget: Forget | None) -> np.ndarray:
    """Which keys may each query look at? bool [head, query, key]. One with nothing left keeps what it has."""
    key = np.arange(keys)
    may = np.tile((key >= visible[:, :1]) & (key < visible[:, 1:]), (heads, 1, 1))
    if forget is not None and (forget.layers is None or layer in forget.layers):
        for head in range(heads) if forget.heads is None else forget.heads:
            for query in range(len(visible)) if forget.queries is None else forget.queries:
                left = may[head, query].copy()
                left[list(forget.keys)] = False
                may[head, query] = left if left.any() else may[head, query]
    return may


def softmax(scores: Scores, may: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(weights [head, query, key], log of the denominators [head, query]) in double precision, one by one."""
    heads, rows, _ = scores.query.shape
    weights = np.zeros((heads, rows, scores.key.shape[1]))
    normaliser = np.zeros((heads, rows))
    for head in range(heads):
        key = scores.key[head // scores.groups].astype(np.float64)
        for query in range(rows):
            looked = may[head, query]
            logits = key[looked] @ scores.query[head, query].astype(np.float64) * scores.scale
            extra = 0.0 if scores.sink is None else math.exp(scores.sink[head])
            total = np.exp(logits).sum() + extra
            weights[head, query, looked] = np.exp(logits) / total
            normaliser[head, query] = math.log(total)
    return weights, normaliser


def summarised(
    weights: np.ndarray,
    queries: Sequence[Token],
    keys: Sequence[Token],
    *,
    square: bool,
    value_norm: np.ndarray | None = None,
    normaliser: np.ndarray | None = None,
) -> Summary:
    """The summary of these weights [layer, head, query, key], by its definitions."""
    layers, heads, rows, cols = weights.shape
    weights = weights.astype(np.float64)
    special = [place for place, key in enumerate(keys) if key.special] or [0]
    rest = weights.copy()
    rest[..., special] = 0
    distance = np.zeros((layers, heads, rows + cols - 1 if square else 0))
    duplicate, induction, repeats = np.zeros((layers, heads)), np.zeros((layers, heads)), 0
    if square:
        ids = [key.id for key in keys]
        repeats = sum(ids[place] in ids[:place] for place in range(rows))
        for query in range(rows):
            for key in range(cols):
                distance[:, :, query - key + cols - 1] += weights[:, :, query, key]
                copy = key < query and ids[key] == ids[query]
                follows = 0 < key < query and ids[key - 1] == ids[query]
                duplicate += weights[:, :, query, key] * copy / max(repeats, 1)
                induction += weights[:, :, query, key] * follows / max(repeats, 1)
    logs = np.log(np.where(weights > 0, weights, 1))
    real = {
        "mass": weights.sum(2),
        "entropy": -(weights * logs).sum(3),
        "normaliser": np.full((layers, heads, rows), np.nan) if normaliser is None else normaliser,
        "first": weights[..., 0],
        "top_weight": rest.max(3),
        "distance": distance,
        "duplicate": duplicate,
        "induction": induction,
        "value_norm": np.zeros((layers, heads, 0)) if value_norm is None else value_norm,
    }
    return Summary(
        **{name: np.ascontiguousarray(array, dtype=np.float32) for name, array in real.items()},
        top_key=np.where(rest.max(3) > 0, rest.argmax(3), -1).astype(np.int32),
        repeats=repeats,
        thumbnail=np.zeros((layers, heads, 1, 1), dtype=np.uint8),
    )


def dense(memory: Memory) -> np.ndarray:
    """All weights of a memory in double precision: [layer, head, query, key]."""
    patterns = [[memory.pattern(layer, head) for head in range(memory.heads)] for layer in range(memory.layers)]
    return np.array(patterns, dtype=np.float64)


def uniform(size: int, *, causal: bool = True) -> np.ndarray:
    """Every query looks at all that it sees alike: [query, key]."""
    weights = np.tri(size) if causal else np.ones((size, size))
    return weights / weights.sum(1, keepdims=True)


def shift(size: int, by: int) -> np.ndarray:
    """Every query looks ``by`` tokens back; the first ones look at the first token."""
    weights = np.zeros((size, size))
    weights[np.arange(size), np.maximum(np.arange(size) - by, 0)] = 1
    return weights
