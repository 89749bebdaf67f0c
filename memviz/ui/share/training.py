"""What the page Train shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass

from memviz.ui.parts.training import TrainView
from memviz.ui.share.experiment_files import ExperimentFiles
from memviz.ui.shell.i18n import t
from memviz.version import __version__


@dataclass(frozen=True)
class Training(ExperimentFiles):
    """What a model learnt, and how."""

    view: TrainView
    name: str = "train"

    @property
    def numbers(self) -> TrainView:
        return self.view

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what was done."""
        fields = {"MemViz": __version__, "unit": self.view.unit(), **self.view.fields()}
        return {name: value for name, value in fields.items() if value}

    def title(self) -> str:
        return t("How is a memory written?")

    def code(self) -> str:
        return self.view.code()
