"""When was each written word heard? From cross-attention over the frames of a sound, by a path that never goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from memviz.errors import MeasureError
from memviz.memory import Memory
from memviz.sources import Sound
from memviz.trace import Trace

WHITE = " ␣"  # a space that is a token of its own is the silence before its word
SMOOTH = 7  # frames of the median that takes single peaks out, as in Whisper's own timing


@dataclass(frozen=True)
class WordTime:
    """A written word and its moment.

    text         of the word
    start, end   in seconds, by the path
    peak         the moment that its tokens look at most, in seconds, by the mean of the heads alone
    tokens       its targets, by number; those of the punctuation behind it, too
    """

    text: str
    start: float
    end: float
    peak: float
    tokens: tuple[int, ...]


def word_times(trace: Trace, heads: Sequence[tuple[int, int]] | None = None) -> tuple[WordTime, ...]:
    """When was each written word heard? One `WordTime` for each word of the output, in seconds.

    ``heads`` are the (layer, head) of cross-attention that are averaged; by default those that the model's makers found
    to follow the sound (`ModelInfo.alignment_heads`), or all. Of each head the weights on the frames of the sound are
    standardised over the tokens and smoothed by a median of 7 frames; the path through their mean that goes on by
    tokens and frames, never back, and is heaviest (dynamic time warping), says where each token begins.

    Raises `MeasureError` for what was not read from a sound.

    Source: Radford et al. 2022, `whisper/timing.py` (add_word_timestamps).
    """
    grid, rows = alignment_matrix(trace, heads)
    return _times(trace, grid, rows, mean_weights(trace, heads))


def _times(trace: Trace, grid: np.ndarray, rows: Sequence[int], raw: np.ndarray) -> tuple[WordTime, ...]:
    """The words by the path through the ``grid`` [row, frame] of these targets, and by the ``raw`` weights alone."""
    if not rows:
        return ()
    sound = trace.source
    assert isinstance(sound, Sound)
    starts = [sound.units[frame].start for frame in token_starts(grid)]
    last = next((frame.start for frame in sound.units if frame.special), sound.units[-1].end)
    begins = dict(zip(rows, starts, strict=True))
    ends = dict(zip(rows, [*starts[1:], last], strict=True))
    times: list[WordTime] = []
    for word in trace.sides("cross")[0]:
        places = tuple(place for place in word.tokens if place in begins)
        if word.special or not places:
            continue
        if times and not any(letter.isalnum() for letter in word.text):  # a full stop is not spoken
            times[-1] = replace(
                times[-1], text=times[-1].text + word.text, end=ends[places[-1]], tokens=(*times[-1].tokens, *places)
            )
            continue
        peak = int(raw[list(places)].sum(axis=0).argmax())
        first = next((place for place in places if trace.targets[place].text.strip(WHITE)), places[0])
        end = max(ends[places[-1]], begins[first])
        times.append(WordTime(word.text, begins[first], end, sound.units[peak].start, places))
    return tuple(times)


def character_times(trace: Trace, count: int = 10) -> tuple[WordTime, ...]:
    """When was each word heard, by the heads of this recording that mark single letters? One `WordTime` for each word.

    ``trace`` was forced letter by letter (``by_character``). The path goes through the mean of the ``count`` heads of
    `aligning_heads`, each with every frame divided by its norm over the tokens. It needs none of the heads that the
    model's makers found; a word ends where its last letter does, and begins where its first does.

    Raises `MeasureError` for what was not read from a sound.

    Source: Yeh, Meng and Tang 2025, "Whisper Has an Internal Word Aligner" (`timing.py` of its authors: median of 3
    frames of the scores before the softmax, norms of columns and rows alike).
    """
    heads = aligning_heads(trace, count)
    memory, _, frames = _sound_and_heads(trace, heads)
    rows = _written_rows(trace)
    if not rows or not frames:
        return ()
    total = np.zeros((len(memory.queries), frames))
    for layer, head in heads:
        weights = _sharpened(memory, layer, head, frames)
        total += weights / np.maximum(np.linalg.norm(weights, axis=0), 1e-12)
    return _times(trace, (total / len(heads))[rows[0] :], rows, mean_weights(trace, heads))


def aligning_heads(trace: Trace, count: int = 10) -> tuple[tuple[int, int], ...]:
    """Which (layer, head) of cross-attention follow this very sound? The ``count`` highest by score, the first highest.

    The score of a head is the sum of the norms of its columns [frame] and of its rows [token]: high where few tokens
    look at each frame, and each token at few frames.

    Raises `MeasureError` for what was not read from a sound. Source: see `character_times`.
    """
    memory, _, frames = _sound_and_heads(trace, None)
    scores: dict[tuple[int, int], float] = {}
    for layer in range(memory.layers):
        for head in range(memory.heads):
            weights = _sharpened(memory, layer, head, frames)
            scores[layer, head] = float(np.linalg.norm(weights, axis=0).sum() + np.linalg.norm(weights, axis=1).sum())
    return tuple(sorted(scores, key=lambda pair: -scores[pair])[: max(1, count)])


def _sharpened(memory: Memory, layer: int, head: int, frames: int) -> np.ndarray:
    """The weights [target, frame] on the sound alone, after a median of 3 frames of their logarithms.

    These are the scores before the softmax, up to a number for each row, which the softmax takes out again.
    """
    scores = np.log(np.maximum(memory.pattern(layer, head)[:, :frames].astype(np.float64), 1e-30))
    scores = _smoothed(scores, 3)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return result


def _written_rows(trace: Trace) -> tuple[int, ...]:
    """The targets from the first that is no special token on; none where all are special."""
    special = [target.special for target in trace.targets]
    first = next((place for place, value in enumerate(special) if not value), len(special))
    return tuple(range(first, len(special)))


def alignment_matrix(
    trace: Trace, heads: Sequence[tuple[int, int]] | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """([row, frame] of the sound alone, which target each row is): what `word_times` finds its path through.

    The rows are the written words' tokens and the end token behind them; special ones before them are left out. The
    numbers are standard deviations above what the other tokens give the same frame, averaged over the ``heads``.
    """
    memory, pairs, frames = _sound_and_heads(trace, heads)
    rows = _written_rows(trace)
    if not rows or not frames:
        return np.zeros((0, frames), dtype=np.float32), ()
    total = np.zeros((len(rows), frames))
    for layer, head in pairs:
        weights = memory.pattern(layer, head)[rows[0] :, :frames]
        deviation = weights.std(axis=0)
        total += _smoothed((weights - weights.mean(axis=0)) / np.where(deviation > 0, deviation, 1))
    return (total / len(pairs)).astype(np.float32), rows


def mean_weights(trace: Trace, heads: Sequence[tuple[int, int]] | None = None) -> np.ndarray:
    """The cross-attention [target, frame] to the frames of the sound alone, the mean over ``heads`` of `word_times`."""
    memory, pairs, frames = _sound_and_heads(trace, heads)
    mean: np.ndarray = np.mean([memory.pattern(layer, head)[:, :frames] for layer, head in pairs], axis=0)
    return mean


def token_starts(grid: np.ndarray) -> list[int]:
    """At which column does each row of ``grid`` [row, column] begin, on the heaviest path that never goes back?"""
    rows, columns = grid.shape
    cost = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1), dtype=np.int8)  # 0: both, 1: a row, 2: a column
    cost[0, 0] = 0
    loss = -grid.astype(np.float64)
    for column in range(1, columns + 1):
        before, here = cost[:, column - 1].tolist(), [np.inf] * (rows + 1)
        values = loss[:, column - 1].tolist()
        for row in range(1, rows + 1):
            both, down, right = before[row - 1], here[row - 1], before[row]
            if both < down and both < right:
                here[row] = both + values[row - 1]
            elif down < both and down < right:
                here[row], steps[row, column] = down + values[row - 1], 1
            else:
                here[row], steps[row, column] = right + values[row - 1], 2
        cost[:, column] = here
    starts = [0] * rows
    row, column = rows, columns
    while row > 0 and column > 0:
        starts[row - 1] = int(column) - 1
        step = steps[row, column]
        row, column = row - (step != 2), column - (step != 1)
    return starts


def _sound_and_heads(
    trace: Trace, heads: Sequence[tuple[int, int]] | None
) -> tuple[Memory, list[tuple[int, int]], int]:
    """(the memory, which heads, how many frames hold sound). Raises `MeasureError` for what was not heard."""
    if not isinstance(trace.source, Sound) or "cross" not in trace.memories:
        raise MeasureError("Words have moments only in what was written for a sound.", todo="Use `memviz.transcribe`.")
    memory = trace.memory("cross")
    every = [(layer, head) for layer in range(memory.layers) for head in range(memory.heads)]
    pairs = list(heads or trace.model.alignment_heads or every)
    return memory, pairs, sum(not frame.special for frame in trace.source.units)


def _smoothed(weights: np.ndarray, size: int = SMOOTH) -> np.ndarray:
    """The median of so many neighbouring frames; at the ends the sound is mirrored."""
    reach = size // 2
    if weights.shape[1] <= reach:
        return weights
    padded = np.pad(weights, ((0, 0), (reach, reach)), mode="reflect")
    median: np.ndarray = np.median(np.lib.stride_tricks.sliding_window_view(padded, size, axis=1), axis=-1)
    return median
