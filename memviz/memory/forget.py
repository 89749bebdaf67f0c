"""What may the model not look at in a reading?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz.errors import TraceError
from memviz.memory.places import integers, positions
from memviz.note import Note


def _numbers(name: str, value: object) -> tuple[int, ...]:
    """The positions as whole numbers. Raises `TraceError` for anything else."""
    numbers = integers(value)
    if numbers is None:
        raise TraceError(
            "“{name}” of what to forget is {value}, which is no list of positions.",
            todo="Give whole numbers in brackets, such as (3,).",
            name=name,
            value=repr(value)[:80],
        )
    return tuple(numbers)


@dataclass(frozen=True)
class Forget:
    """Which edges may the model not use in a reading?

    An edge leads from a query (the token that looks) to a key (the token looked at).
    ``keys`` are the positions to forget; ``queries``, ``layers`` and ``heads`` say for whom and
    where; ``None`` means all of them (``keys`` have to be named). Negative positions count from the
    end. A query that would be left with nothing to read keeps what it has when ``queries`` is
    ``None``, and is an error when it was named.
    """

    keys: tuple[int, ...]
    queries: tuple[int, ...] | None = None
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("keys", "queries", "layers", "heads"):
            value = getattr(self, name)
            if value is not None or name == "keys":
                object.__setattr__(self, name, _numbers(name, value))

    def check(self, *, layers: int, heads: int) -> None:
        """Raises `TraceError` for a layer or a head that the memory does not have."""
        for what, wanted, there in ((Note("layer"), self.layers, layers), (Note("head"), self.heads, heads)):
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
        return bool(self.keys) and (self.layers is None or layer in self.layers)

    def covers(self, head: int) -> bool:
        """Is anything forgotten in this head (of a touched layer)?"""
        return self.heads is None or head in self.heads

    def cut(self, rows: int, cols: int, *, visible: np.ndarray) -> EdgeMask:
        """Which edges are forgotten? Linear in the text, see `EdgeMask`.

        ``visible`` is int [query, 2]: the first key each query may see, and one past the last.
        Raises `TraceError` for a position outside the text, and for a named query with nothing left.
        """
        keys, queries = np.zeros(cols, dtype=bool), np.zeros(rows, dtype=bool)
        keys[positions(self.keys, cols)] = True
        asked = np.arange(rows) if self.queries is None else positions(self.queries, rows)
        gone = np.concatenate([[0], np.cumsum(keys)])
        empty = gone[visible[:, 1]] - gone[visible[:, 0]] == visible[:, 1] - visible[:, 0]
        if self.queries is not None and empty[asked].any():
            raise TraceError(
                "Position {position} would have nothing left to read.",
                todo="Leave it at least one key, or leave `queries` out.",
                position=int(asked[empty[asked]][0]),
            )
        queries[asked] = True
        return EdgeMask(queries & ~empty, keys)

    def edges(self, rows: int, cols: int, *, visible: np.ndarray) -> np.ndarray:
        """The same written out: bool [query, key], true where a visible edge is forgotten. Raises as `cut` does."""
        column = np.arange(cols)
        seen = (column >= visible[:, :1]) & (column < visible[:, 1:])
        return self.cut(rows, cols, visible=visible).among(np.arange(rows), column) & seen


def require_forget(forget: object) -> None:
    """Raises `TraceError` for anything but a `Forget` or ``None``."""
    if forget is not None and not isinstance(forget, Forget):
        raise TraceError(
            "What to forget must be a Forget; this is {kind}.",
            todo="Pass memviz.Forget(keys=[3]).",
            kind=type(forget).__name__,
        )


@dataclass(frozen=True, eq=False)
class EdgeMask:
    """The forgotten edges of one layer: every query of ``queries`` loses every key of ``keys`` that it could see.

    queries   bool [query]: those for whom something is forgotten, and who have something left
    keys      bool [key]: those that are forgotten
    """

    queries: np.ndarray
    keys: np.ndarray

    def among(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which edges between these queries and keys are gone? bool [row, column]."""
        return self.queries[rows, None] & self.keys[cols]

    def at(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Which of these single edges, queries[k] → keys[k], are gone? bool [edge]."""
        return self.queries[queries] & self.keys[keys]
