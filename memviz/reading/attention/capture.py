"""What happens around one attention layer: what goes in, what is written, what the block makes of it.

Whether a block is post-norm (BERT: ``norm(x + attention(x))``) or pre-norm (Llama: ``x + attention(norm(x))``) is seen
from the values that flow through its norms and linear maps, not from the names of its modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memviz.memory import Place
from memviz.reading.attention.attention_function import AttentionCall, Block, attend
from memviz.reading.attention.interventions import Places


@dataclass(frozen=True)
class ModuleCall:
    """One call of a norm or a linear map: [token, width] in and out."""

    module: nn.Module
    input: Tensor
    output: Tensor

    @property
    def is_norm(self) -> bool:
        return "norm" in type(self.module).__name__.lower()


class BlockCapture:
    """One attention layer of one memory, seen during a forward pass; also the run that its attention calls go to.

    weights [head, query, key] and value [head, key, dim] of the attention; residual [token, width]
    is what the block adds to it, and computed [token, width] what the model arrives at: the
    normalised sum of a post-norm block; what a pre-norm block adds to its residual.
    """

    weights: Tensor
    value: Tensor
    residual: Tensor
    computed: Tensor
    norm: nn.LayerNorm

    def __init__(self, place: Place, *, places: Places, projection: nn.Linear | Conv1D) -> None:
        self.place, self.places, self.projection = place, places, projection
        self._reached = 0  # layers of this memory so far
        self._now = False  # between the layer's attention call and the next one
        self._calls: dict[int, int] = {}
        self._input: Tensor | None = None
        self._before: list[ModuleCall] = []
        self._after: list[ModuleCall] = []

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output, as without anybody watching."""
        here = self.places.place(module, call, self._calls) if module in self.places else None
        self._now = here == self.place
        if here is not None and here.kind == self.place.kind:
            self._reached = here.layer + 1
        if not self._now:
            self._before = self._before if self._reached > self.place.layer else []
            return attend(call)
        heads, rows, _ = call.query.shape
        self.weights = torch.zeros(heads, rows, call.key.shape[1], device=call.query.device)
        self.value = call.value.repeat_interleave(heads // len(call.value), dim=0)
        return attend(call, watch=self._store)

    def module_entered(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An attention module's input."""
        if self._reached <= self.place.layer:
            states = args[0] if args else kwargs.get("hidden_states")
            self._input = states[0] if isinstance(states, Tensor) else None

    def module_called(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """A call of a norm or a linear map."""
        if not args or not isinstance(args[0], Tensor) or not isinstance(output, Tensor):
            return
        if self._now or self._reached <= self.place.layer:
            steps = self._after if self._now else self._before
            steps.append(ModuleCall(module, _flat(args[0]), _flat(output)))

    def _store(self, block: Block) -> None:
        self.weights[:, block.start : block.stop, block.first : block.last] = block.weights

    @property
    def shape(self) -> Literal["post-norm", "pre-norm", "unknown"]:
        """How is the block built? Sets ``residual`` and ``computed``, and ``norm`` of a post-norm block."""
        place = next((n for n, step in enumerate(self._after) if step.module is self.projection), None)
        if place is None or self._input is None:
            return "unknown"
        written, rest = self._after[place].output, self._after[place + 1 :]
        norms = [step for step in rest if step.is_norm]
        if not norms:
            return "unknown"
        first, states = norms[0], self._input
        if isinstance(first.module, nn.LayerNorm) and _close(first.input, states + written) and _carried(first, rest):
            self.residual, self.computed, self.norm = states, first.output, first.module
            return "post-norm"
        sources = [step.input for step in self._before if _close(step.output, states)]
        for residual in [*sources, states]:
            if _close(first.input, residual + written):
                self.residual, self.computed = residual, written
                return "pre-norm"
        return "unknown"


def _carried(norm: ModuleCall, rest: list[ModuleCall]) -> bool:
    """Does the stream go on from what the norm made, and not past it?"""
    later = rest[rest.index(norm) + 1 :]
    place = next((n for n, step in enumerate(later) if step.is_norm), None)
    if not place:
        return False
    return _close(later[place].input, norm.output + later[place - 1].output)


def _close(tensor: Tensor, other: Tensor) -> bool:
    """The same up to rounding?"""
    return tensor.shape == other.shape and bool((tensor - other).abs().max() <= 1e-3 * other.abs().max())


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1, tensor.shape[-1])


@contextmanager
def capturing(model: PreTrainedModel, capture: BlockCapture) -> Iterator[None]:
    """The capture sees every norm, linear map and attention module of the model."""
    hooks = []
    for module in model.modules():
        if module in capture.places:
            hooks.append(module.register_forward_pre_hook(capture.module_entered, with_kwargs=True))
        if isinstance(module, nn.Linear | Conv1D) or "norm" in type(module).__name__.lower():
            hooks.append(module.register_forward_hook(capture.module_called))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
