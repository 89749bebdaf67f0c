"""Who may run the model now? A few at a time, a short queue behind them, and nobody waits without knowing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memviz.errors import BusyError

LOOK = 0.25  # seconds between two looks at the queue, so that someone who leaves is noticed


class Gate:
    """Lets ``runs`` people through at once and ``places`` more wait."""

    def __init__(self, runs: int, places: int) -> None:
        self.places = places
        self._free = threading.BoundedSemaphore(runs)
        self._lock = threading.Lock()
        self._waiting = 0

    @contextmanager
    def entered(self, waiting: Callable[[int], None]) -> Iterator[None]:
        """Holds a place at the model for as long as the block runs.

        ``waiting(n)`` is told again and again how many are in the queue, and may raise to leave it.
        Raises `BusyError` when the queue is full.
        """
        with self._lock:
            if self._waiting > self.places:
                raise BusyError(
                    "The model is busy: {count} readings are waiting before you.",
                    todo="Try again in a moment.",
                    count=self._waiting,
                )
            self._waiting += 1
        try:
            while not self._free.acquire(timeout=LOOK):
                waiting(self._waiting)
        finally:
            with self._lock:
                self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


GATE = Gate(runs=int(os.environ.get("MEMVIZ_RUNS", "1")), places=int(os.environ.get("MEMVIZ_QUEUE", "8")))
