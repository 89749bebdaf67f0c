"""What the page Train shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.ui.parts.training import TrainView
from memviz.ui.shell.i18n import language_tag, t
from memviz.version import __version__


@dataclass(frozen=True)
class Training:
    """What a model learnt, and how."""

    view: TrainView
    name: str = "train"

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what was done."""
        fields = {"MemViz": __version__, "unit": self.view.unit(), **self.view.fields()}
        return {name: value for name, value in fields.items() if value}

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return self.view.table(), self.provenance_fields()

    def npz(self) -> bytes:
        frame = self.view.table()
        arrays = {str(name): _array(frame[name]) for name in frame}
        return tables.npz(arrays, self.provenance_fields() | {"shows": self.view.statement()})

    def png(self) -> bytes:
        return figures.experiment_png((), (), self.view.rows(), **self._options())

    def svg(self) -> str:
        return figures.experiment_svg((), (), self.view.rows(), **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "statement": self.view.statement(),
            "unit": self.view.unit(),
            "provenance": self.provenance_fields(),
            "title": t("How is a memory written?"),
            "translate": t,
        }

    def html(self) -> str:
        return figures.html(
            self.view.charts(),
            title=t("How is a memory written?"),
            intro=self.view.statement(),
            provenance=self.provenance_fields(),
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        return self.view.code()


def _array(column: pd.Series) -> np.ndarray:
    """A column as an array that holds no Python objects."""
    return column.to_numpy() if column.dtype.kind in "iufb" else np.array([str(value) for value in column])
