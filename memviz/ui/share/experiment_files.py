"""The files of an experiment: a table, arrays, a sheet, a page that opens offline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.ui.parts.experiment.view import NumbersView
from memviz.ui.shell.i18n import language_tag, t


class ExperimentFiles(ABC):
    """The files of what a page shows of an experiment. Whoever has them names the view, the title and the source."""

    @property
    @abstractmethod
    def numbers(self) -> NumbersView:
        """What is in the files."""

    @abstractmethod
    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what was done."""

    @abstractmethod
    def title(self) -> str:
        """What stands above, in the reader's language."""

    def intro(self) -> str:
        """What stands below the title of a page: what was found."""
        return self.numbers.statement()

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The columns of the table; none holds Python objects."""
        frame = self.numbers.table()
        return {str(name): _array(frame[name]) for name in frame}

    def sheet(self) -> tuple[Any, ...]:
        """(words, which of them are covered, bars) of the sheet."""
        return (), (), self.numbers.rows()

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return self.numbers.table(), self.provenance_fields()

    def npz(self) -> bytes:
        return tables.npz(self.arrays(), self.provenance_fields() | {"shows": self.numbers.statement()})

    def png(self) -> bytes:
        return figures.experiment_png(*self.sheet(), **self._options())

    def svg(self) -> str:
        return figures.experiment_svg(*self.sheet(), **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "statement": self.numbers.statement(),
            "unit": self.numbers.unit(),
            "provenance": self.provenance_fields(),
            "title": self.title(),
            "translate": t,
        }

    def html(self) -> str:
        return figures.html(
            self.numbers.charts(),
            title=self.title(),
            intro=self.intro(),
            provenance=self.provenance_fields(),
            language=language_tag(),
            translate=t,
        )


def _array(column: pd.Series) -> np.ndarray:
    """A column as an array that holds no Python objects."""
    numbers = pd.api.types.is_numeric_dtype(column)  # a column of texts has a type of pandas' own
    return column.to_numpy() if numbers else np.array([str(value) for value in column])
