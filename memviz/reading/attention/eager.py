"""What does a model say about its own attention, when it is asked for its eager weights?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from memviz.errors import UnsupportedModelError
from memviz.memory import Kind
from memviz.reading.attention.attention_function import handled_by

EAGER_OUTPUTS: dict[Kind, str] = {
    "self": "attentions",
    "encoder": "encoder_attentions",
    "decoder": "decoder_attentions",
    "cross": "cross_attentions",
}


@dataclass(frozen=True)
class Eager:
    """The model's own weights, by memory a list over layers of [head, query, key], and what it answered.

    ``partly``: some layers gave something that is no attention over the tokens.
    """

    weights: dict[Kind, list[np.ndarray]]
    answer: Tensor | None
    partly: bool

    @property
    def heads(self) -> dict[Kind, int]:
        return {kind: layers[0].shape[0] for kind, layers in self.weights.items()}

    @property
    def lengths(self) -> dict[Kind, tuple[int, ...]]:
        """How many queries and keys each memory has."""
        return {kind: layers[0].shape[1:] for kind, layers in self.weights.items()}

    @property
    def causal(self) -> bool:
        return not any(np.triu(layer, k=1).any() for layer in self.weights.get("self", ()))


def eager_attentions(model: PreTrainedModel, inputs: dict[str, Any], lengths: Lengths) -> Eager:
    """The model's own weights for these inputs, and its answer. Leaves the model with eager attention.

    ``lengths``: how many queries and keys each kind of memory has.

    Raises `UnsupportedModelError` when it gives none, or none that belong to the tokens.
    """
    _check_inputs(model, inputs)
    try:
        model.set_attn_implementation("eager")
        with handled_by(None):
            outputs = model(**inputs, output_attentions=True, return_dict=True)
    except Exception as problem:  # whatever stops it on a dozen ordinary tokens would stop every reading
        _check_runs(model, inputs)
        raise UnsupportedModelError(
            "{model} does not give its attention away ({problem}).",
            todo="Choose a Transformer whose attention can be read, such as minilm or smollm2.",
            model=type(model).__name__,
            problem=_first_line(problem),
        ) from problem
    _check_numbers(model, outputs)
    found: dict[Kind, list[np.ndarray]] = {}
    partly = False
    for kind, name in EAGER_OUTPUTS.items():
        layers = [layer for layer in (getattr(outputs, name, None) or ()) if layer is not None]
        good = [layer[0] for layer in layers if is_attention(layer, lengths.get(kind, (None, None)))]
        partly = partly or len(good) < len(layers)
        if good:
            found[kind] = [layer.float().cpu().numpy() for layer in good]
    _check(model, found)
    return Eager(found, answer_of(outputs), partly)


def _check_inputs(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
    """Raises `UnsupportedModelError` when the model takes something else than it is given."""
    wanted = getattr(model, "main_input_name", "input_ids")
    names = ", ".join(name for name in inputs if name != "use_cache")
    if wanted not in inputs:
        raise UnsupportedModelError(
            "{model} takes {wanted}, but what was given to prepare its sources makes {given}.",
            todo="Give the processor that belongs to the model: a tokenizer for texts, an image processor for pictures,"
            " a feature extractor with a tokenizer for sounds.",
            model=type(model).__name__,
            wanted=wanted,
            given=names,
        )


def _check_runs(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
    """Raises `UnsupportedModelError` when the model does not run on these inputs at all, whatever it is asked for."""
    try:
        with handled_by(None):
            model(**inputs, return_dict=True)
    except Exception as problem:
        raise UnsupportedModelError(
            "{model} could not read a short source ({problem}).",
            todo="Check that its configuration, its weights and what prepares its sources belong together.",
            model=type(model).__name__,
            problem=_first_line(problem),
        ) from problem


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__


def _check_numbers(model: PreTrainedModel, outputs: Any) -> None:
    """Raises `UnsupportedModelError` when what the model gives away as its attention is not even numbers."""
    layers = [layer for name in EAGER_OUTPUTS.values() for layer in getattr(outputs, name, None) or ()]
    if any(isinstance(layer, Tensor) and bool(layer.isnan().any()) for layer in layers):
        raise UnsupportedModelError(
            "{model} cannot be read: its attention on a short text is not a number (NaN).",
            todo="Its weights may be broken, or too large for half precision: fetch it again, or open it in float32.",
            model=type(model).__name__,
        )


def _check(model: PreTrainedModel, found: dict[Kind, list[np.ndarray]]) -> None:
    if not found:
        raise UnsupportedModelError(
            "{model} has no attention that can be read: it gave no weights for a short text.",
            todo="Choose a Transformer with softmax attention, such as minilm or smollm2.",
            model=type(model).__name__,
        )
    for layers in found.values():
        heads = sorted({layer.shape[0] for layer in layers})
        if len(heads) > 1:
            raise UnsupportedModelError(
                "{model} cannot be read: its layers have different numbers of heads ({heads}).",
                todo="Choose a model whose layers are alike, such as minilm or smollm2.",
                model=type(model).__name__,
                heads=", ".join(map(str, heads)),
            )


Lengths = Mapping[Kind, tuple[int | None, int | None]]
"""How many queries and keys a memory of each kind has; ``None`` where only the model's calls can tell."""


def is_attention(weights: Any, lengths: tuple[int | None, int | None]) -> bool:
    """Are these shares of attention, [1, head, query, key]? Not where a model gives away scores, windows or blocks."""
    if not isinstance(weights, Tensor) or weights.ndim != 4 or len(weights) != 1:
        return False
    if any(length not in (None, size) for length, size in zip(lengths, weights.shape[2:], strict=True)):
        return False
    return bool((weights >= 0).all()) and bool((weights.float().sum(-1) <= 1.01).all())


def answer_of(outputs: Any) -> Tensor | None:
    """What the model said: its logits, or its last hidden state."""
    answers = (getattr(outputs, name, None) for name in ("logits", "last_hidden_state"))
    return next((answer for answer in answers if isinstance(answer, Tensor)), None)
