"""What does a model take of a source? A sound becomes mel frames, a picture its pixels, a text its tokens.

A short source of each kind is what a model is probed with when it is opened.

A new kind of source is a class here: it says with which inputs a model is tried when it is opened, and how many queries
and keys its memories will then have, as far as that can be told before the model runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import BaseImageProcessor, PreTrainedModel, PreTrainedTokenizerBase

from memviz.reading.attention.eager import Lengths
from memviz.reading.engine.inputs import is_encoder_decoder, vocabulary, vocabulary_written
from memviz.tokens import tokenise

PROBE = "Memory is what remains when the words are gone."


@dataclass(frozen=True)
class Probe:
    """What a model is tried with: its inputs, and how many queries and keys each kind of memory then has."""

    inputs: dict[str, Any]
    lengths: Lengths


class Adapter(Protocol):
    """How a kind of source becomes what a model takes."""

    @property
    def kind(self) -> str:
        """Which kind of source: "text", "sound" or "picture"."""

    def probe(self, model: PreTrainedModel) -> Probe:
        """A short source of this kind, as the model's inputs."""


@dataclass(frozen=True)
class TextAdapter:
    """Texts, by a tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    kind = "text"

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
    if is_encoder_decoder(model):
        target = source - 2
        inputs["decoder_input_ids"] = tokens[:, :target].clamp(max=vocabulary_written(model) - 1)
        lengths = {"encoder": (source, source), "decoder": (target, target), "cross": (target, source)}
    return Probe(without_cache(model, inputs), lengths)


def without_cache(model: PreTrainedModel, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with the KV cache switched off, where the model knows of one: a reading needs none."""
    knows = getattr(model.config, "use_cache", None) is not None
    return {**inputs, "use_cache": False} if knows else inputs


@dataclass(frozen=True)
class SoundAdapter:
    """Sounds, by a processor that has a ``feature_extractor`` and a ``tokenizer`` (Whisper).

    ``seconds``: how much of its window the model hears; ``None`` for all of it.
    """

    processor: Any
    seconds: float | None = None
    kind = "sound"

    @property
    def rate(self) -> int:
        """How many samples a second does the model take?"""
        return int(self.processor.feature_extractor.sampling_rate)

    @property
    def window(self) -> float:
        """How many seconds does it hear at once?"""
        return self.full_window if self.seconds is None else self.seconds

    @property
    def full_window(self) -> float:
        """How many seconds could it hear at once?"""
        return float(self.processor.feature_extractor.n_samples) / self.rate

    def inputs(self, samples: np.ndarray, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        """The features of a sound, filled up with silence to the model's window."""
        features = self.processor.feature_extractor(samples, sampling_rate=self.rate, return_tensors="pt")
        mels = features["input_features"]
        count = round(mels.shape[-1] * self.window / self.full_window)
        return {"input_features": mels[..., :count].to(device=device, dtype=dtype)}

    def probe(self, model: PreTrainedModel) -> Probe:
        """Half a window of noise, and a few tokens for the decoder."""
        noise = np.random.default_rng(0).normal(size=int(self.rate * self.window / 2)).astype(np.float32)
        inputs: dict[str, Any] = dict(self.inputs(noise, model.device, model.dtype))
        count = min(4, vocabulary_written(model))
        inputs["decoder_input_ids"] = torch.arange(count, device=model.device)[None]
        lengths: Lengths = {"encoder": (None, None), "decoder": (count, count), "cross": (count, None)}
        return Probe(without_cache(model, inputs), lengths)


@dataclass(frozen=True)
class PictureAdapter:
    """Pictures, by an image processor of transformers."""

    processor: Any
    kind = "picture"

    def inputs(self, pixels: np.ndarray, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        """A picture [height, width, 3] as the model takes it; one of 3 rows is not taken for one of 3 channels."""
        values = self.processor(images=pixels, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        return {"pixel_values": torch.as_tensor(values).to(device=device, dtype=dtype)}

    def probe(self, model: PreTrainedModel) -> Probe:
        """A picture of noise."""
        noise = np.random.default_rng(0).integers(0, 256, size=(48, 64, 3), dtype=np.uint8)
        return Probe(dict(self.inputs(noise, model.device, model.dtype)), {"self": (None, None)})


def adapter_of(processor: Any) -> TextAdapter | SoundAdapter | PictureAdapter:
    """The adapter for what this processor prepares: a tokenizer, an image processor, or one for sounds."""
    if hasattr(processor, "feature_extractor") and hasattr(processor, "tokenizer"):
        return SoundAdapter(processor)
    if isinstance(processor, BaseImageProcessor):
        return PictureAdapter(processor)
    return TextAdapter(processor)
