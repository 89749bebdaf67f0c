"""Eager attention written out, without edges that are cut by hand: an oracle for what is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

BUDGETS: dict[int, tuple[int, int]] = {}  # (heavy hitters, recent keys) by the id of the attention module
GONE: dict[int, np.ndarray] = {}  # what was decided then, [key-value head, key]: the query from which on a key is gone
STAYS = np.iinfo(np.int32).max
CUTS: dict[int, torch.Tensor] = {}  # bool [head, query, key] by the id of the attention module


def hand_patched(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float | None = None, position_bias: torch.Tensor | None = None,
    softcap: float | None = None, s_aux: torch.Tensor | None = None, **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Eager attention written out, without the edges in `CUTS`; of fewer queries than were cut, the first."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = scores if softcap is None else softcap * torch.tanh(scores / softcap)
    scores = scores if position_bias is None else scores + position_bias
    scores = scores if attention_mask is None else scores + attention_mask
    if id(module) in CUTS:
        scores = scores.masked_fill(CUTS[id(module)][:, : scores.shape[2]], -torch.inf)
    if id(module) in BUDGETS:
        return greedy(module, scores, value, s_aux, groups)
    if s_aux is not None:
        scores = torch.cat([scores, s_aux.view(1, -1, 1, 1).expand(1, -1, scores.shape[2], 1)], -1)
    weights = scores.softmax(-1)[..., : key.shape[2]]
    return (weights @ value).transpose(1, 2).contiguous(), weights


def greedy(
    module: nn.Module, scores: torch.Tensor, value: torch.Tensor, s_aux: torch.Tensor | None, groups: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same under heavy hitters, word for word: a set of keys for each key-value head, one query after the other."""
    budget, recent = BUDGETS[id(module)]
    heads, length = scores.shape[1:3]
    weights = torch.zeros(heads, length, length, dtype=torch.float64)
    gone = np.full((heads // groups, length), STAYS)
    for owner in range(heads // groups):
        there: set[int] = set()
        collected: dict[int, float] = {}
        for query in range(length):
            there.add(query)
            collected[query] = 0.0
            keys = sorted(there)
            for head in range(owner * groups, (owner + 1) * groups):
                row = scores[0, head, query, keys].double()
                if s_aux is not None:
                    row = torch.cat([row, s_aux[head : head + 1].double()])
                weights[head, query, keys] = row.softmax(0)[: len(keys)]
            for key in keys:
                collected[key] += float(weights[owner * groups : (owner + 1) * groups, query, key].sum())
            old = [key for key in keys if key <= query + 1 - recent]
            if len(old) > budget:
                least = min(old, key=lambda key: collected[key])
                there.remove(least)
                gone[owner, least] = query + 1
    GONE[id(module)] = gone
    weights = weights[None].to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register("hand_patched", hand_patched)
AttentionMaskInterface.register("hand_patched", eager_mask)

CROSS = "model.decoder.layers.{}.encoder_attn"
PLACES = {
    "bert": "encoder.layer.{}.attention.self", "gpt2": "transformer.h.{}.attn",
    "mistral": "model.layers.{}.self_attn", "gemma2": "model.layers.{}.self_attn",
    "gpt-oss": "model.layers.{}.self_attn", "t5": "decoder.block.{}.layer.1.EncDecAttention", "bart": CROSS,
}  # fmt: skip
"""Where the attention is that forgets, by family; `CROSS` in all the kin of BART."""


@contextmanager
def cutting(model: PreTrainedModel, place: str, cut: np.ndarray) -> Iterator[None]:
    """The model without these edges, [layer, head, query, key], of the attention at that place."""
    model.set_attn_implementation("hand_patched")
    modules = dict(model.named_modules())
    try:
        CUTS.update({id(modules[place.format(layer)]): torch.from_numpy(edges) for layer, edges in enumerate(cut)})
        yield
    finally:
        CUTS.clear()


@contextmanager
def keeping(model: PreTrainedModel, place: str, layers: int, budget: int, recent: int) -> Iterator[list[np.ndarray]]:
    """The model with heavy hitters in the attention at that place; filled at the end with when which key went."""
    model.set_attn_implementation("hand_patched")
    modules = dict(model.named_modules())
    found = [id(modules[place.format(layer)]) for layer in range(layers)]
    gone: list[np.ndarray] = []
    try:
        BUDGETS.update(dict.fromkeys(found, (budget, recent)))
        yield gone
        gone += [GONE[module] for module in found]
    finally:
        BUDGETS.clear()
        GONE.clear()
