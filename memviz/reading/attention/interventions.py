"""How is a forward pass changed? Edges that are cut, and heads that write nothing, in the one attention function.

What is changed is said without torch, by `memviz.memory.Interventions`; here it is done, alike in a reading of a whole
text, in a beam, and in a step with a KV cache. A new intervention is a type there that says which edges it cuts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memviz.memory import EdgeMask, Interventions, Kind, Place, heads_by_mask, layer_expiry
from memviz.reading.attention.attention_function import MASKED, AttentionCall, attend
from memviz.reading.attention.evicting_cache import EvictingCache
from memviz.reading.attention.heavy_hitters import HeavyHitters


class HeadCuts:
    """The edges that are cut in some heads of one layer, as `memviz.reading.attention.attention_function.CutEdges`.

    Holds a few numbers for each query and each key, and makes one mask of a block at a time: [query, key], for heads
    that lose the same together.
    """

    def __init__(self, masks: Sequence[EdgeMask | None], device: torch.device) -> None:
        self._groups: list[tuple[list[int], list[tuple[Tensor, Tensor, Tensor]]]] = []
        for mask, heads in heads_by_mask(masks):
            positions = torch.arange(len(mask.cuts[0][0]), device=device, dtype=torch.int32) + mask.first
            cuts = [
                (torch.from_numpy(queries).to(device), torch.from_numpy(expiry).to(device), positions)
                for queries, expiry in mask.cuts
            ]
            self._groups.append((heads, cuts))

    def hide(self, scores: Tensor, *, start: int, first: int) -> None:
        """Sets the scores [head, query, key] of the edges that are cut to `MASKED`; see `CutEdges`."""
        rows, cols = slice(start, start + scores.shape[1]), slice(first, first + scores.shape[2])
        for heads, cuts in self._groups:
            for queries, expiry, positions in cuts:
                lost = positions[rows, None] >= expiry[None, cols]
                lost &= queries[rows, None]
                if len(heads) == heads[-1] - heads[0] + 1:  # neighbours, such as those that share their keys
                    scores[heads[0] : heads[-1] + 1].masked_fill_(lost, MASKED)
                else:
                    for head in heads:
                        scores[head].masked_fill_(lost, MASKED)


@dataclass(frozen=True)
class Places:
    """Which attention layer is each call of a module?

    ``by_module``: the layers that a module computes, by its id; more than one where layers share their parts (ALBERT).
    """

    by_module: Mapping[int, tuple[Place, ...]]

    def __contains__(self, module: nn.Module) -> bool:
        return id(module) in self.by_module

    def place(self, module: nn.Module, call: AttentionCall, calls: dict[int, int]) -> Place:
        """The layer of this call; ``calls`` counts those of modules that compute several, and is counted on."""
        places = self.by_module[id(module)]
        if len(places) == 1:
            return places[0]
        if call.item == 0:  # the texts of a batch come one after the other
            calls[id(module)] = calls.get(id(module), -1) + 1
        return places[calls[id(module)] % len(places)]


def with_cuts(
    call: AttentionCall,
    interventions: Interventions,
    place: Place,
    *,
    first: int = 0,
    positions: np.ndarray | None = None,
    expiry: np.ndarray | None = None,
) -> AttentionCall:
    """The same call of that layer, without the edges that are cut. Raises as `Interventions.masks` does.

    ``first`` is the position of the first query: of a step with a KV cache, the queries are the latest. ``positions``
    int64 [key-value head or 1, key] say where the keys stand, where some between them may be gone for good; ``expiry``
    as in `Interventions.masks`.
    """
    if not interventions:
        return call
    heads, rows, keys = call.query.shape[0], call.query.shape[1], call.key.shape[1]
    length = keys if positions is None else first + rows
    gaps = None if positions is None or positions.shape[1] == length else positions
    if gaps is not None and interventions.forget is None:
        return call  # what the eviction lets go is not there
    spans = call.visible.cpu().numpy()
    if gaps is not None:
        spans = np.tile([0, length], (rows, 1))  # one step: it sees all keys that are left
    masks = interventions.masks(place, heads=heads, keys=length, spans=spans, first=first, expiry=expiry)
    if masks is None:
        return call
    if gaps is not None:
        masks = _of_keys(masks, gaps)
    return replace(call, cut=HeadCuts(masks, call.query.device))


def _of_keys(masks: Sequence[EdgeMask | None], positions: np.ndarray) -> tuple[EdgeMask | None, ...]:
    """The ``masks`` of every head, of the keys alone that its key-value head has left: [key-value head or 1, key]."""
    owners = [head // (len(masks) // len(positions)) for head in range(len(masks))]
    parts: dict[tuple[int, int], EdgeMask] = {}  # heads that lose the same share a mask
    by_head: list[EdgeMask | None] = []
    for mask, owner in zip(masks, owners, strict=True):
        if mask is not None and (id(mask), owner) not in parts:
            parts[id(mask), owner] = mask.of_keys(positions[owner])
        by_head.append(None if mask is None else parts[id(mask), owner])
    return tuple(by_head)


def expiry_by_attention(
    tracker: HeavyHitters,
    call: AttentionCall,
    interventions: Interventions,
    place: Place,
    *,
    first: int = 0,
    positions: np.ndarray | None = None,
) -> np.ndarray:
    """From which query on is each key of this layer gone, where attention decides? int32 [key-value head, position].

    What is forgotten by name collects nothing. ``first`` and ``positions`` as in `with_cuts`.
    """
    seen = with_cuts(call, interventions.without_eviction(), place, first=first, positions=positions)
    return tracker.expiry(seen, first=first, positions=positions)


def with_ablations(output: Tensor, interventions: Interventions, place: Place) -> Tensor:
    """What the heads of that layer wrote [head, query, dim], with those replaced that are unplugged; in place."""
    for ablation in interventions.ablated(place):
        head = output[ablation.head]
        head.copy_(head.mean(0, keepdim=True).expand_as(head)) if ablation.by == "mean" else head.zero_()
    return output


class StepwiseHandler:
    """Changes attention while a model writes; ``step`` is the position it is writing now.

    A call has one row or, where nothing is kept of the steps before, all rows up to this one. Several texts at once,
    such as the hypotheses of a beam, are at the same step. ``cache``: the one it writes with, where that lets keys go.
    """

    def __init__(self, interventions: Interventions, places: Places, cache: Any = None) -> None:
        self.interventions = interventions
        self.places = places
        self.cache = cache if isinstance(cache, EvictingCache) else None
        self.step = 0
        self._calls: dict[int, int] = {}
        self._trackers: dict[tuple[Place, int], HeavyHitters] = {}

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, without what is cut and unplugged."""
        if module not in self.places:
            return attend(call)
        place = self.places.place(module, call, self._calls)
        positions = None if self.cache is None else self.cache.positions(place.layer)
        first = self._first(place.kind, call) if positions is None else int(positions[0, -1]) + 1 - call.query.shape[1]
        changes = self._at(place.kind)
        expiry = self._expiry(place, call, changes, first, positions) if changes.evicts(place) else None
        call = with_cuts(call, changes, place, first=first, positions=positions, expiry=expiry)
        output = with_ablations(attend(call), self.interventions, place)
        if self.cache is not None and expiry is not None:
            self.cache.evict(place.layer, expiry)
        return output

    def _expiry(
        self, place: Place, call: AttentionCall, changes: Interventions, first: int, positions: np.ndarray | None
    ) -> np.ndarray:
        """From which query on is each key so far gone? int32 [key-value head or 1, position]."""
        eviction = changes.eviction
        assert eviction is not None
        if not eviction.adaptive:
            return layer_expiry(eviction.expiry(first + call.query.shape[1]), place.layer)
        tracker = self._trackers.setdefault((place, call.item), HeavyHitters(eviction))
        return expiry_by_attention(tracker, call, changes, place, first=first, positions=positions)

    def _first(self, kind: Kind, call: AttentionCall) -> int:
        """The position of the first query of a call."""
        rows, keys = call.query.shape[1], call.key.shape[1]
        if kind == "encoder":
            return 0
        return self.step + 1 - rows if kind == "cross" else keys - rows

    def _at(self, kind: Kind) -> Interventions:
        """What is changed up to this step: queries that are not written yet are left out."""
        return self.interventions.upto(self.step + 1) if kind == self.interventions.usual else self.interventions
