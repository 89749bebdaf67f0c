"""What is every token after every layer? The vectors that go from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memviz.memory import read_only
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import without_cache
from memviz.reading.engine.engine import Engine, require_kind
from memviz.reading.engine.hooks import on_output
from memviz.reading.firefox.engine import FirefoxEngine
from memviz.tokens import Token, clean, require_text, tokenise


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """The hidden states of a text; of an encoder-decoder those of its encoder.

    text     what was read
    tokens   its tokens
    states   float32 [layer + 1, token, width]: row 0 before the first layer (the embeddings with their positions), row
             l after l layers; the last as the model gives it away, after its final norm where it has one
    """

    text: str
    tokens: tuple[Token, ...]
    states: np.ndarray


def hidden_states(engine: Engine, text: str) -> HiddenStates:
    """The hidden states of a text. Raises as any reading does."""
    require_kind(engine, "text")
    text = clean(require_text(text))
    tokens, inputs = tokenise(engine.tokenizer, text)
    limits.check(engine, len(tokens))
    tensors = engine.tensors(inputs)
    explained = refusals.as_reading_error(None, model=engine.info.name, tokens=len(tokens))
    with engine.prepared(), explained, handled_by(None):
        states = stream(engine, tensors)
        stacked = torch.stack([state[0].float().cpu() for state in states])
    return HiddenStates(text, tokens, read_only(stacked.numpy()))


def stream(engine: Engine, tensors: dict[str, Tensor]) -> list[Tensor]:
    """The hidden states before the first layer and after each, [batch, token, width]; call it in a prepared model."""
    if isinstance(engine, FirefoxEngine):
        return _firefox_stream(engine, tensors)
    model = engine.model.get_encoder() if engine.info.kind == "encoder-decoder" else engine.model.base_model
    outputs = model(**without_cache(model, dict(tensors)), output_hidden_states=True, return_dict=True)
    states = list(outputs.hidden_states)
    states[-1] = outputs.last_hidden_state
    return states


def _firefox_stream(engine: FirefoxEngine, tensors: dict[str, Tensor]) -> list[Tensor]:
    states: list[Tensor] = []

    def note(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        states.extend([output] if states else [args[0], output])

    with on_output(engine.model.encoder.layers, note):
        engine.encode(tensors)
    return states
