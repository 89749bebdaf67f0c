"""One decorated function is one measure: it appears in selectors, glossary, tests and docs by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Group = Literal["read", "recall", "forget", "cross"]


@dataclass(frozen=True)
class Measure:
    """What a measure is called, what its numbers mean, and where it comes from.

    name      of the function that computes it, ``compute``
    label     what people call it
    group     where it is listed: "read", "recall", "forget" or "cross"
    question  what it answers, in plain words
    unit      of the numbers
    axes      of the result, in order: layer, head, query, key, distance
    low, high   the range, ``None`` where it is open
    formula   in LaTeX, without dollar signs
    source    who defined it, and where
    caveat    one sentence on what it does not show
    """

    name: str
    label: str
    group: Group
    question: str
    unit: str
    axes: tuple[str, ...]
    low: float | None
    high: float | None
    formula: str
    source: str
    caveat: str
    compute: Callable[..., np.ndarray]

    @property
    def of_one_head(self) -> bool:
        """Does it take a layer and a head?"""
        return "layer" in inspect.signature(self.compute).parameters


MEASURES: dict[str, Measure] = {}


def measure(
    label: str,
    *,
    group: Group,
    unit: str,
    axes: tuple[str, ...],
    formula: str,
    source: str,
    caveat: str,
    low: float | None = 0.0,
    high: float | None = None,
) -> Callable[[Callable[..., np.ndarray]], Callable[..., np.ndarray]]:
    """Files a function as a measure and returns it unchanged. Its docstring's first line is the question.

    ``label``, ``group``, ``unit``, ``axes``, ``formula``, ``source``, ``caveat``, ``low`` and ``high`` are those of
    `Measure`. Raises `TypeError` for a function without a docstring.
    """

    def file(compute: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        name = compute.__name__
        text = inspect.getdoc(compute)
        if not text:
            raise TypeError(f"the measure {name} has no docstring: its first line asks the question it answers")
        question = text.splitlines()[0]
        MEASURES[name] = Measure(name, label, group, question, unit, axes, low, high, formula, source, caveat, compute)
        return compute

    return file
