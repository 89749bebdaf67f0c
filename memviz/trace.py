"""What one reading left behind: text, tokens, memories, predictions, and where they came from."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from memviz import archive, trace_format_3
from memviz.display import Displayed
from memviz.errors import TraceError
from memviz.free_memory import free_memory
from memviz.generation import CacheSize, Generation
from memviz.memory import THUMBNAIL, Ablate, Eviction, Forget, Kind, Memory, read_only
from memviz.memory.recurrent import Recurrent
from memviz.note import Note
from memviz.sources import Picture, Sound, Source, Text, Units, pieces_of_words, tokens_of, words_of_units
from memviz.tokens import Token, Word, words

FORMAT = 4
"""Of the files that are written: what is in them is in `memviz.archive`. Files of format 3 are read, too."""


@dataclass(frozen=True)
class ModelInfo:
    """Which model read the text, exactly?

    name          as it was opened; ``revision`` names these very weights
    family        the type of transformers, such as "gpt2"
    kind          "encoder-only", "decoder-only" or "encoder-decoder"
    layers, heads   how many it has; ``kv_heads`` of them have keys and values of their own, of ``head_dim`` numbers
    context       how many tokens it reads at most; ``None`` for no limit
    quantisation  what was done to the weights; "" for full precision
    device, precision   where it ran, and in which type of numbers
    method        how attention was read: "recorded" (by the attention function) or "dense" (the model's own eager
                  weights); ``note`` says why, where it is worth saying
    alignment_heads   (layer, head) of cross-attention, that its makers found to follow a sound; mostly none
    """

    name: str
    revision: str = ""
    family: str = ""
    kind: str = ""
    layers: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    context: int | None = None
    quantisation: str = ""
    licence: str = ""
    device: str = "cpu"
    precision: str = "float32"
    method: str = "recorded"
    note: Note | None = None
    alignment_heads: tuple[tuple[int, int], ...] = ()

    @property
    def label(self) -> str:
        """Name and what was done to the weights, as shown under every picture."""
        return f"{self.name} ({self.quantisation})" if self.quantisation else self.name


@dataclass(frozen=True)
class Candidate:
    """One possible next token: its text, its ``id`` in the vocabulary, and its ``probability`` (0..1)."""

    text: str
    id: int
    probability: float


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Displayed):
    """One reading of one text by one model.

    text         what was read; ``pair`` is the second text of a sentence pair
    output       the generated or translated text, else ``None``
    tokens       the tokens of ``text`` (and ``pair``), special ones included
    targets      the tokens of ``output``, empty where there is none
    model        which model read it, exactly
    memories     attention stores by kind
    logprobs     float32 [token]: natural log of the probability the model gave each token before
                 seeing it (of ``targets`` when there are any); NaN where it made no prediction
    next_tokens  what the model would say next, likeliest first
    seconds      how long each step took
    steps        of a translation, or of a text that was continued: what it could have written at each step, likeliest
                 first
    generation   of a text that was continued: where that begins, why it ends, how sure the model was. What was written
                 is part of ``text`` and ``tokens``, because the model reads it like the rest; ``targets`` is empty
    recurrent    of a decoder with recurrent units: the memory that fades
    notes        what a reader of the trace should know, such as an output that was cut
    parts        of a text translated sentence by sentence: one whole trace each. The tokens, targets, probabilities
                 and steps here are theirs, one after the other; the memories are only in the parts
    source       what was read where it is not a text: a sound or a picture
    forget, eviction, ablations   what was changed in the reading: edges, a cache, heads that wrote nothing
    """

    text: str
    tokens: tuple[Token, ...]
    model: ModelInfo
    memories: Mapping[Kind, Memory]
    pair: str | None = None
    output: str | None = None
    targets: tuple[Token, ...] = ()
    logprobs: np.ndarray = field(default_factory=lambda: read_only(np.zeros(0, dtype=np.float32)))
    next_tokens: tuple[Candidate, ...] = ()
    forget: Forget | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[tuple[Candidate, ...], ...] = ()
    recurrent: Recurrent | None = None
    notes: tuple[Note, ...] = ()
    parts: tuple[Trace, ...] = ()
    eviction: Eviction | None = None
    ablations: tuple[Ablate, ...] = ()
    source: Sound | Picture | None = None
    generation: Generation | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "memories", MappingProxyType(dict(self.memories)))
        object.__setattr__(self, "seconds", MappingProxyType(dict(self.seconds)))

    def __getstate__(self) -> dict[str, object]:
        """For another process: read-only views of dictionaries cannot be sent. What is computed from it is not."""
        state = {name: vars(self)[name] for name in self.__dataclass_fields__}
        return {**state, "memories": dict(self.memories), "seconds": dict(self.seconds)}

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __repr__(self) -> str:
        text = (self.output or "").strip() if isinstance(self.source, Sound) else self.text
        text = f"“{text if len(text) <= 32 else text[:31] + '…'}”"
        size = f"{len(self.tokens)} tokens"
        if isinstance(self.source, Sound):
            size = f"{self.source.seconds:.1f} s of sound"
        if isinstance(self.source, Picture):
            text, size = "of a picture", f"{self.source.rows} × {self.source.columns} patches"
        shape = " + ".join(f"{m.kind} {m.layers}×{m.heads}" for m in self.memories.values())
        shape = f"{len(self.parts)} parts" if self.parts else shape
        return f"<Trace {text} · {size} · {self.model.name} · {shape}>"

    def memory(self, kind: Kind | None = None) -> Memory:
        """The attention store of that ``kind``; without one, the first: how the model read the text.

        Raises `TraceError` when this model has no such memory, and for a text of several sentences: each part
        has its own.
        """
        if self.parts:
            raise TraceError(
                "This text was translated in {count} parts, and each has its own memory.",
                todo="Choose one of them: trace.parts[0] to trace.parts[{last}].",
                count=len(self.parts),
                last=len(self.parts) - 1,
            )
        if kind is None:
            return next(iter(self.memories.values()))
        if not isinstance(kind, str) or kind not in self.memories:
            raise TraceError(
                "{model} left no “{kind}” memory.",
                todo="This trace holds: {kinds}.",
                model=self.model.name,
                kind=str(kind)[:80],
                kinds=", ".join(self.memories),
            )
        return self.memories[kind]

    @property
    def nbytes(self) -> int:
        """How many bytes its memories hold, those of its parts included."""
        memories = sum(memory.nbytes for memory in self.memories.values())
        recurrent = 0 if self.recurrent is None else self.recurrent.nbytes
        return memories + recurrent + sum(part.nbytes for part in self.parts)

    @property
    def written(self) -> slice:
        """Which of its tokens were written by the model? Of ``tokens`` where a text was continued, else of ``targets``.

        Empty where nothing was written.
        """
        if self.generation is not None:
            return slice(self.generation.first, len(self.tokens))
        return slice(0, len(self.targets))

    @property
    def cache(self) -> CacheSize | None:
        """How much the cache took that it was written with; ``None`` where there was none."""
        return None if self.generation is None else self.generation.cache

    @property
    def units(self) -> Units:
        """What was read, unit by unit: the tokens of a text, the frames of a sound, the patches of a picture."""
        return self.tokens if self.source is None else self.source.units

    @property
    def sources(self) -> tuple[Source, ...]:
        """What was read and written, each stretch with its units: text, pair, sound or picture, output."""
        read: list[Source] = [self.source] if self.source is not None else []
        if self.source is None:
            for segment, (role, text) in enumerate((("text", self.text), ("pair", self.pair))):
                if text is not None:
                    read.append(Text(role, text, tuple(t for t in self.tokens if t.segment == segment)))  # type: ignore
        if self.output is not None and self.generation is None:
            read.append(Text("output", self.output, self.targets))
        return tuple(read)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the text, each with the tokens it is made of; a sound's moments, a picture's patches."""
        if self.source is not None:
            return words_of_units(self.source.units)
        return words(self.tokens, self.text, self.pair)

    @cached_property
    def target_words(self) -> tuple[Word, ...]:
        """The words of the output, each with the tokens it is made of."""
        return words(self.targets, self.output or "")

    def sides(self, kind: Kind | None = None) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """The words along the two sides of the memory of that ``kind``: (those that look, those looked at)."""
        memory = self.memory(kind)
        if memory.kind in ("self", "encoder"):
            return self.words, self.words
        if memory.kind == "cross":
            return self.target_words, self.words
        inputs = tokens_of(memory.keys)
        entered = (self.output or "")[: max(token.end for token in inputs)]  # the last token is never entered
        return self.target_words, words(inputs, entered)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole trace to one file at ``path``: arrays as npz, the rest as json, no pickle. Returns its path.

        A file that is there already is replaced only once the new one is whole.
        """
        packed, arrays = archive.pack(Trace, self)
        path = Path(path)
        part = path.with_name(path.name + ".part")  # so that a full disk leaves no half of a trace
        try:
            with part.open("wb") as file:
                archive.write(file, {"format": FORMAT, "trace": packed}, arrays)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """The trace in the file at ``path`` that `save` wrote, in this format or in format 3.

        Raises `TraceError` for any other file, for one that is not whole, for one whose arrays do not fit its texts
        and its model or hold what no reading gives (NaN, a weight of 2), and for one larger than the memory that is
        free.
        """
        try:
            head, arrays = archive.read(path, room=free_memory())
            version = head["format"]
            if version in (3, FORMAT):
                packed = head["trace"] if version == FORMAT else trace_format_3.upgrade(head, tuple(arrays))
                trace = archive.unpack(Trace, packed, arrays)
                for problem in _misfits(trace):
                    raise ValueError(problem)
                return trace
        except Exception as problem:  # a foreign or damaged file can fail in any of a dozen ways
            raise TraceError(
                "{path} is not a trace that MemViz can read ({problem}).",
                todo="Give a file written by `trace.save`.",
                path=str(path),
                problem=str(problem) or type(problem).__name__,
            ) from problem
        raise TraceError(
            "{path} has trace format {found}; this MemViz reads format {expected}.",
            todo="Read the text again, or use the version of MemViz that wrote the file.",
            path=str(path),
            found=version,
            expected=FORMAT,
        )


_SUMMARY = {  # the axes of each array, and the kind of its numbers
    "mass": (("heads", "keys"), "f"),
    "entropy": (("heads", "queries"), "f"),
    "normaliser": (("heads", "queries"), "f"),
    "first": (("heads", "queries"), "f"),
    "top_key": (("heads", "queries"), "i"),
    "top_weight": (("heads", "queries"), "f"),
    "distance": (("heads", "distances"), "f"),
    "duplicate": (("heads",), "f"),
    "induction": (("heads",), "f"),
    "value_norm": (("heads", "keys"), "f"),
}
_MAY_BE_EMPTY = ("distance", "value_norm")
_SLACK = 1e-3  # of sums in float32


def _misfits(trace: Trace) -> Iterator[str]:
    """What does not fit together in a trace: arrays of another length than its tokens, layers without scores."""
    tokens = len(trace.targets or trace.tokens)
    if trace.logprobs.shape not in ((0,), (tokens,)):
        yield f"its log-probabilities have the shape {trace.logprobs.shape}, for {tokens} tokens"
    for kind, memory in trace.memories.items():
        if memory.kind != kind:
            yield f"its memory {kind!r} is of the kind {memory.kind!r}"
        yield from (f"its memory {kind!r} {problem}" for problem in _misfits_of_memory(memory))
    if trace.logprobs.dtype.kind != "f" or (trace.logprobs > _SLACK).any():
        yield "its log-probabilities are not logarithms of probabilities"
    for step in (trace.next_tokens, *trace.steps):
        if not all(0 <= candidate.probability <= 1 + _SLACK for candidate in step):
            yield "its candidates have probabilities outside of 0 to 1"
    if (generation := trace.generation) is not None:
        count = len(trace.tokens) - generation.first
        if not 0 < generation.first <= len(trace.tokens) or trace.targets:
            yield f"its writing begins at token {generation.first} of {len(trace.tokens)}"
        elif {len(trace.steps), *generation.ranks.shape, *generation.entropies.shape} != {count}:
            yield f"its steps, ranks and entropies are not those of {count} tokens"
        elif generation.ranks.dtype.kind != "i" or (generation.ranks < 1).any() or not _is_finite(generation.entropies):
            yield "its ranks or entropies are not what a model gives"
    if (recurrent := trace.recurrent) is not None:
        if not all(array.dtype.kind == "f" and _is_finite(array) for array in _arrays_of(recurrent)):
            yield "its recurrent memory holds numbers that are not finite"
        steps = len(recurrent.queries)
        arrays = (recurrent.gates, recurrent.candidates, recurrent.states)
        expected = (*recurrent.gates.shape[:1], steps, *recurrent.gates.shape[2:])
        if len(expected) != 3 or {array.shape for array in arrays} != {expected} or len(recurrent.keys) != steps:
            yield f"its recurrent memory has arrays of the shape {recurrent.gates.shape}, for {steps} tokens"
    for part in trace.parts:
        yield from _misfits(part)


def _misfits_of_memory(memory: Memory) -> Iterator[str]:
    queries, keys = len(memory.queries), len(memory.keys)
    sizes = {"heads": memory.heads, "queries": queries, "keys": keys, "distances": queries + keys - 1}
    for name, (axes, kind) in _SUMMARY.items():
        array = getattr(memory.summary, name)
        shape = (memory.layers, *(sizes[axis] for axis in axes))
        empty = name in _MAY_BE_EMPTY and array.shape == (*shape[:-1], 0)
        if array.dtype.kind != kind or not (array.shape == shape or empty):
            yield f"has {name} as {array.dtype} {array.shape}, and should have it as {shape}"
        elif name != "normaliser" and not _is_finite(array):  # NaN where a dense reading knows none
            yield f"has {name} with numbers that are not finite"
    yield from _misfits_of_summary(memory)
    if memory.weights is not None:
        if memory.weights.dtype.kind != "f" or memory.weights.shape != (memory.layers, memory.heads, queries, keys):
            yield f"has weights as {memory.weights.dtype} {memory.weights.shape}"
        elif not _is_between(memory.weights, 0, 1):
            yield "has weights outside of 0 to 1"
    elif len(memory.scores) != memory.layers:
        yield f"has the scores of {len(memory.scores)} layers, and should have those of {memory.layers}"
    if (expiry := memory.expiry) is not None:
        kv_heads = len(memory.scores[0].key) if memory.scores else memory.heads
        sides = (
            [expiry.shape[0] in (1, memory.layers), expiry.shape[1] in (1, kv_heads)] if expiry.ndim == 3 else [False]
        )
        if memory.eviction is None or expiry.dtype != np.int32 or not all(sides) or expiry.shape[2] != keys:
            yield f"has the expiry of its keys as {expiry.dtype} {expiry.shape}"
        elif (expiry <= np.arange(keys)).any():
            yield "has keys that are gone before their own query"
    for layer, scores in enumerate(memory.scores):
        visible = scores.visible
        fits = (
            (scores.query.ndim, scores.key.ndim) == (3, 3)
            and scores.query.shape[:2] == (memory.heads, queries)
            and scores.key.shape[1:] == (keys, scores.query.shape[2])
            and 0 < scores.key.shape[0] <= memory.heads
            and memory.heads % scores.key.shape[0] == 0
            and (visible.shape, visible.dtype.kind) == ((queries, 2), "i")
            and not (visible.size and (visible.min() < 0 or visible.max() > keys))
            and (scores.sink is None or scores.sink.shape == (memory.heads,))
            and (scores.bias is None or scores.bias.shape[1:] in ((queries + keys - 1,), (queries, keys)))
            and (scores.bias is None or scores.bias.shape[0] in (1, memory.heads))
        )
        if not fits:
            yield f"has scores in layer {layer} that do not fit its {queries} queries and {keys} keys"
        arrays = [scores.query, scores.key, *(array for array in (scores.sink,) if array is not None)]
        finite = all(array.dtype.kind == "f" and _is_finite(array) for array in arrays)
        bias = scores.bias is None or not (np.isnan(scores.bias).any() or (scores.bias == np.inf).any())
        if not (finite and bias and math.isfinite(scores.scale) and math.isfinite(scores.softcap or 0.0)):
            yield f"has scores in layer {layer} that are not finite"


def _misfits_of_summary(memory: Memory) -> Iterator[str]:
    """Numbers of a summary that no softmax gives."""
    summary, keys = memory.summary, len(memory.keys)
    for name in ("first", "top_weight"):
        if not _is_between(getattr(summary, name), 0, 1):
            yield f"has {name} outside of 0 to 1"
    if not _is_between(summary.mass, 0, len(memory.queries)):
        yield "has mass that its queries cannot give"
    if not _is_between(summary.entropy, 0, math.log(keys + 1) if keys else 0):
        yield "has entropy that its keys do not allow"
    if not _is_between(summary.top_key, -1, keys - 1):
        yield "has top_key outside of its keys"
    shape = summary.thumbnail.shape
    if summary.thumbnail.dtype != np.uint8 or shape[:2] != (memory.layers, memory.heads) or len(shape) != 4:
        yield f"has its thumbnails as {summary.thumbnail.dtype} {shape}"
    elif max(shape[2:]) > THUMBNAIL:
        yield f"has thumbnails of {shape[2]} × {shape[3]} cells"
    dots = summary.value_dots
    if dots.dtype.kind != "f" or not _is_finite(dots):
        yield "has value_dots that are not finite"
    elif dots.size and dots.shape != (memory.layers, memory.heads, len(pieces_of_words(memory.keys))):
        yield f"has value_dots as {dots.shape}, which are not those of its words"
    if summary.repeats < 0:
        yield "counts less than no repeats"


def _arrays_of(recurrent: Recurrent) -> tuple[np.ndarray, ...]:
    return recurrent.gates, recurrent.candidates, recurrent.states


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())


def _is_between(array: np.ndarray, least: float, most: float) -> bool:
    """Are all numbers in this range, but for what sums in float32 lose? NaN is in none."""
    slack = 0 if array.dtype.kind in "iu" else _SLACK * max(1, most)
    return not array.size or bool(array.min() >= least - slack and array.max() <= most + slack)
