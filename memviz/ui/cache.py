"""Models and traces that are kept between reruns: bounded, shared by all readers, keyed by strings.

Streamlit hashes large arrays by a sample, so nothing here is ever keyed by an array.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cachetools import LRUCache

import memviz
from memviz.models import Policy
from memviz.trace import Trace
from memviz.ui.gate import GATE

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

Progress = Callable[[float, str], None]
Key = tuple[str, ...]

DEVICE = os.environ.get("MEMVIZ_DEVICE")  # "cuda", "mps" or "cpu"; chosen by itself when unset
PRECISION = os.environ.get("MEMVIZ_PRECISION")  # "float32", "bfloat16" or "float16"

_lock = threading.Lock()
_opening = threading.Lock()
_readers: LRUCache[str, Reader] = LRUCache(maxsize=int(os.environ.get("MEMVIZ_OPEN_MODELS", "2")))
_ROOM = float(os.environ.get("MEMVIZ_TRACE_GB", "2")) * 1e9  # bytes


def _size(trace: Trace) -> float:
    """Bytes of a trace; one that is larger than the cache fills it, so that a page that is shown is not read again."""
    return min(sum(memory.nbytes for memory in trace.memories.values()) + 10_000, _ROOM)


_traces: LRUCache[Key, Trace] = LRUCache(maxsize=_ROOM, getsizeof=_size)


def is_open(name: str) -> bool:
    """Is this model open already?"""
    with _lock:
        return name in _readers


def reader(name: str, progress: Progress) -> Reader:
    """The model of that name, opened (and fetched) at most once at a time."""
    with _lock:
        if name in _readers:
            return _readers[name]
    while not _opening.acquire(timeout=0.25):
        progress(0.0, "Waiting for a model that is being opened")
    try:
        with _lock:
            if name in _readers:
                return _readers[name]
        progress(0.0, "Opening the model")
        opened = memviz.load(name, device=DEVICE, precision=PRECISION, policy=Policy.server(), progress=progress)
        with _lock:
            _readers[name] = opened
        return opened
    finally:
        _opening.release()


def trace(model: str, text: str, pair: str | None, *, waiting: Callable[[int], None], progress: Progress) -> Trace:
    """The reading of a text by a model; read now, unless it is still remembered."""
    key = (model, text, pair or "", str(pair is not None))
    with _lock:
        if key in _traces:
            return _traces[key]
    opened = reader(model, progress)
    with GATE.entered(waiting):
        with _lock:
            if key in _traces:
                return _traces[key]
        found = opened.read(text, pair, progress=progress)
        with _lock:
            _traces[key] = found
    return found


def forget_everything() -> None:
    """Empties both caches."""
    with _lock:
        _readers.clear()
        _traces.clear()
