"""The output projection of a layer, head by head: what turns values into what is written."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from memviz.memory import Kind
from memviz.reading.engine.probe import Plan, Projection


def by_head(module: Projection, heads: int) -> Tensor:
    """W_O of every head: float32 [head, dim, width], so that a head writes ``value @ W_O``."""
    weight = module.weight if isinstance(module, Conv1D) else module.weight.T  # [head · dim, width]
    return weight.detach().float().unflatten(0, (heads, -1))


def grams(plan: Plan) -> dict[Kind, list[Tensor | None]]:
    """W_O · W_Oᵀ of every head, [head, dim, dim] a layer: turns values into the norm of what they write.

    ``None`` for a layer whose projection is not known.
    """
    with torch.inference_mode():
        return {
            kind: [None if module is None else _gram(by_head(module, plan.heads[kind])) for module in modules]
            for kind, modules in plan.projections.items()
        }


def _gram(weight: Tensor) -> Tensor:
    return torch.bmm(weight, weight.transpose(1, 2))
