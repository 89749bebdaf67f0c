"""Which heads do what, on this text? Plain names from the measured scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memviz.errors import MeasureError
from memviz.measures import positions, weights
from memviz.measures.means import known_mean
from memviz.memory import Memory

ROLES: dict[str, str] = {
    "previous token": "at least half of its weight is on the previous token",
    "next token": "at least half of its weight is on the next token",
    "current token": "at least half of its weight is on the current token (the query itself)",
    "induction": "at least 0.3 on what followed earlier copies (4 repeats or more)",
    "duplicate token": "at least 0.3 on earlier copies of the token (4 repeats or more)",
    "first token": "at least half of its weight is on the first token",
    "diffuse": "spreads over at least half of the tokens that it sees",
    "focused": "spreads over at most 2.5 tokens (effective number)",
}
REPEATS = 4
SHARP = 2.5  # effective slots, the mean over queries: the number that stands beside the role


def roles(memory: Memory) -> np.ndarray:
    """What does each head do on this text? Text [layer, head], one of `ROLES` or "" for none of them.

    The first role in the order of `ROLES` whose threshold is reached; the thresholds are MemViz's
    own, made for reading a picture, not for naming circuits.
    """
    tests = {
        "previous token": _score(memory, positions.previous_token) >= 0.5,
        "next token": _score(memory, positions.next_token) >= 0.5,
        "current token": _score(memory, positions.self_attention) >= 0.5,
        "induction": (_score(memory, positions.induction) >= 0.3) & (memory.summary.repeats >= REPEATS),
        "duplicate token": (_score(memory, positions.duplicate_token) >= 0.3) & (memory.summary.repeats >= REPEATS),
        "first token": _score(memory, positions.first_token) >= 0.5,
        "diffuse": _spread(memory) >= 0.5,
        "focused": known_mean(weights.slots(memory), axis=-1) <= SHARP,
    }
    names = np.full((memory.layers, memory.heads), "", dtype=object)
    for role in reversed(ROLES):
        names[tests[role]] = role
    return names.astype(str)


def _score(memory: Memory, compute: Callable[[Memory], np.ndarray]) -> np.ndarray:
    """The score, or 0 where it is not defined."""
    try:
        return np.nan_to_num(compute(memory), nan=0.0)
    except MeasureError:
        return np.zeros((memory.layers, memory.heads), dtype=np.float32)


def _spread(memory: Memory) -> np.ndarray:
    """The effective slots as a share of the keys seen, the mean over queries that see at least four. [layer, head]."""
    keys_seen = np.stack([memory.keys_seen(layer) for layer in range(memory.layers)])  # [layer, head, query]
    enough = keys_seen >= 4
    if not enough.any():
        return np.zeros((memory.layers, memory.heads), dtype=np.float32)
    share = np.nan_to_num(weights.slots(memory)) / np.maximum(keys_seen, 1)
    return np.where(enough, share, 0).sum(-1) / np.maximum(enough.sum(-1), 1)
