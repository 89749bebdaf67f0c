"""How does an encoder-decoder of transformers write: what it likes, or what it is given?

It writes first, by transformers' own `generate`, without recording; then one pass with the whole output shows, for
every token, what was looked at to write it. What is changed is changed in both, so the two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

from memviz.errors import ReadingError
from memviz.memory import Interventions, Kind
from memviz.progress import Progress, progress_within
from memviz.reading.attention import dense
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.interventions import StepwiseHandler
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits, notes, refusals
from memviz.reading.engine.engine import TransformersEngine, require_kind
from memviz.reading.engine.inputs import require_known, vocabulary
from memviz.reading.engine.predictions import writing_steps
from memviz.reading.writing.languages import default_languages, language_codes, resolve_languages, task_prefixes
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.writer import Output, Reading, Source, TargetLanguage
from memviz.tokens import align, require_text, tokenise

LEAST = 128  # tokens may be written for any text: an answer may be longer than its question


class TransformersWriter:
    """See `memviz.reading.writing.writer.Writer`. ``engine`` runs the model that writes."""

    by_sentence = False
    encoding = 0.0

    def __init__(self, engine: TransformersEngine) -> None:
        self.engine = engine

    @property
    def unknown(self) -> tuple[int | None, int | None]:
        """The ids that stand for what its vocabulary does not know, of the source and of the target."""
        token = notes.stand_in(self.engine.tokenizer)
        return token, token

    @property
    def languages(self) -> tuple[str, str | None] | None:
        """From which language into which, when none are asked for."""
        return default_languages(self.engine.model, self.engine.tokenizer, self.language_codes)

    @cached_property
    def language_codes(self) -> dict[str, int]:
        """The languages that can be chosen, and their tokens."""
        return language_codes(self.engine.tokenizer, vocabulary(self.engine.model))

    @cached_property
    def tasks(self) -> dict[str, str]:
        """What may be put in front of a text, by name."""
        return task_prefixes(self.engine.model.config, self.engine.tokenizer)

    def source(self, text: str, request: TranslationRequest, *, progress: Progress | None = None) -> Source:
        """The text as the model takes it. Raises, before anything is written, for what cannot be had."""
        engine = self.engine
        require_kind(engine, "text")
        if engine.info.kind != "encoder-decoder":
            raise ReadingError(
                "{model} is no encoder-decoder model, so it cannot translate.",
                todo="Choose an encoder-decoder such as firefox-en-pt or t5-small, or use `read`.",
                model=engine.info.name,
            )
        if request.target is None and not engine.model.can_generate():
            raise ReadingError(
                "{model} was opened without the part that chooses words, so it cannot write.",
                todo="Give it the text to write as `target`.",
                model=type(engine.model).__name__,
            )
        text = request.prompt(require_text(text))
        languages = resolve_languages(request.languages, self.languages, self.language_codes, model=engine.info.name)
        tokens, inputs = tokenise(engine.tokenizer, text, languages=languages)
        tensors = engine.tensors(inputs)
        limits.check(engine, len(tokens), request.interventions)
        request.check(engine.plan, len(tokens))
        if engine.plan.dense:
            dense.check(engine.model, request.interventions)
        language = None if languages is None else TargetLanguage(languages, self.language_codes[languages[1]])
        return Source(text, tokens, tensors, language)

    def write(self, source: Source, request: TranslationRequest, *, progress: Progress) -> Output:
        """What the model writes for it, at most `limit` tokens; less where it only repeats itself.

        Everything that the model's generation settings ask for applies (words that may not come, a length to reach …),
        but nothing is sampled.
        """
        engine, limit = self.engine, self.limit(source, request)
        changes = request.interventions
        handler = StepwiseHandler(changes, engine.plan.places) if changes else None
        watched = refusals.as_reading_error(progress, model=engine.info.name, tokens=len(source.ids))

        def stops(ids: Sequence[int]) -> bool:
            return request.stops(ids, len(source.ids))

        with engine.prepared(), watched as progress, handled_by(handler):
            written = engine.model.generate(
                **source.inputs,
                attention_mask=torch.ones_like(source.inputs["input_ids"]),
                max_new_tokens=limit,
                num_beams=request.beam,
                num_return_sequences=1,
                do_sample=False,
                return_dict_in_generate=False,
                stopping_criteria=[
                    StepCallback(lambda step: progress(min(step / len(source.ids), 1.0), "Writing"), handler, stops)
                ],
                **generate_kwargs(engine.model, engine.tokenizer, source.language),
            )
        start, *ids = written[0].tolist()
        end = end_tokens(engine.model)
        stop = next((place for place, token in enumerate(ids, 1) if token in end), len(ids))
        ids = ids[:stop]
        codes = set(self.language_codes.values())  # M2M-100 would spell them out
        text = engine.tokenizer.decode([token for token in ids if token not in codes], skip_special_tokens=True)
        repeating = not (ids and ids[-1] in end) and stops(ids)
        unfinished = repeating or len(ids) == limit
        targets = align(engine.tokenizer, ids, text)
        return Output(tuple(ids), text, targets, start, unfinished=unfinished, repeating=repeating)

    def write_all(self, sources: Sequence[Source], request: TranslationRequest, *, progress: Progress) -> list[Output]:
        """The same for each of several sources, one after the other."""
        return [
            self.write(
                source, request, progress=progress_within(progress, number / len(sources), (number + 1) / len(sources))
            )
            for number, source in enumerate(sources)
        ]

    def prepared(self) -> AbstractContextManager[None]:
        """Nothing: every pass prepares its model, which may be somebody else's, for as short a time as it can."""
        return nullcontext()

    def force(self, source: Source, target: str) -> Output:
        """The same for a text that the model is made to write, with the tokens that it would write itself."""
        model, tokenizer, language = self.engine.model, self.engine.tokenizer, source.language
        start, ids = _target_ids(model, tokenizer, target, language)
        if language is not None:
            if ids[-1] == language.token:  # mBART is trained to write its language last, and never asked to
                ids.pop()
            if start != language.token and ids[0] != language.token:
                ids.insert(0, language.token)
        require_known(model, ids, written=True)
        return Output(tuple(ids), target, align(tokenizer, ids, target), start)

    def read(self, source: Source, output: Output, interventions: Interventions, *, progress: Progress) -> Reading:
        """One pass with the whole output, recorded."""
        engine, targets = self.engine, output.targets
        assert output.start is not None
        decoder_inputs = align(engine.tokenizer, [output.start], "") + tuple(
            replace(token, word=token.word + 1, group=token.group + 1) for token in targets[:-1]
        )
        ids = (output.start, *output.ids[:-1])
        axes: dict[Kind, Axes] = {
            "encoder": Axes.of_sequence(source.tokens, source.tokens, source.ids),
            "decoder": Axes.of_sequence(targets, decoder_inputs, ids),
            "cross": Axes(targets, source.tokens),
        }
        axes = {kind: sides for kind, sides in axes.items() if kind not in source.memories}
        inputs = {**source.inputs, "decoder_input_ids": torch.tensor([ids], device=engine.model.device)}
        if source.encoded is not None:
            inputs["encoder_outputs"] = source.encoded
        recorded = engine.record(inputs, axes, interventions=interventions, progress=progress)
        memories = {**source.memories, **recorded.memories}
        logits = getattr(recorded.outputs, "logits", None)
        if logits is None:
            return Reading(memories, ())
        steps = writing_steps(lambda rows: logits[0, rows], output.ids)
        return Reading(memories, steps, opening=logits[0, 0].detach().float().log_softmax(-1))

    def token_text(self, token: int) -> str:
        """What one token looks like: its characters, a space in front where it begins a word."""
        tokenizer = self.engine.tokenizer
        text, piece = tokenizer.decode([token]), tokenizer.convert_ids_to_tokens([token])[0]
        if piece is None:  # the model has room for more tokens than there are
            return f"#{token}"
        return f" {text.lstrip()}" if piece.startswith("▁") else text

    def limit(self, source: Source, request: TranslationRequest) -> int:
        """How many tokens may be written? Never more than the decoder has positions, or the server allows."""
        limit = request.max_new_tokens or max(LEAST, request.limit(len(source.ids)))
        return min(limit, limits.context_limit(self.engine.info.context) or limit)

    def was_cut(self, output: Output, reading: Reading) -> bool:
        """Did the limit stop it? Some models are set to end where the limit is, whatever they like (BART)."""
        if not output.unfinished:
            return False
        if not reading.steps:
            return True
        last, likeliest = output.ids[-1], reading.steps[-1].ids[0]
        return not stopped_by_itself(self.engine.model, last, likeliest)


class StepCallback(StoppingCriteria):
    """Is called after every token: says how many there are, to the handler and to whoever waits.

    It stops the writing where ``stops(ids)`` is true of the likeliest hypothesis.
    """

    def __init__(
        self,
        callback: Callable[[int], None],
        handler: StepwiseHandler | None,
        stops: Callable[[Sequence[int]], bool] = lambda ids: False,
    ) -> None:
        self.callback = callback
        self.handler = handler
        self.stops = stops

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        written = input_ids.shape[1] - 1
        if self.handler is not None:
            self.handler.step = written
        self.callback(written)
        stop = self.stops(input_ids[0, 1:].tolist())
        return torch.full((len(input_ids),), stop, dtype=torch.bool, device=input_ids.device)


def generate_kwargs(model: Any, tokenizer: Any, language: TargetLanguage | None) -> dict[str, int]:
    """What must `generate` be told, so that a model of many languages writes this one?

    In mBART the decoder reads the language before it writes; in mBART-50, M2M-100 and NLLB it is the first token that
    is written.
    """
    if language is None:
        return {}
    start, _ = _target_ids(model, tokenizer, "a", language)
    return {"decoder_start_token_id" if start == language.token else "forced_bos_token_id": language.token}


def stopped_by_itself(model: Any, last: int, likeliest: int) -> bool:
    """Did the model come to an end by itself, when ``last`` was the last token, and ``likeliest`` what it liked best?

    Some models are set to end where the limit is, whatever they like (BART).
    """
    forced = getattr(model.generation_config, "forced_eos_token_id", None) is not None
    return last in end_tokens(model) and (not forced or likeliest in end_tokens(model))


def end_tokens(model: Any) -> set[int]:
    """The tokens that end what a model writes."""
    tokens = model.generation_config.eos_token_id
    return set(tokens) if isinstance(tokens, list) else {tokens}


def start_token(model: Any, written: Tensor) -> int:
    """What does the decoder read before it has written anything? In some models the language of ``written``."""
    with suppress(AttributeError, ValueError):  # no such method, or a configuration that does not say it
        return int(model.prepare_decoder_input_ids_from_labels(labels=written)[0, 0])
    homes = (getattr(model, "generation_config", None), model.config)
    names = ("decoder_start_token_id", "pad_token_id", "bos_token_id")
    tokens = [getattr(home, name, None) for name in names for home in homes]
    return next(int(token) for token in [*tokens, 0] if token is not None)


def _target_ids(model: Any, tokenizer: Any, text: str, language: TargetLanguage | None) -> tuple[int, list[int]]:
    """(what the decoder reads first, the tokens) of a text on the output side."""
    _, inputs = tokenise(tokenizer, text, target=True, languages=None if language is None else language.languages)
    ids = inputs["input_ids"]
    return start_token(model, torch.tensor([ids])), ids
