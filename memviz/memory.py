"""One attention store: who may look where, and how hard each slot is addressed.

A `Memory` is linear in the text. It keeps the query and key vectors of every layer, together
with whatever finishes the scores (scale, visible span, bias, soft cap, sink), and rebuilds
the attention pattern that is asked for. Its `Summary` was computed while the model was reading.

Axis order is always layer, head, query, key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memviz.errors import MeasureError, TraceError
from memviz.tokens import Token

Kind = Literal["self", "encoder", "decoder", "cross"]
Index = slice | Sequence[int] | np.ndarray | None


def frozen(array: np.ndarray) -> np.ndarray:
    """The same array, read-only."""
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class Forget:
    """Which edges may the model not use in a reading?

    An edge leads from a query (the token that looks) to a key (the token looked at).
    ``keys`` are the positions to forget; ``queries``, ``layers`` and ``heads`` say for whom and
    where; ``None`` means all of them. Negative positions count from the end. A query that would
    be left with nothing to read keeps what it has when ``queries`` is ``None``, and is an error
    when it was named.
    """

    keys: tuple[int, ...]
    queries: tuple[int, ...] | None = None
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("keys", "queries", "layers", "heads"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(int(v) for v in value))

    def check(self, *, layers: int, heads: int) -> None:
        """Raises `TraceError` for a layer or a head that the memory does not have."""
        for what, wanted, there in (("layer", self.layers, layers), ("head", self.heads, heads)):
            wrong = [number for number in wanted or () if not 0 <= number < there]
            if wrong:
                raise TraceError(
                    "There is no {what} {number} to forget in: this memory has {there} of them.",
                    todo="They are counted from 0 to {last}.",
                    what=what,
                    number=wrong[0],
                    there=there,
                    last=there - 1,
                )

    def touches(self, layer: int) -> bool:
        """Is anything forgotten in this layer?"""
        return bool(self.keys) and (self.layers is None or layer in self.layers)

    def covers(self, head: int) -> bool:
        """Is anything forgotten in this head (of a touched layer)?"""
        return self.heads is None or head in self.heads

    def edges(self, rows: int, cols: int, *, visible: np.ndarray) -> np.ndarray:
        """Which edges are cut? bool [query, key].

        ``visible`` is int [query, 2]: the first key each query may see, and one past the last.
        Raises `TraceError` for a position outside the text, and for a named query with nothing left.
        """
        cut = np.zeros((rows, cols), dtype=bool)
        asked = np.arange(rows) if self.queries is None else positions(self.queries, rows)
        cut[np.ix_(asked, positions(self.keys, cols))] = True
        column = np.arange(cols)
        seen = (column >= visible[:, :1]) & (column < visible[:, 1:])
        empty = ~(seen & ~cut).any(axis=1)
        if self.queries is not None and empty[asked].any():
            raise TraceError(
                "Position {position} would have nothing left to read.",
                todo="Leave it at least one key, or leave `queries` out.",
                position=int(asked[empty[asked]][0]),
            )
        cut[empty] = False
        return cut & seen


def positions(wanted: Sequence[int], length: int) -> np.ndarray:
    """The same positions counted from the start. Raises `TraceError` for one outside the text."""
    index = np.asarray(wanted, dtype=np.int64)
    wrong = index[(index < -length) | (index >= length)]
    if wrong.size:
        raise TraceError(
            "There is no position {position}: this memory has {length} of them.",
            todo="Positions run from 0 to {last}; negative ones count from the end.",
            position=int(wrong[0]),
            length=length,
            last=length - 1,
        )
    return index % length


@dataclass(frozen=True, eq=False)
class Scores:
    """What one layer needs to rebuild any of its patterns.

    query    float32 [head, query, dim]
    key      float32 [key-value head, key, dim]; head h reads key-value head h // groups
    scale    what the dot product is multiplied by
    visible  int32 [query, 2]: the first key a query may see, and one past the last
    bias     float32 [head or 1, query + key - 1], added to the scores by distance (key - query,
             from -(query - 1)), or [head or 1, query, key]; ``None`` for none
    softcap  scores become ``softcap * tanh(score / softcap)``; ``None`` for none
    sink     float32 [head]: a logit that takes part in the softmax and belongs to no token
    """

    query: np.ndarray
    key: np.ndarray
    scale: float
    visible: np.ndarray
    bias: np.ndarray | None = None
    softcap: float | None = None
    sink: np.ndarray | None = None

    @property
    def groups(self) -> int:
        """How many heads share one key-value head."""
        return self.query.shape[0] // self.key.shape[0]

    def logits(self, head: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Scores before the softmax, −inf where a query may not look. float32 [query, key]."""
        query, key = self.query[head], self.key[head // self.groups]
        query = query if _whole(rows, len(query)) else query[rows]
        key = key if _whole(cols, len(key)) else key[cols]
        scores = (query * np.float32(self.scale)) @ key.T
        if self.softcap is not None:
            scores = np.tanh(scores / self.softcap) * np.float32(self.softcap)
        if self.bias is not None:
            scores += self._bias(head, rows[:, None], cols[None, :])
        visible = self.visible[rows]
        if (visible[:, 0] > cols.min()).any() or (visible[:, 1] <= cols.max()).any():
            hidden = (cols < visible[:, :1]) | (cols >= visible[:, 1:])
            scores[hidden] = -np.inf
        return scores

    def at(self, head: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Scores of single edges, queries[k] → keys[k]: float32 [edge]."""
        query, key = self.query[head][queries], self.key[head // self.groups][keys]
        scores = np.einsum("kd,kd->k", query, key) * np.float32(self.scale)
        if self.softcap is not None:
            scores = np.tanh(scores / self.softcap) * np.float32(self.softcap)
        if self.bias is not None:
            scores += self._bias(head, queries, keys)
        hidden = (keys < self.visible[queries, 0]) | (keys >= self.visible[queries, 1])
        scores[hidden] = -np.inf
        return scores

    def _bias(self, head: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        bias = self.bias[head % self.bias.shape[0]]
        return bias[cols - rows + self.query.shape[1] - 1] if bias.ndim == 1 else bias[rows, cols]

    def weights(self, head: int, rows: np.ndarray, *, cut: np.ndarray | None = None) -> np.ndarray:
        """Softmax over all keys of the scores of some queries: float32 [query, key].

        ``cut`` is bool [query, key]: edges that are forgotten. A sink takes its share of every row.
        """
        weights = self.logits(head, rows, np.arange(self.key.shape[1]))
        if cut is not None:
            weights[cut] = -np.inf
        peak = weights.max(axis=1, keepdims=True)
        if self.sink is not None:
            peak = np.maximum(peak, self.sink[head])
        np.subtract(weights, peak, out=weights)
        np.exp(weights, out=weights)
        total = weights.sum(axis=1, keepdims=True)
        if self.sink is not None:
            total = total + np.exp(self.sink[head] - peak)
        weights /= total
        return weights


@dataclass(frozen=True, eq=False)
class Summary:
    """What was measured of every head while the model was reading; linear in the text.

    mass         [layer, head, key]      sum of the weights a key got from all queries
    entropy      [layer, head, query]    −Σ a ln a, in nats
    normaliser   [layer, head, query]    log of the softmax denominator
    first        [layer, head, query]    weight on the first key
    top_key      [layer, head, query]    the key looked at hardest, special tokens left out (−1: none)
    top_weight   [layer, head, query]    its weight
    distance     [layer, head, query + key − 1]  sum of weights by distance (query − key, from −(key − 1));
                                         empty for cross-attention, where distance means nothing
    duplicate    [layer, head]           mean weight on earlier copies of the same token
    induction    [layer, head]           mean weight on the tokens that came after earlier copies
    repeats      int                     how many queries have an earlier copy
    value_norm   [layer, head, key]      ‖value · W_O‖, what a full weight on this key would write;
                                         empty where the output projection is not known
    thumbnail    uint8 [layer, head, ≤32, ≤32]   255 · √weight, max-pooled
    """

    mass: np.ndarray
    entropy: np.ndarray
    normaliser: np.ndarray
    first: np.ndarray
    top_key: np.ndarray
    top_weight: np.ndarray
    distance: np.ndarray
    duplicate: np.ndarray
    induction: np.ndarray
    repeats: int
    value_norm: np.ndarray
    thumbnail: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Memory:
    """One attention store of a trace: ``queries`` look, ``keys`` are looked at.

    kind      "self" (encoder-only or decoder-only model), "encoder", "decoder" or "cross"
    queries   the tokens that look, one a row. In "cross" and "decoder": the target tokens written
    keys      the tokens looked at, one a column. In "decoder": its inputs, the start token first
    layers, heads   how many; both are counted from 0
    causal    no query sees a later key
    """

    kind: Kind
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    layers: int
    heads: int
    causal: bool
    scores: tuple[Scores, ...]
    summary: Summary
    forget: Forget | None = None
    weights: np.ndarray | None = None

    def __repr__(self) -> str:
        shape = f"{self.layers} layers × {self.heads} heads × {len(self.queries)} queries × {len(self.keys)} keys"
        return f"<Memory {self.kind} · {shape}{' · causal' if self.causal else ''}>"

    @property
    def sinks(self) -> bool:
        """Does part of the attention go to a learned sink that is no token, so that rows sum to less than one?"""
        if any(layer.sink is not None for layer in self.scores):
            return True
        return bool((self.summary.mass.sum(axis=-1) < (1 - 1e-4) * len(self.queries)).any())

    @property
    def nbytes(self) -> int:
        """How many bytes this memory holds."""
        arrays = [a for s in self.scores for a in (s.query, s.key, s.bias) if a is not None]
        arrays += [a for a in vars(self.summary).values() if isinstance(a, np.ndarray)]
        return sum(a.nbytes for a in arrays) + (0 if self.weights is None else self.weights.nbytes)

    def visible(self, layer: int) -> np.ndarray:
        """Which keys may each query see? int [query, 2]: the first, and one past the last."""
        if self.scores:
            return self.scores[layer].visible
        # a softmax is exactly 0 only where nothing may be seen (or where it underflows in all heads)
        seen = (self.weights[layer] > 0).any(axis=0)
        return np.stack([seen.argmax(axis=1), len(self.keys) - seen[:, ::-1].argmax(axis=1)], axis=1)

    def seen_by(self, layer: int) -> np.ndarray:
        """How many queries can see each key in this layer? int [key]."""
        visible = self.visible(layer)
        steps = np.zeros(len(self.keys) + 1, dtype=np.int64)
        np.add.at(steps, visible[:, 0], 1)
        np.add.at(steps, visible[:, 1], -1)
        return np.cumsum(steps)[:-1]

    def pattern(self, layer: int, head: int, rows: Index = None, cols: Index = None) -> np.ndarray:
        """How hard does each query look at each key in this head?

        float32 [query, key], 0..1; a row sums to one over all keys, unless the model has sink
        logits (`sinks`). ``rows`` and ``cols`` choose positions, as a slice or a list; a chosen
        column keeps the weight it has in the whole row. Exact: within 1e-5 of the weights that
        the model computes itself with eager attention.

        ``a = softmax(q·k · scale + bias)``, Vaswani et al. 2017, section 3.2.1.
        Raises `TraceError` for a layer, head or position that is not there.
        """
        self.check(layer, head)
        rows, cols = self._index(rows, len(self.queries)), self._index(cols, len(self.keys))
        if self.weights is not None:
            return self.weights[layer, head][np.ix_(rows, cols)]
        cut = self._cut(layer, head)
        weights = self.scores[layer].weights(head, rows, cut=None if cut is None else cut[rows])
        return weights if _whole(cols, len(self.keys)) else weights[:, cols]

    def row(self, query: int) -> np.ndarray:
        """Where does this token look, in every head? float32 [layer, head, key]."""
        return self._every_head(lambda layer, head: self.pattern(layer, head, rows=[query])[0], len(self.keys))

    def column(self, key: int) -> np.ndarray:
        """Who looks at this token, in every head? float32 [layer, head, query].

        Linear in the text: the softmax denominators were kept by the reading.
        """
        key = int(positions([key], len(self.keys))[0])
        if self.weights is not None:
            return self.weights[:, :, :, key]
        rows, cols = np.arange(len(self.queries)), np.array([key])
        touched = [self.forget is not None and self.forget.touches(layer) for layer in range(self.layers)]
        gone = [self._edges(layer)[:, key] if touched[layer] else None for layer in range(self.layers)]

        def one(layer: int, head: int) -> np.ndarray:
            scores = self.scores[layer].logits(head, rows, cols)[:, 0]
            if gone[layer] is not None and self.forget.covers(head):
                scores[gone[layer]] = -np.inf
            return np.exp(scores - self.summary.normaliser[layer, head])

        return self._every_head(one, len(rows))

    def weights_at(self, layer: int, head: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """The weights of single edges, queries[k] → keys[k]: float32 [edge]. Linear in their number."""
        self.check(layer, head)
        queries, keys = positions(queries, len(self.queries)), positions(keys, len(self.keys))
        if self.weights is not None:
            return self.weights[layer, head][queries, keys]
        scores = self.scores[layer].at(head, queries, keys)
        cut = self._cut(layer, head)
        if cut is not None:
            scores[cut[queries, keys]] = -np.inf
        return np.exp(scores - self.summary.normaliser[layer, head][queries])

    def mean(self, layer: int | None = None) -> np.ndarray:
        """How hard does each query look at each key on average over heads?

        Over the heads of one layer, or of all layers when ``layer`` is ``None``. float32 [query, key].
        A mean hides specialists: look at the single heads first.
        """
        layers = range(self.layers) if layer is None else (layer,)
        total = np.zeros((len(self.queries), len(self.keys)), dtype=np.float32)
        for index in layers:
            for head in range(self.heads):
                total += self.pattern(index, head)
        return total / (len(layers) * self.heads)

    def check(self, layer: int, head: int) -> None:
        """Raises `TraceError` unless this memory has that layer and head."""
        if not (0 <= layer < self.layers and 0 <= head < self.heads):
            raise TraceError(
                "There is no head L{layer}.H{head} in this memory.",
                todo="It has layers 0 to {last_layer} and heads 0 to {last_head}.",
                layer=layer,
                head=head,
                last_layer=self.layers - 1,
                last_head=self.heads - 1,
            )

    def square(self, what: str) -> None:
        """Raises `MeasureError` unless queries and keys are positions of one text."""
        if self.kind == "cross":
            raise MeasureError(
                "“{what}” compares positions of one text, but in cross-attention the rows and the columns"
                " belong to two texts.",
                todo="Choose the encoder's or the decoder's own attention.",
                what=what,
            )

    def _cut(self, layer: int, head: int) -> np.ndarray | None:
        """The forgotten edges of this head, bool [query, key]; ``None`` for none."""
        if self.forget is None or not (self.forget.touches(layer) and self.forget.covers(head)):
            return None
        return self._edges(layer)

    def _edges(self, layer: int) -> np.ndarray:
        """The edges that are forgotten in this layer, in the heads that forget: bool [query, key]."""
        return self.forget.edges(len(self.queries), len(self.keys), visible=self.visible(layer))

    def _every_head(self, one: Callable[[int, int], np.ndarray], length: int) -> np.ndarray:
        out = np.empty((self.layers, self.heads, length), dtype=np.float32)
        for layer in range(self.layers):
            for head in range(self.heads):
                out[layer, head] = one(layer, head)
        return out

    @staticmethod
    def _index(wanted: Index, length: int) -> np.ndarray:
        if wanted is None:
            return np.arange(length)
        if isinstance(wanted, slice) or (isinstance(wanted, np.ndarray) and wanted.dtype == bool):
            return np.arange(length)[wanted]
        return positions(wanted, length)


def _whole(index: np.ndarray, length: int) -> bool:
    """Are these all positions, in order?"""
    return len(index) == length and bool((index == np.arange(length)).all())
