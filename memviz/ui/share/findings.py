"""What a page shows of experiments, to take along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.figures import provenance
from memviz.trace import Trace
from memviz.ui.parts.experiment import ForgetView
from memviz.ui.shell.i18n import language_tag, t
from memviz.ui.shell.navigation import PAGES


@dataclass(frozen=True)
class Findings:
    """What a page found out about a text, by an experiment; ``other``: the second text of the page, if it has one."""

    trace: Trace
    view: ForgetView
    name: str
    other: str = ""

    def texts(self) -> dict[str, str]:
        """What was typed into the boxes of the page."""
        return {"text": self.trace.text, "other": self.other, **self.view.texts()}

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what was done."""
        fields = provenance(self.trace)
        return fields | {"unit": self.view.unit(), "experiment": self.view.experiment, **self.view.fields()}

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return self.view.table(), self.provenance_fields()

    def npz(self) -> bytes:
        frame = self.view.table()
        arrays = {name: _array(frame[name]) for name in frame}
        return tables.npz(arrays, self.provenance_fields() | {"shows": self.view.statement()})

    def png(self) -> bytes:
        return figures.experiment_png(*self._sheet(), **self._options())

    def svg(self) -> str:
        return figures.experiment_svg(*self._sheet(), **self._options())

    def _sheet(self) -> tuple[Any, ...]:
        return self.view.words, self.view.covered, self.view.rows()

    def _options(self) -> dict[str, Any]:
        return {
            "statement": self.view.statement(),
            "unit": self.view.unit(),
            "provenance": self.provenance_fields(),
            "title": self._title(),
            "translate": t,
        }

    def _title(self) -> str:
        """The question of the experiment; of a view that is none, that of its page."""
        from memviz.experiments import EXPERIMENTS

        asks = EXPERIMENTS.get(self.view.experiment) or PAGES[self.name]
        return t(asks.question)

    def html(self) -> str:
        return figures.html(
            self.view.charts(),
            title=self._title(),
            intro=f"{self.trace.text}  —  {self.view.statement()}",
            provenance=self.provenance_fields(),
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        return f"""import memviz

reader = memviz.load({self.trace.model.name!r})
text = {self.trace.text!r}
{self.view.code()}
table.to_csv("memviz-{self.name}.csv", index=False)
"""


def _array(column: pd.Series) -> np.ndarray:
    """A column as an array that holds no Python objects."""
    numbers = pd.api.types.is_numeric_dtype(column)  # a column of texts has a type of pandas' own
    return column.to_numpy() if numbers else np.array([str(value) for value in column])
