"""Are the weights that are recorded of a Firefox model those that its layers give? Checked when it is opened.

Marian's network has no attention of its own in Python to compare with, as models of transformers have: each layer is
computed by its equations, in double precision, from what entered it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import UnsupportedModelError
from memviz.memory import Scores
from memviz.reading.attention.attention_function import AttentionCall, attend, handled_by
from memviz.reading.attention.recording import to_scores
from memviz.reading.firefox.network import Attention, FirefoxModel, Remembered

TOLERANCE = 5e-5  # of a weight: single precision takes 6e-6 of one of firefox-en-pt, whose scores are large
OUTPUT = 1e-4  # of the largest number that a layer writes
SOURCE, TARGET = 7, 5  # tokens of the probe


@dataclass(frozen=True, eq=False)
class _Layer:
    """One attention layer in the probe: what entered it, what it wrote, and what is recorded of it."""

    module: Attention
    looking: Tensor
    remembered: Remembered
    output: Tensor
    scores: Scores


class _ProbeRun:
    """Notes what is recorded of every attention call, and what goes in and out of its layer."""

    def __init__(self) -> None:
        self.layers: list[_Layer] = []
        self._scores: Scores | None = None

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        self._scores = to_scores(call)
        return attend(call)

    def module_left(self, module: nn.Module, args: tuple[Tensor, Remembered], output: Tensor) -> None:
        assert isinstance(module, Attention)
        assert self._scores is not None
        self.layers.append(_Layer(module, *args, output, self._scores))


def verify(model: FirefoxModel) -> None:
    """Raises `UnsupportedModelError` unless what is recorded of every layer is what its equations give."""
    run, config = _ProbeRun(), model.config
    modules = [module for module in model.modules() if isinstance(module, Attention)]
    hooks = [module.register_forward_hook(run.module_left) for module in modules]
    try:
        with handled_by(run):
            model(_spread(SOURCE, config.vocab_size), _spread(TARGET, config.target_vocab_size))
    finally:
        for hook in hooks:
            hook.remove()
    weights, outputs = zip(*map(_difference, run.layers), strict=True)
    if len(run.layers) != len(modules) or not max(weights) <= TOLERANCE or not max(outputs) <= OUTPUT:
        raise UnsupportedModelError(
            "{model} cannot be read: its recorded weights differ from what its layers give by {apart:.1g}.",
            todo="Fetch its files again, or choose another model, such as firefox-en-pt.",
            model=config.name_or_path or config.model_type,
            apart=max(weights),
        )


def _spread(count: int, vocabulary: int) -> Tensor:
    """So many tokens from all over a vocabulary: int64 [1, token]."""
    return torch.arange(count)[None] * max(1, vocabulary // count) % vocabulary


def _difference(layer: _Layer) -> tuple[float, float]:
    """How far is a layer from its equations? (Largest difference of a weight, of what is written as a share.)"""
    module, heads = layer.module, layer.module.heads
    looking = layer.looking[0].double()
    key, value = (part[0].double() for part in (layer.remembered.key, layer.remembered.value))
    query = (looking @ module.query.weight.double().T + module.query.bias.double()).unflatten(1, (heads, -1))
    weights = torch.einsum("qhd,hkd->hqk", query, key).div(key.shape[-1] ** 0.5).softmax(-1)
    mixed = torch.einsum("hqk,hkd->qhd", weights, value).flatten(1)
    written = mixed @ module.output.weight.double().T + module.output.bias.double()
    rows = np.arange(len(looking))
    recorded = np.stack([layer.scores.weights(head, rows) for head in range(heads)])
    apart = np.abs(recorded - weights.numpy()).max()
    return float(apart), float((layer.output[0] - written).abs().max() / written.abs().max().clamp_min(1e-12))
