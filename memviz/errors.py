"""What can go wrong, said so that a person can act on it.

    MemVizError
    ├── ModelError              a model cannot be had or cannot be trusted
    │   ├── UnknownModelError       no model of this name; the nearest names are offered
    │   ├── FetchError              the weights could not be brought here
    │   ├── ModelFileError          the files are there, but broken or incomplete
    │   ├── UnsafeModelError        pickle, remote code, or a place outside the allowed ones
    │   └── UnsupportedModelError   the model has no attention that can be read
    ├── ReadingError            a text cannot be read
    │   ├── EmptyTextError          nothing to read
    │   ├── TextTooLongError        more tokens than the model or the server allows
    │   ├── MemoryBudgetError       the reading would not fit into memory
    │   └── BusyError               the queue in front of the model is full
    ├── EngineError             the cluster that runs the models cannot be had, or was lost
    ├── TrainingError           there is nothing here that a model could learn from
    ├── CorpusError             a corpus, or the folder of its results, cannot be read or written
    ├── TraceError              a trace does not hold what was asked of it
    ├── MeasureError            a measure is not defined here
    └── MissingPackageError     a part that was not installed with the rest

Every error says what happened, what we got, and what to do. The two sentences are kept as
templates next to their values, so that the pages can show them in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memviz.note import Note


class MemVizError(Exception):
    """A refusal. ``happened`` and ``todo`` are templates, filled with ``values``."""

    def __init__(self, happened: str, *, todo: str = "", **values: Any) -> None:
        super().__init__(happened)
        self.happened = happened
        self.todo = todo
        self.values = values

    def render(self, translate: Callable[[str], str] = str, quote: Callable[[str], str] = str) -> str:
        """The whole message: templates through ``translate``, the texts filled into them through ``quote``.

        A value that is a sentence or a word of ours is a `Note` itself, see `Note.render`.
        """
        return " ".join(Note(part, self.values).render(translate, quote) for part in (self.happened, self.todo) if part)

    def __str__(self) -> str:
        return self.render()


class ModelError(MemVizError):
    """A model cannot be had or cannot be trusted."""


class UnknownModelError(ModelError):
    """No model of this name; the nearest names are offered."""


class FetchError(ModelError):
    """The weights could not be brought here: no index, no hub, bad hash, disk full, interrupted."""


class ModelFileError(ModelError):
    """The files are there, but broken or incomplete."""


class UnsafeModelError(ModelError):
    """Pickle, remote code, or a place outside the allowed ones."""


class UnsupportedModelError(ModelError):
    """The model has no attention that can be read."""


class ReadingError(MemVizError):
    """A text cannot be read."""


class EmptyTextError(ReadingError):
    """There is nothing to read."""


class TextTooLongError(ReadingError):
    """The text has more tokens than the model or the server allows."""


class MemoryBudgetError(ReadingError):
    """The reading would not fit into memory."""


class BusyError(ReadingError):
    """The queue in front of the model is full."""


class EngineError(MemVizError):
    """The cluster that runs the models cannot be had, or was lost."""


class TrainingError(MemVizError):
    """There is nothing here that a model could learn from: labels, lines, numbers of steps or layers."""


class CorpusError(MemVizError):
    """A corpus, or the folder of its results, cannot be read or written."""


class TraceError(MemVizError):
    """A trace does not hold what was asked of it."""


class MeasureError(MemVizError):
    """A measure is not defined here."""


class MissingPackageError(MemVizError):
    """A part needs a package that was not installed with the rest: an extra brings it."""
