"""Memories made by hand, without any model: random queries and keys, and beside them the weights they must give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from memviz.memory import Forget, Kind, Memory, Scores, read_only
from memviz.tokens import Token, Word
from memviz.trace import ModelInfo, Trace
from tests import oracle

DIM = 6
NASTY = ("<b>bold</b>", "<a href=x>", "&amp;", "$x$", "%{x}", "</script>", "=1+1", "#", '"', "a,b", "猫", "😀", "مرحبا")

# words stand between spaces, the pieces of a word between ·, what is in brackets is special
LONG = "[CLS] the c·at sat on the m·a·t be·cause the c·at sat tired [SEP]"
PLAIN = "When M·ar·y and John went out , John gave M·ar·y tea"
REPEATED = "a b c d e a b c d e"

Spelling = int | str | Sequence[str]


# -- tokens -------------------------------------------------------------------------------------------


def tokens(spelling: Spelling, *, second: int | None = None, special: Sequence[int] = ()) -> tuple[Token, ...]:
    """The tokens of a text; equal pieces have equal ids.

    ``spelling``: a text like `LONG`; or its pieces, where one that begins with "##" continues the word before and
    ``special`` are the places of special ones; or how many one-token words. From place ``second`` on they are a
    second text.
    """
    pieces = _pieces(spelling)
    special = {
        *special,
        *(place for place, piece in enumerate(pieces) if isinstance(spelling, str) and piece[0] == "["),
    }
    out: list[Token] = []
    ids: dict[str, int] = {}
    end, word = 0, -1
    for place, piece in enumerate(pieces):
        text, joined = piece.removeprefix("##"), piece.startswith("##")
        word += not joined
        end = 0 if place == second else end
        start = end + (end > 0 and not joined and place not in special)  # the space before it
        end = start if place in special else start + len(text)  # a special token has no characters
        segment = int(second is not None and place >= second)
        out.append(Token(text, ids.setdefault(text, len(ids)), start, end, word, place in special, segment, place))
    return tuple(out)


def _pieces(spelling: Spelling) -> list[str]:
    if isinstance(spelling, int):
        return [f"w{number}" for number in range(spelling)]
    if isinstance(spelling, str):
        parts = [word.split("·") for word in spelling.split()]
        return [piece if place == 0 else f"##{piece}" for word in parts for place, piece in enumerate(word)]
    return list(spelling)


def words_of(made: str | Sequence[Token]) -> tuple[Word, ...]:
    """The words of such tokens, or of a text like `LONG`."""
    made = tokens(made) if isinstance(made, str) else made
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
            space=made[places[0]].start > 0 and not made[places[0]].special,
        )
        for places in members.values()
    )


def decoder_inputs(targets: Sequence[Token]) -> tuple[Token, ...]:
    """What a decoder looks at while it writes these: the start token first, the last token never."""
    start = Token("[START]", 99, 0, 0, 0, special=True)
    return (start, *(replace(token, word=token.word + 1) for token in targets[:-1]))


# -- memories -----------------------------------------------------------------------------------------


def memory_of(
    queries: int | str | Sequence[Token],
    keys: int | str | Sequence[Token] | None = None,
    *,
    kind: Kind | None = None,
    layers: int = 2,
    heads: int = 4,
    causal: bool = False,
    window: int | Sequence[int | None] | None = None,
    bias: str = "",
    softcap: float | None = None,
    sink: bool = False,
    sharp: float = 2.0,
    forget: Forget | None = None,
    dense: bool = False,
    seed: int = 0,
) -> tuple[Memory, np.ndarray]:
    """(a memory of random queries and keys, its weights [layer, head, query, key] in float64, worked out apart).

    ``keys`` make it cross-attention, unless it is of ``kind`` "decoder", which makes its own. Two heads share their
    keys where the heads are even in number. ``window``: a query sees no key so many places away; one number for
    all layers, or one a layer. ``bias``: "distance", "one" (by distance, for all heads) or "table". ``sharp`` makes
    rows uneven. ``dense`` holds the weights instead of queries and keys.
    """
    queries = _side(queries)
    kind = kind or ("self" if keys is None else "cross")
    keys = _side(keys) if keys is not None else decoder_inputs(queries) if kind == "decoder" else queries
    rows, cols, draw = len(queries), len(keys), np.random.default_rng(seed)
    shapes = {"distance": (heads, rows + cols - 1), "one": (1, rows + cols - 1), "table": (heads, rows, cols)}
    windows = [window] * layers if window is None or isinstance(window, int) else window

    def drawn(*shape: int) -> np.ndarray:
        return read_only(draw.normal(size=shape).astype(np.float32))

    scores, weights, normalisers = [], [], []
    for layer in range(layers):
        made = Scores(
            query=drawn(heads, rows, DIM),
            key=drawn(heads // (1 + (heads % 2 == 0)), cols, DIM),
            scale=sharp / DIM**0.5,
            visible=read_only(spans(rows, cols, causal=causal, window=windows[layer])),
            bias=drawn(*shapes[bias]) if bias else None,
            softcap=softcap,
            sink=drawn(heads) if sink else None,
        )
        mask = oracle.allowed(made.visible, cols, heads=heads, layer=layer, forget=forget)
        pattern, normaliser = oracle.softmax(made, mask)
        scores.append(made)
        weights.append(pattern)
        normalisers.append(normaliser)
    truth = np.stack(weights)
    if dense:
        return memory_with(truth, queries, keys, kind=kind), truth
    summary = oracle.summary_of(
        truth,
        keys,
        cross=kind == "cross",
        value_norm=draw.uniform(0.1, 2, (layers, heads, cols)),
        normaliser=np.stack(normalisers),
    )
    return Memory(kind, queries, keys, layers, heads, causal, tuple(scores), summary, forget), truth


def memory_with(
    weights: np.ndarray,
    queries: str | Sequence[Token] | None = None,
    keys: str | Sequence[Token] | None = None,
    *,
    kind: Kind | None = None,
    value_norm: np.ndarray | None = None,
) -> Memory:
    """The dense memory that holds these weights: [query, key], or [head, query, key], or [layer, head, query, key].

    Cross-attention, unless ``kind`` says otherwise, where queries and keys are not equally many.
    """
    weights = np.asarray(weights)
    weights = weights.reshape((1,) * (4 - weights.ndim) + weights.shape)
    layers, heads, rows, cols = weights.shape
    kind = kind or ("self" if rows == cols else "cross")
    queries = _side(rows if queries is None else queries)
    keys = _side(cols if keys is None else keys) if keys is not None or rows != cols else queries
    assert (len(queries), len(keys)) == (rows, cols)
    summary = oracle.summary_of(weights, keys, cross=kind == "cross", value_norm=value_norm)
    causal = kind != "cross" and not np.triu(weights, 1).any()
    held = read_only(weights.astype(np.float32))
    return Memory(kind, queries, keys, layers, heads, causal, (), summary, weights=held)


def _side(side: int | str | Sequence[Token]) -> tuple[Token, ...]:
    return tokens(side) if isinstance(side, int | str) else tuple(side)


def spans(rows: int, cols: int, *, causal: bool, window: int | None = None) -> np.ndarray:
    """Which keys may each query see? int32 [query, 2]: the first, and one past the last."""
    query = np.arange(rows)
    first = np.zeros(rows) if window is None else np.maximum(0, query - window + 1)
    last = np.full(rows, cols) if window is None else np.minimum(cols, query + window)
    return np.stack([first, query + 1 if causal else last], axis=1).astype(np.int32)


def weights_of(memory: Memory) -> np.ndarray:
    """All weights of a memory in double precision: [layer, head, query, key]."""
    patterns = [[memory.pattern(layer, head) for head in range(memory.heads)] for layer in range(memory.layers)]
    return np.array(patterns, dtype=np.float64)


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


# -- weights whose measures are known -----------------------------------------------------------------


def uniform(size: int, *, causal: bool = True) -> np.ndarray:
    """Every query looks at all that it sees alike: [query, key]."""
    weights = np.tri(size) if causal else np.ones((size, size))
    return weights / weights.sum(1, keepdims=True)


def shift(size: int, by: int) -> np.ndarray:
    """Every query looks ``by`` tokens back; the first ones look at the first token."""
    weights = np.zeros((size, size))
    weights[np.arange(size), np.maximum(np.arange(size) - by, 0)] = 1
    return weights


# -- one of every kind --------------------------------------------------------------------------------

KINDS = {
    "causal": lambda: memory_of(PLAIN, causal=True)[0],
    "encoder": lambda: memory_of(LONG, seed=1)[0],
    "window": lambda: memory_of(PLAIN, causal=True, window=(None, 4), seed=2)[0],
    "encoder window": lambda: memory_of(LONG, window=(None, 3), seed=3)[0],
    "sinks": lambda: memory_of(PLAIN, causal=True, sink=True, seed=4)[0],
    "decoder": lambda: memory_of(PLAIN, kind="decoder", causal=True, seed=5)[0],
    "cross": lambda: memory_of(PLAIN, LONG, seed=6)[0],
    "dense": lambda: memory_with(np.stack([np.stack([uniform(10), shift(10, 1), shift(10, 2)])] * 2), REPEATED),
    "one token": lambda: memory_of("Hello", causal=True, seed=7)[0],
    "one token repeated": lambda: memory_of("ha " * 9, causal=True, seed=8)[0],
}
"""Memories of every kind that a measure may meet, by what they are."""


@cache
def memory_of_kind(kind: str) -> Memory:
    """One of `KINDS`, made once: nobody can write into it."""
    return KINDS[kind]()
