"""Questions that need several readings: what if the model could not look there? Each beside a control.

    result = memviz.experiments.cover(reader, text, "dragon", answer="dragon")
    result.before, result.after, result.control     # probability of the answer; the median of the controls
    result.table()

One decorated function is one experiment (`registry`). Readings in, a frozen result with its control out.
"""

from __future__ import annotations

from memviz.experiments.cover import Cover, CoverByLayer, cover, cover_by_layer
from memviz.experiments.registry import EXPERIMENTS, Experiment

__all__ = ["EXPERIMENTS", "Cover", "CoverByLayer", "Experiment", "cover", "cover_by_layer"]
