"""Everything that is changed about a model's attention in one reading, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memviz.errors import ReadingError, TraceError
from memviz.memory.ablate import Ablate
from memviz.memory.edges import EdgeCut, EdgeMask, edge_masks
from memviz.memory.eviction import Eviction, expiry_cuts, layer_expiry
from memviz.memory.forget import Forget, require_forget
from memviz.memory.kinds import Kind, Place


@dataclass(frozen=True)
class Interventions:
    """What is changed in one reading.

    forget      edges that may not be used, in the memory ``usual``
    eviction    the rule by which a cache lets keys go, in the memories in which no query sees a later key
    ablations   heads that write nothing; in the memory ``usual`` where they name none
    usual       the memory that is meant where none is named
    evicting    the memories that a cache is kept for
    """

    forget: Forget | None = None
    eviction: Eviction | None = None
    ablations: tuple[Ablate, ...] = ()
    usual: Kind = "self"
    evicting: frozenset[Kind] = frozenset({"self", "decoder"})

    def __bool__(self) -> bool:
        return self.forget is not None or self.eviction is not None or bool(self.ablations)

    def check(self, *, layers: Mapping[Kind, int], heads: Mapping[Kind, int], causal: frozenset[Kind]) -> None:
        """Raises `TraceError` for what the model lacks: ``layers`` and ``heads`` say how many there are, by kind.

        ``causal``: the memories in which no query sees a later key. Raises `ReadingError` for an eviction where there
        is none of them.
        """
        if self.forget is not None:
            self.forget.check(layers=layers[self.usual], heads=heads[self.usual])
        for ablation in self.ablations:
            kind = ablation.place(self.usual).kind
            if kind not in layers:
                raise TraceError(
                    "This model has no “{kind}” memory in which a head could be unplugged.",
                    todo="It has: {kinds}.",
                    kind=kind,
                    kinds=", ".join(layers),
                )
            ablation.check(layers=layers[kind], heads=heads[kind])
        if self.eviction is not None and not causal & self.evicting & set(layers):
            raise ReadingError(
                "This model sees its whole text at once: there is no cache that could let a part of it go.",
                todo="Choose a model that reads from left to right, such as smollm2, or use `forget`.",
            )

    def masks(
        self,
        place: Place,
        *,
        heads: int,
        keys: int,
        spans: np.ndarray,
        first: int = 0,
        expiry: np.ndarray | None = None,
    ) -> tuple[EdgeMask | None, ...] | None:
        """Which edges are cut in each head of the layer at ``place``? See `edge_masks`.

        ``heads`` and ``keys`` are how many there are; ``spans`` which keys each query may see; ``first`` is the
        position of the first query; ``expiry`` int32 [key-value head or 1, key] when the eviction lets the keys of this
        layer go, where that was decided while reading.
        """
        cuts: list[EdgeCut] = []
        if self.forget is not None and place.kind == self.usual:
            cuts += self.forget.cuts(place.layer, heads=heads, queries=len(spans), keys=keys, first=first)
        if self.eviction is not None and self.evicts(place):
            if expiry is None:
                expiry = layer_expiry(self.eviction.expiry(keys), place.layer)
            cuts += expiry_cuts(expiry, heads=heads, queries=len(spans), first=first)
        return edge_masks(cuts, heads=heads, spans=spans, first=first)

    def evicts(self, place: Place) -> bool:
        """Does a cache of the layer at ``place`` let keys go?"""
        return self.eviction is not None and place.kind in self.evicting

    def without_eviction(self) -> Interventions:
        """The same, but every key stays."""
        return replace(self, eviction=None)

    def ablated(self, place: Place) -> list[Ablate]:
        """The heads of the layer at ``place`` that are unplugged."""
        return [ablation for ablation in self.ablations if ablation.place(self.usual) == place]

    def upto(self, length: int) -> Interventions:
        """The same without forgotten queries from position ``length`` on, which were never written."""
        return self if self.forget is None else replace(self, forget=self.forget.upto(length))


def interventions(
    forget: Forget | None, eviction: Eviction | None, ablate: Ablate | Sequence[Ablate] | None, *, usual: Kind
) -> Interventions:
    """What a caller asked for, as one: edges by name, an ``eviction``, and one head or several to ``ablate``.

    ``usual`` is the memory that is meant where none is named. Raises `TraceError` for values of another type.
    """
    require_forget(forget)
    if eviction is not None and not isinstance(eviction, Eviction):
        raise TraceError(
            "What a cache lets go must be an Eviction; this is {kind}.",
            todo="Pass memviz.Eviction.window(64).",
            kind=type(eviction).__name__,
        )
    ablations: tuple[Ablate, ...] = ()
    if ablate is not None:
        ablations = tuple(ablate) if isinstance(ablate, list | tuple) else (ablate,)  # type: ignore[assignment]
    wrong = [ablation for ablation in ablations if not isinstance(ablation, Ablate)]
    if wrong:
        raise TraceError(
            "A head to unplug must be an Ablate; this is {kind}.",
            todo="Pass memviz.Ablate(layer=5, head=3).",
            kind=type(wrong[0]).__name__,
        )
    return Interventions(forget, eviction, ablations, usual)
