"""One decorated function is one experiment: it appears in the glossary, on the pages, in tests and docs by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Experiment:
    """What an experiment is called, what it asks, and what it does not show.

    name      of the function that runs it, ``run``
    label     what people call it
    question  what it answers, in plain words
    cost      how many forward passes it takes, about
    source    who did it first, and where
    caveat    one sentence on what it does not show
    """

    name: str
    label: str
    question: str
    cost: str
    source: str
    caveat: str
    run: Callable[..., Any]


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(label: str, *, cost: str, source: str, caveat: str) -> Callable[[Function], Function]:
    """Files a function as an experiment and returns it unchanged. Its docstring's first line is the question.

    ``label``, ``cost``, ``source`` and ``caveat`` are those of `Experiment`. Raises `TypeError` for a function without
    a docstring.
    """

    def file(run: Function) -> Function:
        text = inspect.getdoc(run)
        if not text:
            raise TypeError(f"the experiment {run.__name__} has no docstring: its first line asks its question")
        EXPERIMENTS[run.__name__] = Experiment(run.__name__, label, text.splitlines()[0], cost, source, caveat, run)
        return run

    return file
