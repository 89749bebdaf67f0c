"""How long will this take? About as long for each character as it took before."""

from __future__ import annotations

import threading

USUAL = 0.001  # seconds for a character, before anything was measured: SmolLM2 on two processors
MEMORY = 0.7  # of what was measured before, when something new is measured


class Pace:
    """The seconds that each kind of work takes for a character of text: measured, and fading."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}
        self._lock = threading.Lock()

    def seconds(self, work: str, characters: int) -> float:
        """How long is this ``work`` expected to take on a text of so many characters?"""
        with self._lock:
            return self._rates.get(work, USUAL) * characters

    def observe(self, work: str, characters: int, seconds: float) -> None:
        """This ``work`` on a text of so many characters took so long."""
        rate = seconds / max(characters, 1)
        with self._lock:
            before = self._rates.get(work)
            self._rates[work] = rate if before is None else MEMORY * before + (1 - MEMORY) * rate
