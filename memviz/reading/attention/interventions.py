"""How is an edge forgotten? In a reading of a whole text, and while a model writes, one row after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from memviz.memory import Forget, Kind
from memviz.reading.attention.function import AttentionCall, attend


def with_forgotten(lookup: AttentionCall, forget: Forget | None, layer: int) -> AttentionCall:
    """The same attention call of that layer, without the edges to forget. Raises as `Forget.edges` does."""
    if forget is None or not forget.touches(layer):
        return lookup
    rows, cols = lookup.query.shape[1], lookup.key.shape[1]
    cut = torch.from_numpy(forget.edges(rows, cols, visible=lookup.visible.cpu().numpy()))[None]
    if forget.heads is not None:
        heads = torch.tensor([forget.covers(head) for head in range(lookup.query.shape[0])])
        cut = heads[:, None, None] & cut
    return replace(lookup, cut=cut.to(lookup.query.device))


class StepwiseForget:
    """Forgets edges of cross-attention while a model writes; ``step`` is the position it is writing now.

    ``kinds`` says which memory an attention module belongs to, by the module's id, in the order of the layers. A call
    has one row or, where nothing is kept of the steps before, all rows up to this one. Several texts at once, such as
    the tries of a beam, are at the same step.
    """

    def __init__(self, forget: Forget, kinds: Mapping[int, Kind]) -> None:
        self.forget = forget
        cross = [module for module, kind in kinds.items() if kind == "cross"]
        self.layers = {module: layer for layer, module in enumerate(cross)}
        self.step = 0

    def attend(self, module: nn.Module, lookup: AttentionCall) -> Tensor:
        """The attention output, without the edges that are forgotten."""
        if id(module) not in self.layers:
            return attend(lookup)
        rows = lookup.query.shape[1]
        return attend(with_forgotten(lookup, self._within(self.step + 1 - rows, rows), self.layers[id(module)]))

    def _within(self, first: int, rows: int) -> Forget | None:
        """What is forgotten in so many rows from ``first`` on, counted from there."""
        if self.forget.queries is None:
            return self.forget
        queries = tuple(query - first for query in self.forget.queries if 0 <= query - first < rows)
        return replace(self.forget, queries=queries) if queries else None
