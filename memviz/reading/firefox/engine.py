"""A Firefox Translations model that is ready to read: a sentence in, its translation and what it was read from out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from memviz.errors import ReadingError
from memviz.memory import Forget, Memory, read_only, require_forget
from memviz.note import Note
from memviz.progress import Progress, no_progress, progress_within
from memviz.reading.attention.eager import handled_by
from memviz.reading.attention.interventions import StepwiseForget
from memviz.reading.attention.recording import Recording
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import budget, notes
from memviz.reading.engine.threads import one_thread
from memviz.reading.firefox.network import FirefoxModel, Remembered, plan
from memviz.reading.firefox.tokenizer import FirefoxTokenizer
from memviz.reading.firefox.writer import Hypothesis, forced_steps, recurrent, write
from memviz.reading.reader import Reader
from memviz.reading.writing.joining import join_sentences
from memviz.reading.writing.languages import require_default
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.sentences import LONGEST, sentence_parts
from memviz.tokens import Token, align, require_text, tokenise
from memviz.trace import ModelInfo, Trace


@dataclass(frozen=True)
class Source:
    """A sentence that was read: its tokens and their ids, and as every decoder layer remembers it."""

    tokens: tuple[Token, ...]
    ids: tuple[int, ...]
    remembered: list[Remembered]
    memory: Memory | None = None


class FirefoxReader(Reader):
    """Translates with one Firefox model, and remembers what was read to write every token.

    model              the network, see `memviz.reading.firefox.network`
    tokenizer          of the source language
    target_tokenizer   of the target language; often the same
    info               which model this is

    A reader may be shared by threads.
    """

    model: FirefoxModel
    tokenizer: FirefoxTokenizer

    def __init__(
        self,
        model: FirefoxModel,
        tokenizer: FirefoxTokenizer,
        *,
        target_tokenizer: FirefoxTokenizer | None = None,
        languages: tuple[str, str] | None = None,
        info: ModelInfo | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.target_tokenizer = target_tokenizer or tokenizer
        self._languages = languages
        self.plan = plan(model)
        self.info = replace(
            info or ModelInfo(name=model.config.name_or_path),
            family=model.config.model_type,
            kind="encoder-decoder",
            layers=self.plan.layers["encoder"],
            heads=self.plan.heads["encoder"],
            kv_heads=self.plan.kv_heads,
            head_dim=self.plan.head_dim,
            device=str(model.device),
            precision=str(model.dtype).removeprefix("torch."),
        )
        self._owned = True
        self._grams = None

    @property
    def languages(self) -> tuple[str, str] | None:
        """From which language into which, such as ("en", "pt"); ``None`` where the files do not say."""
        return self._languages

    @property
    def languages_known(self) -> dict[str, int]:
        """The languages to choose from: none, it translates from one into one."""
        return {}

    @property
    def tasks(self) -> dict[str, str]:
        """What may be put in front of a text: nothing, it does nothing but translate."""
        return {}

    def read(
        self, text: str, pair: str | None = None, forget: Forget | None = None, *, progress: Progress | None = None
    ) -> Trace:
        """What does the model look at when it reads this text as one sentence, and writes its translation or ``pair``?

        As `translate`, but the text is never split. Raises as `translate` does.
        """
        return self.translate(text, pair, forget, split=False, progress=progress)

    @one_thread()
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
        split: bool = True,
        progress: Progress | None = None,
    ) -> Trace:
        """What does the model write for this text, and which source words does it read to write each word?

        Without a ``target`` the model writes its own translation: the likeliest token at every step, or with a ``beam``
        of several tries. With one, it is made to write that, and the text is read as one sentence. One reading with
        the whole target follows, and that is what is recorded.

        A text of several sentences (see `memviz.reading.writing.sentences`) is translated sentence by sentence, each
        into a trace of its own in ``trace.parts``; ``split=False`` reads it as one. A sentence gets at most
        ``max_new_tokens``, usually 2.5 for each of its own; when that cuts it, ``trace.notes`` says so.

        ``forget`` applies to cross-attention, while the model writes as well as in the reading. Positions that are
        counted from the end of the output need a ``target``; a named position that is never written is ignored.
        ``languages`` other than its own and a ``task`` are refused: it knows only one of each.

        The trace holds the memories "encoder" and "cross" (rows: the tokens written, ``</s>`` included; columns: the
        source), ``recurrent``, log-probabilities and the likeliest tokens of every step.

        Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError`, `TraceError` for positions that are not
        there, and `ReadingError` for edges to forget in a text of several sentences.
        """
        self._check(languages, task)
        require_forget(forget)
        text = require_text(text)
        wish = TranslationRequest(None if target is None else require_text(target), forget, beam, max_new_tokens)
        spans, counts = sentence_parts(text, self.tokenizer) if split else ([], [])
        if len(spans) < 2 or target is not None:
            trace = self._one(text, wish, progress=progress or no_progress)
            return replace(trace, notes=(*notes.whole(len(counts)), *trace.notes))
        if forget is not None:
            raise ReadingError(
                "This text has {count} sentences, and what to forget is a position of one of them.",
                todo="Translate the sentence alone, or choose split=False to read the text as one.",
                count=len(spans),
            )
        self._fits(counts)
        traces = []
        for number, (start, end) in enumerate(spans):
            share = progress_within(progress, number / len(spans), (number + 1) / len(spans))
            traces.append(self._one(text[start:end], wish, progress=share))
        broken = [notes.broken(LONGEST)] if len(spans) > len(counts) else []
        tokens = [token for trace in traces for token in trace.tokens]
        unknown = notes.unknown(tokens, self.tokenizer.unk_token_id)
        return join_sentences(text, spans, traces, notes=[*broken, *unknown, *notes.capitals(text)])

    @one_thread()
    def write(self, text: str, *, beam: int = 1, max_new_tokens: int | None = None) -> str:
        """What does the model write for this text as one sentence? Nothing is recorded. Raises as `translate` does."""
        wish = TranslationRequest(beam=beam, max_new_tokens=max_new_tokens)
        source = self._source(require_text(text), wish)
        return self.target_tokenizer.decode(self._written(source, wish, told=_unheard).ids)

    # -- inside ---------------------------------------------------------------------------------

    def _check(self, languages: tuple[str, str] | None, task: str | None) -> None:
        """Raises `ReadingError` for what this model cannot be asked."""
        require_default(languages, self.languages, model=self.info.name)
        if task:
            raise ReadingError(
                "{model} does nothing but translate, so it cannot be told a task.",
                todo="Leave `task` out, or choose a model such as t5-small.",
                model=self.info.name,
            )

    def _fits(self, counts: list[int]) -> None:
        """Raises `TextTooLongError` or `MemoryBudgetError` for sentences of so many tokens in all."""
        budget.check_length(sum(counts), context=self.info.context)
        need = sum(2 * (self.estimate(count) - budget.OVERHEAD) for count in counts)
        budget.check_memory(budget.OVERHEAD + need, tokens=sum(counts))

    def _one(self, text: str, wish: TranslationRequest, *, progress: Progress) -> Trace:
        """The trace of one sentence."""
        began = time.perf_counter()
        source = self._source(text, wish, recorded=progress_within(progress, 0, 0.3))
        read = time.perf_counter()
        if wish.target is None:
            heard = progress_within(progress, 0.3, 0.8)
            written = self._written(
                source, wish, told=lambda step: heard(min(step / len(source.tokens), 1.0), "Writing")
            )
            ids, output = written.ids, self.target_tokenizer.decode(written.ids)
            targets = align(self.target_tokenizer, ids, output)
        else:
            written, output = None, wish.target
            targets, labels = tokenise(self.target_tokenizer, output)
            ids = tuple(labels["input_ids"])
        wrote = time.perf_counter()
        budget.check(self.model, self.plan, len(ids), context=None)
        recording = self._recording("cross", Axes(targets, source.tokens), progress_within(progress, 0.8, 1))
        recording.forget, recording.forget_in = wish.forgotten(len(ids)), "cross"
        with handled_by(recording):
            words, units = self.model.decoder.whole(torch.tensor([ids], device=self.model.device), source.remembered)
        cross = recording.memory("cross")
        steps = forced_steps(self.model, words[0], ids) if written is None else written.steps
        done = time.perf_counter()
        return Trace(
            text=text,
            output=output,
            tokens=source.tokens,
            targets=targets,
            model=self.info,
            memories={"encoder": source.memory, "cross": cross},
            logprobs=read_only(np.array([step.logprob for step in steps], dtype=np.float32)),
            forget=wish.forget,
            seconds={"model": read - began + done - wrote, "writing": wrote - read, "total": done - began},
            steps=tuple(step.candidates(self.target_tokenizer.shown) for step in steps),
            recurrent=recurrent(targets, units),
            notes=self._notes(text, source, targets, written),
        )

    def _source(self, text: str, wish: TranslationRequest, *, recorded: Progress | None = None) -> Source:
        """A sentence, read by the encoder; with its memory when somebody watches."""
        tokens, inputs = tokenise(self.tokenizer, text)
        budget.check(self.model, self.plan, len(tokens), context=self.info.context)
        wish.check(self.plan, len(tokens))
        tensors = self.tensors(inputs)
        ids = tuple(inputs["input_ids"])
        recording = None if recorded is None else self._recording("encoder", Axes(tokens, tokens, ids), recorded)
        with handled_by(recording):
            remembered = self.model.decoder.remember(self.model.encoder(**tensors))
        return Source(tokens, ids, remembered, None if recording is None else recording.memory("encoder"))

    def _recording(self, kind: str, sides: Axes, progress: Progress) -> Recording:
        """An empty recording of one kind of memory."""
        layers = {kind: self.plan.layers[kind]}
        return Recording(self.plan.kinds, {kind: sides}, layers, grams=self._output_grams(), progress=progress)

    def _written(self, source: Source, wish: TranslationRequest, *, told: Callable[[int], None]) -> Hypothesis:
        limit = wish.limit(len(source.ids))
        return write(
            self.model,
            source.remembered,
            end=self.target_tokenizer.eos_token_id,
            limit=min(limit, budget.context_limit(None) or limit),  # the decoder counts no positions, a server may
            beam=wish.beam,
            covering=None if wish.forget is None else StepwiseForget(wish.forget, self.plan.kinds),
            told=told,
        )

    def _notes(
        self, text: str, source: Source, targets: tuple[Token, ...], written: Hypothesis | None
    ) -> tuple[Note, ...]:
        cut = [notes.cut(len(written.steps))] if written is not None and written.unfinished else []
        strange = notes.unknown(source.tokens, self.tokenizer.unk_token_id)
        if written is None:
            strange += notes.unknown_given(targets, self.target_tokenizer.unk_token_id)
        return (*cut, *strange, *notes.capitals(text))


def _unheard(step: int) -> None:
    """Nobody is told."""
