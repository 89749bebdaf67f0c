"""Which positions of a text are meant?"""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Iterable, Sequence, Sized
from itertools import islice

import numpy as np

from memviz.errors import TraceError

MOST = 1 << 20  # positions in one list, more than any text has
Index = slice | Sequence[int] | np.ndarray | None


def positions(wanted: Sequence[int] | np.ndarray, length: int) -> np.ndarray:
    """The ``wanted`` positions of so many (``length``), counted from the start.

    Raises `TraceError` for one outside the text, and for what is not a list of positions.
    """
    numbers = integers(wanted)
    if numbers is None:
        raise _no_positions(wanted)
    wrong = [number for number in numbers if not -length <= number < length]
    if wrong:
        raise TraceError(
            "There is no position {position}: this memory has {length} of them.",
            todo="Positions run from 0 to {last}; negative ones count from the end.",
            position=wrong[0],
            length=length,
            last=length - 1,
        )
    return np.array(numbers, dtype=np.int64) % length


def resolve_index(wanted: Index, length: int) -> np.ndarray:
    """The positions that a slice, a list or a mask chooses; ``None``: all of them. int [position]."""
    if wanted is None:
        return np.arange(length)
    if not isinstance(wanted, slice) and not (isinstance(wanted, np.ndarray) and wanted.dtype == bool):
        return positions(wanted, length)
    try:
        return np.arange(length)[wanted]
    except (IndexError, TypeError, ValueError):  # a mask of another length, a slice from "a" on
        raise _no_positions(wanted) from None


def integers(values: object) -> list[int] | None:
    """The ``values`` of a list as whole numbers; ``None`` where it is not a list, or one is not a whole number.

    ``None`` also for more of them than any text has positions: they are not even counted.
    """
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu":
        return values.tolist() if len(values) <= MOST else None
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        return None
    try:
        if isinstance(values, Sized) and len(values) > MOST:
            return None
        numbers = list(map(operator.index, islice(values, MOST + 1)))
    except (TypeError, OverflowError):  # len() of a range of 2^70
        return None
    return numbers if len(numbers) <= MOST else None


def is_integer(number: object) -> bool:
    """Is the ``number`` a whole one?"""
    return integers((number,)) is not None


def _no_positions(wanted: object) -> TraceError:
    return TraceError(
        "{value} is no list of positions.",
        todo="Give whole numbers in brackets, such as [3], or a slice.",
        value=reprlib.repr(wanted)[:80],
    )


def is_all(index: np.ndarray, length: int) -> bool:
    """Are these all positions, in order?"""
    return len(index) == length and bool((index == np.arange(length)).all())
