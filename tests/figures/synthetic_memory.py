"""Small memories made by hand: random queries and keys, and beside them the weights they give, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memviz.memory import Forget, Memory, Scores, Summary, read_only
from memviz.tokens import Token, Word
from memviz.trace import ModelInfo, Trace

DIM = 6
NASTY = ("<b>bold</b>", "<a href=x>", "&amp;", "$x$", "%{x}", "</script>", "=1+1", "#", '"', "a,b", "猫", "😀", "مرحبا")


def tokens(texts: Sequence[str], *, second: int | None = None, special: Sequence[int] = ()) -> tuple[Token, ...]:
    """Tokens; one that begins with "##" continues the word before. From ``second`` on they are a second text."""
    out, end, word = [], 0, -1
    for place, text in enumerate(texts):
        shown, joined = text.removeprefix("##"), text.startswith("##")
        segment = int(second is not None and place >= second)
        start = 0 if place == second else end + (place > 0 and not joined)
        word += not joined
        end = start + len(shown)
        out.append(Token(shown, place, start, end, word, place in special, segment, place))
    return tuple(out)


def words_of(made: Sequence[Token]) -> tuple[Word, ...]:
    """The words of such tokens."""
    members: dict[int, list[int]] = {}
    for place, token in enumerate(made):
        members.setdefault(token.word, []).append(place)
    return tuple(
        Word(
            "".join(made[place].text for place in places),
            tuple(places),
            made[places[0]].start,
            made[places[-1]].end,
            made[places[0]].special,
            made[places[0]].segment,
            space=places[0] > 0,
        )
        for places in members.values()
    )


def softmax(scores: np.ndarray) -> np.ndarray:
    """Along the last axis, in float64, −inf allowed."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def memory_of(
    queries: Sequence[Token],
    keys: Sequence[Token] | None = None,
    *,
    layers: int = 2,
    heads: int = 3,
    causal: bool = False,
    dense: bool = False,
    sharp: float = 2.0,
    window: int | None = None,
    forget: Forget | None = None,
    seed: int = 0,
) -> tuple[Memory, np.ndarray]:
    """(a memory, its weights [layer, head, query, key] in float64, worked out apart from it).

    ``keys`` of their own make it cross-attention. ``sharp`` makes rows uneven. ``dense`` keeps the
    weights instead of queries and keys.
    """
    cross, keys = keys is not None, tuple(keys if keys is not None else queries)
    rows, cols = len(queries), len(keys)
    draw = np.random.default_rng(seed)
    query = draw.normal(size=(layers, heads, rows, DIM)).astype(np.float32)
    key = draw.normal(size=(layers, heads, cols, DIM)).astype(np.float32)
    visible = np.stack([np.zeros(rows, dtype=int), np.arange(1, rows + 1) if causal else np.full(rows, cols)], axis=1)
    if window is not None:
        visible[:, 0] = np.maximum(0, np.arange(rows) - window + 1)
    scale = sharp / np.sqrt(DIM)
    logits = np.einsum("lhqd,lhkd->lhqk", query.astype(np.float64), key.astype(np.float64)) * scale
    column = np.arange(cols)
    hidden = (column < visible[:, :1]) | (column >= visible[:, 1:])
    logits[:, :, hidden] = -np.inf
    if forget is not None:
        cut = np.zeros((rows, cols), dtype=bool)
        cut[np.ix_(np.arange(rows) if forget.queries is None else forget.queries, forget.keys)] = True
        logits[:, :, cut] = -np.inf
    truth = softmax(logits)
    scores = tuple(Scores(query[n], key[n], scale, visible.astype(np.int32)) for n in range(layers))
    memory = Memory(
        kind="cross" if cross else "self",
        queries=tuple(queries),
        keys=keys,
        layers=layers,
        heads=heads,
        causal=causal,
        scores=() if dense else scores,
        summary=_summary(truth, keys, cross=cross, norms=draw.uniform(0.2, 3, size=(layers, heads, cols))),
        forget=forget,
        weights=read_only(truth.astype(np.float32)) if dense else None,
    )
    return memory, truth


def _summary(truth: np.ndarray, keys: Sequence[Token], *, cross: bool, norms: np.ndarray) -> Summary:
    layers, heads, rows, cols = truth.shape
    plain = np.where([token.special for token in keys], -1.0, truth)
    top = plain.argmax(-1)
    distance = np.zeros((layers, heads, 0 if cross else rows + cols - 1))
    if not cross:
        for query in range(rows):
            for key in range(cols):
                distance[:, :, query - key + cols - 1] += truth[:, :, query, key]
    logs = np.log(np.maximum(truth, 1e-300))
    step = -(-max(rows, cols) // 32)
    pooled = np.maximum.reduceat(np.maximum.reduceat(truth, np.arange(0, rows, step), 2), np.arange(0, cols, step), 3)
    parts = {
        "mass": truth.sum(2),
        "entropy": -(truth * logs).sum(-1),
        "normaliser": np.zeros((layers, heads, rows)),  # only asked for in very long texts
        "first": truth[:, :, :, 0],
        "top_key": top,
        "top_weight": np.take_along_axis(truth, top[..., None], -1)[..., 0],
        "distance": distance,
        "duplicate": np.zeros((layers, heads)),
        "induction": np.zeros((layers, heads)),
        "value_norm": norms,
        "thumbnail": np.round(255 * np.sqrt(pooled)),
    }
    kinds = {"top_key": np.int64, "thumbnail": np.uint8}
    arrays = {name: read_only(array.astype(kinds.get(name, np.float32))) for name, array in parts.items()}
    return Summary(repeats=0, **arrays)


def trace_of(memory: Memory) -> Trace:
    """A trace around one memory."""
    info = ModelInfo(
        name="tiny",
        revision="sha256:0123456789abcdef",
        quantisation="4-bit",
        licence="Apache-2.0",
        layers=memory.layers,
    )
    return Trace(" ".join(token.text for token in memory.queries), memory.queries, info, {memory.kind: memory})
