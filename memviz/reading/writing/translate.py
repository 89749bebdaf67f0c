"""How does an encoder-decoder of transformers translate, and what is kept of it?

The model writes first, without recording; then one reading with the whole output shows, for every token, what was
looked at to write it. What is forgotten is forgotten in both, so the two agree.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memviz.errors import ReadingError
from memviz.memory import Forget, Kind, read_only, require_forget
from memviz.note import Note
from memviz.progress import Progress, progress_within
from memviz.reading.attention import dense
from memviz.reading.attention.interventions import StepwiseForget
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import budget, notes, refusals
from memviz.reading.engine.inputs import require_known, vocabulary
from memviz.reading.engine.predictions import Step, writing_steps
from memviz.reading.writing.languages import default_languages, language_codes, resolve_languages, task_prefixes
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.transformers_writer import (
    Output,
    TargetLanguage,
    forced_output,
    generate_kwargs,
    stopped_by_itself,
    write,
)
from memviz.tokens import Token, align, require_text, tokenise
from memviz.trace import Trace

if TYPE_CHECKING:
    from memviz.reading.reader import Reader

WRITING = 0.8  # share of the progress, where the model writes itself


class Translating:
    """What a reader does with an encoder-decoder; see `memviz.Reader`."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def translate(
        self,
        text: str,
        target: str | None = None,
        forget: Forget | None = None,
        *,
        beam: int = 1,
        max_new_tokens: int | None = None,
        languages: tuple[str, str] | None = None,
        task: str | None = None,
        progress: Progress | None = None,
    ) -> Trace:
        """What does an encoder-decoder write for this text, and what does it read to write every token?

        Without a ``target`` the model writes its own output, by transformers' `generate` and the model's own settings
        for it: the likeliest token at every step, or with a ``beam`` of several tries. With one, it is made to write
        that. One reading with the whole output follows, so that every row shows what was looked at to write that
        token. At most ``max_new_tokens`` are written, usually 128, or 2.5 for each token read where that is more; when
        that cuts the output, ``trace.notes`` says so. The text is read as one, however many sentences it has.

        ``languages`` are codes of `languages_known`, from which into which, otherwise `languages`; they are tokens of
        the trace, the target's too, in the place where the model reads or writes it. ``task`` is put in front of the
        text, with a space between (see `tasks`): ``trace.text`` begins with it, and its words are words of the source
        like any others, because that is what the model reads.

        ``forget`` applies to cross-attention, while the model writes as well as in the reading. Positions that are
        counted from the end of the output need a ``target``; a named position that is never written is ignored.

        The trace holds the memories "encoder", "decoder" and "cross" (rows: the tokens written; columns of "cross":
        the source; of "decoder": what was entered, one token behind), log-probabilities and the likeliest tokens of
        every step, as the model rates them before its settings rule any out.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError`, `TraceError` for positions that are not
        there, and `ReadingError` for a language that the model does not know, or one it has to be told.
        """
        require_forget(forget)
        wish = TranslationRequest(
            None if target is None else require_text(target), forget, beam, max_new_tokens, languages, task
        )
        return translate_text(self, text, wish, progress=progress)

    @property
    def languages(self) -> tuple[str, str | None] | None:
        """From which language into which, when none are asked for? ``None`` for a model that says nothing of languages.

        The target alone is ``None`` where one has to be chosen.
        """
        return default_languages(self.model, self.tokenizer, self.languages_known)

    @cached_property
    def languages_known(self) -> dict[str, int]:
        """Which languages can be chosen? Codes and their tokens; none where there is nothing to choose."""
        return language_codes(self.tokenizer, vocabulary(self.model))

    @cached_property
    def tasks(self) -> dict[str, str]:
        """What may be put in front of a text to say what to do with it? Texts by name; none where nothing is known."""
        return task_prefixes(self.model.config, self.tokenizer)

    def _without_choice(self) -> tuple[str, str] | None:
        """The languages for a text that is only read: where the one to write has to be chosen, that of the text."""
        own = self.languages
        return (own[0], own[1] or own[0]) if own and self.languages_known else None


@dataclass(frozen=True)
class Source:
    """A text as the model takes it; with the language to write, where it can be chosen."""

    text: str
    tokens: tuple[Token, ...]
    tensors: dict[str, Tensor]
    tongue: TargetLanguage | None

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the tokens."""
        return tuple(token.id for token in self.tokens)


LEAST = 128  # tokens may be written for any text: an answer may be longer than its question


def translate_text(reader: Reader, text: str, wish: TranslationRequest, *, progress: Progress | None = None) -> Trace:
    """The trace of one text."""
    began = time.perf_counter()
    source = _source(reader, text, wish)
    output, written = _output(reader, source, wish, progress_within(progress, 0, WRITING))
    wrote = time.perf_counter()
    ids, count = output.ids, len(output.ids)
    budget.check_length(count, context=reader.info.context)
    both = len(source.ids) + count  # the two are held at once
    budget.check_memory(reader.estimate(both), tokens=both, device=reader.model.device)
    targets = align(reader.tokenizer, ids, written)
    entered = align(reader.tokenizer, [output.start], "") + tuple(
        replace(token, word=token.word + 1, group=token.group + 1) for token in targets[:-1]
    )
    inputs = (output.start, *ids[:-1])
    sides: dict[Kind, Axes] = {
        "encoder": Axes(source.tokens, source.tokens, source.ids),
        "decoder": Axes(targets, entered, inputs),
        "cross": Axes(targets, source.tokens),
    }
    tensors = {**source.tensors, "decoder_input_ids": torch.tensor([inputs], device=reader.model.device)}
    rest = progress if wish.target is not None else progress_within(progress, WRITING, 1)
    memories, outputs, seconds = reader.record(tensors, sides, forget=wish.forgotten(count), progress=rest)
    logits = getattr(outputs, "logits", None)
    taken = () if logits is None else writing_steps(lambda rows: logits[0, rows], ids)
    logprobs = [step.logprob for step in taken] or [float("nan")] * count
    return Trace(
        text=source.text,
        output=written,
        tokens=source.tokens,
        targets=targets,
        model=reader.info,
        memories=memories,
        logprobs=read_only(np.array(logprobs, dtype=np.float32)),
        forget=wish.forget,
        seconds={"model": seconds, "writing": wrote - began, "total": time.perf_counter() - began},
        steps=tuple(step.candidates(lambda token: token_text(reader.tokenizer, token)) for step in taken),
        notes=tuple(_notes(reader, source, targets, taken, wish)),
    )


def token_text(tokenizer: Any, token: int) -> str:
    """What one token looks like: its characters, a space in front where it begins a word."""
    text, piece = tokenizer.decode([token]), tokenizer.convert_ids_to_tokens([token])[0]
    if piece is None:  # the model has room for more tokens than there are
        return f"#{token}"
    return f" {text.lstrip()}" if piece.startswith("▁") else text


def _source(reader: Reader, text: str, wish: TranslationRequest) -> Source:
    """The text as the model takes it. Raises, before anything is written, for what cannot be had."""
    if not reader.model.config.is_encoder_decoder:
        raise ReadingError(
            "{model} is no encoder-decoder model, so it cannot translate.",
            todo="Choose an encoder-decoder such as firefox-en-pt or t5-small, or use `read`.",
            model=reader.info.name,
        )
    if wish.target is None and not reader.model.can_generate():
        raise ReadingError(
            "{model} was opened without the part that chooses words, so it cannot write.",
            todo="Give it the text to write as `target`.",
            model=type(reader.model).__name__,
        )
    text = wish.asked(require_text(text))
    pair = resolve_languages(wish.languages, reader)
    tokens, inputs = tokenise(reader.tokenizer, text, languages=pair)
    tensors = reader.tensors(inputs)
    budget.check(reader.model, reader.plan, len(tokens), context=reader.info.context)
    wish.check(reader.plan, len(tokens))
    if reader.plan.dense:
        dense.check(reader.model, wish.forget)
    return Source(
        text, tokens, tensors, None if pair is None else TargetLanguage(pair, reader.languages_known[pair[1]])
    )


def _output(reader: Reader, source: Source, wish: TranslationRequest, progress: Progress) -> tuple[Output, str]:
    """(what is written, its text): what the model likes, or the target."""
    model, tokenizer = reader.model, reader.tokenizer
    if wish.target is not None:
        output = forced_output(model, tokenizer, wish.target, tongue=source.tongue)
        require_known(model, output.ids, written=True)
        return output, wish.target
    explained = refusals.as_reading_error(progress, model=reader.info.name, tokens=len(source.ids))
    with reader.prepared(), explained as progress:
        output = write(
            model,
            source.tensors,
            limit=_limit(reader, wish, source),
            beam=wish.beam,
            begin=generate_kwargs(model, tokenizer, source.tongue),
            covering=None if wish.forget is None else StepwiseForget(wish.forget, reader.plan.kinds),
            told=lambda written: progress(min(written / len(source.ids), 1.0), "Writing"),
        )
    spoken = set(reader.languages_known.values())  # M2M-100 would spell them out
    return output, tokenizer.decode([token for token in output.ids if token not in spoken], skip_special_tokens=True)


def _limit(reader: Reader, wish: TranslationRequest, source: Source) -> int:
    """How many tokens may be written? Never more than the decoder has positions, or the server allows."""
    limit = wish.max_new_tokens or max(LEAST, wish.limit(len(source.ids)))
    return min(limit, budget.context_limit(reader.info.context) or limit)


def _notes(
    reader: Reader, source: Source, targets: tuple[Token, ...], taken: tuple[Step, ...], wish: TranslationRequest
) -> list[Note]:
    """What a person should know of this translation."""
    strange = notes.stand_in(reader.tokenizer)
    found = notes.unknown(source.tokens, strange) + notes.capitals(source.text)
    if wish.target is not None:
        found += notes.unknown_given(targets, strange)
    full = wish.target is None and len(taken) == _limit(reader, wish, source)
    if full and not stopped_by_itself(reader.model, taken[-1].id, taken[-1].ids[0]):
        found.insert(0, notes.cut(len(taken)))
    return found + notes.untold(source.text, reader.tasks)
