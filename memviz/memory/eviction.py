"""Which keys does a cache let go while a text is read, and when?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memviz.errors import TraceError
from memviz.memory.edges import NEVER, EdgeCut
from memviz.memory.places import integers


@dataclass(frozen=True)
class Eviction:
    """What if only part of the past were kept? The rule by which a KV cache lets keys go.

    Every rule comes down to one fact about each key: the query from which on it is no longer seen (`expiry`). What is
    gone never comes back. Made by `window`, `sinks`, `heavy_hitters` and `none`.

    recent   how many of the latest keys are kept, the query's own among them; ``None``: all
    first    how many of the first tokens stay for good
    budget   how many heavy hitters are kept beside these; ``None``: none, and attention is not asked

    Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks; Zhang et al. 2023, H2O.
    """

    recent: int | None = None
    first: int = 0
    budget: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("recent", 1), ("first", 0), ("budget", 0)):
            value = getattr(self, name)
            if value is not None or name == "first":
                object.__setattr__(self, name, _count(name, value, least))
        if self.budget is not None and self.recent is None:
            raise TraceError(
                "An eviction with heavy hitters has no number of recent keys.",
                todo="Give how many of the latest keys are kept, such as Eviction.heavy_hitters(32, 32).",
            )

    @classmethod
    def none(cls) -> Eviction:
        """Nothing is let go."""
        return cls()

    @classmethod
    def window(cls, recent: int) -> Eviction:
        """Only the latest ``recent`` keys are kept, the query's own among them."""
        return cls(_count("recent", recent, 1))

    @classmethod
    def sinks(cls, first: int, recent: int) -> Eviction:
        """The ``first`` tokens, where attention rests, and the latest ``recent`` keys are kept (StreamingLLM)."""
        return cls(_count("recent", recent, 1), first)

    @classmethod
    def heavy_hitters(cls, budget: int, recent: int) -> Eviction:
        """The latest ``recent`` keys and, of the older ones, the ``budget`` that were looked at most are kept (H2O).

        So ``budget + recent`` keys at most, the query's own among the recent ones; with a budget of 0, those of
        `window`. Decided while the text is read, in every layer and key-value head by itself, after each query: what a
        key has collected is the sum of its weights over the queries so far and over the heads that share it, each
        weight from a softmax over what is still kept. When more than ``budget`` keys are older than the recent ones of
        the query to come, the one that has collected least goes (of equal ones the older). A window of the model's own
        holds besides: a key that it has left behind keeps its place.

        Zhang et al. 2023, H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models,
        algorithm 1.
        """
        return cls(_count("recent", recent, 1), budget=_count("budget", budget, 0))

    @property
    def adaptive(self) -> bool:
        """Does attention decide what goes, so that only a reading can tell?"""
        return self.budget is not None

    @property
    def room(self) -> int | None:
        """How many keys it keeps at most; ``None`` for no limit."""
        return None if self.recent is None else self.first + self.recent + (self.budget or 0)

    def expiry(self, keys: int) -> np.ndarray:
        """From which query on is each of so many ``keys`` no longer seen? int32 [layer or 1, key-value head or 1, key].

        `memviz.memory.edges.NEVER` for a key that stays. Linear in the text. Raises `TraceError` where attention
        decides it (`adaptive`): what a reading decided is in ``memory.expiry``.
        """
        expiry = np.full(keys, NEVER, dtype=np.int32)
        if self.adaptive and keys >= (self.room or 0):
            raise TraceError(
                "Which keys are heavy hitters is decided while a text is read.",
                todo="Read the text with this eviction, and take trace.memory().expiry.",
            )
        if self.recent is not None and not self.adaptive:
            expiry[self.first :] = (
                np.arange(self.first, keys, dtype=np.int64).clip(max=NEVER - self.recent) + self.recent
            )
        return expiry[None, None]


def expiry_cuts(expiry: np.ndarray, *, heads: int, queries: int, first: int = 0) -> Iterator[EdgeCut]:
    """What is cut in a layer of so many ``heads`` and ``queries`` whose keys are gone by ``expiry``? As `Forget.cuts`.

    ``expiry`` is int32 [key-value head or 1, key]; ``first`` the position of the first query.
    """
    if (expiry >= first + queries).all():
        return
    owners = np.arange(heads) // (heads // len(expiry))
    for number, row in enumerate(expiry):
        yield EdgeCut(owners == number, np.ones(queries, dtype=bool), row)


def layer_expiry(expiry: np.ndarray, layer: int) -> np.ndarray:
    """The part of an ``expiry`` [layer or 1, key-value head or 1, key] that is about this layer."""
    return expiry[min(layer, len(expiry) - 1)]


def _count(name: str, value: object, least: int) -> int:
    """The ``value`` as a whole number. Raises `TraceError` for anything else, and for less than ``least``."""
    numbers = integers((value,))
    if numbers is None or numbers[0] < least:
        raise TraceError(
            "“{name}” of an eviction is {value}, which is not a whole number from {least} on.",
            todo="Give how many tokens are kept, such as Eviction.sinks(4, 64).",
            name=name,
            value=repr(value)[:80],
            least=least,
        )
    return numbers[0]
