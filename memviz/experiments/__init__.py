"""Questions that need several readings: what if the model could not look there? Each beside a control.

    result = memviz.experiments.cover(reader, text, "dragon", answer="dragon")
    result.before, result.after, result.control     # probability of the answer; the median of the controls
    result.table()

One decorated function is one experiment (`registry`). Readings in, a frozen result with its control out.
"""

from __future__ import annotations

from memviz.experiments.agreement import Agreement, Blank, Ranking, agree, blank
from memviz.experiments.cache import CacheCurve, Span, perplexity_by_cache, span
from memviz.experiments.cover import Cover, CoverByLayer, cover, cover_by_layer
from memviz.experiments.entities import Entities, Entity, entities
from memviz.experiments.fact_against_context import FactAgainstContext, fact_against_context
from memviz.experiments.feedforwards import UnplugFeedForwards, unplug_feedforwards
from memviz.experiments.heads import RetrievalHeads, Unplug, retrieval_heads, unplug
from memviz.experiments.logit_lens import LogitLens, logit_lens
from memviz.experiments.memorisation import Memorisation, Recital, memorisation
from memviz.experiments.needle import Needle, needle
from memviz.experiments.patches import CoverPatches, cover_patches
from memviz.experiments.recall import RecallGain, recall_gain
from memviz.experiments.registry import EXPERIMENTS, Experiment

__all__ = [
    "EXPERIMENTS",
    "Agreement",
    "Blank",
    "CacheCurve",
    "Cover",
    "CoverByLayer",
    "CoverPatches",
    "Entities",
    "Entity",
    "Experiment",
    "FactAgainstContext",
    "LogitLens",
    "Memorisation",
    "Needle",
    "Ranking",
    "RecallGain",
    "Recital",
    "RetrievalHeads",
    "Span",
    "Unplug",
    "UnplugFeedForwards",
    "agree",
    "blank",
    "cover",
    "cover_by_layer",
    "cover_patches",
    "entities",
    "fact_against_context",
    "logit_lens",
    "memorisation",
    "needle",
    "perplexity_by_cache",
    "recall_gain",
    "retrieval_heads",
    "span",
    "unplug",
    "unplug_feedforwards",
]
