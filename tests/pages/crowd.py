"""Several people at once: threads whose troubles are not lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0  # seconds until a test gives up


class GoneError(Exception):
    """Someone closed the page."""


class Crowd:
    """Runs functions at once; ``join`` gives back what each returned or raised, in the order of arrival."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.results: list[Any] = []

    def send(self, task: Callable[[], Any]) -> None:
        """One more person."""
        place = len(self.results)
        self.results.append(None)

        def run() -> None:
            try:
                self.results[place] = task()
            except BaseException as trouble:
                self.results[place] = trouble

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def join(self) -> list[Any]:
        """Waits for all of them."""
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "somebody is still waiting"
        return self.results


def until(true: Callable[[], Any]) -> None:
    """Waits until something is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
