"""What if a model fails in the middle of a text? Said as a refusal; whoever stops a reading gets their own error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memviz.errors import MemVizError, ReadingError
from memviz.progress import Progress, no_progress
from memviz.reading.engine import limits


@contextmanager
def as_reading_error(
    progress: Progress | None, *, model: str, tokens: int, stops: list[Exception] | None = None
) -> Iterator[Progress]:
    """Turns what a model raises for a text of so many tokens into a `ReadingError`.

    Gives the progress to tell inside: what that one raises, to stop the reading, is passed on as it is, and so is what
    is put into ``stops`` before it is raised.
    """
    outer = progress or no_progress
    stops = [] if stops is None else stops

    def inner(fraction: float, label: str) -> None:
        try:
            outer(fraction, label)
        except Exception as stop:
            stops.append(stop)
            raise

    try:
        with limits.kept_within(tokens=tokens):
            yield inner
    except (MemVizError, MemoryError):
        raise
    except Exception as error:
        if any(error is stop for stop in stops):
            raise
        raise ReadingError(
            "{model} could not read a text of {tokens:,} tokens ({said}).",
            todo="Shorten the text, or choose another model.",
            model=model,
            tokens=tokens,
            said=(str(error).strip() or type(error).__name__).splitlines()[0][:200],
        ) from error
