"""What does a model write for a sound, and which moments does it read to write every token?"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GenerationMixin, StoppingCriteriaList

from memviz.errors import EmptyTextError, ReadingError, TextTooLongError
from memviz.memory import Kind, read_only
from memviz.note import Note
from memviz.progress import Progress, progress_within, work_clock
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.interventions import StepwiseHandler
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import SoundAdapter
from memviz.reading.engine.engine import Engine, TransformersEngine, require_kind
from memviz.reading.writing.request import TranslationRequest
from memviz.reading.writing.transformers_writer import StepCallback, TransformersWriter, end_tokens, start_token
from memviz.reading.writing.writer import Output, Reading, Source
from memviz.sources import Recording, Sound, open_sound, resample
from memviz.tokens import align, require_text
from memviz.trace import Trace

HEARING, WRITING = 0.3, 0.9  # shares of the progress: of a whole reading of which the encoder is a part; of the writing
LIMIT = 224  # tokens are written at most, unless more are asked for; as many as Whisper writes for its window
SPARE = 0.5  # seconds of silence behind a sound, at least, where the window is longer than it
CHANNELS = 16  # of a sound, at most; more would be samples
APOSTROPHES = "'’"
SILENCE = 1e-4  # samples that all stay below are not heard
SPEECHLESS, UNLIKELY, REPEATING, SILENT = "no-speech", "unsure", "repeating", "silent"  # codes of notes
NO_SPEECH, UNSURE, REPEATS = 0.6, -1.0, 2.4  # Whisper's own thresholds


@dataclass(frozen=True)
class SoundPart:
    """Which part of a recording is heard, and how.

    rate       samples a second of an array; ``None``: those that the model takes
    start      in seconds; ``None``: the recording is heard whole, and refused where it is longer than a window
    language   the code of the one that is spoken; ``None``: the model's only one, or what it takes it for
    prefix     the ids of what is written already: the model goes on behind them
    by_character   is a target forced character by character, without punctuation?
    """

    rate: int | None = None
    start: float | None = None
    language: str | None = None
    prefix: tuple[int, ...] = ()
    by_character: bool = False


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """What a model takes of a sound.

    samples   float32 [sample], one channel, from −1 to 1
    rate      of them a second
    start     where they begin in the whole recording, in seconds
    mel       float32 [band, frame]: how loud each band of pitch is, on a logarithmic scale, the lowest first. Added
              silence is left out
    """

    samples: np.ndarray
    rate: int
    start: float
    mel: np.ndarray

    @property
    def seconds(self) -> float:
        """How long is it?"""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class _Heard:
    """A sound, its samples, what the model takes, and an engine whose window is as long as the sound."""

    sound: Sound
    samples: np.ndarray
    source: Source
    engine: TransformersEngine
    notes: tuple[Note, ...]


def spectrogram(engine: Engine, audio: Any, part: SoundPart) -> Spectrogram:
    """What the model takes of this sound, as numbers. Raises as `transcribe` does."""
    require_kind(engine, "sound")
    assert isinstance(engine, TransformersEngine)
    heard = _listen(engine, audio, part)
    mel = heard.source.inputs["input_features"][0].float().cpu().numpy()
    adapter = heard.engine.adapter
    assert isinstance(adapter, SoundAdapter)
    count = math.ceil(heard.sound.seconds * mel.shape[1] / adapter.window)
    start = heard.sound.units[0].start
    return Spectrogram(read_only(heard.samples), heard.sound.rate, start, read_only(mel[:, :count]))


def transcribe(
    engine: Engine, audio: Any, part: SoundPart, request: TranslationRequest, *, progress: Progress | None = None
) -> Trace:
    """The trace of one sound: what was written for it, or how ``request.target`` would be.

    ``audio`` is a path, the bytes of a file, or numbers [sample] or [sample, channel] from −1 to 1. Raises
    `ReadingError` for what is not a sound, and as every reading does.
    """
    began = work_clock()
    require_kind(engine, "sound")
    assert isinstance(engine, TransformersEngine)
    heard = _listen(engine, audio, part)
    engine = heard.engine
    writer = TransformersWriter(engine)
    changes, frames = request.interventions, len(heard.sound.units)
    limits.check_memory(engine.estimate(frames, changes), tokens=frames, device=engine.model.device)
    if changes.usual == "cross":
        request.check(engine.plan, frames)
    source = _encoded(engine, heard.source, request, progress=progress_within(progress, 0, HEARING))
    before = _prefix(engine, source, part.language)
    prefix = (*before, *part.prefix)
    if changes.usual != "cross":
        request.check(engine.plan, 1 + len(prefix))
    if request.target is None:
        output = _write(engine, source, prefix, request, progress=progress_within(progress, HEARING / 3, WRITING))
    elif part.by_character:
        output = _spelled(engine, prefix, request.target)
    else:
        output = writer.force(source, require_text(request.target))
    written = work_clock()
    count = len(output.ids)
    limits.check_length(count, context=engine.info.context)
    both = frames + count
    limits.check_memory(engine.estimate(both, changes), tokens=both, device=engine.model.device)
    rest = progress_within(progress, HEARING / 3 if request.target is not None else WRITING, 1)
    reading = writer.read(source, output, changes.upto(count), progress=rest)
    done = work_clock()
    logprobs = read_only(np.array([step.logprob for step in reading.steps], dtype=np.float32))
    doubts = _doubts(engine, reading, output, len(before)) if request.target is None else ()
    return Trace(
        text="",
        tokens=(),
        output=output.text,
        targets=output.targets,
        model=engine.info,
        memories=reading.memories,
        logprobs=logprobs,
        forget=changes.forget,
        eviction=changes.eviction,
        ablations=changes.ablations,
        seconds={"model": done - written, "writing": written - began, "total": done - began},
        steps=tuple(step.candidates(writer.token_text) for step in reading.steps),
        source=heard.sound,
        notes=(*heard.notes, *doubts),
    )


def _encoded(engine: TransformersEngine, source: Source, request: TranslationRequest, *, progress: Progress) -> Source:
    """The same with what the encoder makes of it, recorded: it is heard once, however much is written for it."""
    if engine.plan.dense or "encoder" not in engine.plan.layers:
        return source
    axes: dict[Kind, Axes] = {"encoder": Axes.of_sequence(source.tokens, source.tokens, source.ids)}
    changes = request.interventions
    recorded = engine.record(source.inputs, axes, interventions=changes, progress=progress, run=engine.encode)
    return replace(source, encoded=recorded.outputs, memories=recorded.memories)


def _doubts(engine: TransformersEngine, reading: Reading, output: Output, before: int) -> Iterator[Note]:
    """Where the model itself gives reason to doubt what it wrote, by the thresholds of Whisper's own transcription.

    ``before``: how many tokens stand before everything that is written. Source: Radford et al. 2022, section 4.5.
    """
    silent = getattr(engine.model.generation_config, "no_timestamps_token_id", None)  # <|nospeech|> stands before it
    logprob = float(np.mean([step.logprob for step in reading.steps[before:]])) if reading.steps[before:] else 0.0
    speechless = 0.0 if silent is None or reading.opening is None else float(reading.opening[int(silent) - 1].exp())
    values = {"chance": f"{100 * speechless:.0f}", "logprob": f"{logprob:.2f}".replace("-", "−")}
    if speechless > NO_SPEECH and logprob < UNSURE:
        yield Note(
            "The model takes this for a sound without speech ({chance} %), and found its own words unlikely (mean "
            "log-probability {logprob}): by Whisper's own thresholds (60 % and −1) what is written was not heard.",
            values,
            code=SPEECHLESS,
        )
    elif logprob < UNSURE:
        yield Note(
            "The model found its own words unlikely (mean log-probability {logprob}; Whisper's own threshold is −1): "
            "do not rely on what is written.",
            values,
            code=UNLIKELY,
        )
    text = output.text.strip().encode()
    ratio = len(text) / len(zlib.compress(text)) if text else 0.0
    if ratio > REPEATS:
        yield Note(
            "What is written repeats itself ({ratio} times as long as compressed; Whisper's own threshold is 2.4): "
            "unless it was said so often, the model is stuck.",
            {"ratio": f"{ratio:.1f}"},
            code=REPEATING,
        )


def _listen(engine: TransformersEngine, audio: Any, part: SoundPart) -> _Heard:
    """The sound as the model takes it. Raises `ReadingError` for what is not a sound that it takes."""
    adapter = engine.adapter
    assert isinstance(adapter, SoundAdapter)
    start = _checked_start(part.start)
    if isinstance(audio, str | Path | bytes):
        recording = open_sound(audio, adapter.rate, start=start, seconds=None if part.start is None else adapter.window)
    else:
        values = _samples(audio, part.rate or adapter.rate, adapter.rate)
        first = round(start * adapter.rate)
        stop = len(values) if part.start is None else first + round(adapter.window * adapter.rate)
        recording = Recording(values[first:stop], adapter.rate, start, len(values) / adapter.rate)
    values = recording.samples[: round(adapter.window * adapter.rate)] if part.start is not None else recording.samples
    if not len(values):
        raise EmptyTextError("There is no sound to hear: it has no samples.", todo="Give a longer recording.")
    if not np.isfinite(values).all():
        raise ReadingError(
            "Some samples of this sound are not numbers (NaN or infinite).", todo="Record or decode it again."
        )
    if len(values) > adapter.rate * adapter.window:
        raise TextTooLongError(
            "This sound has {seconds:.1f} seconds; at most {limit:.1f} can be heard at once.",
            todo="Give a shorter part of it, or say from which second on it is heard: start=0.",
            seconds=len(values) / adapter.rate,
            limit=adapter.window,
        )
    engine = engine.with_window(_window(len(values) / adapter.rate, adapter.full_window))
    adapter = engine.adapter
    assert isinstance(adapter, SoundAdapter)
    sound = Sound.of(len(values), adapter.rate, frames=engine.frames, window=adapter.window, start=recording.start)
    inputs = adapter.inputs(values, engine.model.device, engine.model.dtype)
    return _Heard(sound, values, Source("", sound.units, inputs), engine, tuple(_notes(recording, values)))


def _notes(recording: Recording, values: np.ndarray) -> Iterator[Note]:
    """What a reader of the trace should know of the sound."""
    end = recording.start + len(values) / recording.rate
    if recording.start > 0 or recording.seconds - end > 0.05:
        values_of_note = {"start": f"{recording.start:.1f}", "end": f"{end:.1f}", "all": f"{recording.seconds:.1f}"}
        yield Note("Heard: second {start} to {end} of {all}.", values_of_note)
    loudest = float(np.abs(values).max())
    if loudest < SILENCE:
        level = f"{20 * math.log10(loudest):.0f} dB".replace("-", "−") if loudest else "0"
        yield Note(
            "This sound is silent (its loudest moment: {level}): what is written for it was not heard.",
            {"level": level},
            code=SILENT,
        )


def _checked_start(start: float | None) -> float:
    """Where the part begins. Raises `ReadingError` for what is not a moment."""
    moment = 0.0 if start is None else float(start)
    if not (np.isfinite(moment) and moment >= 0):
        raise ReadingError("{value} is not a second of a sound.", todo="Count from 0.", value=str(start))
    return moment


def _samples(audio: Any, rate: int, wanted: int) -> np.ndarray:
    """The numbers of an array as one channel at the rate ``wanted``."""
    values = np.asarray(audio)
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiu" or (values.ndim == 2 and values.shape[1] > CHANNELS):
        raise ReadingError(
            "This is not a sound that can be heard: numbers of the shape {shape}, of the type {kind}.",
            todo="Give a path, or an array of numbers [sample] or [sample, channel].",
            shape=str(list(values.shape)),
            kind=str(values.dtype),
        )
    if not values.size:
        raise EmptyTextError("There is no sound to hear: it has no samples.", todo="Give a longer recording.")
    if values.dtype.kind != "f":
        raise ReadingError(
            "The samples of this sound are whole numbers ({kind}); a model hears numbers from −1 to 1.",
            todo="Divide them by the largest number of their type, such as 32768 for int16.",
            kind=str(values.dtype),
        )
    return resample(values if values.ndim == 1 else values.mean(axis=1), rate, wanted)


def _window(seconds: float, whole: float) -> float:
    """How many seconds are heard for so many of sound: a little silence more, in whole seconds."""
    return min(float(math.ceil(seconds + SPARE)), whole)


def _prefix(engine: TransformersEngine, source: Source, language: str | None) -> tuple[int, ...]:
    """What stands before everything that is written: where the model knows many languages, this one, and the task.

    Raises `ReadingError` for a ``language`` that the model does not know.
    """
    settings, codes = engine.model.generation_config, _language_tokens(engine)
    if language is not None and f"<|{language}|>" not in codes:
        raise ReadingError(
            "{model} does not know the language {language}.",
            todo="Choose one of: {known}." if codes else "Leave it out.",
            model=engine.info.name,
            language=language,
            known=", ".join(sorted(code.strip("<|>") for code in codes)[:120]),
        )
    last = getattr(settings, "no_timestamps_token_id", None)
    end = () if last is None else (int(last),)
    if not codes:
        return end
    token = codes[f"<|{language}|>"] if language is not None else _spoken(engine, source, list(codes.values()))
    return (int(token), int(settings.task_to_id["transcribe"]), *end)


def spoken_languages(engine: Engine) -> tuple[str, ...]:
    """The codes of the languages that the model can be told to hear; none where there is nothing to choose."""
    codes = _language_tokens(engine) if isinstance(engine, TransformersEngine) else {}
    return tuple(sorted(code.strip("<|>") for code in codes))


def _language_tokens(engine: TransformersEngine) -> dict[str, int]:
    """The tokens of the languages by how they are written, such as <|en|>."""
    return getattr(getattr(engine.model, "generation_config", None), "lang_to_id", None) or {}


def _spoken(engine: TransformersEngine, source: Source, languages: list[int]) -> int:
    """The token of the language that the model takes this sound for: the likeliest behind its first token."""
    start = torch.tensor([[engine.model.config.decoder_start_token_id]], device=engine.model.device)
    with engine.prepared(), handled_by(None), torch.no_grad():
        logits = engine.model(**_heard_inputs(source), decoder_input_ids=start, use_cache=False).logits[0, -1]
    return languages[int(logits[languages].argmax())]


def _heard_inputs(source: Source) -> dict[str, Any]:
    """What the model takes of the sound: what its encoder made of it, where that is known already."""
    return dict(source.inputs) if source.encoded is None else {"encoder_outputs": source.encoded}


def _spelled(engine: TransformersEngine, prefix: tuple[int, ...], target: str) -> Output:
    """The words of ``target`` as one token (or its bytes) for each letter, digit and apostrophe, and for each space.

    Raises `EmptyTextError` where it has none of them.
    """
    kept = "".join(char for char in require_text(target) if char.isalnum() or char.isspace() or char in APOSTROPHES)
    text = " ".join(kept.split())
    if not text:
        raise EmptyTextError("There is no letter to spell in this text.", todo="Give a text with words in it.")
    tokenizer = engine.tokenizer
    ids = [token for char in text for token in tokenizer.encode(char, add_special_tokens=False)]
    end = min(end_tokens(engine.model))
    written = (*prefix, *ids, end)
    return Output(written, text, align(tokenizer, list(written), text), start_token(engine.model, torch.tensor([[0]])))


def _write(
    engine: TransformersEngine,
    source: Source,
    prefix: tuple[int, ...],
    request: TranslationRequest,
    *,
    progress: Progress,
) -> Output:
    """What the model writes for it behind the ``prefix``: the likeliest token at every step, or by beam search."""
    limit = request.max_new_tokens or LIMIT
    limit = min(limit, (limits.context_limit(engine.info.context) or limit + 1) - 1 - len(prefix))
    changes = request.interventions
    handler = StepwiseHandler(changes, engine.plan.places) if changes else None
    watched = refusals.as_reading_error(progress, model=engine.info.name, tokens=len(source.tokens))
    given = [start_token(engine.model, torch.tensor([[0]])), *prefix]

    def stops(ids: Sequence[int]) -> bool:
        return request.stops(ids, 0)

    with engine.prepared(), watched as progress, handled_by(handler):
        callback = StepCallback(lambda step: progress(min(step / limit, 1.0), "Writing"), handler, stops)
        written = GenerationMixin.generate(  # not Whisper's own, which leaves out what it began with
            engine.model,
            **_heard_inputs(source),
            decoder_input_ids=torch.tensor([given], device=engine.model.device),
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
    return Output(
        tuple(ids), text, align(engine.tokenizer, ids, text), start, unfinished=len(ids) == limit + len(prefix)
    )
