"""One model and one forward pass: what every verb works on. No verb in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memviz.errors import ReadingError
from memviz.memory import Interventions, Kind, Memory, OnLayers
from memviz.note import Note
from memviz.progress import Progress, work_clock
from memviz.reading.attention import dense
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.recording import Recording, RecordingBatch
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import SoundAdapter, adapter_of, without_cache
from memviz.reading.engine.borrowing import restoring_modules, temporarily_configured, trained_frequencies
from memviz.reading.engine.inputs import is_encoder_decoder, tensors
from memviz.reading.engine.model_info import describe
from memviz.reading.engine.probe import CLOSE, Plan, make_plan
from memviz.reading.engine.projections import grams
from memviz.reading.engine.sound_window import with_window
from memviz.trace import ModelInfo

Pass = Callable[[Mapping[str, Any]], Any]
"""A pass through a model or a part of it: what it takes, and what it returns."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """What one forward pass left: the memories by kind, what the model returned, and how many seconds it took."""

    memories: dict[Kind, Memory]
    outputs: Any
    seconds: float


class Engine(Protocol):
    """A model that can be run while its attention is recorded.

    model       the network
    tokenizer   of the texts that it reads
    plan        how its attention is read
    info        which model it is
    reads       which kind of source: "text", "sound" or "picture"
    """

    reads: str
    model: Any
    tokenizer: Any
    plan: Plan
    info: ModelInfo

    def tensors(self, inputs: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""

    def record(
        self,
        inputs: Mapping[str, Any],
        axes: Mapping[Kind, Axes],
        *,
        interventions: Interventions | None = None,
        progress: Progress | None = None,
        on_layers: OnLayers | None = None,
    ) -> Recorded:
        """One forward pass; of the memories in ``axes``, everything that is kept. Raises `ReadingError`."""

    def forward(self, inputs: Mapping[str, Any]) -> Any:
        """One forward pass, and what the model returns."""

    def encode(self, inputs: Mapping[str, Any]) -> Any:
        """The same of its encoder alone."""

    def prepared(self) -> AbstractContextManager[None]:
        """The model as a forward pass needs it, and afterwards as it was."""

    def estimate(self, tokens: int, interventions: Interventions | None = None) -> float:
        """About how many bytes a reading of so many tokens takes."""


class TransformersEngine:
    """Runs a model of transformers; see `Engine`.

    model       as given; its configuration is put back after every forward pass
    processor   its tokenizer, or what turns its other sources into inputs
    info        what is known of the model
    owned       the model is nobody else's: it stays as readings need it, and several can run at once

    Raises `UnsupportedModelError` for a model whose attention cannot be read.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        processor: Any,
        *,
        info: ModelInfo | None = None,
        owned: bool = False,
    ) -> None:
        self.model: Any = model
        self.adapter = adapter_of(processor)
        self.reads = self.adapter.kind
        self.tokenizer: Any = processor if self.reads == "text" else getattr(processor, "tokenizer", None)
        self._owned = owned
        with nullcontext() if owned else temporarily_configured(model, ""), restoring_modules(model):
            self.plan = make_plan(self._read_part(), self.adapter.probe(model))
        self.info = describe(model, self.tokenizer, plan=self.plan, known=info)

    def _read_part(self) -> Any:
        """The model; of an encoder-decoder that cannot write, what stands below its head.

        A head that rates texts wants as many tokens on both sides, and an end token among them.
        """
        headed = is_encoder_decoder(self.model) and self.model.can_generate() is False
        return self.model.base_model if headed else self.model

    def tensors(self, inputs: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""
        return tensors(self.model, inputs)

    def record(
        self,
        inputs: Mapping[str, Any],
        axes: Mapping[Kind, Axes],
        *,
        interventions: Interventions | None = None,
        progress: Progress | None = None,
        on_layers: OnLayers | None = None,
        run: Pass | None = None,
    ) -> Recorded:
        """One forward pass; of the memories in ``axes``, everything that is kept.

        ``progress(fraction, label)`` is called after every layer, and may raise to stop; ``on_layers`` with every layer
        that is summed up, some at a time where a text is short, never where a model's own eager weights are read.
        ``run``: what is recorded, where that is not `forward` but a part of it, such as `encode`.

        Raises `TraceError` for layers, heads and positions that are not there, and `ReadingError` for what the model
        could not read.
        """
        plan, interventions = self.plan, interventions or Interventions()
        interventions.check(layers=plan.layers, heads=plan.heads, causal=plan.causal_kinds)
        length = max(len(axis.queries) for axis in axes.values())
        with self.prepared(), refusals.as_reading_error(progress, model=self.info.name, tokens=length) as watched:
            began = work_clock()
            if plan.dense:
                memories, outputs = dense.read(
                    self.model, inputs, axes, causal=plan.causal_kinds, interventions=interventions, progress=watched
                )
            else:
                recording = Recording(
                    places=plan.places,
                    axes=axes,
                    layers=plan.layers,
                    causal=plan.causal_kinds,
                    grams=self.grams,
                    interventions=interventions,
                    progress=watched,
                    on_layers=on_layers,
                )
                with handled_by(recording):
                    outputs = (run or self.forward)(inputs)
                memories = {kind: recording.memory(kind) for kind in axes if recording.scores[kind]}
            return Recorded(memories, outputs, work_clock() - began)

    def record_batch(self, inputs: Sequence[Mapping[str, Tensor]], axes: Sequence[Axes]) -> list[Recorded]:
        """The same of several texts with as many tokens each, in one forward pass: nothing is padded, nothing masked.

        ``axes`` of each text's own attention. One by one where the model's own eager weights are read.
        """
        if self.plan.dense or len(inputs) == 1:
            return [self.record(each, {"self": sides}) for each, sides in zip(inputs, axes, strict=True)]
        plan, count = self.plan, len(inputs)
        with self.prepared(), refusals.as_reading_error(None, model=self.info.name, tokens=len(axes[0].queries)):
            began = work_clock()
            recordings = [
                Recording(
                    places=plan.places,
                    axes={"self": sides},
                    layers=plan.layers,
                    causal=plan.causal_kinds,
                    grams=self.grams,
                )
                for sides in axes
            ]
            together = {name: torch.cat([each[name] for each in inputs]) for name in inputs[0]}
            with handled_by(RecordingBatch(recordings)):
                outputs = self.forward(together)
            seconds = (work_clock() - began) / count
            return [
                Recorded({"self": recording.memory("self")}, _outputs_of(outputs, item), seconds)
                for item, recording in enumerate(recordings)
            ]

    def forward(self, inputs: Mapping[str, Any]) -> Any:
        """One forward pass; of a decoder-only model without its head, when logits can be taken in pieces."""
        model = self.model.base_model if self.plan.headed or self.model.can_generate() is False else self.model
        return model(**without_cache(self.model, dict(inputs)), return_dict=True)

    def encode(self, inputs: Mapping[str, Any]) -> Any:
        """One forward pass of the encoder alone."""
        return self.model.get_encoder()(**inputs)

    def estimate(self, tokens: int, interventions: Interventions | None = None) -> float:
        """About how many bytes a reading of so many tokens takes."""
        return limits.estimate(self.model, self.plan, tokens, interventions)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """The model as readings need it. One that belongs to the caller is put back afterwards, under a lock.

        Raises `UnsupportedModelError` for a model that was modified by what it read.
        """
        configured = nullcontext() if self._owned else temporarily_configured(self.model, self.plan.implementation)
        with configured, restoring_modules(self.model), trained_frequencies(self.model):
            yield

    def with_window(self, seconds: float) -> TransformersEngine:
        """An engine of the same model that hears a shorter window of sound; itself for a model of the caller's."""
        adapter = self.adapter
        if not (self._owned and isinstance(adapter, SoundAdapter)):
            return self
        encoder = self.model.get_encoder()
        if not hasattr(encoder, "embed_positions"):
            return self
        positions = round(encoder.embed_positions.num_embeddings * seconds / adapter.full_window)
        shorter = copy.copy(self)
        shorter.model = with_window(self.model, positions)
        shorter.adapter = replace(adapter, seconds=seconds)
        return shorter

    @property
    def frames(self) -> int:
        """Of how many frames does the encoder make its window?"""
        positions = getattr(self.model.get_encoder(), "embed_positions", None)
        return self.plan.lengths["encoder"][0] if positions is None else int(positions.num_embeddings)

    @cached_property
    def changeable(self) -> TransformersEngine:
        """The engine that runs this model when its attention is to be changed: itself, wherever that is recorded.

        A model may be read through its own eager weights only because recorded ones differ in the last digits
        (`CLOSE`). Its attention can be changed all the same: in a copy of it, which shares its weights.
        """
        if not self.plan.dense:
            return self
        shared = {id(tensor): tensor for tensor in (*self.model.parameters(), *self.model.buffers())}
        other = copy.copy(self)
        other.model, other._owned = copy.deepcopy(self.model, shared), True
        other.plan = make_plan(other._read_part(), self.adapter.probe(other.model), tolerance=CLOSE)
        if other.plan.dense:
            return self
        other.info = describe(other.model, self.tokenizer, plan=other.plan, known=replace(self.info, note=None))
        return other

    @cached_property
    def grams(self) -> dict[Kind, list[Tensor | None]]:
        """W_O · W_Oᵀ of every head, [head, dim, dim] a layer: turns values into the norm of what they write."""
        return grams(self.plan)


def _outputs_of(outputs: Any, item: int) -> Any:
    """What the model returned for one text of a batch, as a batch of one; what no prediction is made of is left out."""
    parts = {name: getattr(outputs, name, None) for name in ("logits", "last_hidden_state")}
    return SimpleNamespace(**{name: part[item : item + 1] for name, part in parts.items() if part is not None})


def require_kind(engine: Engine, kind: str) -> None:
    """Raises `ReadingError` unless the engine's model reads this ``kind`` of source."""
    if engine.reads != kind:
        raise ReadingError(
            "{model} reads {reads}, not {wanted}.",
            todo="Use read for texts, transcribe for sounds, look for pictures; or choose another model.",
            model=engine.info.name,
            reads=KINDS[engine.reads],
            wanted=KINDS[kind],
        )


KINDS = {"text": Note("texts"), "sound": Note("sounds"), "picture": Note("pictures")}
