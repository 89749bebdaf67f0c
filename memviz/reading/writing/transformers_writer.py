"""How is an encoder-decoder of transformers made to write: what it likes, or what it is given?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase, StoppingCriteria

from memviz.reading.attention.eager import handled_by
from memviz.reading.attention.interventions import StepwiseForget
from memviz.reading.writing.languages import Languages
from memviz.tokens import tokenise


@dataclass(frozen=True)
class Output:
    """What was written: the token that the decoder read before anything was written, and the tokens after it."""

    start: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class TargetLanguage:
    """A language to write, and the token that stands for it."""

    languages: Languages
    token: int


class StepCallback(StoppingCriteria):
    """Is called after every token, and stops nothing: says how many there are, to the covering and to whoever waits."""

    def __init__(self, told: Callable[[int], None], covering: StepwiseForget | None) -> None:
        self.told = told
        self.covering = covering

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        written = input_ids.shape[1] - 1
        if self.covering is not None:
            self.covering.step = written
        self.told(written)
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def write(
    model: PreTrainedModel,
    tensors: dict[str, Tensor],
    *,
    limit: int,
    beam: int = 1,
    begin: dict[str, int],
    covering: StepwiseForget | None = None,
    told: Callable[[int], None] = lambda written: None,
) -> Output:
    """What does the model write for this text? At most ``limit`` tokens, by transformers' own `generate`.

    Everything that the model's generation settings ask for applies (words that may not come, a length to reach …), but
    nothing is sampled. ``begin`` is what `generate_kwargs` gives; ``told(written)`` is called after every token, and
    may raise to stop.
    """
    with handled_by(covering):
        made = model.generate(
            **tensors,
            attention_mask=torch.ones_like(tensors["input_ids"]),
            max_new_tokens=limit,
            num_beams=beam,
            num_return_sequences=1,
            do_sample=False,
            return_dict_in_generate=False,
            stopping_criteria=[StepCallback(told, covering)],
            **begin,
        )
    start, *ids = made[0].tolist()
    stop = next((place for place, token in enumerate(ids, 1) if token in end_tokens(model)), len(ids))
    return Output(start, tuple(ids[:stop]))


def forced_output(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, *, tongue: TargetLanguage | None
) -> Output:
    """The same for a text that the model is made to write, with the tokens that it would write itself."""
    start, ids = _read(model, tokenizer, text, tongue)
    if tongue is None:
        return Output(start, tuple(ids))
    if ids[-1] == tongue.token:  # mBART is trained to write its language last, and never asked to
        ids.pop()
    if start != tongue.token and ids[0] != tongue.token:
        ids.insert(0, tongue.token)
    return Output(start, tuple(ids))


def generate_kwargs(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, tongue: TargetLanguage | None
) -> dict[str, int]:
    """What must `generate` be told, so that a model of many languages writes this one?

    In mBART the decoder reads the language before it writes; in mBART-50, M2M-100 and NLLB it is the first token that
    is written.
    """
    if tongue is None:
        return {}
    start, _ = _read(model, tokenizer, "a", tongue)
    return {"decoder_start_token_id" if start == tongue.token else "forced_bos_token_id": tongue.token}


def stopped_by_itself(model: PreTrainedModel, last: int, likeliest: int) -> bool:
    """Did the model come to an end by itself, when ``last`` was the last token, and ``likeliest`` what it liked best?

    Some models are set to end where the limit is, whatever they like (BART).
    """
    forced = getattr(model.generation_config, "forced_eos_token_id", None) is not None
    return last in end_tokens(model) and (not forced or likeliest in end_tokens(model))


def end_tokens(model: PreTrainedModel) -> set[int]:
    """The tokens that end what a model writes."""
    found = model.generation_config.eos_token_id
    return set(found) if isinstance(found, list) else {found}


def start_token(model: PreTrainedModel, written: Tensor) -> int:
    """What does the decoder read before it has written anything? In some models the language of ``written``."""
    with suppress(AttributeError, ValueError):  # no such method, or a configuration that does not say it
        return int(model.prepare_decoder_input_ids_from_labels(labels=written)[0, 0])
    homes = (getattr(model, "generation_config", None), model.config)
    names = ("decoder_start_token_id", "pad_token_id", "bos_token_id")
    found = [getattr(home, name, None) for name in names for home in homes]
    return next(int(token) for token in [*found, 0] if token is not None)


def _read(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, tongue: TargetLanguage | None
) -> tuple[int, list[int]]:
    """(what the decoder reads first, the tokens) of a text on the output side."""
    _, inputs = tokenise(tokenizer, text, target=True, languages=None if tongue is None else tongue.languages)
    ids = inputs["input_ids"]
    return start_token(model, torch.tensor([ids])), ids
