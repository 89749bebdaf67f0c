"""How is this model's attention read? Found out once, when the model is opened, on a short text.

The probe runs the model twice: through MemViz's attention function, and with the model's own
eager attention. Where the two agree, in their weights and in what the model answers, readings
are recorded; where they do not, or where the model never calls the function, readings are dense
(the model's own eager weights), and the trace says so. What is no attention over the tokens (a
window cut out of it, a pooled or a linear layer) is refused or left out, never shown as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memviz.errors import UnsupportedModelError
from memviz.memory import Kind, Place, Scores
from memviz.note import Note
from memviz.reading.attention.attention_function import AttentionCall, attend, handled_by
from memviz.reading.attention.eager import Eager, Lengths, answer_of, eager_attentions
from memviz.reading.attention.interventions import Places
from memviz.reading.attention.recording import to_scores
from memviz.reading.engine.adapters import Probe
from memviz.reading.engine.inputs import is_encoder_decoder

CLOSE = 1e-4  # weights apart by less differ in the last digits of float32, which many layers enlarge
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-5, torch.bfloat16: 2e-2, torch.float16: 5e-3}
PAST = "its attention does not pass through transformers' attention interface"
ANSWERS = {torch.float32: 1e-3, torch.float64: 1e-3}  # of the largest logit; errors grow through the layers


Projection = nn.Linear | Conv1D
"""The linear map that what the heads wrote goes into."""


@dataclass(frozen=True, eq=False)
class Plan:
    """How one model is read.

    places     which attention layer a module computes
    layers     how many attention layers each memory has
    heads      how many heads each memory has
    kv_heads, head_dim   of the first memory
    causal     no token sees a later one
    projections   the output projection of each layer, where it could be found
    dense      read the model's own eager weights instead of recording
    implementation   the attention that transformers is asked for; "" where the model has only its own
    headed     the next-token logits are ``head(base_model(...))``, so they can be taken in pieces
    note       why the reading is dense, or what else a reader should know
    lengths    how many queries and keys each memory had in the probe: always, where a source fills the model's window
    """

    places: Places
    layers: dict[Kind, int]
    heads: dict[Kind, int]
    kv_heads: int
    head_dim: int
    causal: bool
    projections: dict[Kind, list[Projection | None]] = field(default_factory=dict)
    dense: bool = False
    implementation: str = "memviz"
    headed: bool = False
    note: Note | None = None
    lengths: Mapping[Kind, tuple[int, ...]] = field(default_factory=dict)

    @property
    def causal_kinds(self) -> frozenset[Kind]:
        """The memories in which no query sees a later key; of a text of one token, its weights would not tell."""
        return frozenset({"decoder", "self"} if self.causal else {"decoder"})


@dataclass
class _ProbeCall:
    module: nn.Module
    scores: Scores
    output: Tensor
    entered_map: Projection | None = None  # the linear map that the output goes into
    written: Tensor | None = None  # what the map makes of it
    feeds_residual: bool = False  # and nothing is added to that, or taken from it

    @property
    def projection(self) -> Projection | None:
        """The output projection: the map that the output goes into, where that is all that is written."""
        return self.entered_map if self.feeds_residual else None

    @property
    def shape(self) -> tuple[int, int]:
        return self.scores.query.shape[1], self.scores.key.shape[1]


class _ProbeRun:
    """Notes every attention call of the probe, and through which linear map its output goes on."""

    def __init__(self) -> None:
        self.calls: list[_ProbeCall] = []
        self.answer: Tensor | None = None

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        output = attend(call)
        flat = output.transpose(0, 1).reshape(output.shape[1], -1)
        self.calls.append(_ProbeCall(module, to_scores(call), flat))
        return output

    def module_entered(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A module's input: is it the output of the latest attention call, or what the map makes of that?

        What a map wrote goes on where a dropout or a norm takes it, or where the attention module returns it. Under an
        adapter (LoRA) it does not: there, something is added to it first.
        """
        if not self.calls or not args or not isinstance(args[0], Tensor):
            return
        latest = self.calls[-1]
        if isinstance(module, nn.Linear | Conv1D):
            if latest.entered_map is None and args[0].shape[-1] == latest.output.shape[-1]:
                latest.entered_map = module if _equal(args[0], latest.output) else None
        elif _keeps(module) and latest.written is not None:
            latest.feeds_residual = latest.feeds_residual or _equal(args[0], latest.written)

    def module_left(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """A module's output: is it what the map makes of the latest call's, or does that call's module end?"""
        if not self.calls:
            return
        latest = self.calls[-1]
        if module is latest.entered_map and latest.written is None:
            latest.written = output if isinstance(output, Tensor) else None
        elif module is latest.module and latest.written is not None:
            returned = output if isinstance(output, tuple) else (output,)
            latest.feeds_residual = latest.feeds_residual or any(_equal(state, latest.written) for state in returned)


def _equal(one: Any, other: Tensor) -> bool:
    """The same numbers, in whatever shape?"""
    return isinstance(one, Tensor) and one.numel() == other.numel() and torch.equal(one.reshape(-1), other.reshape(-1))


def _keeps(module: nn.Module) -> bool:
    """Is this a part that stands between what a layer writes and the sum with the residual, or after that sum?"""
    return isinstance(module, nn.Dropout | nn.Identity) or "norm" in type(module).__name__.lower()


def make_plan(model: PreTrainedModel, probe: Probe, *, tolerance: float | None = None) -> Plan:
    """How is this model read? ``probe``: a short source that it can read.

    ``tolerance``: how far recorded weights may be from the model's own; as `TOLERANCE` has it if left out.

    Expects the model in eval mode. Changes its attention implementation and leaves it set to
    the one that the plan needs. Raises `UnsupportedModelError` when no attention comes out.
    """
    inputs = probe.inputs
    eager = eager_attentions(model, inputs, probe.lengths)
    if not getattr(type(model), "_can_set_attn_implementation", lambda: True)():
        return _dense(model, eager, Note(PAST))
    try:
        run = _recorded(model, inputs)
    except Exception as problem:  # its own attention did run, so there is another way
        return _dense(model, eager, Note("its attention could not be recorded: {problem}", {"problem": str(problem)}))
    if not run.calls:
        return _dense(model, eager, Note(PAST))
    kinds = _kinds(run.calls, eager, probe.lengths)
    calls = {kind: [call for call in run.calls if kinds.get(id(call.module)) == kind] for kind in eager.weights}
    difference = _difference(calls, eager.weights)
    if not difference <= (tolerance or TOLERANCE.get(model.dtype, 1e-5)):
        return _dense(
            model, eager, Note("recorded weights differ from the model's own by {apart:.1g}", {"apart": difference})
        )
    complete = set(kinds) == {id(call.module) for call in run.calls} and set(kinds.values()) == set(eager.weights)
    if not complete or not _same(eager.answer, run.answer):
        return _dense(model, eager, Note("it uses its attention in a way of its own"))
    first = next(iter(calls.values()))[0].scores
    return Plan(
        places=_places(calls),
        layers={kind: len(seen) for kind, seen in calls.items()},
        heads=eager.heads,
        kv_heads=first.key.shape[0],
        head_dim=first.query.shape[2],
        causal=eager.causal,
        projections={kind: [call.projection for call in seen] for kind, seen in calls.items()},
        headed=eager.causal and _headed(model, inputs),
        note=_missing_layers(model, calls),
        lengths=eager.lengths,
    )


def _same(own: Tensor | None, found: Tensor | None) -> bool:
    if own is None or found is None or own.shape != found.shape:
        return own is found
    return bool((own - found).abs().max() <= ANSWERS.get(own.dtype, 0.1) * own.abs().max())


def _recorded(model: PreTrainedModel, inputs: dict[str, Any]) -> _ProbeRun:
    run = _ProbeRun()
    model.set_attn_implementation("memviz")
    hooks = [module.register_forward_pre_hook(run.module_entered) for module in model.modules()]
    hooks += [module.register_forward_hook(run.module_left) for module in model.modules()]
    try:
        with handled_by(run):
            run.answer = answer_of(model(**inputs, return_dict=True))
    finally:
        for hook in hooks:
            hook.remove()
    return run


def _kinds(calls: list[_ProbeCall], eager: Eager, lengths: Lengths) -> dict[int, Kind]:
    """Which memory each attention module writes to, told by the lengths of its two sides."""
    shapes: dict[tuple[int | None, ...], Kind] = {}
    for kind, sides in lengths.items():
        sizes = eager.weights[kind][0].shape[1:] if kind in eager.weights else (None, None)
        shapes[tuple(size if side is None else side for side, size in zip(sides, sizes, strict=True))] = kind
    return {id(call.module): shapes[call.shape] for call in calls if call.shape in shapes}


def _places(calls: Mapping[Kind, list[_ProbeCall]]) -> Places:
    """Which layers does each module compute? In the order of the calls on a short text."""
    by_module: dict[int, tuple[Place, ...]] = {}
    for kind, seen in calls.items():
        for layer, call in enumerate(seen):
            by_module[id(call.module)] = (*by_module.get(id(call.module), ()), Place(kind, layer))
    return Places(by_module)


def _difference(calls: dict[Kind, list[_ProbeCall]], eager: dict[Kind, list[np.ndarray]]) -> float:
    """The largest difference between a rebuilt weight and the model's own; infinite when shapes differ."""
    largest = 0.0
    for kind, layers in eager.items():
        if len(layers) != len(calls[kind]):
            return float("inf")
        for call, own in zip(calls[kind], layers, strict=True):
            rows = np.arange(call.shape[0])
            heads = range(call.scores.query.shape[0])
            rebuilt = np.stack([call.scores.weights(head, rows) for head in heads])
            if rebuilt.shape != own.shape:
                return float("inf")
            largest = max(largest, float(np.abs(rebuilt - own).max()))
    return largest


def _dense(model: PreTrainedModel, eager: Eager, why: Note) -> Plan:
    if eager.partly:
        raise UnsupportedModelError(
            "{model} cannot be read: some of its layers give away something that is no attention over the tokens.",
            todo="Choose a Transformer with softmax attention, such as minilm or smollm2.",
            model=type(model).__name__,
        )
    if model.config._attn_implementation == "memviz":
        model.set_attn_implementation("eager")
    first = next(iter(eager.weights.values()))[0]
    config = model.config.get_text_config()
    return Plan(
        places=Places({}),
        layers={kind: len(layers) for kind, layers in eager.weights.items()},
        heads=eager.heads,
        kv_heads=first.shape[0],
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // first.shape[0],
        causal=eager.causal,
        dense=True,
        implementation="eager" if model.config._attn_implementation == "eager" else "",
        note=Note("Read through the model's own eager weights, because {why}.", {"why": why}),
        lengths=eager.lengths,
    )


def _headed(model: PreTrainedModel, inputs: dict[str, Any]) -> bool:
    """Are the logits exactly ``head(base_model(...))``?"""
    head = model.get_output_embeddings()
    if head is None or model.base_model is model or is_encoder_decoder(model):
        return False
    try:
        with handled_by(None):
            logits = getattr(model(**inputs, return_dict=True), "logits", None)
            expected = head(model.base_model(**inputs, return_dict=True).last_hidden_state)
    except (RuntimeError, TypeError, AttributeError):  # there is something between the two
        return False
    return (
        logits is not None and logits.shape == expected.shape and torch.allclose(logits, expected, atol=1e-5, rtol=1e-5)
    )


def _missing_layers(model: PreTrainedModel, calls: dict[Kind, list[_ProbeCall]]) -> Note | None:
    if is_encoder_decoder(model) and "encoder" not in calls:
        return Note("Its encoder has no softmax attention over all tokens, so that is not shown.")
    whole = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    seen = len(calls.get("self", ()))
    if seen and whole and seen < whole:
        template = "Only {seen} of its {whole} layers have softmax attention; the others are not shown."
        return Note(template, {"seen": seen, "whole": whole})
    return None
