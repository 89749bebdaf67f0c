"""Who may run the model now? A few at a time, a short queue behind them, and nobody waits without knowing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memviz.errors import BusyError
from memviz.settings import number

INTERVAL = 0.25  # seconds between two looks at the queue, so that someone who leaves is noticed


class Gate:
    """Lets ``runs`` people through at once, in the order in which they came; ``places`` more wait."""

    def __init__(self, runs: int, places: int) -> None:
        self.runs, self.places = runs, places
        self._queue: list[object] = []  # in the order of arrival; the first ``runs`` are inside
        self._change = threading.Condition()

    @contextmanager
    def enter(self, on_wait: Callable[[int], None]) -> Iterator[None]:
        """Holds a place at the model for as long as the block runs.

        ``on_wait(n)`` is told again and again how many are before us, and may raise to leave the queue.
        Raises `BusyError` when the queue is full.
        """
        ticket = self._join()
        try:
            while count := self._wait(ticket):
                on_wait(count)
            yield
        finally:
            with self._change:
                self._queue.remove(ticket)
                self._change.notify_all()

    def _join(self) -> object:
        """A place at the end of the queue."""
        with self._change:
            if len(self._queue) >= self.runs + self.places:
                raise BusyError(
                    "The model is busy: {count} readings are waiting before you.",
                    todo="Try again in a moment.",
                    count=len(self._queue),
                )
            ticket = object()
            self._queue.append(ticket)
            return ticket

    def _wait(self, ticket: object) -> int:
        """How many are before us, after waiting for a moment? 0 when we are inside."""
        with self._change:
            inside = self._change.wait_for(lambda: self._queue.index(ticket) < self.runs, timeout=INTERVAL)
            return 0 if inside else self._queue.index(ticket)


PLACES = number("MEMVIZ_QUEUE", 8, minimum=0)
RUNNING = Gate(runs=number("MEMVIZ_RUNS", 1, minimum=1), places=PLACES)  # of the readings
OPENING = Gate(runs=1, places=PLACES)  # of the models: one is opened at a time, while the open ones go on reading
