"""The reading of a view as Python: the lines that every page's code begins with."""

from __future__ import annotations

from memviz.trace import Trace


def reading(trace: Trace) -> str:
    """The import, and the call that reads this text again."""
    pair = f", pair={trace.pair!r}" if trace.pair else ""
    return f"import memviz\n\ntrace = memviz.read({trace.text!r}{pair}, model={trace.model.name!r})"
