"""Which positions of a text are meant?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memviz.errors import TraceError

Index = slice | Sequence[int] | np.ndarray | None


def positions(wanted: Sequence[int], length: int) -> np.ndarray:
    """The same positions counted from the start. Raises `TraceError` for one outside the text."""
    index = np.asarray(wanted, dtype=np.int64)
    wrong = index[(index < -length) | (index >= length)]
    if wrong.size:
        raise TraceError(
            "There is no position {position}: this memory has {length} of them.",
            todo="Positions run from 0 to {last}; negative ones count from the end.",
            position=int(wrong[0]),
            length=length,
            last=length - 1,
        )
    return index % length


def chosen(wanted: Index, length: int) -> np.ndarray:
    """The positions that a slice, a list or a mask chooses; ``None``: all of them. int [position]."""
    if wanted is None:
        return np.arange(length)
    if isinstance(wanted, slice) or (isinstance(wanted, np.ndarray) and wanted.dtype == bool):
        return np.arange(length)[wanted]
    return positions(wanted, length)


def whole(index: np.ndarray, length: int) -> bool:
    """Are these all positions, in order?"""
    return len(index) == length and bool((index == np.arange(length)).all())
