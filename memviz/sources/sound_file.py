"""Which sound stands in a file? One channel at the rate that is asked for, and only the part that is asked for."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memviz.errors import ReadingError
from memviz.extras import require
from memviz.note import Note

ZEROS = 24  # crossings of the filter that changes the rate, on each side
LEAST_RATE, MOST_RATE = 1_000, 768_000  # samples a second


@dataclass(frozen=True, eq=False)
class Recording:
    """A part of a sound, as numbers.

    samples   float32 [sample], one channel, from −1 to 1
    rate      of them a second
    start     where the part begins, in seconds
    seconds   how long the whole recording is
    """

    samples: np.ndarray
    rate: int
    start: float
    seconds: float


def open_sound(source: str | Path | bytes, rate: int, *, start: float = 0.0, seconds: float | None = None) -> Recording:
    """The part of a sound file from ``start`` on, at most so many ``seconds``, with ``rate`` samples a second.

    ``source`` is a path or the bytes of a file: WAV, FLAC, OGG or MP3, of any rate; several channels become their mean.

    Raises `ReadingError` for what is not a sound, or is broken; `MissingPackageError` where nothing can open one.
    """
    require("soundfile", extra="speech")
    import soundfile

    name = Note("The file") if isinstance(source, bytes) else Path(source).name
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            theirs, length = file.samplerate, file.frames
            first = min(max(round(start * theirs), 0), length)
            file.seek(first)
            count = length - first if seconds is None else min(math.ceil(seconds * theirs), length - first)
            values = file.read(count, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise ReadingError(
            "{name} is not a sound that can be opened: {said}",
            todo="Give a WAV, FLAC, OGG or MP3 file; copy or save it again if it is one.",
            name=name,
            said=str(error).split(": ", 1)[-1][:200],
        ) from error
    if not len(values) and not length:
        raise ReadingError("{name} holds no sound.", todo="Give a longer recording.", name=name)
    samples = resample(values.mean(axis=1), theirs, rate)
    return Recording(samples, rate, first / theirs, length / theirs)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound [sample] with another number of samples a second: float32, as long to within a sample.

    A windowed sinc at the lower of the two rates (Smith, "Digital Audio Resampling"), so that nothing is folded back.
    Raises `ReadingError` for a rate that no sound has.
    """
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise ReadingError(
            "A sound of {rate} samples a second cannot be heard.",
            todo="Give one of between {least:,} and {most:,}.",
            rate=str(rate),
            least=LEAST_RATE,
            most=MOST_RATE,
        )
    samples = np.asarray(samples, dtype=np.float32)
    if rate == wanted or not len(samples):
        return samples
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    scale = min(1.0, up / down)
    reach = math.ceil(ZEROS / scale)
    count = math.ceil(len(samples) * up / down)
    padded = np.pad(samples, (reach, reach + down + 1))
    taps = np.arange(-reach, reach + 1)
    result = np.empty(count, dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    for phase in range(min(up, count)):  # outputs of one phase see their input through the same filter
        places = np.arange(phase, count, up)
        first, fraction = divmod(phase * down, up)
        distance = (taps - fraction / up) * scale
        window = np.where(np.abs(distance) < ZEROS, np.cos(np.pi * distance / (2 * ZEROS)) ** 2, 0)
        weights = (np.sinc(distance) * window * scale).astype(np.float32)
        rows = windows[first : first + down * len(places) : down][: len(places)]
        result[places] = rows @ weights
    return result
