"""What is asked for with a text to translate, and can it be had?"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memviz.errors import ReadingError
from memviz.memory import Forget, positions
from memviz.reading.engine.probe import Plan
from memviz.tokens import clean

FACTOR = 2.5  # tokens written for each token read, at most (`max-length-factor` of Firefox's configuration)


@dataclass(frozen=True)
class TranslationRequest:
    """What a text should be translated into, and how.

    target          what to write; ``None``: what the model finds likeliest
    forget          edges of cross-attention that it may not use
    beam            how many beginnings are kept side by side
    max_new_tokens  how many tokens may be written; ``None``: as many as the reader finds usual
    languages       from which into which; ``None``: the model's usual ones
    task            what is put in front of the text; ``None``: nothing
    """

    target: str | None = None
    forget: Forget | None = None
    beam: int = 1
    max_new_tokens: int | None = None
    languages: tuple[str, str] | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        for name in ("beam", "max_new_tokens"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _count(name, value))

    def asked(self, text: str) -> str:
        """The text with the task in front, a space between them."""
        task = "" if self.task is None else clean(self.task)
        return task + (" " if task and not task[-1].isspace() else "") + text

    def limit(self, source: int) -> int:
        """How many tokens may be written for so many read?"""
        return self.max_new_tokens or math.ceil(FACTOR * source)

    def check(self, plan: Plan, keys: int) -> None:
        """Raises `TraceError` or `ReadingError` for what cannot be forgotten, before anything is written.

        ``keys``: how many tokens the source has.
        """
        forget = self.forget
        if forget is None:
            return
        forget.check(layers=plan.layers["cross"], heads=plan.heads["cross"])
        positions(forget.keys, keys)
        if self.target is not None or not forget.queries:
            return
        if min(forget.queries) < 0:
            raise ReadingError(
                "Position {position} counts from the end of the output, which is not written yet.",
                todo="Count from the start, or give the target to write.",
                position=min(forget.queries),
            )
        rows = max(forget.queries) + 1
        forget.edges(rows, keys, visible=np.tile([0, keys], (rows, 1)))  # raises where nothing would be left to read

    def forgotten(self, written: int) -> Forget | None:
        """What is forgotten, without the positions that were never written; ``written``: how many tokens were."""
        forget = self.forget
        if forget is None or forget.queries is None:
            return forget
        return replace(forget, queries=tuple(query for query in forget.queries if query < written))


def _count(name: str, value: Any) -> int:
    """A whole number from 1, numpy's too. Raises `ReadingError` for anything else."""
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise ReadingError("{name} must be 1 or more, not {value}.", todo="Leave it out.", name=name, value=value)
    return count
