"""Which keys does a cache let go while a text is read, and when?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memviz.errors import TraceError
from memviz.memory.edges import NEVER, EdgeCut
from memviz.memory.places import is_integer


@dataclass(frozen=True)
class Eviction:
    """What if only part of the past were kept? The rule by which a KV cache lets keys go.

    Every rule is one fact about each key: the query from which on it is no longer seen (`expiry`), in all layers and
    heads alike. Made by `window`, `sinks` and `none`.

    recent   how many of the latest keys are kept, the query's own among them; ``None``: all
    first    how many of the first tokens stay for good

    Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks.
    """

    recent: int | None = None
    first: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (("recent", self.recent, 1), ("first", self.first, 0)):
            if value is not None and (not is_integer(value) or value < least):
                raise TraceError(
                    "“{name}” of an eviction is {value}, which is not a whole number from {least} on.",
                    todo="Give how many tokens are kept, such as Eviction.sinks(4, 64).",
                    name=name,
                    value=repr(value)[:80],
                    least=least,
                )
            if value is not None:
                object.__setattr__(self, name, int(value))

    @classmethod
    def none(cls) -> Eviction:
        """Nothing is let go."""
        return cls()

    @classmethod
    def window(cls, recent: int) -> Eviction:
        """Only the latest ``recent`` keys are kept, the query's own among them."""
        return cls(recent=recent)

    @classmethod
    def sinks(cls, first: int, recent: int) -> Eviction:
        """The ``first`` tokens, where attention rests, and the latest ``recent`` keys are kept (StreamingLLM)."""
        return cls(recent=recent, first=first)

    def expiry(self, keys: int) -> np.ndarray:
        """From which query on is each of so many ``keys`` no longer seen? int32 [layer or 1, key-value head or 1, key].

        `memviz.memory.edges.NEVER` for a key that stays. Linear in the text.
        """
        expiry = np.full(keys, NEVER, dtype=np.int32)
        if self.recent is not None:
            expiry[self.first :] = (
                np.arange(self.first, keys, dtype=np.int64).clip(max=NEVER - self.recent) + self.recent
            )
        return expiry[None, None]

    def cuts(
        self, layer: int, *, heads: int, kv_heads: int, queries: int, keys: int, first: int = 0
    ) -> Iterator[EdgeCut]:
        """What is cut in this layer, of so many ``heads``, ``kv_heads``, ``queries`` and ``keys``? As `Forget.cuts`.

        ``first`` is the position of the first query.
        """
        expiry = self.expiry(keys)
        if (expiry[min(layer, len(expiry) - 1)] >= first + queries).all():
            return
        by_kv_head = expiry[min(layer, len(expiry) - 1)]
        owners = np.arange(heads) // (heads // kv_heads)
        for number, row in enumerate(by_kv_head):
            covered = np.ones(heads, dtype=bool) if len(by_kv_head) == 1 else owners == number
            yield EdgeCut(covered, np.ones(queries, dtype=bool), row)
