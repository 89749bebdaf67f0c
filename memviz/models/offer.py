"""Which models are on this machine, which would be downloaded, and which cannot be had now? Asks nobody for a model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from memviz.models import hub, trained
from memviz.models.catalogue import CATALOGUE
from memviz.models.entry import Hub
from memviz.models.location import is_here
from memviz.models.policy import Policy

Obstacle = Literal["", "too large", "hub not reached"]
PATIENCE = 1.0  # seconds to wait for the hub's first sign of life
FRESH = 60.0  # seconds for which its last sign counts


@dataclass(frozen=True)
class Offer:
    """What does it take to choose this model?

    ``name`` is what it is called in the list; ``here``: it is on this machine. ``size`` is what choosing it would
    download, in bytes (0: not known), ``obstacle`` what stands in the way of that ("": nothing).
    """

    name: str
    here: bool
    size: int = 0
    obstacle: Obstacle = ""


def offers(names: Iterable[str], *, policy: Policy) -> tuple[Offer, ...]:
    """The models of these ``names``: those on this machine, then those to download, then those that cannot be had.

    Within each of the three the order of the ``names`` stays. The sizes are those of the catalogue.
    """
    every = [_offer(name, policy=policy) for name in names]
    return tuple(sorted(every, key=lambda offer: (not offer.here, offer.obstacle != "")))


def _offer(name: str, *, policy: Policy) -> Offer:
    entry = CATALOGUE.get(name)
    if name.startswith(trained.PREFIX):
        return Offer(name, here=True)
    if entry is None:
        here = hub.is_here(name)
        return Offer(name, here, obstacle="" if here or is_hub_reachable() else "hub not reached")
    if is_here(entry):
        return Offer(name, here=True)
    if not isinstance(entry.source, Hub):
        return Offer(name, here=False, size=entry.size)
    if entry.size > policy.max_download_gb * 1e9:
        return Offer(name, here=False, size=entry.size, obstacle="too large")
    return Offer(name, here=False, size=entry.size, obstacle="" if is_hub_reachable() else "hub not reached")


def is_hub_reachable() -> bool:
    """Does the model hub answer at all? True as long as that is not known; asked at most once in a minute."""
    return _SIGN.is_seen()


class _Sign:
    """The hub's last sign of life, and when it was looked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._time, self._answers = -FRESH, True

    def is_seen(self) -> bool:
        with self._lock:
            if time.monotonic() - self._time >= FRESH:
                self._time = time.monotonic()
                search = threading.Thread(target=self._search, daemon=True, name="memviz-hub-sign")
                search.start()
                search.join(PATIENCE)  # a name server may hang for longer: then the next run knows
        return self._answers

    def _search(self) -> None:
        self._answers = hub.answers()


_SIGN = _Sign()
