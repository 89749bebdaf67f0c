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
from memviz.models import Policy
from memviz.serving.gate import OPENING, RUNNING
from memviz.settings import number
from memviz.trace import Trace

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

WaitCallback = Callable[[int], None]
Progress = Callable[[float, str], None]
Key = tuple[str, ...]

DEVICE = os.environ.get("MEMVIZ_DEVICE")  # "cuda", "mps" or "cpu"; chosen by itself when unset
PRECISION = os.environ.get("MEMVIZ_PRECISION")  # "float32", "bfloat16" or "float16"

_lock = threading.Lock()
_readers: LRUCache[str, Reader] = LRUCache(maxsize=number("MEMVIZ_OPEN_MODELS", 4, least=1))
_ROOM = number("MEMVIZ_TRACE_GB", 2.0, least=0.01) * 1e9  # bytes


def _size(trace: Trace) -> float:
    """Bytes of a trace; one that is larger than the cache fills it, so that a page that is shown is not read again."""
    return min(trace.nbytes + 10_000, _ROOM)


_traces: LRUCache[Key, Trace] = LRUCache(maxsize=_ROOM, getsizeof=_size)


def is_open(name: str) -> bool:
    """Is this model open already?"""
    with _lock:
        return name in _readers


def open_reader(name: str, *, on_wait: WaitCallback, progress: Progress) -> Reader:
    """The model of that name, opened (and fetched) now unless it is open. Raises `BusyError` when the queue is full."""
    with _lock:
        if name in _readers:
            return _readers[name]
    with OPENING.enter(on_wait):
        with _lock:
            if name in _readers:
                return _readers[name]
        progress(0.0, "Opening the model")
        opened = memviz.load(name, device=DEVICE, precision=PRECISION, policy=Policy.server(), progress=progress)
        with _lock:
            _readers[name] = opened
        return opened


def read(model: str, text: str, pair: str | None, *, on_wait: WaitCallback, progress: Progress) -> Trace:
    """The reading of a text by a model; read now, unless it is still remembered."""
    key = (model, text, pair or "", str(pair is not None))
    return get_or_run(
        key, model, lambda opened: opened.read(text, pair, progress=progress), on_wait=on_wait, progress=progress
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


def translate(model: str, text: str, wish: TranslationOptions, *, on_wait: WaitCallback, progress: Progress) -> Trace:
    """The translation of a text by a model; made now, unless it is still remembered."""

    def run(opened: Reader) -> Trace:
        told = {"languages": wish.languages, "task": wish.task}
        told = {name: value for name, value in told.items() if value is not None}
        if wish.whole and not told:
            return opened.read(text, wish.target, wish.forget, progress=progress)
        return opened.translate(text, wish.target, wish.forget, progress=progress, **told)

    return get_or_run(("translate", model, text, repr(wish)), model, run, on_wait=on_wait, progress=progress)


def get_or_run(
    key: Key,
    model: str,
    run: Callable[[Reader], Trace],
    *,
    on_wait: WaitCallback,
    progress: Progress,
) -> Trace:
    """What a run of a model gave; run now, unless it is still remembered under this key. Raises as `reader` does."""
    with _lock:
        if key in _traces:
            return _traces[key]
    opened = open_reader(model, on_wait=on_wait, progress=progress)
    with RUNNING.enter(on_wait):
        with _lock:
            if key in _traces:
                return _traces[key]
        found = run(opened)
        with _lock:
            _traces[key] = found
    return found


def forget_everything() -> None:
    """Empties both caches."""
    with _lock:
        _readers.clear()
        _traces.clear()
