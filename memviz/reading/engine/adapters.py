"""What does a model take? Sources become its inputs, and a short one of each kind is what it is probed with.

A new kind of source is a class here: it says with which inputs a model is tried when it is opened, and how many queries
and keys its memories will then have, as far as that can be told before the model runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memviz.reading.attention.eager import Lengths
from memviz.reading.engine.inputs import vocabulary, vocabulary_written
from memviz.tokens import tokenise

PROBE = "Memory is what remains when the words are gone."


@dataclass(frozen=True)
class Probe:
    """What a model is tried with: its inputs, and how many queries and keys each kind of memory then has."""

    inputs: dict[str, Any]
    lengths: Lengths


class Adapter(Protocol):
    """How a kind of source becomes what a model takes."""

    def probe(self, model: PreTrainedModel) -> Probe:
        """A short source of this kind, as the model's inputs."""


@dataclass(frozen=True)
class TextAdapter:
    """Texts, by a tokenizer."""

    tokenizer: PreTrainedTokenizerBase

    def probe(self, model: PreTrainedModel) -> Probe:
        """About a dozen tokens, and fewer for a decoder, so that sides can be told apart."""
        ids = [token for token in tokenise(self.tokenizer, PROBE)[1]["input_ids"] if token < vocabulary(model)]
        return text_probe(model, ids)


def text_probe(model: PreTrainedModel, ids: list[int]) -> Probe:
    """The probe of a model that reads tokens; ``ids`` are those of a short text it can read."""
    ids = (ids * 4)[: max(6, min(len(ids), 12))] if ids else [0] * 6
    tokens = torch.tensor([ids], device=model.device)
    inputs: dict[str, Any] = {"input_ids": tokens}
    source = len(ids)
    lengths: Lengths = {"self": (source, source)}
    if model.config.is_encoder_decoder:
        target = source - 2
        inputs["decoder_input_ids"] = tokens[:, :target].clamp(max=vocabulary_written(model) - 1)
        lengths = {"encoder": (source, source), "decoder": (target, target), "cross": (target, source)}
    return Probe(without_cache(model, inputs), lengths)


def without_cache(model: PreTrainedModel, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with the KV cache switched off, where the model knows of one: a reading needs none."""
    knows = getattr(model.config, "use_cache", None) is not None
    return {**inputs, "use_cache": False} if knows else inputs


def as_tensors(inputs: dict[str, list[int]], device: torch.device) -> dict[str, Tensor]:
    """Lists of numbers as a batch of one."""
    return {name: torch.tensor([numbers], device=device) for name, numbers in inputs.items()}
