"""What may the model not look at in a reading? Edges, by name."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from memviz.errors import TraceError
from memviz.memory.edges import NEVER, EdgeCut
from memviz.memory.places import integers, positions
from memviz.note import Note

_FARTHEST = 1 << 31  # further than any position


@dataclass(frozen=True)
class Forget:
    """Which edges may the model not use in a reading?

    An edge leads from a query (the token that looks) to a key (the token looked at).
    ``keys`` are the positions to forget; ``queries``, ``layers`` and ``heads`` say for whom and
    where; ``None`` means all of them (``keys`` have to be named). Negative positions count from the
    end. A query that would be left with nothing to read keeps what it has when ``queries`` is
    ``None``, and is an error when it was named.

    ``also`` holds what was joined by ``|``, which forgets what either forgets:
    ``Forget([3], layers=[5], heads=[3]) | Forget([3], layers=[7], heads=[1])``.
    """

    keys: tuple[int, ...]
    queries: tuple[int, ...] | None = None
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None
    also: tuple[Forget, ...] = ()

    def __post_init__(self) -> None:
        for name in ("keys", "queries", "layers", "heads"):
            value = getattr(self, name)
            if value is not None or name == "keys":
                object.__setattr__(self, name, _numbers(name, value))
        if not isinstance(self.also, tuple | list) or not all(isinstance(member, Forget) for member in self.also):
            raise TraceError(
                "What else to forget is {value}, which is no list of Forget.",
                todo="Join them with |, as in Forget([3]) | Forget([5]).",
                value=reprlib.repr(self.also)[:80],
            )
        object.__setattr__(self, "also", tuple(self.also))

    def __or__(self, other: Forget) -> Forget:
        """What either forgets."""
        if not isinstance(other, Forget):
            return NotImplemented
        return replace(self, also=(*self.also, *other.members))

    @property
    def members(self) -> tuple[Forget, ...]:
        """The parts that were joined; itself where nothing was."""
        return (replace(self, also=()), *self.also)

    def check(self, *, layers: int, heads: int) -> None:
        """Raises `TraceError` for a layer or a head that the memory does not have, of ``layers`` and ``heads``."""
        for member in self.members:
            for what, wanted, there in ((Note("layer"), member.layers, layers), (Note("head"), member.heads, heads)):
                wrong = [number for number in wanted or () if not 0 <= number < there]
                if wrong:
                    raise TraceError(
                        "There is no {what} {number} to forget in: this memory has {there} of them.",
                        todo="They are counted from 0 to {last}.",
                        what=what,
                        number=wrong[0],
                        there=there,
                        last=there - 1,
                    )

    def touches(self, layer: int) -> bool:
        """Is anything forgotten in this layer?"""
        return any(_touches(member, layer) for member in self.members)

    def covers(self, head: int) -> bool:
        """Is anything forgotten in this head (of a touched layer)?"""
        return any(member.heads is None or head in member.heads for member in self.members)

    def cuts(self, layer: int, *, heads: int, queries: int, keys: int, first: int = 0) -> Iterator[EdgeCut]:
        """What is cut in this layer, of so many ``heads``, ``queries`` and ``keys``? Linear in the text, see `EdgeCut`.

        ``first`` is the position of the first query, where only the latest are worked on. Raises `TraceError` for a
        position outside the text.
        """
        for member in self.members:
            if not _touches(member, layer):
                continue
            expiry = np.full(keys, NEVER, dtype=np.int32)
            expiry[positions(member.keys, keys)] = 0
            losing = np.ones(queries, dtype=bool)
            if member.queries is not None:
                places = positions(member.queries, first + queries) - first
                losing[:] = False
                losing[places[places >= 0]] = True
            covered = np.array([member.heads is None or head in member.heads for head in range(heads)])
            yield EdgeCut(covered, losing, expiry, lenient=member.queries is None, named=member.queries is not None)

    def upto(self, length: int) -> Forget:
        """The same without the queries from position ``length`` on, which were never written."""
        parts = [
            member
            if member.queries is None
            else replace(member, queries=tuple(query for query in member.queries if query < length))
            for member in self.members
        ]
        return replace(parts[0], also=tuple(parts[1:]))


def _touches(member: Forget, layer: int) -> bool:
    return bool(member.keys) and (member.layers is None or layer in member.layers)


def require_forget(forget: object) -> None:
    """Raises `TraceError` where ``forget`` is anything but a `Forget` or ``None``."""
    if forget is not None and not isinstance(forget, Forget):
        raise TraceError(
            "What to forget must be a Forget; this is {kind}.",
            todo="Pass memviz.Forget(keys=[3]).",
            kind=type(forget).__name__,
        )


def _numbers(name: str, value: object) -> tuple[int, ...]:
    """The positions as whole numbers. Raises `TraceError` for anything else, and for more than any text has."""
    numbers = integers(value)
    if numbers is None or any(not -_FARTHEST <= number < _FARTHEST for number in numbers):
        raise TraceError(
            "“{name}” of what to forget is {value}, which is no list of positions.",
            todo="Give whole numbers in brackets, such as (3,).",
            name=name,
            value=reprlib.repr(value)[:80],
        )
    return tuple(numbers)
