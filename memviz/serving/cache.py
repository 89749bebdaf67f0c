"""Models and traces that are kept between reruns: bounded, shared by all readers, keyed by strings.

Streamlit hashes large arrays by a sample, so nothing here is ever keyed by an array.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

import memviz
from memviz.memory import Forget
from memviz.models import Policy, clean_name
from memviz.progress import Progress
from memviz.serving.gate import OPENING, RUNNING
from memviz.settings import number
from memviz.trace import Trace

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

WaitCallback = Callable[[int], None]
"""``on_wait(count)``: how many are before us in the queue. It may raise to leave it."""
Key = tuple[str, ...]

DEVICE = os.environ.get("MEMVIZ_DEVICE")  # "cuda", "mps" or "cpu"; the best there is when unset
PRECISION = os.environ.get("MEMVIZ_PRECISION")  # "float32", "bfloat16" or "float16"

_lock = threading.Lock()
_readers: LRUCache[str, Reader] = LRUCache(maxsize=number("MEMVIZ_OPEN_MODELS", 4, minimum=1))
_CAPACITY = number("MEMVIZ_TRACE_GB", 2.0, minimum=0.01) * 1e9  # bytes


def _size(trace: Trace) -> float:
    """Bytes of a trace; one that is larger than the cache fills it, so that a page that is shown is not read again."""
    return min(trace.nbytes + 10_000, _CAPACITY)


_traces: LRUCache[Key, Trace] = LRUCache(maxsize=_CAPACITY, getsizeof=_size)


def is_open(name: str) -> bool:
    """Is this model open already, under this name or another? Raises a `ModelError` for what cannot be a name."""
    key = clean_name(name, policy=Policy.server())
    with _lock:
        return key in _readers


def open_reader(name: str, *, on_wait: WaitCallback, progress: Progress) -> Reader:
    """The model of that name, opened (and fetched) now unless it is open. Raises `BusyError` when the queue is full."""
    key = clean_name(name, policy=Policy.server())
    with _lock:
        if key in _readers:
            return _readers[key]
    with OPENING.enter(on_wait):
        with _lock:
            if key in _readers:
                return _readers[key]
        progress(0.0, "Opening the model")
        reader = memviz.load(name, device=DEVICE, precision=PRECISION, policy=Policy.server(), progress=progress)
        with _lock:
            _readers[key] = reader
        return reader


def read(model: str, text: str, pair: str | None, *, on_wait: WaitCallback, progress: Progress) -> Trace:
    """The reading of a text by a model; read now, unless it is still remembered."""
    key = ("read", text, pair or "", str(pair is not None))
    return get_or_run(
        key, model, lambda reader: reader.read(text, pair, progress=progress), on_wait=on_wait, progress=progress
    )


@dataclass(frozen=True)
class TranslationOptions:
    """What a text should be translated into, and how; see `Reader.translate`.

    ``whole``: the text is one sentence, and is not split.
    """

    target: str | None = None
    forget: Forget | None = None
    languages: tuple[str, str] | None = None
    task: str | None = None
    whole: bool = False


def translate(
    model: str, text: str, options: TranslationOptions, *, on_wait: WaitCallback, progress: Progress
) -> Trace:
    """The translation of a text by a model; made now, unless it is still remembered."""
    target, forget, languages, task = options.target, options.forget, options.languages, options.task

    def run(reader: Reader) -> Trace:
        if options.whole and languages is None and task is None:
            return reader.read(text, target, forget, progress=progress)
        return reader.translate(text, target, forget, languages=languages, task=task, progress=progress)

    return get_or_run(("translate", text, repr(options)), model, run, on_wait=on_wait, progress=progress)


def get_or_run(
    key: Key,
    model: str,
    run: Callable[[Reader], Trace],
    *,
    on_wait: WaitCallback,
    progress: Progress,
) -> Trace:
    """What a run of a model gave; run now, unless it is still remembered under this ``key`` of the model.

    Raises as `open_reader` does.
    """
    key = (clean_name(model, policy=Policy.server()), *key)
    with _lock:
        if key in _traces:
            return _traces[key]
    reader = open_reader(model, on_wait=on_wait, progress=progress)
    with RUNNING.enter(on_wait):
        with _lock:
            if key in _traces:
                return _traces[key]
        trace = run(reader)
        with _lock:
            _traces[key] = trace
    return trace


def forget_everything() -> None:
    """Empties both caches."""
    with _lock:
        _readers.clear()
        _traces.clear()
