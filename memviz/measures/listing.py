"""All measures as one document: ``python -m memviz.measures.listing > docs/measures.md``."""

from __future__ import annotations

import sys

from memviz.measures import MEASURES, Measure

INTRODUCTION = """\
# Measures

A memory in, a number with a unit out. Each is a function of `memviz.measures`, and one decorated function is all that a
new one needs: it joins the grid of heads, the glossary and this list.
"""


def markdown() -> str:
    """What does each measure answer, in which unit and over which axes, and what does it not show?"""
    return "\n".join([INTRODUCTION, *map(_entry, MEASURES.values())])


def _entry(measure: Measure) -> str:
    low, high = ("∞" if end is None else f"{end:g}" for end in (measure.low, measure.high))
    head = ", layer, head" if measure.of_one_head else ""
    return f"""\
## {measure.label}

{measure.question}

`memviz.measures.{measure.name}(memory{head})` · [{", ".join(measure.axes)}] · {measure.unit} · {low} to {high}

$${measure.formula}$$

{measure.source}. *{measure.caveat}*
"""


if __name__ == "__main__":
    sys.stdout.write(markdown())
