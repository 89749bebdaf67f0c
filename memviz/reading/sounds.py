"""What does a model write for a sound, and which moments does it read to write every token?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import GenerationMixin, StoppingCriteriaList

from memviz.errors import EmptyTextError, ReadingError, TextTooLongError
from memviz.memory import read_only
from memviz.progress import Progress, progress_within, work_clock
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.interventions import StepwiseHandler
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import SoundAdapter
from memviz.reading.engine.engine import Engine, TransformersEngine, require_kind
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.transformers_writer import StepCallback, TransformersWriter, end_tokens
from memviz.reading.writing.writer import Output, Source
from memviz.sources import Sound
from memviz.tokens import align, require_text
from memviz.trace import Trace

WRITING = 0.8  # share of the progress, up to the end of the writing
LIMIT = 128  # tokens are written at most, unless more are asked for


@dataclass(frozen=True)
class _Heard:
    """A sound, and what the model takes."""

    sound: Sound
    source: Source


def transcribe(
    engine: Engine, samples: Any, rate: int, request: TranslationRequest, *, progress: Progress | None = None
) -> Trace:
    """The trace of one sound: what was written for it, or how ``request.target`` would be.

    ``samples`` are numbers [sample] from −1 to 1, ``rate`` of them a second. Raises `ReadingError` for what is not a
    sound that this model takes, and as every reading does.
    """
    began = work_clock()
    require_kind(engine, "sound")
    assert isinstance(engine, TransformersEngine)
    writer = TransformersWriter(engine)
    heard = _listen(engine, samples, rate)
    source, changes = heard.source, request.interventions
    frames = len(heard.sound.units)
    request.check(engine.plan, frames)
    limits.check_memory(engine.estimate(frames, changes), tokens=frames, device=engine.model.device)
    if request.target is None:
        output = _write(engine, source, request, progress=progress_within(progress, 0, WRITING))
    else:
        output = writer.force(source, require_text(request.target))
    written = work_clock()
    count = len(output.ids)
    limits.check_length(count, context=engine.info.context)
    both = frames + count
    limits.check_memory(engine.estimate(both, changes), tokens=both, device=engine.model.device)
    rest = progress_within(progress, 0 if request.target is not None else WRITING, 1)
    reading = writer.read(source, output, changes.upto(count), progress=rest)
    done = work_clock()
    return Trace(
        text="",
        tokens=(),
        output=output.text,
        targets=output.targets,
        model=engine.info,
        memories=reading.memories,
        logprobs=read_only(np.array([step.logprob for step in reading.steps], dtype=np.float32)),
        forget=changes.forget,
        eviction=changes.eviction,
        ablations=changes.ablations,
        seconds={"model": done - written, "writing": written - began, "total": done - began},
        steps=tuple(step.candidates(writer.token_text) for step in reading.steps),
        source=heard.sound,
    )


def _listen(engine: TransformersEngine, samples: Any, rate: int) -> _Heard:
    """The sound as the model takes it. Raises `ReadingError` for what is not a sound that it takes."""
    adapter = engine.adapter
    assert isinstance(adapter, SoundAdapter)
    values = np.asarray(samples)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise ReadingError(
            "This is not a sound that can be heard: numbers of the shape {shape}, of the type {kind}.",
            todo="Give one channel: an array [sample] of numbers. Of stereo, take the mean of the two.",
            shape=str(list(values.shape)),
            kind=str(values.dtype),
        )
    if not len(values):
        raise EmptyTextError("There is no sound to hear: it has no samples.", todo="Give a longer recording.")
    if values.dtype.kind != "f":
        raise ReadingError(
            "The samples of this sound are whole numbers ({kind}); a model hears numbers from −1 to 1.",
            todo="Divide them by the largest number of their type, such as 32768 for int16.",
            kind=str(values.dtype),
        )
    if rate != adapter.rate:
        raise ReadingError(
            "This sound has {rate} samples a second; the model takes {wanted}.",
            todo="Resample it first.",
            rate=str(rate),
            wanted=adapter.rate,
        )
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ReadingError(
            "Some samples of this sound are not numbers (NaN or infinite).", todo="Record or decode it again."
        )
    if len(values) > adapter.rate * adapter.window:
        raise TextTooLongError(
            "This sound has {seconds:.1f} seconds; at most {limit:.1f} can be heard at once.",
            todo="Give a shorter part of it.",
            seconds=len(values) / adapter.rate,
            limit=adapter.window,
        )
    frames = engine.plan.lengths["encoder"][0]
    sound = Sound.of(len(values), adapter.rate, frames=frames, window=adapter.window)
    inputs = adapter.inputs(values, engine.model.device, engine.model.dtype)
    return _Heard(sound, Source("", sound.units, inputs))


def _write(engine: TransformersEngine, source: Source, request: TranslationRequest, *, progress: Progress) -> Output:
    """What the model writes for it: the likeliest token at every step, or by beam search."""
    limit = request.max_new_tokens or LIMIT
    limit = min(limit, (limits.context_limit(engine.info.context) or limit + 1) - 1)
    changes = request.interventions
    handler = StepwiseHandler(changes, engine.plan.places) if changes else None
    watched = refusals.as_reading_error(progress, model=engine.info.name, tokens=len(source.tokens))
    with engine.prepared(), watched as progress, handled_by(handler):
        callback = StepCallback(lambda step: progress(min(step / limit, 1.0), "Writing"), handler)
        written = GenerationMixin.generate(  # not Whisper's own, which leaves out what it began with
            engine.model,
            **source.inputs,
            max_new_tokens=limit,
            num_beams=request.beam,
            do_sample=False,
            return_dict_in_generate=False,
            stopping_criteria=StoppingCriteriaList([callback]),
        )
    assert isinstance(written, torch.Tensor)
    start, *ids = written[0].tolist()
    end = end_tokens(engine.model)
    stop = next((place for place, token in enumerate(ids, 1) if token in end), len(ids))
    ids = ids[:stop]
    text = engine.tokenizer.decode(ids, skip_special_tokens=True)
    return Output(tuple(ids), text, align(engine.tokenizer, ids, text), start, unfinished=len(ids) == limit)
