"""How far is it? What a reading tells to whoever is waiting."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""``progress(fraction, label)``: how much is done, 0..1, and what is being done. It may raise to stop."""

Announce = Callable[[int], None]
"""``announce(size)``: how many bytes a download has, before it begins."""


def no_announcement(size: int) -> None:
    """Nobody asked for the size."""


def no_progress(fraction: float, label: str) -> None:
    """Nobody is watching the progress."""


def progress_within(progress: Progress | None, start: float, stop: float) -> Progress:
    """The progress of a part of the work, told as that of the whole."""
    if progress is None:
        return no_progress
    return lambda fraction, label: progress(start + fraction * (stop - start), label)
