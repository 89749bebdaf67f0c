"""How does a language model continue a text, and what did it read to write each token?

It writes first, by transformers' own `generate`, without recording; then one recorded reading of prompt and output
together shows, for every token, what was looked at. What is changed about its attention is changed in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, LogitsProcessor, LogitsProcessorList, StoppingCriteria
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from memviz.errors import EmptyTextError, ReadingError, TextTooLongError
from memviz.generation import CacheSize, Generation
from memviz.memory import Interventions, read_only
from memviz.progress import Progress, progress_within, work_clock
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.evicting_cache import EvictingCache
from memviz.reading.attention.interventions import StepwiseHandler
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.engine import Engine, require_kind
from memviz.reading.engine.inputs import require_known, token_ids
from memviz.reading.engine.predictions import Step, require_numbers, token_ranks, writing_steps
from memviz.reading.texts import read_tokens
from memviz.reading.writing.generation_request import GenerationRequest
from memviz.reading.writing.transformers_writer import end_tokens
from memviz.tokens import align, clean, require_text, tokenise
from memviz.trace import Trace

Message = Mapping[str, str]
OnToken = Callable[[str], bool | None]
"""``on_token(text)``: what one more token adds to the text, as soon as its characters are whole; ``False`` to stop."""

WRITING = 0.8  # share of the work, where something is written
HALF = "\ufffd"  # stands for a character whose bytes are not all there yet


@dataclass(frozen=True)
class Prompt:
    """What is continued: its characters, and the ids that are read instead."""

    text: str
    ids: tuple[int, ...]


def generate(
    engine: Engine,
    prompt: str | None,
    request: GenerationRequest,
    interventions: Interventions,
    *,
    chat: Sequence[Message] | None = None,
    prefix: Sequence[int] = (),
    on_token: OnToken | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The trace of a text and of what the model writes after it. Raises as `memviz.Reader.generate` says."""
    began = work_clock()
    _require_language_model(engine)
    start = _chat_prompt(engine, prompt, chat) if chat is not None else _text_prompt(engine, prompt)
    prefix = tuple(token_ids(prefix))
    require_known(engine.model, prefix)
    begun = replace(start, ids=(*start.ids, *prefix))
    room = limits.context_limit(engine.info.context)
    if room is not None and len(begun.ids) >= room:
        raise TextTooLongError(
            "This text has {tokens:,} tokens, and the model has room for {limit:,}: none are left to write.",
            todo="Shorten the prompt.",
            tokens=len(begun.ids),
            limit=room,
        )
    limit = request.max_new_tokens if room is None else min(request.max_new_tokens, room - len(begun.ids))
    limits.check(engine, len(begun.ids) + limit, interventions)
    interventions.check(layers=engine.plan.layers, heads=engine.plan.heads, causal=engine.plan.causal_kinds)
    ids: tuple[int, ...] = ()
    stop, cache = "end", None
    if not prefix or prefix[-1] not in end_tokens(engine.model):
        writing = progress_within(progress, 0, WRITING)
        ids, stop, cache = _write(engine, begun, request, limit, interventions, on_token=on_token, progress=writing)
    if stop == "length" and limit < request.max_new_tokens:
        stop = "context"
    seconds = work_clock() - began
    ids = (*prefix, *ids)
    output = _output(engine.tokenizer, start, ids)
    text = start.text + output
    every = (*start.ids, *ids)
    tokens = align(engine.tokenizer, every, text)
    trace, logits = read_tokens(
        engine,
        tokens,
        {"input_ids": list(every)},
        interventions,
        progress=progress_within(progress, WRITING, 1),
        text=text,
    )
    first = len(start.ids)
    rows: Callable[[slice], Tensor] = lambda part: logits(slice(first - 1 + part.start, first - 1 + part.stop))  # noqa: E731
    steps: tuple[Step, ...] = writing_steps(rows, ids)
    ranks, entropies = token_ranks(rows, ids)
    decode = engine.tokenizer.decode
    return replace(
        trace,
        output=output,
        steps=tuple(step.candidates(lambda token: str(decode([token]))) for step in steps),
        generation=Generation(
            first,
            stop,
            read_only(ranks),
            read_only(entropies),
            cache,
            request.temperature,
            request.top_k,
            request.top_p,
            request.seed,
            request.stop,
            chat is not None,
            len(prefix),
        ),
        seconds={**trace.seconds, "writing": seconds, "total": work_clock() - began},
    )


def _require_language_model(engine: Engine) -> None:
    require_kind(engine, "text")
    if engine.info.kind == "encoder-decoder":
        raise ReadingError(
            "{model} reads one text and writes another: it does not continue a text.",
            todo="Use `translate`, or choose a language model such as smollm2.",
            model=engine.info.name,
        )
    if not engine.plan.causal or not engine.model.can_generate():
        raise ReadingError(
            "{model} sees its whole text at once and predicts no next token, so it cannot write.",
            todo="Choose a language model such as smollm2.",
            model=engine.info.name,
        )


def _text_prompt(engine: Engine, prompt: str | None) -> Prompt:
    text = clean(require_text(prompt or ""))
    _, inputs = tokenise(engine.tokenizer, text)
    return Prompt(text, tuple(inputs["input_ids"]))


def _chat_prompt(engine: Engine, prompt: str | None, chat: Sequence[Message]) -> Prompt:
    """The chat in the words of the model's own template, with the turn of the model begun."""
    tokenizer = engine.tokenizer
    if prompt:
        raise ReadingError("There is a prompt and a chat.", todo="Give one of them; a prompt can be the last message.")
    if not getattr(tokenizer, "chat_template", None):
        raise ReadingError(
            "{model} has no chat template: it was not trained on chats.",
            todo="Give a prompt that it can continue.",
            model=engine.info.name,
        )
    turns = [dict(turn) for turn in chat]
    if not turns:
        raise EmptyTextError("There is no message in the chat.", todo="Write one.")
    if any(set(turn) != {"role", "content"} for turn in turns):
        raise ReadingError(
            "A message of a chat has a role and a content.", todo='Write {"role": "user", "content": "…"}.'
        )
    try:
        ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=True)
    except Exception as error:  # the template is a program of its own
        raise ReadingError(
            "The chat template of {model} does not take this chat ({said}).",
            todo="Begin with a message of the role “user”, and let the roles alternate.",
            model=engine.info.name,
            said=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
        ) from error
    ids = ids["input_ids"]
    return Prompt(str(tokenizer.decode(ids, skip_special_tokens=True)), tuple(ids))


def _write(
    engine: Engine,
    start: Prompt,
    request: GenerationRequest,
    limit: int,
    interventions: Interventions,
    *,
    on_token: OnToken | None,
    progress: Progress,
) -> tuple[tuple[int, ...], str, CacheSize | None]:
    """(the tokens that the model writes, why no more, what its cache took)."""
    model, tokenizer = engine.model, engine.tokenizer
    cache = _cache(engine, interventions)
    handler = StepwiseHandler(interventions, engine.plan.places, cache) if interventions else None
    if handler is not None:
        handler.step = len(start.ids) - 1
    stops: list[Exception] = []
    watched = refusals.as_reading_error(progress, model=engine.info.name, tokens=len(start.ids) + limit, stops=stops)
    with engine.prepared(), watched as inner, handled_by(handler):
        watch = Watch(tokenizer, start.ids, limit, handler, on_token, inner, stops)
        inner(0.0, "Writing")
        inputs = torch.tensor([start.ids], device=model.device)
        result = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=limit,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            return_dict_in_generate=True,
            past_key_values=cache,
            logits_processor=_processors(request, model.device),
            stopping_criteria=[watch],
            **({"stop_strings": list(request.stop), "tokenizer": tokenizer} if request.stop else {}),
        )
    ids = tuple(result.sequences[0, len(start.ids) :].tolist())
    watch.finish()
    if watch.cancelled:
        stop = "cancelled"
    elif ids[-1] in end_tokens(model):
        stop = "end"
    elif len(ids) < limit or any(text in watch.text for text in request.stop):
        stop = "string"
    else:
        stop = "length"
    return ids, stop, measure_cache(getattr(result, "past_key_values", None))


def _cache(engine: Engine, interventions: Interventions) -> Any:
    """The cache to write with: one that lets keys go where it may, the model's own where nothing is changed."""
    if not interventions:
        return None
    config, layers = engine.model.config.get_text_config(decoder=True), engine.plan.layers["self"]
    usual = DynamicCache(config=config).layers
    plain = len(usual) == layers and not any(getattr(layer, "is_sliding", False) for layer in usual)
    if interventions.eviction is not None and plain:
        return EvictingCache(layers)
    return DynamicCache()  # every key stays, and the attention function hides what is gone


def _processors(request: GenerationRequest, device: torch.device) -> LogitsProcessorList:
    """What is done to the logits before the likeliest is taken. A draw is the likeliest with noise of the right kind.

    The noise comes from a generator of its own, so that two people who write at once do not share their luck.
    """
    processors: list[LogitsProcessor] = [RefuseNaN()]
    if request.temperature:
        if request.temperature != 1:
            processors.append(TemperatureLogitsWarper(float(request.temperature)))
        if request.top_k is not None:
            processors.append(TopKLogitsWarper(top_k=request.top_k))
        if request.top_p is not None and request.top_p < 1:
            processors.append(TopPLogitsWarper(top_p=request.top_p))
        processors.append(GumbelNoise(request.seed, device))
    return LogitsProcessorList(processors)


class RefuseNaN(LogitsProcessor):
    """Stops where a model gives no numbers: any token would look likeliest."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        require_numbers(scores)
        return scores


class GumbelNoise(LogitsProcessor):
    """Noise that makes the largest score a draw from the softmax of the scores (Gumbel 1954; Maddison et al. 2014)."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        uniform = torch.rand(scores.shape, generator=self.generator, device=scores.device, dtype=torch.float64)
        noise = -torch.log(-torch.log(uniform.clamp(1e-300, 1 - 1e-16)))
        return (scores.double() + noise).float()


class Watch(StoppingCriteria):
    """Sees every token as it is written: tells its text, and how far it is; stops when it is told to.

    What ``on_token`` raises is put into ``stops``.
    """

    def __init__(
        self,
        tokenizer: Any,
        prompt: Sequence[int],
        limit: int,
        handler: StepwiseHandler | None,
        on_token: OnToken | None,
        progress: Progress,
        stops: list[Exception] | None = None,
    ) -> None:
        self.stops = [] if stops is None else stops
        self.tokenizer, self.prompt, self.limit = tokenizer, list(prompt), limit
        self.handler, self.on_token, self.progress = handler, on_token, progress
        self.cancelled = False
        self.text = ""
        self._before = len(tokenizer.decode(self.prompt, skip_special_tokens=True))
        self._ids: list[int] = []

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        self._ids = input_ids[0].tolist()
        written = len(self._ids) - len(self.prompt)
        if self.handler is not None:
            self.handler.step = len(self._ids) - 1
        self.progress(min(written / self.limit, 1.0), "Writing")
        whole = self.tokenizer.decode(self._ids, skip_special_tokens=True)[self._before :]
        self._tell(whole.rstrip(HALF))
        return torch.full((1,), self.cancelled, dtype=torch.bool, device=input_ids.device)

    def finish(self) -> None:
        """Tells what is left: half a character, if the model stopped in the middle of one."""
        whole = self.tokenizer.decode(self._ids, skip_special_tokens=True)[self._before :]
        self._tell(whole)

    def _tell(self, whole: str) -> None:
        piece, self.text = whole[len(self.text) :], max(whole, self.text, key=len)
        if self.on_token is None or self.cancelled or not piece:
            return
        try:
            self.cancelled = self.on_token(piece) is False
        except Exception as stop:
            self.stops.append(stop)  # of whoever listens, and no trouble of the model's
            raise


def _output(tokenizer: Any, start: Prompt, ids: Sequence[int]) -> str:
    """What the written tokens say, after the prompt: a space in front is part of it."""
    before = tokenizer.decode(start.ids, skip_special_tokens=True)
    whole = tokenizer.decode([*start.ids, *ids], skip_special_tokens=True)
    return str(whole[len(before) :])


def measure_cache(cache: Any) -> CacheSize | None:
    """How much does the ``cache`` of a model take? ``None`` for one without keys and values."""
    layers = [layer for layer in getattr(cache, "layers", ()) if isinstance(getattr(layer, "keys", None), Tensor)]
    if not layers or any(layer.keys.ndim != 4 for layer in layers):
        return None
    states = [state for layer in layers for state in (layer.keys, layer.values)]
    keys = layers[0].keys
    return CacheSize(
        layers=len(layers),
        kv_heads=keys.shape[1],
        head_dim=keys.shape[3],
        tokens=max(layer.keys.shape[-2] for layer in layers),
        bytes=sum(state.nbytes for state in states),
        bytes_per_token=sum(state.shape[1] * state.shape[3] * state.element_size() for state in states),
        precision=str(keys.dtype).removeprefix("torch."),
    )
