"""What a page shows of experiments, to take along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memviz.figures import provenance
from memviz.trace import Trace
from memviz.ui.parts.experiment import ForgetView
from memviz.ui.share.experiment_files import ExperimentFiles
from memviz.ui.shell.i18n import t
from memviz.ui.shell.navigation import PAGES


@dataclass(frozen=True)
class Findings(ExperimentFiles):
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

    @property
    def numbers(self) -> ForgetView:
        return self.view

    def sheet(self) -> tuple[Any, ...]:
        return self.view.words, self.view.covered, self.view.rows()

    def title(self) -> str:
        """The question of the experiment; of a view that is none, that of its page."""
        from memviz.experiments import EXPERIMENTS

        asks = EXPERIMENTS.get(self.view.experiment) or PAGES[self.name]
        return t(asks.question)

    def intro(self) -> str:
        return f"{self.trace.text}  —  {self.view.statement()}"

    def code(self) -> str:
        return f"""import memviz

reader = memviz.load({self.trace.model.name!r})
text = {self.trace.text!r}
{self.view.code()}
table.to_csv("memviz-{self.name}.csv", index=False)
"""
