"""Runs the network of a Firefox Translations model, while its attention is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from memviz.memory import Interventions, Kind, OnLayers
from memviz.progress import Progress, work_clock
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.recording import Recording
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import inputs, limits
from memviz.reading.engine.engine import Recorded
from memviz.reading.engine.projections import grams
from memviz.reading.engine.threads import one_thread
from memviz.reading.firefox.network import FirefoxModel, Remembered, UnitStates, plan
from memviz.reading.firefox.tokenizer import FirefoxTokenizer
from memviz.reading.firefox.verification import verify
from memviz.trace import ModelInfo


@dataclass(frozen=True, eq=False)
class FirefoxOutputs:
    """What a pass computed: the source as every decoder layer remembers it; of the target, vectors and unit states."""

    source: list[Remembered]
    words: Tensor | None = None
    units: list[UnitStates] | None = None


class FirefoxEngine:
    """Runs one Firefox model; see `memviz.reading.engine.engine.Engine`. Threads may share it.

    model       the network, see `memviz.reading.firefox.network`
    tokenizer   of the source language
    info        what is known of the model

    Raises `UnsupportedModelError` for a model whose recorded weights are not what its layers give.
    """

    reads = "text"

    def __init__(self, model: FirefoxModel, tokenizer: FirefoxTokenizer, *, info: ModelInfo | None = None) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.plan = plan(model)
        with self.prepared():
            verify(model)
        self.info = replace(
            info or ModelInfo(name=model.config.name_or_path),
            family=model.config.model_type,
            kind="encoder-decoder",
            layers=self.plan.layers["encoder"],
            heads=self.plan.heads["encoder"],
            kv_heads=self.plan.kv_heads,
            head_dim=self.plan.head_dim,
            device=str(model.device),
            precision=str(model.dtype).removeprefix("torch."),
        )

    def tensors(self, ids: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""
        return inputs.tensors(self.model, ids)  # type: ignore[arg-type]

    def record(
        self,
        inputs: Mapping[str, Any],
        axes: Mapping[Kind, Axes],
        *,
        interventions: Interventions | None = None,
        progress: Progress | None = None,
        on_layers: OnLayers | None = None,
    ) -> Recorded:
        """One pass of the encoder, the decoder or both; of the memories in ``axes``, everything that is kept.

        ``inputs`` are ``input_ids``, or the ``source`` of an earlier pass, and ``decoder_input_ids`` where the decoder
        should run, which are the tokens that it writes.
        """
        interventions = interventions or Interventions()
        interventions.check(layers=self.plan.layers, heads=self.plan.heads, causal=frozenset())
        recording = Recording(
            places=self.plan.places,
            axes=axes,
            layers={kind: self.plan.layers[kind] for kind in axes},
            grams=self.grams,
            interventions=interventions,
            progress=progress,
            on_layers=on_layers,
        )
        began = work_clock()
        with self.prepared(), handled_by(recording):
            outputs = self.forward(inputs)
            memories = {kind: recording.memory(kind) for kind in axes}
        return Recorded(memories, outputs, work_clock() - began)

    def forward(self, inputs: Mapping[str, Any]) -> FirefoxOutputs:
        """One pass of the encoder, the decoder or both; ``inputs`` as in `record`."""
        source = inputs["source"] if "source" in inputs else self.model.decoder.remember(self.encode(inputs))
        if "decoder_input_ids" not in inputs:
            return FirefoxOutputs(source)
        words, units = self.model.decoder.whole(inputs["decoder_input_ids"], source)
        return FirefoxOutputs(source, words, units)

    def encode(self, inputs: Mapping[str, Any]) -> Tensor:
        """One pass of the encoder alone."""
        return self.model.encoder(inputs["input_ids"])

    def estimate(self, tokens: int, interventions: Interventions | None = None) -> float:
        """About how many bytes a reading of so many tokens takes."""
        return limits.estimate(self.model, self.plan, tokens, interventions)  # type: ignore[arg-type]

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """The model as a pass needs it: on one thread, since it is small."""
        with one_thread(), torch.inference_mode():
            yield

    @cached_property
    def grams(self) -> dict[Kind, list[Tensor | None]]:
        """W_O · W_Oᵀ of every head, [head, dim, dim] a layer: turns values into the norm of what they write."""
        return grams(self.plan)
