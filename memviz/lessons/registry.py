"""One decorated function is one lesson: it appears on the page, on the printed sheet and in the tests by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from memviz.note import Note
from memviz.progress import Progress, no_progress
from memviz.reading import load


@dataclass(frozen=True)
class Row:
    """One number that a lesson measures: of what, and how large."""

    name: Note
    value: float


@dataclass(frozen=True)
class Beside:
    """More numbers of a lesson, in a unit of their own; see `Finding`."""

    rows: tuple[Row, ...]
    unit: Note
    is_share: bool = True


@dataclass(frozen=True)
class Finding:
    """What a lesson measured on its text.

    rows        the numbers, in the order in which they are told
    unit        what they are; "share" for those that are shown as per cent
    answer      which of the lesson's options the numbers show to be right, by its place
    statement   what was found, in one sentence
    beside      more numbers, in another unit; ``None``: there are none
    """

    rows: tuple[Row, ...]
    unit: Note
    answer: int
    statement: Note
    is_share: bool = True
    beside: Beside | None = None

    @property
    def groups(self) -> tuple[Beside, ...]:
        """All numbers, those of one unit together."""
        return (Beside(self.rows, self.unit, self.is_share), *([self.beside] if self.beside else []))


Measure = Callable[[Any, str, Progress], Finding]
Trained = Literal["", "classifier", "induction"]


@dataclass(frozen=True)
class Lesson:
    """One step of the course.

    name       of the function that measures; stands in the address
    title      the idea in a few words
    idea       what it is about, in two or three sentences
    task       what to look at first, on which page
    text       what is read, where the teacher chose nothing else
    model      that reads it; "" where only models read it that are trained for the lesson
    question   what is to be predicted before the numbers are shown
    options    the answers to choose from
    caveat     what the numbers do not prove
    page       where the same can be seen and played with; ``settings`` are what stands in its address
    opens      the text that it is opened with; "" for that of the lesson
    measure    the function: ``measure(subject, text, progress)``
    trained    what is trained for the lesson, which the page shows while it runs; "": nothing
    train      how: ``train(progress)`` gives the subject
    """

    name: str
    title: str
    idea: str
    task: str
    text: str
    model: str
    question: str
    options: tuple[str, ...]
    caveat: str
    page: str
    measure: Measure
    opens: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    trained: Trained = ""
    train: Callable[[Progress], Any] | None = None

    def subject(self, progress: Progress | None = None) -> Any:
        """What is asked: the model, opened, or what is trained for the lesson. ``progress`` as in `memviz.load`."""
        if self.train is not None:
            return self.train(progress or no_progress)
        return load(self.model, progress=progress)


FILED: dict[str, Lesson] = {}
"""All lessons, by name."""


def lesson(
    title: str,
    *,
    task: str,
    text: str,
    model: str,
    question: str,
    options: tuple[str, ...],
    caveat: str,
    page: str,
    opens: str = "",
    settings: Mapping[str, str] | None = None,
    trained: Trained = "",
    train: Callable[[Progress], Any] | None = None,
) -> Callable[[Measure], Measure]:
    """Files a function as a lesson and returns it unchanged. Its docstring is the idea.

    The arguments are those of `Lesson`. Raises `TypeError` for a function without a docstring.
    """

    def file(measure: Measure) -> Measure:
        name, idea = measure.__name__, inspect.getdoc(measure)
        if not idea:
            raise TypeError(f"the lesson {name} has no docstring: it says what the lesson is about")
        FILED[name] = Lesson(
            name=name,
            title=title,
            idea=" ".join(idea.split()),
            task=task,
            text=text,
            model=model,
            question=question,
            options=options,
            caveat=caveat,
            page=page,
            measure=measure,
            opens=opens,
            settings=dict(settings or {}),
            trained=trained,
            train=train,
        )
        return measure

    return file


def place_of(value: float, bounds: tuple[float, ...]) -> int:
    """In which stretch between these ``bounds``, from the lowest up, does a value lie?"""
    return sum(value >= bound for bound in bounds)
