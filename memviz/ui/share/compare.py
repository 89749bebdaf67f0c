"""What a link to the page Compare holds."""

from __future__ import annotations

from dataclasses import dataclass

from memviz.trace import Trace


@dataclass(frozen=True)
class Compare:
    """Two texts side by side: the reading of the first, and the second text."""

    trace: Trace
    other: str
    name: str = "compare"

    def texts(self) -> dict[str, str]:
        """What stands in the two boxes."""
        return {"text": self.trace.text, "other": self.other}
