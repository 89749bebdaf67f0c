"""What one reading left behind: text, tokens, memories, predictions, and where they came from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from memviz.errors import TraceError
from memviz.memory import Forget, Kind, Memory, Scores, Summary, read_only
from memviz.memory.recurrent import Recurrent
from memviz.note import Note
from memviz.tokens import Token, Word, words

FORMAT = 3
_RECURRENT = ("gates", "candidates", "states")


@dataclass(frozen=True)
class ModelInfo:
    """Which model read the text, exactly?

    ``quantisation`` is "" for full-precision weights; ``method`` says how attention was read:
    "recorded" (by the attention function) or "dense" (the model's own eager weights), and
    ``note`` why, when it is worth saying (else ``None``).
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

    @property
    def label(self) -> str:
        """Name and what was done to the weights, as shown under every picture."""
        return f"{self.name} ({self.quantisation})" if self.quantisation else self.name


@dataclass(frozen=True)
class Candidate:
    """One possible next token: its text, id and probability (0..1)."""

    text: str
    id: int
    probability: float


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One reading of one text by one model.

    text         what was read; ``pair`` is the second text of a sentence pair
    output       the generated or translated text, else ``None``
    tokens       the tokens of ``text`` (and ``pair``), special ones included
    targets      the tokens of ``output``, empty where there is none
    memories     attention stores by kind
    logprobs     float32 [token]: natural log of the probability the model gave each token before
                 seeing it (of ``targets`` when there are any); NaN where it made no prediction
    next_tokens  what the model would say next, likeliest first
    seconds      how long each step took
    steps        of a translation: what it could have written at each step, likeliest first
    recurrent    of a decoder with recurrent units: the memory that fades
    notes        what a reader of the trace should know, such as an output that was cut
    parts        of a text translated sentence by sentence: one whole trace each. The tokens, targets, probabilities
                 and steps here are theirs, one after the other; the memories are only in the parts
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "memories", MappingProxyType(dict(self.memories)))
        object.__setattr__(self, "seconds", MappingProxyType(dict(self.seconds)))

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 32 else self.text[:31] + "…"
        shape = " + ".join(f"{m.kind} {m.layers}×{m.heads}" for m in self.memories.values())
        shape = f"{len(self.parts)} parts" if self.parts else shape
        return f"<Trace “{text}” · {len(self.tokens)} tokens · {self.model.name} · {shape}>"

    def memory(self, kind: Kind | None = None) -> Memory:
        """The attention store of that kind; without one, the first: how the model read the text.

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
        if kind not in self.memories:
            raise TraceError(
                "{model} left no “{kind}” memory.",
                todo="This trace holds: {kinds}.",
                model=self.model.name,
                kind=kind,
                kinds=", ".join(self.memories),
            )
        return self.memories[kind]

    @property
    def nbytes(self) -> int:
        """How many bytes its memories hold, those of its parts included."""
        own = sum(memory.nbytes for memory in self.memories.values())
        return own + (0 if self.recurrent is None else self.recurrent.nbytes) + sum(part.nbytes for part in self.parts)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the text, each with the tokens it is made of."""
        return words(self.tokens, self.text, self.pair)

    @property
    def target_words(self) -> tuple[Word, ...]:
        """The words of the output, each with the tokens it is made of."""
        return words(self.targets, self.output or "")

    def sides(self, kind: Kind | None = None) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """The words along the two sides of a memory: (those that look, those looked at)."""
        memory = self.memory(kind)
        if memory.kind in ("self", "encoder"):
            return self.words, self.words
        if memory.kind == "cross":
            return self.target_words, self.words
        entered = (self.output or "")[: max(token.end for token in memory.keys)]  # the last token is never entered
        return self.target_words, words(memory.keys, entered)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole trace to one file: arrays as npz, the rest as json, no pickle. Returns its path."""
        arrays: dict[str, np.ndarray] = {}
        head = {"format": FORMAT, **_packed(self, arrays)}
        arrays["trace"] = np.frombuffer(json.dumps(head).encode("utf-8"), dtype=np.uint8)
        path = Path(path)
        part = path.with_name(path.name + ".part")  # so that a full disk leaves no half of a trace
        try:
            with part.open("wb") as file:
                np.savez_compressed(file, **arrays)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """The trace in a file that `save` wrote. Raises `TraceError` for any other file."""
        try:
            # opened here, because numpy leaves a damaged file open
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: read_only(file[name]) for name in file.files}
            head = json.loads(arrays["trace"].tobytes().decode("utf-8"))
            if head["format"] == FORMAT:
                return _unpacked(head, arrays)
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
            found=head["format"],
            expected=FORMAT,
        )


def _packed(trace: Trace, arrays: dict[str, np.ndarray], prefix: str = "") -> dict[str, Any]:
    """The trace's plain values; its arrays go into ``arrays`` under names that begin with the prefix."""
    arrays[prefix + "logprobs"] = trace.logprobs
    recurrent = trace.recurrent
    if recurrent is not None:
        arrays.update({f"{prefix}recurrent.{name}": getattr(recurrent, name) for name in _RECURRENT})
    return {
        "text": trace.text,
        "pair": trace.pair,
        "output": trace.output,
        "tokens": [asdict(t) for t in trace.tokens],
        "targets": [asdict(t) for t in trace.targets],
        "model": asdict(trace.model),
        "next_tokens": [asdict(c) for c in trace.next_tokens],
        "forget": None if trace.forget is None else asdict(trace.forget),
        "seconds": dict(trace.seconds),
        "memories": [_pack(memory, arrays, prefix) for memory in trace.memories.values()],
        "steps": [[asdict(c) for c in step] for step in trace.steps],
        "entered": None if recurrent is None else [asdict(t) for t in recurrent.keys],
        "notes": [asdict(note) for note in trace.notes],
        "parts": [_packed(part, arrays, f"{prefix}part{number}.") for number, part in enumerate(trace.parts)],
    }


def _unpacked(head: dict[str, Any], arrays: Mapping[str, np.ndarray], prefix: str = "") -> Trace:
    memories = [_unpack(packed, arrays, prefix) for packed in head["memories"]]
    targets, entered = _tokens(head["targets"]), head["entered"]
    states = {name: arrays.get(f"{prefix}recurrent.{name}") for name in _RECURRENT}
    return Trace(
        text=head["text"],
        pair=head["pair"],
        output=head["output"],
        tokens=_tokens(head["tokens"]),
        targets=targets,
        model=_model_info(head["model"]),
        memories={memory.kind: memory for memory in memories},
        logprobs=arrays[prefix + "logprobs"],
        next_tokens=tuple(Candidate(**c) for c in head["next_tokens"]),
        forget=None if head["forget"] is None else Forget(**head["forget"]),
        seconds=head["seconds"],
        steps=tuple(tuple(Candidate(**c) for c in step) for step in head["steps"]),
        recurrent=None if entered is None else Recurrent(targets, _tokens(entered), **states),  # type: ignore[arg-type]
        notes=tuple(_note(note) for note in head["notes"]),
        parts=tuple(_unpacked(part, arrays, f"{prefix}part{n}.") for n, part in enumerate(head["parts"])),
    )


def _model_info(packed: dict[str, Any]) -> ModelInfo:
    """The model that these plain values were."""
    method = packed.get("method", packed.get("path"))
    values = {name: value for name, value in packed.items() if name not in ("method", "path", "note")}
    return ModelInfo(**values, method=method, note=_note(packed["note"]))


def _note(packed: dict[str, Any] | None) -> Note | None:
    """The note that these plain values were; a value that is none of text and number was a note too."""
    if packed is None:
        return None
    values = {name: _note(value) if isinstance(value, dict) else value for name, value in packed["values"].items()}
    return Note(packed["text"], values)


def _tokens(packed: list[dict[str, Any]]) -> tuple[Token, ...]:
    return tuple(Token(**token) for token in packed)


def _pack(memory: Memory, arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
    """The memory's plain values; its arrays go into ``arrays`` under names that begin with the prefix and its kind."""
    prefix = f"{prefix}{memory.kind}."
    if memory.weights is not None:
        arrays[prefix + "weights"] = memory.weights
    for item in fields(Summary):
        value = getattr(memory.summary, item.name)
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}summary.{item.name}"] = value
    layers = []
    for number, layer in enumerate(memory.scores):
        plain: dict[str, Any] = {}
        for item in fields(Scores):
            value = getattr(layer, item.name)
            if isinstance(value, np.ndarray):
                arrays[f"{prefix}{number}.{item.name}"] = value
            else:
                plain[item.name] = value
        layers.append(plain)
    return {
        "kind": memory.kind,
        "queries": [asdict(t) for t in memory.queries],
        "keys": [asdict(t) for t in memory.keys],
        "layers": memory.layers,
        "heads": memory.heads,
        "causal": memory.causal,
        "repeats": memory.summary.repeats,
        "scores": layers,
        "forget": None if memory.forget is None else asdict(memory.forget),
    }


def _unpack(packed: dict[str, Any], arrays: Mapping[str, np.ndarray], prefix: str) -> Memory:
    prefix = f"{prefix}{packed['kind']}."

    def stored(start: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

    scores = tuple(Scores(**plain, **stored(f"{prefix}{n}.")) for n, plain in enumerate(packed["scores"]))
    summary = Summary(repeats=packed["repeats"], **stored(f"{prefix}summary."))
    return Memory(
        kind=packed["kind"],
        queries=_tokens(packed["queries"]),
        keys=_tokens(packed["keys"]),
        layers=packed["layers"],
        heads=packed["heads"],
        causal=packed["causal"],
        scores=scores,
        summary=summary,
        forget=None if packed["forget"] is None else Forget(**packed["forget"]),
        weights=arrays.get(prefix + "weights"),
    )
