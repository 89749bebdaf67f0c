"""A view as Python: the lines that every page's code begins with, and those that save its picture."""

from __future__ import annotations

from memviz.trace import Trace


def reading(trace: Trace) -> str:
    """The import, and the call that reads this text again."""
    pair = f", pair={trace.pair!r}" if trace.pair else ""
    return f"import memviz\n\ntrace = memviz.read({trace.text!r}{pair}, model={trace.model.name!r})"


def saving(file: str, picture: str, *arguments: str) -> str:
    """The lines that write what the function ``picture`` gives for these arguments, a PNG, and say where."""
    given = "".join(f"    {argument},\n" for argument in arguments)
    return f"""
png = {picture}(
{given})
with open({file!r}, "wb") as file:
    file.write(png)
print("saved:", file.name)
"""
