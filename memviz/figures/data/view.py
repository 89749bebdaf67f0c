"""How is a pattern to be seen, and what are its rows and columns?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from memviz.errors import MeasureError, TraceError
from memviz.figures.style.labels import pooled_labels
from memviz.memory import Memory
from memviz.tokens import Token, Word

Values = Literal["weight", "value norm", "log", "rollout"]
Window = tuple[slice, slice]
Mark = tuple[Sequence[int], Sequence[int]]

FLOOR = 1e-4  # the smallest weight that a logarithmic picture tells apart


@dataclass(frozen=True, eq=False, kw_only=True)
class PatternView:
    """How is a pattern to be seen?

    layer, head   ``None`` for a mean over all of them
    values        "weight", "value norm" (‖a·f‖), "log": weights on a logarithmic scale, or "rollout", over all heads
    query_words, key_words   words instead of tokens, for the rows and for the columns
    without       keys (token positions) to take out; the rest of each row is renormalised
    window        (rows, columns) in displayed units, as slices; ``None`` for everything
    cumulative    keep of each row only the strongest weights, up to this share of it
    shift         in cross-attention: weights of so many steps later; 1 is when the word was entered
    largest       cells a side; above it neighbours are max-pooled
    """

    layer: int | None = None
    head: int | None = None
    values: Values = "weight"
    query_words: Sequence[Word] | None = None
    key_words: Sequence[Word] | None = None
    without: Sequence[int] = ()
    window: Window | None = None
    cumulative: float = 1.0
    shift: int = 0
    largest: int = 256

    def __post_init__(self) -> None:
        if self.values not in get_args(Values):
            raise MeasureError(
                "“{view}” is no way to see a pattern.",
                todo="Choose “weight”, “value norm”, “log” or “rollout”.",
                view=self.values,
            )
        if self.values == "rollout" and (self.layer is not None or self.head is not None):
            raise MeasureError("A rollout is over all layers and heads.", todo="Leave the layer and the head out.")
        require_share(self.cumulative)
        if self.largest < 1:
            raise MeasureError("A picture needs at least one cell.", todo="Give `largest` 1 or more.")


def require_share(cumulative: float) -> None:
    """Raises `MeasureError` for a cumulative share that is none: above 0 and up to 1."""
    if not 0 < cumulative <= 1:
        raise MeasureError(
            "A cumulative share of {share} keeps nothing, or more than there is.",
            todo="Give a share above 0 and up to 1.",
            share=cumulative,
        )


@dataclass(frozen=True, eq=False)
class Side:
    """What are the rows, or the columns, of a picture?

    texts    the word or token of every unit of the whole text, also of those outside the window
    tokens   the token positions each unit is made of
    first, stop   the window, in units
    step     units in one cell
    by_word  whether units are words
    border   the first unit of the second text of a pair, ``None`` where there is only one
    """

    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    first: int
    stop: int
    step: int
    by_word: bool
    border: int | None

    @property
    def cells(self) -> int:
        """How many cells are drawn?"""
        return -(-(self.stop - self.first) // self.step)

    @property
    def starts(self) -> np.ndarray:
        """The first unit of each cell: int [cell]."""
        return np.arange(self.first, self.stop, self.step)

    @property
    def labels(self) -> list[str]:
        """What stands at each cell?"""
        return pooled_labels(self.texts, self.starts.tolist(), step=self.step)

    @property
    def edge(self) -> float:
        """Where does the second text of a pair begin, in cells? NaN where there is only one."""
        return float("nan") if self.border is None else (self.border - self.first) / self.step

    @property
    def is_whole(self) -> bool:
        """Is everything inside the window?"""
        return self.first == 0 and self.stop == len(self.texts)

    def cells_of(self, units: Sequence[int]) -> list[int]:
        """The cells that hold these units; those outside the window have none."""
        return sorted({(unit - self.first) // self.step for unit in units if self.first <= unit < self.stop})

    def matching(self, text: str) -> list[int]:
        """The cells that hold a unit containing this text, whatever its case."""
        needle = text.casefold()
        units = [u for u in range(self.first, self.stop) if needle and needle in self.texts[u].casefold()]
        return self.cells_of(units)


@dataclass(frozen=True, eq=False)
class PatternData:
    """The numbers of one picture.

    values   float32 [row, column]: weights (also where the scale is logarithmic) or value norms;
             NaN where nothing is drawn: a key that the query cannot see, that was taken out, or
             that fell below the cumulative share
    high     the end of the colour scale: 1 for weights, the trace's largest for value norms
    mass     share of each text's look that goes to each text of a pair: [text, text]; else ``None``
    """

    memory: Memory
    view: PatternView
    rows: Side
    cols: Side
    values: np.ndarray
    high: float
    mass: np.ndarray | None


def side(tokens: Sequence[Token], words: Sequence[Word] | None, *, window: slice, largest: int) -> Side:
    """The rows or columns that a window leaves of some tokens, or of their words, at most ``largest`` cells of them."""
    parts: Sequence[Token] | Sequence[Word] = tokens if words is None else words
    members = tuple((place,) for place in range(len(tokens))) if words is None else tuple(w.tokens for w in words)
    if sorted(place for unit in members for place in unit) != list(range(len(tokens))):
        raise TraceError(
            "These {words} words are not made of the {tokens} tokens on this side of the memory.",
            todo="Take both sides from `trace.sides(kind)`.",
            words=len(members),
            tokens=len(tokens),
        )
    places = range(len(members))[window]
    if not places or places.step != 1:
        raise TraceError(
            "The window {first}:{stop} holds nothing: this side has {count} positions.",
            todo="Give a slice inside 0:{count}, without a step.",
            first=window.start,
            stop=window.stop,
            count=len(members),
        )
    segments = [part.segment for part in parts]
    return Side(
        texts=tuple(part.text for part in parts),
        tokens=members,
        first=places.start,
        stop=places.stop,
        step=-(-len(places) // largest),
        by_word=words is not None,
        border=segments.index(1) if 0 in segments and 1 in segments else None,
    )
