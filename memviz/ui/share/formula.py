"""What the page Formula shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass

from memviz.ui.parts.formula import LookUpView, RecurrentView
from memviz.ui.share.findings import Findings


@dataclass(frozen=True)
class Formula(Findings):
    """One look-up in numbers."""

    view: LookUpView | RecurrentView

    def head_fields(self) -> dict[str, str]:
        """Head and token by their numbers, as a link names them: the usual ones of another text are others."""
        return self.view.place()
