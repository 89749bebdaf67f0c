"""What would the model say if it stopped after this layer? The logit lens.

The hidden states of every layer go through the model's final norm and its head, as only those of the last do otherwise:
``softmax(W_U · norm(h_l))``. nostalgebraist 2020, Interpreting GPT: the Logit Lens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import ReadingError
from memviz.memory import read_only
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.engine import Engine
from memviz.reading.engine.hooks import on_output
from memviz.reading.engine.predictions import require_numbers
from memviz.reading.feedforward import blocks
from memviz.reading.hidden_states import stream
from memviz.reading.questions import Question

ROWS = 64  # positions whose logits are held at once


@dataclass(frozen=True, eq=False)
class Lens:
    """What each layer would say at each position: arrays [layer + 1, position]; row 0 before the first layer.

    probabilities   float64, 0..1: of the first token of the answer
    ranks           int64, from 1: tokens that are exactly as likely share the better one
    choices         int64: the likeliest token
    confidences     float64, 0..1: its probability
    """

    probabilities: np.ndarray
    ranks: np.ndarray
    choices: np.ndarray
    confidences: np.ndarray


def look_through(engine: Engine, question: Question) -> Lens:
    """What would each layer say at each position, in place of the answer's first token?

    Raises `ReadingError` for a model that predicts no words, or writes with a decoder of its own, and as any reading.
    """
    if question.kind not in ("continuation", "mask"):
        mask = getattr(engine.tokenizer, "mask_token", None) or ""
        masked = mask and engine.model.get_output_embeddings() is not None
        raise ReadingError(
            "{model} predicts no next or masked word here, so its layers cannot be asked for one.",
            todo="Put {mask} in the text, or name a word of it." if masked else "Choose a model such as smollm2.",
            model=engine.info.name,
            mask=mask,
        )
    ids = question.ids[: len(question.tokens)]  # an answer of several tokens: the first is asked for, none is shown
    limits.check(engine, len(ids))
    tensors = engine.tensors({"input_ids": list(ids), "token_type_ids": list(question.segments)})
    explained = refusals.as_reading_error(None, model=engine.info.name, tokens=len(ids))
    with engine.prepared(), explained, handled_by(None):
        states, norm = _stream(engine, tensors)
        head = _head(engine)
        layers = [_rated(head, states[-1][0], question.answers[0])]
        layers = [_rated(head, _normed(norm, state[0]), question.answers[0]) for state in states[:-1]] + layers
    return Lens(*(read_only(np.stack([layer[part] for layer in layers])) for part in range(4)))


def _stream(engine: Engine, tensors: dict[str, Tensor]) -> tuple[list[Tensor], nn.Module | None]:
    """(the hidden states, of which the last are what the head is given; the norm that only those went through).

    That norm is the one outside all blocks that gave the last states; a model such as BERT has none: its blocks end
    with one each.
    """
    seen: list[tuple[nn.Module, Tensor]] = []
    inside = {id(part) for block in blocks(engine.model.base_model) for part in block.modules()}
    norms = [
        module
        for module in engine.model.base_model.modules()
        if "norm" in type(module).__name__.lower() and id(module) not in inside
    ]

    def note(module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            seen.append((module, output))

    with on_output(norms, note):
        states = stream(engine, tensors)
    final = [module for module, output in seen if output.shape == states[-1].shape and torch.equal(output, states[-1])]
    return states, final[-1] if final else None


def _normed(norm: nn.Module | None, states: Tensor) -> Tensor:
    return states if norm is None else norm(states)


def _head(engine: Engine) -> Callable[[Tensor], Tensor]:
    """Hidden states [position, width] to logits [position, vocabulary], by all that the model does behind its layers.

    Where the head is more than a product, the model itself is run on one token, and these states are put in the place
    of its last.
    """
    if engine.plan.headed:
        head: Callable[[Tensor], Tensor] = engine.model.get_output_embeddings()
        return head
    token = torch.zeros(1, 1, dtype=torch.int64, device=engine.model.device)

    def run(states: Tensor) -> Tensor:
        def replace(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
            output.last_hidden_state = states[None]
            return output

        with on_output([engine.model.base_model], replace):
            logits: Tensor = engine.model(input_ids=token, return_dict=True).logits
        return logits[0]

    return run


def _rated(head: Callable[[Tensor], Tensor], states: Tensor, answer: int) -> tuple[np.ndarray, ...]:
    """(probability of the answer, its rank, the likeliest token, its probability) at each position."""
    parts: list[tuple[Tensor, ...]] = []
    for rows in states.split(ROWS):
        logits = head(rows).float()
        require_numbers(logits)
        wanted = logits[:, answer, None]
        logprobs = logits.double().log_softmax(-1)
        best, choice = logprobs.max(-1)
        parts.append((logprobs[:, answer].exp(), 1 + (logits > wanted).sum(-1), choice, best.exp()))
    return tuple(torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
