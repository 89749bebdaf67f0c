"""Measures: a memory in, a number with a unit out. Pure functions of what a reading left behind.

`MEASURES` lists them all, by name, with unit, range, formula, source and caveat.
"""

from memviz.measures.cross import (
    Alignment,
    Gold,
    aer,
    aer_by_head,
    alignment,
    best_head,
    confidence,
    coverage,
    word_coverage,
    word_weights,
    words_by_space,
)
from memviz.measures.differences import (
    Difference,
    PatternOf,
    common_words,
    difference,
    head_differences,
    word_pattern,
)
from memviz.measures.distances import baseline, distance, mean_distance, pairs_by_distance, span
from memviz.measures.links import Links, links, most_distinctive, writing_links
from memviz.measures.means import known_mean
from memviz.measures.positions import (
    duplicate_token,
    first_token,
    induction,
    next_token,
    previous_token,
    self_attention,
)
from memviz.measures.registry import MEASURES, Measure, measure
from memviz.measures.roles import ROLES, role_heads, roles
from memviz.measures.stretches import attention_to_stretches
from memviz.measures.surprise import word_surprise
from memviz.measures.weights import (
    COLLECTS,
    entropy,
    lift,
    received,
    rollout,
    sink_positions,
    sink_share,
    sink_value_share,
    slots,
    times_even,
    value_norm,
    value_norms,
    word_row,
)
from memviz.measures.word_times import WordTime, aligning_heads, character_times, mean_weights, word_times

__all__ = [
    "COLLECTS",
    "MEASURES",
    "ROLES",
    "Alignment",
    "Difference",
    "Gold",
    "Links",
    "Measure",
    "PatternOf",
    "WordTime",
    "aer",
    "aer_by_head",
    "aligning_heads",
    "alignment",
    "attention_to_stretches",
    "baseline",
    "best_head",
    "character_times",
    "common_words",
    "confidence",
    "coverage",
    "difference",
    "distance",
    "duplicate_token",
    "entropy",
    "first_token",
    "head_differences",
    "induction",
    "known_mean",
    "lift",
    "links",
    "mean_distance",
    "mean_weights",
    "measure",
    "most_distinctive",
    "next_token",
    "pairs_by_distance",
    "previous_token",
    "received",
    "role_heads",
    "roles",
    "rollout",
    "self_attention",
    "sink_positions",
    "sink_share",
    "sink_value_share",
    "slots",
    "span",
    "times_even",
    "value_norm",
    "value_norms",
    "word_coverage",
    "word_pattern",
    "word_row",
    "word_surprise",
    "word_times",
    "word_weights",
    "words_by_space",
    "writing_links",
]
