"""How does whoever waits see that a model is being fetched? On the standard error, where nobody asked for more."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from memviz.models.catalogue import CATALOGUE


class DownloadBar:
    """Says how much a download brings, then how far it is: a bar on a terminal or in a notebook, lines in a log.

    Silent for a model that is here already. To be used in a ``with`` block, at whose end the bar is gone.
    """

    def __init__(self, name: object) -> None:
        self._name = str(name)
        self._begun = False
        self._bar: Any = None
        self._before = ""

    def __enter__(self) -> DownloadBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def announce(self, size: int) -> None:
        """So many bytes will be downloaded."""
        self._begun = True
        entry = CATALOGUE.get(self._name)
        title = f"{entry.title}, " if entry else ""
        sys.stderr.write(f"{self._name}: {title}{megabytes(size)} to download\n")

    def progress(self, fraction: float, label: str) -> None:
        """The download, and what follows it, is so far."""
        if not self._begun:
            return
        if sys.stderr.isatty() or in_a_notebook():
            self._draw(fraction, label)
        elif label != self._before:
            sys.stderr.write(f"{self._name}: {label}\n")
            self._before = label

    def _draw(self, fraction: float, label: str) -> None:
        from tqdm.auto import tqdm

        if self._bar is None:
            wide, tall = (80, 24) if _unsized() and not in_a_notebook() else (None, None)
            style = "{desc}: {percentage:3.0f} %|{bar}| {elapsed}"
            self._bar = tqdm(total=100, bar_format=style, ncols=wide, nrows=tall, leave=False)
        self._bar.set_description_str(f"{self._name}: {label}", refresh=False)
        self._bar.n = round(100 * fraction)
        self._bar.refresh()


def megabytes(size: float) -> str:
    """A number of bytes, for a person."""
    return f"{size / 1e6:,.0f} MB"


def _unsized() -> bool:
    """Is this a terminal that does not tell its size, so that tqdm would draw nothing?"""
    try:
        return 0 in os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):  # no terminal, or no file at all
        return False


def in_a_notebook() -> bool:
    """Is there a notebook that shows bars as widgets?"""
    from tqdm.auto import tqdm

    return any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)
