"""A tokenizer's lists as tensors: tokens that the model lacks are refused."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from memviz.errors import ModelError, ReadingError
from memviz.memory import integers

ANY = 2**31  # segments: as many as there are


def tensors(model: PreTrainedModel, inputs: Mapping[str, list[int]]) -> dict[str, Tensor]:
    """The tokenizer's lists as a batch of one. Raises `ModelError` when the model lacks one of the tokens."""
    require_known(model, inputs["input_ids"])
    # one text, nothing padded: an attention mask of ones would only cost time
    wanted = {"input_ids": inputs["input_ids"]}
    segments = inputs.get("token_type_ids")
    if segments and max(segments) < segments_known(model):
        wanted["token_type_ids"] = segments
    return {name: torch.tensor([ids], device=model.device) for name, ids in wanted.items()}


def segments_known(model: PreTrainedModel) -> int:
    """How many segments does the model tell apart? 0 for a model that has no vectors of its own for them.

    GPT-2 and its kin, CTRL and XLM look the number of a segment up among their words, and add that word to every token.
    """
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        return 0
    kinds = getattr(model.config.get_text_config(), "type_vocab_size", None)
    if isinstance(kinds, int):
        return kinds
    pairs = any(name.endswith("seg_embed") for name, _ in model.named_parameters())  # XLNet: the same one, another one
    return ANY if pairs else 0


def require_known(model: PreTrainedModel, ids: Sequence[int], *, written: bool = False) -> None:
    """Raises `ModelError` when the model lacks one of these tokens; ``written``: among those that it writes."""
    count = vocabulary_written(model) if written else vocabulary(model)
    wrong = [token for token in ids if not 0 <= token < count]
    if wrong:
        raise ModelError(
            "The tokenizer gave token {token}, but {model} knows only {vocabulary} tokens.",
            todo="Use the tokenizer that belongs to this model.",
            token=wrong[0],
            model=type(model).__name__,
            vocabulary=count,
        )


def token_ids(ids: object) -> list[int]:
    """The ids as whole numbers. Raises `ReadingError` for anything else."""
    numbers = integers(ids)
    if numbers is None:
        raise ReadingError(
            "{value} is no list of token ids.",
            todo="Give whole numbers in brackets, such as [101, 102].",
            value=repr(ids)[:80],
        )
    return numbers


def is_encoder_decoder(model: PreTrainedModel) -> bool:
    """Does the model write with a decoder? Not where only the encoder of one was kept, whatever its settings say."""
    return bool(model.config.is_encoder_decoder) and model.get_decoder() not in (model, model.base_model)


def vocabulary(model: PreTrainedModel) -> int:
    """How many tokens does the model know? Every character, where it keeps no table of them (CANINE)."""
    weight = None
    with suppress(NotImplementedError):
        weight = getattr(model.get_input_embeddings(), "weight", None)
    if isinstance(weight, Tensor):
        return len(weight)
    return int(getattr(model.config.get_text_config(), "vocab_size", sys.maxunicode + 1))


def vocabulary_written(model: PreTrainedModel) -> int:
    """How many tokens can be entered into an encoder-decoder's decoder? FSMT writes another language's own tokens."""
    table = getattr(model.get_decoder(), "embed_tokens", None)
    return table.num_embeddings if isinstance(table, nn.Embedding) else vocabulary(model)
