"""One family read by MemViz, beside the same weights asked by transformers itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, Family, tokenizer, words
from transformers import PreTrainedModel

from memviz.reading import Reader
from memviz.reading.attention import attention_function
from memviz.trace import Trace

SMALL_BLOCK = 24  # queries; a block of the usual size would hold the whole text of a case

OUTPUTS = {
    "self": "attentions",
    "encoder": "encoder_attentions",
    "decoder": "decoder_attentions",
    "cross": "cross_attentions",
}


@dataclass(frozen=True)
class Case:
    """A reading and its oracle: ``own`` has the model's eager weights by kind, [layer, head, query, key]."""

    family: Family
    reader: Reader
    trace: Trace
    own: dict[str, np.ndarray]
    logits: torch.Tensor | None


@cache
def opened(name: str) -> Reader:
    """A reader of that family; shared, because readers change nothing."""
    return reader(FAMILIES[name])


def reader(family: Family, **changes: Any) -> Reader:
    return Reader(family.build(**changes), tokenizer(family.tokenizer))


@cache
def fresh(name: str) -> PreTrainedModel:
    """The same weights in a model that MemViz never touches, with eager attention."""
    model = FAMILIES[name].build()
    model.set_attn_implementation("eager")
    return model


@cache
def case(name: str) -> Case:
    """A text of about 90 tokens (several small blocks of queries, more than any window) read both ways."""
    used = opened(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_function, "BLOCK", SMALL_BLOCK)
        if used.model.config.is_encoder_decoder:
            trace = used.translate(words(90), words(70, seed=1))
        else:
            trace = used.read(words(90))
    return checked(name, trace)


def checked(name: str, trace: Trace) -> Case:
    """That reading, beside what the fresh model says of the same tokens."""
    model = fresh(name)
    keys = [token.id for token in trace.memory("decoder").keys] if "decoder" in trace.memories else None
    own, logits = eager(model, [token.id for token in trace.tokens], target=keys)
    return Case(FAMILIES[name], opened(name), trace, own, logits)


def eager(
    model: PreTrainedModel, ids: Sequence[int], *, target: Sequence[int] | None = None, **inputs: Any
) -> tuple[dict[str, np.ndarray], torch.Tensor | None]:
    """(eager weights by kind, logits [token, vocabulary]) for these tokens; blocks of linear layers left out."""
    inputs["input_ids"] = torch.tensor([list(ids)])
    if target is not None:
        inputs["decoder_input_ids"] = torch.tensor([list(target)])
    if getattr(model.config, "use_cache", None) is not None:
        inputs["use_cache"] = False
    with torch.no_grad():
        outputs = model(**inputs, output_attentions=True, return_dict=True)
    found = {kind: getattr(outputs, name, None) for kind, name in OUTPUTS.items()}
    own = {kind: _stacked([layer for layer in layers if layer is not None]) for kind, layers in found.items() if layers}
    logits = getattr(outputs, "logits", None)
    return own, None if logits is None else logits[0]


def _stacked(layers: list[torch.Tensor]) -> np.ndarray:
    widest = max(layer.shape[-2:] for layer in layers)
    return torch.cat([layer for layer in layers if layer.shape[-2:] == widest]).float().numpy()


def patterns(trace: Trace, kind: str | None = None) -> np.ndarray:
    """All patterns of one memory, [layer, head, query, key]."""
    memory = trace.memory(kind)
    layers, heads = range(memory.layers), range(memory.heads)
    return np.stack([np.stack([memory.pattern(layer, head) for head in heads]) for layer in layers])
