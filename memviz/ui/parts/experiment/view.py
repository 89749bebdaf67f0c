"""What the page Forget shows of one experiment, to be taken along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from memviz.figures import SheetRow


class ForgetView(Protocol):
    """One experiment as the page shows it; holds its result, and no picture of it."""

    @property
    def covered(self) -> tuple[int, ...]:
        """The words that were covered, by number."""

    @property
    def answer(self) -> str | None:
        """The answer that was typed; ``None``: the model's own."""

    def statement(self) -> str:
        """What is said of it, in plain text."""

    def unit(self) -> str:
        """What its numbers are."""

    def table(self) -> pd.DataFrame:
        """Its numbers."""

    def charts(self) -> Sequence[Any]:
        """Its figures."""

    def rows(self) -> Sequence[SheetRow]:
        """Its numbers as bars on a sheet."""

    def code(self) -> str:
        """The lines that repeat it, after ``reader`` and ``text``; they leave its numbers as ``result``."""

    def fields(self) -> dict[str, str]:
        """How it was made, for its provenance."""


def plain(text: str) -> str:
    """A statement without its markdown."""
    return text.replace("**", "")
