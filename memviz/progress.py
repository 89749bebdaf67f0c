"""How far is it, and how long did it take? What a reading tells to whoever is waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float, str], None]
"""``progress(fraction, label)``: how much is done, 0..1, and what is being done. It may raise to stop."""

Announce = Callable[[int], None]
"""``announce(size)``: how many bytes a download has, before it begins."""


def no_announcement(size: int) -> None:
    """Nobody asked for the size."""


def no_progress(fraction: float, label: str) -> None:
    """Nobody is watching the progress."""


def progress_within(progress: Progress | None, start: float, stop: float) -> Progress:
    """The progress of a part of the work, told as that of the whole."""
    if progress is None:
        return no_progress
    return lambda fraction, label: progress(start + fraction * (stop - start), label)


class _Thread(threading.local):
    aside = 0.0  # seconds that this thread has stood aside, in all


_thread = _Thread()


def work_clock() -> float:
    """Seconds on the clock, without those that this thread stood aside for others. Differences have a meaning."""
    return time.perf_counter() - _thread.aside


@contextmanager
def standing_aside() -> Iterator[None]:
    """What is done inside is not the work of this thread: it lets others pass."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _thread.aside += time.perf_counter() - began
