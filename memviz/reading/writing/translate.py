"""What does an encoder-decoder write for a text, and what does it read to write every token?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memviz.errors import EmptyTextError, ReadingError
from memviz.memory import read_only
from memviz.note import Note
from memviz.progress import Progress, progress_within, work_clock
from memviz.reading.engine import limits, notes
from memviz.reading.engine.engine import Engine
from memviz.reading.writing.joining import join_sentences
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.sentences import LONGEST, sentence_parts
from memviz.reading.writing.writer import Output, Reading, Source, Writer
from memviz.sources import tokens_of
from memviz.tokens import dropped_characters, require_text, tokenise
from memviz.trace import Trace

WRITING = 0.8  # share of the progress, up to the end of the writing


def translate(
    engine: Engine,
    writer: Writer,
    text: str,
    request: TranslationRequest,
    *,
    split: bool = True,
    progress: Progress | None = None,
) -> Trace:
    """The trace of one text, or of its sentences one by one where the writer was trained on single ones.

    ``split=False`` reads the text as one. With a target in the ``request``, nothing is split.

    Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError`, `TraceError` for positions that are not there, and
    `ReadingError` for what the model cannot be asked, and for edges to forget in a text of several sentences.
    """
    text = require_text(text)
    spans, counts = _parts(engine, text) if split and writer.by_sentence else ([], [])
    if len(spans) < 2 or request.target is not None:
        trace = _translate_all(engine, writer, [text], request, progress)[0]
        return replace(trace, notes=(*notes.whole(len(counts)), *trace.notes))
    if request.interventions.forget is not None:
        raise ReadingError(
            "This text has {count} sentences, and what to forget is a position of one of them.",
            todo="Translate the sentence alone, or choose split=False to read the text as one.",
            count=len(spans),
        )
    _check_memory(engine, counts)
    traces = _translate_all(engine, writer, [text[start:end] for start, end in spans], request, progress)
    broken = [notes.broken(LONGEST)] if len(spans) > len(counts) else []
    tokens = [token for trace in traces for token in trace.tokens]
    unknown = notes.unknown(tokens, writer.unknown[0])
    missing = notes.dropped_characters(_dropped_characters(text, spans, traces), text)
    return join_sentences(text, spans, traces, notes=[*broken, *unknown, *missing, *notes.capitals(text)])


def _translate_all(
    engine: Engine, writer: Writer, texts: Sequence[str], request: TranslationRequest, progress: Progress | None
) -> list[Trace]:
    """The traces of several texts: all are encoded, then all written, then each is read with what was written for it.

    The time of the writing, which is that of all, is shared out by the tokens that were written.
    """
    target, count = request.target, len(texts)
    writing = writer.encoding if target is not None else WRITING
    with writer.prepared():
        sources, encoding = [], []
        for number, text in enumerate(texts):
            began = work_clock()
            share = progress_within(progress, writer.encoding * number / count, writer.encoding * (number + 1) / count)
            sources.append(writer.source(text, request, progress=share))
            encoding.append(work_clock() - began)
        began = work_clock()
        if target is None:
            share = progress_within(progress, writer.encoding, writing)
            outputs = writer.write_all(sources, request, progress=share)
        else:
            outputs = [writer.force(source, require_text(target)) for source in sources]
        second = (work_clock() - began) / max(sum(len(output.ids) for output in outputs), 1)
        traces = []
        for number, (text, source, output) in enumerate(zip(texts, sources, outputs, strict=True)):
            part = (1 - writing) / count
            share = progress_within(progress, writing + number * part, writing + (number + 1) * part)
            seconds = {"model": encoding[number], "writing": second * len(output.ids)}
            traces.append(_read(engine, writer, text, source, output, request, seconds=seconds, progress=share))
    return traces


def _read(
    engine: Engine,
    writer: Writer,
    text: str,
    source: Source,
    output: Output,
    request: TranslationRequest,
    *,
    seconds: Mapping[str, float],
    progress: Progress,
) -> Trace:
    """The trace of a text for which this was written; ``seconds`` are those that it took so far."""
    began = work_clock()
    count = len(output.ids)
    limits.check_length(count, context=engine.info.context)
    both = len(source.ids) + count  # the two are held at once
    limits.check_memory(engine.estimate(both, request.interventions), tokens=both, device=engine.model.device)
    reading = writer.read(source, output, request.interventions.upto(count), progress=progress)
    reading_seconds = work_clock() - began
    logprobs = [step.logprob for step in reading.steps] or [float("nan")] * count
    return Trace(
        text=source.text,
        output=output.text,
        tokens=tokens_of(source.tokens),
        targets=output.targets,
        model=engine.info,
        memories={**source.memories, **reading.memories},
        logprobs=read_only(np.array(logprobs, dtype=np.float32)),
        forget=request.interventions.forget,
        eviction=request.interventions.eviction,
        ablations=request.interventions.ablations,
        seconds={
            "model": seconds["model"] + reading_seconds,
            "writing": seconds["writing"],
            "total": sum(seconds.values()) + reading_seconds,
        },
        steps=tuple(step.candidates(writer.token_text) for step in reading.steps),
        recurrent=reading.recurrent,
        notes=tuple(_notes(writer, text, source, output, reading, request)),
    )


def write(engine: Engine, writer: Writer, text: str, request: TranslationRequest) -> str:
    """What does the model write for this text, read as one? Nothing is recorded. Raises as `translate` does."""
    source = writer.source(require_text(text), request)
    return writer.write(source, request, progress=progress_within(None, 0, 1)).text


def sentences(engine: Engine, writer: Writer, text: str) -> tuple[str, ...]:
    """Which parts of a text are translated one by one? The text alone where it is read as one."""
    text = require_text(text)
    spans, _ = _parts(engine, text) if writer.by_sentence else ([], [])
    return tuple(text[start:end] for start, end in spans) if len(spans) > 1 else (text,)


def _parts(engine: Engine, text: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Where the sentences of the text are, and how many tokens each has; see `sentence_parts`."""

    def token_starts(part: str) -> Sequence[int]:
        try:
            tokens, _ = tokenise(engine.tokenizer, part)
        except EmptyTextError:  # a sentence of nothing but characters that are dropped
            return []
        return [token.start for token in tokens if not token.special]

    return sentence_parts(text, token_starts)


def _dropped_characters(text: str, spans: Sequence[tuple[int, int]], traces: Sequence[Trace]) -> str:
    """Which characters did the tokenizer drop in these parts, and between them, where a sentence had no token?"""
    missing, end = "", 0
    for (start, stop), trace in zip(spans, traces, strict=True):
        missing += dropped_characters((), text[end:start]) + dropped_characters(trace.tokens, trace.text)
        end = stop
    return missing + dropped_characters((), text[end:])


def _check_memory(engine: Engine, counts: Sequence[int]) -> None:
    """Raises `TextTooLongError` or `MemoryBudgetError` for sentences of so many tokens, all held at once."""
    limits.check_length(sum(counts), context=engine.info.context)
    need = sum(2 * (engine.estimate(count) - limits.OVERHEAD) for count in counts)
    limits.check_memory(limits.OVERHEAD + need, tokens=sum(counts))


def _copied_capitals(writer: Writer, text: str, output: Output, request: TranslationRequest) -> list[Note]:
    """A note on a word all in capitals that was copied; none where the model was not free to write otherwise."""
    if request.target is not None or request.interventions != TranslationRequest().interventions:
        return []

    def write_plain(other: str) -> str:
        return writer.write(writer.source(other, request), request, progress=progress_within(None, 0, 1)).text

    return notes.copied_capitals(text, output.text, write_plain)


def _notes(
    writer: Writer, text: str, source: Source, output: Output, reading: Reading, request: TranslationRequest
) -> list[Note]:
    """What a person should know of this translation of a ``text``."""
    unknown_source, unknown_target = writer.unknown
    count = len(output.ids)
    cut = notes.repeating(count) if output.repeating else notes.cut(count)
    return [
        *([cut] if request.target is None and writer.was_cut(output, reading) else []),
        *notes.unknown(tokens_of(source.tokens), unknown_source),
        *([] if request.target is None else notes.unknown_given(output.targets, unknown_target)),
        *notes.start_once(tokens_of(source.tokens), source.text),
        *notes.dropped_characters(dropped_characters(tokens_of(source.tokens), source.text), source.text),
        *(
            []
            if request.target is None
            else notes.dropped_target_characters(dropped_characters(output.targets, output.text), output.text)
        ),
        *notes.capitals(text),
        *_copied_capitals(writer, text, output, request),
        *notes.untold(source.text, writer.tasks),
    ]
