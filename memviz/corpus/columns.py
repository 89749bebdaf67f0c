"""What is kept of one text: numbers for every head, and a few for the text as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memviz import measures
from memviz.corpus.token_kinds import KINDS, token_kinds
from memviz.errors import MeasureError
from memviz.measures import MEASURES, known_mean
from memviz.memory import Memory
from memviz.trace import Trace

QUARTERS = 4


@dataclass(frozen=True)
class Column:
    """One number of every text and head: its name in the files, its label, its unit, and what it answers."""

    name: str
    label: str
    unit: str
    question: str


def _of_measure(name: str) -> Column:
    measure = MEASURES[name]
    return Column(name, measure.label, measure.unit, measure.question)


_SCORES = ("previous_token", "next_token", "self_attention", "first_token", "duplicate_token", "induction")
_MEANS: dict[str, Callable[[Memory], np.ndarray]] = {"entropy": measures.entropy, "slots": measures.slots}
_PER_HEAD = ("sink_share", "mean_distance", "span")
_RECEIVED = {
    "function": ("Attention received by function words", "How hard is a function word looked at?"),
    "content": ("Attention received by content words", "How hard is a content word looked at?"),
    "punctuation": ("Attention received by punctuation", "How hard is a punctuation mark looked at?"),
    "special": ("Attention received by special tokens", "How hard is a token looked at that the tokenizer added?"),
}
_PLACES = (
    ("Attention received by the first quarter", "How hard is a token of the text's first quarter looked at?"),
    ("Attention received by the second quarter", "How hard is a token of the text's second quarter looked at?"),
    ("Attention received by the third quarter", "How hard is a token of the text's third quarter looked at?"),
    ("Attention received by the last quarter", "How hard is a token of the text's last quarter looked at?"),
)
COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        *map(_of_measure, (*_SCORES, *_MEANS, *_PER_HEAD)),
        *(Column(f"received_{kind}", label, "mean weight", ask) for kind, (label, ask) in _RECEIVED.items()),
        *(
            Column(f"received_quarter_{number}", label, "mean weight", ask)
            for number, (label, ask) in enumerate(_PLACES, start=1)
        ),
    )
}
"""The numbers of every text and head, by the names of their columns."""


@dataclass(frozen=True, eq=False)
class TextSummary:
    """What is kept of the reading of one text.

    heads      float32 [head over all layers] by the name of its column, NaN where a measure is not defined
    roles      text [head over all layers], "" for none
    layers     how many, so that the shape is known
    tokens     how many were read
    language   whose function words were counted, "" for none
    logprob    the natural logarithm of the probability of all tokens that were predicted; NaN for a model that
               predicts nothing
    predicted  how many tokens that were
    """

    heads: dict[str, np.ndarray]
    roles: np.ndarray
    layers: int
    tokens: int
    language: str
    logprob: float
    predicted: int


def summarise(trace: Trace) -> TextSummary:
    """What does a corpus keep of this reading?

    The scores of the roles, the mean entropy and the mean effective number of tokens over all queries, sink share,
    mean distance and span: the measures of those names. ``received_…``: the mean of `measures.received` over the
    tokens of a kind (special tokens apart from all others), or over the tokens of a quarter of the text, special ones
    left out; NaN where a text has no such token.
    """
    memory = trace.memory()
    values = {name: MEASURES[name].compute(memory) for name in _PER_HEAD}
    values |= {name: _score(memory, name) for name in _SCORES}
    values |= {name: known_mean(compute(memory), axis=-1) for name, compute in _MEANS.items()}
    received = measures.received(memory)
    kinds, language = token_kinds(trace.words, len(trace.tokens))
    for kind in KINDS:
        places = [place for place, own in enumerate(kinds) if own == kind]
        values[f"received_{kind}"] = known_mean(received[:, :, places], axis=-1)
    inside = np.array([place for place, token in enumerate(trace.tokens) if not token.special], dtype=np.int64)
    for number, part in enumerate(np.array_split(inside, QUARTERS), start=1):
        values[f"received_quarter_{number}"] = known_mean(received[:, :, part], axis=-1)
    predicted = int(np.isfinite(trace.logprobs).sum())
    return TextSummary(
        heads={name: values[name].astype(np.float32).ravel() for name in COLUMNS},
        roles=measures.roles(memory).ravel(),
        layers=memory.layers,
        tokens=len(trace.tokens),
        language=language,
        logprob=float(np.nansum(trace.logprobs.astype(np.float64))) if predicted else float("nan"),
        predicted=predicted,
    )


def _score(memory: Memory, name: str) -> np.ndarray:
    """The score of a role, NaN where it is not defined."""
    try:
        return MEASURES[name].compute(memory)
    except MeasureError:
        return np.full((memory.layers, memory.heads), np.nan, dtype=np.float32)
