"""The attention store itself: patterns, rows, columns and single weights of every head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memviz.display import Displayed
from memviz.errors import MeasureError, TraceError
from memviz.memory.edges import EdgeMask, heads_by_mask, overlaps
from memviz.memory.eviction import Eviction, layer_expiry
from memviz.memory.forget import Forget
from memviz.memory.interventions import Interventions
from memviz.memory.kinds import Kind, Place
from memviz.memory.places import Index, is_all, is_integer, positions, resolve_index
from memviz.memory.scores import Scores, read_only
from memviz.memory.summary import Summary
from memviz.note import Note
from memviz.sources import Geometry, Units
from memviz.tokens import Token


@dataclass(frozen=True, eq=False, repr=False)
class Memory(Displayed):
    """One attention store of a trace: ``queries`` look, ``keys`` are looked at.

    kind      "self" (encoder-only or decoder-only model), "encoder", "decoder" or "cross"
    queries   the tokens that look, one a row. In "cross" and "decoder": the target tokens written
    keys      the tokens looked at, one a column. In "decoder": its inputs, the start token first
    layers, heads   how many; both are counted from 0
    causal    no query sees a later key
    scores    what rebuilds the patterns of each layer
    summary   what was measured of every head while the model was reading
    forget, eviction   which edges were cut in it, if any were
    weights   of a model whose scores are not known: every weight, [layer, head, query, key]
    expiry    of an eviction: int32 [layer or 1, key-value head or 1, key], the query from which on a key is gone;
              `memviz.memory.edges.NEVER` for one that stays, the number of queries for one that the next would not see
    """

    kind: Kind
    queries: Units
    keys: Units
    layers: int
    heads: int
    causal: bool
    scores: tuple[Scores, ...]
    summary: Summary
    forget: Forget | None = None
    weights: np.ndarray | None = None
    eviction: Eviction | None = None
    expiry: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.eviction is not None and self.expiry is None:
            object.__setattr__(self, "expiry", read_only(self.eviction.expiry(len(self.keys))))

    def __repr__(self) -> str:
        shape = f"{self.layers} layers × {self.heads} heads × {len(self.queries)} queries × {len(self.keys)} keys"
        return f"<Memory {self.kind} · {shape}{' · causal' if self.causal else ''}>"

    @property
    def has_sink_logits(self) -> bool:
        """Does part of the attention go to a learned sink that is no token, so that rows sum to less than one?"""
        if any(layer.sink is not None for layer in self.scores):
            return True
        return bool((self.summary.mass.sum(axis=-1) < (1 - 1e-4) * len(self.queries)).any())

    @property
    def nbytes(self) -> int:
        """How many bytes this memory holds."""
        arrays = [a for s in self.scores for a in (s.query, s.key, s.bias) if a is not None]
        arrays += [a for a in vars(self.summary).values() if isinstance(a, np.ndarray)]
        arrays += [a for a in (self.weights, self.expiry) if a is not None]
        return sum(a.nbytes for a in arrays)

    def visible(self, layer: int) -> np.ndarray:
        """Which keys may each query see, before anything is forgotten? int [query, 2].

        The first, and one past the last.
        """
        if self.scores:
            return self.scores[layer].visible
        # a softmax is exactly 0 only where nothing may be seen (or where it underflows in all heads)
        assert self.weights is not None
        seen = (self.weights[layer] > 0).any(axis=0)
        return np.stack([seen.argmax(axis=1), len(self.keys) - seen[:, ::-1].argmax(axis=1)], axis=1)

    def queries_seeing(self, layer: int) -> np.ndarray:
        """How many queries can see each key in each head of this layer? int [head, key].

        Heads differ only in what is cut in them.
        """
        spans = self.visible(layer)
        seen = np.tile(overlaps(spans, len(self.keys)), (self.heads, 1))
        for mask, heads in heads_by_mask(self._edge_masks(layer)):
            seen[heads] = mask.queries_left(spans)
        return seen

    def keys_seen(self, layer: int) -> np.ndarray:
        """How many keys can each query see in each head of this layer? int [head, query]."""
        spans = self.visible(layer)
        seen = np.tile(spans[:, 1] - spans[:, 0], (self.heads, 1))
        for mask, heads in heads_by_mask(self._edge_masks(layer)):
            seen[heads] = mask.keys_left(spans)
        return seen

    def alive(self, query: int) -> np.ndarray:
        """Which keys are still there when the token at position ``query`` looks? bool [layer, key-value head, key].

        Those that it may see by the model's own mask and window, its own key among them, and that the eviction has not
        let go by then. What is forgotten by name is there, but not looked at. Raises `TraceError` for a position that
        is not there.
        """
        [query] = positions([query], len(self.queries))
        key = np.arange(len(self.keys))
        kv_heads = len(self.scores[0].key) if self.scores else self.heads
        alive = np.empty((self.layers, kv_heads, len(key)), dtype=bool)
        for layer in range(self.layers):
            start, stop = self.visible(layer)[query]
            alive[layer] = (key >= start) & (key < stop)
            if self.expiry is not None:
                alive[layer] &= layer_expiry(self.expiry, layer) > query
        return alive

    def edge_mask(self, layer: int, head: int) -> EdgeMask | None:
        """Which edges are cut in this head? ``None`` for none."""
        return self._edge_masks(layer)[head]

    def pattern(self, layer: int, head: int, rows: Index = None, cols: Index = None) -> np.ndarray:
        """How hard does each query look at each key in this head?

        float32 [query, key], 0..1; a row sums to one over all keys, unless the model has sink
        logits (`has_sink_logits`). ``rows`` and ``cols`` choose positions, as a slice or a list; a chosen
        column keeps the weight it has in the whole row. Exact: in float32 within 1e-5 of the weights
        that the model computes itself with eager attention.

        ``a = softmax(q·k · scale + bias)``, Vaswani et al. 2017, section 3.2.1.
        Raises `TraceError` for a layer, head or position that is not there.
        """
        self.require_head(layer, head)
        rows, cols = resolve_index(rows, len(self.queries)), resolve_index(cols, len(self.keys))
        if self.weights is not None:
            return self.weights[layer, head][np.ix_(rows, cols)]
        mask = self.edge_mask(layer, head)
        cut = None if mask is None else mask.among(rows, np.arange(len(self.keys)))
        weights = self.scores[layer].weights(head, rows, cut=cut)
        return weights if is_all(cols, len(self.keys)) else weights[:, cols]

    def row(self, query: int) -> np.ndarray:
        """Where does the token at position ``query`` look, in every head? float32 [layer, head, key]."""
        return self._every_head(lambda layer, head: self.pattern(layer, head, rows=[query])[0], len(self.keys))

    def column(self, key: int) -> np.ndarray:
        """Who looks at the token at position ``key``, in every head? float32 [layer, head, query].

        Linear in the text: the softmax denominators were kept by the reading.
        """
        return self._every_head(lambda layer, head: self.columns(layer, head, [key])[:, 0], len(self.queries))

    def columns(self, layer: int, head: int, keys: Sequence[int] | np.ndarray) -> np.ndarray:
        """Who looks at the tokens at the positions ``keys`` in one head? float32 [query, key].

        Linear in the text for each of them, as `column` is.
        """
        self.require_head(layer, head)
        rows, cols = np.arange(len(self.queries)), positions(keys, len(self.keys))
        if self.weights is not None:
            return self.weights[layer, head][:, cols]
        scores = self.scores[layer].logits(head, rows, cols)
        if (mask := self.edge_mask(layer, head)) is not None:
            scores[mask.among(rows, cols)] = -np.inf
        return np.exp(scores - self.summary.normaliser[layer, head][:, None])

    def weights_at(self, layer: int, head: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """The weights of single edges, ``queries[k]`` → ``keys[k]``: float32 [edge]. Linear in their number."""
        self.require_head(layer, head)
        queries, keys = positions(queries, len(self.queries)), positions(keys, len(self.keys))
        if self.weights is not None:
            return self.weights[layer, head][queries, keys]
        scores = self.scores[layer].at(head, queries, keys)
        if (mask := self.edge_mask(layer, head)) is not None:
            scores[mask.at(queries, keys)] = -np.inf
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

    def require_head(self, layer: int, head: int) -> None:
        """Raises `TraceError` unless this memory has that layer and head."""
        named = is_integer(layer) and is_integer(head)
        if not named or not (0 <= layer < self.layers and 0 <= head < self.heads):
            raise TraceError(
                "There is no head L{layer}.H{head} in this memory.",
                todo="It has layers 0 to {last_layer} and heads 0 to {last_head}.",
                layer=layer,
                head=head,
                last_layer=self.layers - 1,
                last_head=self.heads - 1,
            )

    @property
    def geometry(self) -> Geometry | None:
        """How do its units stand: in a line or in a grid? ``None`` where queries and keys belong to two sources."""
        return None if self.kind == "cross" else self.keys[0].geometry

    def require_line(self, what: str) -> None:
        """Raises `MeasureError`, naming ``what`` is measured, unless queries and keys stand in one line."""
        self.require_one_sequence(what)
        if self.geometry != "line":
            raise MeasureError(
                "“{what}” asks how far apart two places in a line are, but the patches of a picture stand in a grid.",
                todo="Choose a measure that asks nothing of distance, such as attention received.",
                what=Note(what),
            )

    def require_tokens(self, what: str) -> None:
        """Raises `MeasureError`, naming ``what`` is measured, unless its positions are tokens."""
        self.require_one_sequence(what)
        if not isinstance(self.keys[0], Token):
            raise MeasureError(
                "“{what}” asks for earlier copies of a token, but a sound or a picture has no tokens.",
                todo="Choose another measure, such as attention received.",
                what=Note(what),
            )

    def require_one_sequence(self, what: str) -> None:
        """Raises `MeasureError`, naming ``what`` is measured, unless queries and keys are positions of one text."""
        if self.kind == "cross":
            raise MeasureError(
                "“{what}” compares positions of one text, but in cross-attention the rows and the columns"
                " belong to two texts.",
                todo="Choose the encoder's or the decoder's own attention.",
                what=Note(what),
            )

    def _edge_masks(self, layer: int) -> tuple[EdgeMask | None, ...]:
        """The mask of every head of this layer; that of the layer asked for last is kept."""
        if self.forget is None and self.eviction is None:
            return (None,) * self.heads
        latest = self.__dict__.get("_latest")
        if latest is not None and latest[0] == layer:
            return latest[1]
        cut = Interventions(self.forget, self.eviction, usual=self.kind, evicting=frozenset({self.kind}))
        masks = cut.masks(
            Place(self.kind, layer),
            heads=self.heads,
            keys=len(self.keys),
            spans=self.visible(layer),
            expiry=None if self.expiry is None else layer_expiry(self.expiry, layer),
        )
        self.__dict__["_latest"] = layer, masks or (None,) * self.heads
        return self.__dict__["_latest"][1]

    def _every_head(self, values: Callable[[int, int], np.ndarray], length: int) -> np.ndarray:
        out = np.empty((self.layers, self.heads, length), dtype=np.float32)
        for layer in range(self.layers):
            for head in range(self.heads):
                out[layer, head] = values(layer, head)
        return out
