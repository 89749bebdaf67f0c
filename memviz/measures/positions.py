"""Does a head fetch a particular slot: the token before, the same token, what came next, itself, the first?"""

from __future__ import annotations

import numpy as np

from memviz.measures.registry import measure
from memviz.memory import Memory


def at_distance(memory: Memory, distance: int, what: str) -> np.ndarray:
    """The mean weight at one distance (query − key), over the queries that have a key there. [layer, head]."""
    memory.require_line(what)
    keys = len(memory.keys)
    pairs = min(len(memory.queries), keys + distance) - max(distance, 0)
    place = distance + keys - 1
    if pairs <= 0 or not 0 <= place < memory.summary.distance.shape[-1]:
        return np.full((memory.layers, memory.heads), np.nan, dtype=np.float32)
    return memory.summary.distance[:, :, place] / np.float32(pairs)


@measure(
    "Previous-token score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{i \ge 1}\; a_{i,i-1}",
    source="Olsson et al. 2022, In-context Learning and Induction Heads; TransformerLens head_detector",
    caveat="Measured on this one text.",
)
def previous_token(memory: Memory) -> np.ndarray:
    """How much does each head look at the previous token?

    float32 [layer, head], 0..1: the mean weight over all queries but the first. NaN for a text of one token.
    """
    return at_distance(memory, 1, "Previous-token score")


@measure(
    "Next-token score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{i < n-1}\; a_{i,i+1}",
    source="Clark et al. 2019, What Does BERT Look At?, section 3.1",
    caveat="Measured on this one text. Always 0 in a causal model, which sees no later token.",
)
def next_token(memory: Memory) -> np.ndarray:
    """How much does each head look at the next token?

    float32 [layer, head], 0..1: the mean weight over all queries but the last. NaN for a text of one token.
    """
    return at_distance(memory, -1, "Next-token score")


@measure(
    "Current-token score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_i\; a_{ii}",
    source="Clark et al. 2019, What Does BERT Look At?, section 3.1",
    caveat="Measured on this one text. The first token of a causal model can only look at itself.",
)
def self_attention(memory: Memory) -> np.ndarray:
    """How much does each head look at the current token, the query itself?

    float32 [layer, head], 0..1: the mean weight over all queries.
    """
    return at_distance(memory, 0, "Current-token score")


@measure(
    "First-token score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{i \ge 1}\; a_{i0}",
    source="Xiao et al. 2024, Efficient Streaming Language Models with Attention Sinks; Gu et al. 2025",
    caveat="Measured on this one text. How much is read from it is another question: see the sink share of the value "
    "norm.",
)
def first_token(memory: Memory) -> np.ndarray:
    """How much does each head look at the first token?

    float32 [layer, head], 0..1: the mean weight over all queries but the first, which in a
    causal model can look nowhere else. NaN for a text of one token.
    """
    later = memory.summary.first[:, :, 1:]
    if later.shape[-1] == 0:
        return np.full((memory.layers, memory.heads), np.nan, dtype=np.float32)
    return later.mean(-1)


@measure(
    "Duplicate-token score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{i:\, \exists j < i,\, t_j = t_i}\; \sum_{j < i,\; t_j = t_i} a_{ij}",
    source="Wang et al. 2022, Interpretability in the Wild; TransformerLens head_detector",
    caveat="Measured on this one text, over the tokens that have an earlier copy; few copies say little.",
)
def duplicate_token(memory: Memory) -> np.ndarray:
    """How much does each head look back at earlier copies of the same token?

    float32 [layer, head], 0..1, the mean over the queries that have an earlier copy; NaN when none has.
    """
    return _where_repeated(memory, memory.summary.duplicate, "Duplicate-token score")


@measure(
    "Induction score",
    group="recall",
    unit="mean weight",
    axes=("layer", "head"),
    high=1.0,
    formula=r"\operatorname{mean}_{i:\, \exists j < i,\, t_j = t_i}\; \sum_{j+1 < i,\; t_j = t_i} a_{i,j+1}",
    source="Olsson et al. 2022, In-context Learning and Induction Heads",
    caveat="A pattern is not a function: some heads that show the stripe do not copy. Few repeats say little.",
)
def induction(memory: Memory) -> np.ndarray:
    """How much does each head find the last time this token was seen, and look at what came next?

    float32 [layer, head], 0..1, the mean over the queries that have an earlier copy; NaN when none has.
    """
    return _where_repeated(memory, memory.summary.induction, "Induction score")


def _where_repeated(memory: Memory, score: np.ndarray, what: str) -> np.ndarray:
    memory.require_tokens(what)
    return score if memory.summary.repeats else np.full_like(score, np.nan)
