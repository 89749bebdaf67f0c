"""A tiny Vision Transformer and a tiny Whisper, with random weights that attend far from evenly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers
from families import tokenizer
from transformers import (
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from memviz import Reader

RATE = 16_000
IMAGE = np.random.default_rng(3).integers(0, 256, size=(60, 90, 3), dtype=np.uint8)
SAMPLES = np.random.default_rng(4).normal(size=int(0.7 * RATE)).astype(np.float32) * np.linspace(0, 1, int(0.7 * RATE))


@dataclass
class Processor:
    """What a Whisper is prepared with: a feature extractor, and the tokenizer of what it writes."""

    feature_extractor: WhisperFeatureExtractor
    tokenizer: Any


def vit() -> PreTrainedModel:
    config = ViTConfig(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=32, image_size=48, patch_size=8
    )
    return _sharpened(ViTForImageClassification(config), seed=1)


def other_vision(kind: str) -> PreTrainedModel:
    """A tiny model of another family ("DeiT", "Dinov2", "CLIPVision", "SiglipVision") for the same pictures."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 32}
    config = getattr(transformers, f"{kind}Config")(**sizes, image_size=48, patch_size=8)
    torch.manual_seed(5)  # for what has one dimension, such as CLIP's class embedding
    return _sharpened(getattr(transformers, f"{kind}Model")(config), seed=5)


def whisper() -> PreTrainedModel:
    config = WhisperConfig(
        vocab_size=1000, d_model=24, encoder_layers=3, decoder_layers=2, encoder_attention_heads=3,
        decoder_attention_heads=3, encoder_ffn_dim=32, decoder_ffn_dim=32, num_mel_bins=8, max_source_positions=50,
        max_target_positions=40, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    return _sharpened(WhisperForConditionalGeneration(config), seed=2)


def _sharpened(model: PreTrainedModel, *, seed: int) -> PreTrainedModel:
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if weight.ndim > 1:
                scale = 0.45 if "attn" in name or "attention" in name else 0.2
                weight.copy_(torch.randn(weight.shape, generator=draw) * scale)
    return model.eval()


def image_processor() -> ViTImageProcessorPil:
    return ViTImageProcessorPil(size={"height": 48, "width": 48})


def sound_processor() -> Processor:
    extractor = WhisperFeatureExtractor(feature_size=8, sampling_rate=RATE, hop_length=160, chunk_length=1)
    return Processor(extractor, tokenizer("end"))


@cache
def seeing() -> Reader:
    return Reader(vit(), image_processor())


@cache
def hearing() -> Reader:
    return Reader(whisper(), sound_processor())
