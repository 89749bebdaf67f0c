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

from memviz.memory import EdgeMask, Interventions, Kind, Place, heads_by_mask
from memviz.reading.attention.attention_function import MASKED, AttentionCall, attend
from memviz.reading.attention.evicting_cache import EvictingCache


class HeadCuts:
    """The edges that are cut in some heads of one layer, as `memviz.reading.attention.attention_function.CutEdges`.

    Holds a few numbers for each query and each key, and makes one mask of a block at a time: [query, key], for heads
    that lose the same together.
    """

    def __init__(self, masks: Sequence[EdgeMask | None], device: torch.device) -> None:
        self._heads = len(masks)
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
                if len(heads) == self._heads:
                    scores.masked_fill_(lost, MASKED)
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
) -> AttentionCall:
    """The same call of that layer, without the edges that are cut. Raises as `Interventions.masks` does.

    ``first`` is the position of the first query: of a step with a KV cache, the queries are the latest. ``positions``
    int64 [key] say where the keys stand, where some between them are gone for good.
    """
    gaps = positions is not None and len(positions) <= positions[-1]
    spans = call.visible.cpu().numpy()
    if gaps and positions is not None:
        spans = np.tile([0, int(positions[-1]) + 1], (len(spans), 1))  # one step: it sees all keys that are left
    masks = interventions.masks(
        place,
        heads=call.query.shape[0],
        kv_heads=call.key.shape[0],
        keys=call.key.shape[1] if positions is None else int(positions[-1]) + 1,
        spans=spans,
        first=first,
    )
    if masks is not None and gaps and positions is not None:
        masks = tuple(None if mask is None else mask.of_keys(positions) for mask in masks)
    return call if masks is None else replace(call, cut=HeadCuts(masks, call.query.device))


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

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, without what is cut and unplugged."""
        if module not in self.places:
            return attend(call)
        place = self.places.place(module, call, self._calls)
        positions = None if self.cache is None else self.cache.positions(place.layer)
        first = self._first(place.kind, call) if positions is None else int(positions[-1]) + 1 - call.query.shape[1]
        call = with_cuts(call, self._at(place.kind), place, first=first, positions=positions)
        return with_ablations(attend(call), self.interventions, place)

    def _first(self, kind: Kind, call: AttentionCall) -> int:
        """The position of the first query of a call."""
        rows, keys = call.query.shape[1], call.key.shape[1]
        if kind == "encoder":
            return 0
        return self.step + 1 - rows if kind == "cross" else keys - rows

    def _at(self, kind: Kind) -> Interventions:
        """What is changed up to this step: queries that are not written yet are left out."""
        return self.interventions.upto(self.step + 1) if kind == self.interventions.usual else self.interventions
