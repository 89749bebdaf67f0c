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
LATER = ("current token", "focused", "diffuse", "first token", "")
"""The roles that tell less than where in the text a head looks, in the order in which they are shown."""
REPEATS = 4
SHARP = 2.5  # effective slots, the mean over queries: the number that stands beside the role
THRESHOLDS = dict.fromkeys(ROLES, 0.5) | {"induction": 0.3, "duplicate token": 0.3, "focused": 1.0}


def roles(memory: Memory) -> np.ndarray:
    """What does each head do on this text? Text [layer, head], one of `ROLES` or "" for none of them.

    The first role in the order of `ROLES` whose threshold is reached; the thresholds are MemViz's
    own, made for reading a picture, not for naming circuits.
    """
    names = np.full((memory.layers, memory.heads), "", dtype=object)
    scores = _scores(memory)
    for role in reversed(ROLES):
        names[scores[role] >= THRESHOLDS[role]] = role
    return names.astype(str)


def role_heads(memory: Memory) -> dict[str, tuple[int, int]]:
    """Which head shows each role best on this text, and which of them shows most?

    By role ("" for the heads without one) the layer and head whose score is the most times the threshold of its role;
    without a role, that of the nearest. The first is the one to begin with: of the roles that say at which other token
    a head looks the clearest, and only without these the others (`LATER`).
    """
    names, scores = roles(memory), _scores(memory)
    times = {role: scores[role] / THRESHOLDS[role] for role in ROLES}
    times[""] = np.max(list(times.values()), axis=0)
    best: dict[str, tuple[float, tuple[int, int]]] = {}
    for role in {*names.flat}:
        ranks = np.where(names == role, times[role], -np.inf)
        layer, head = np.unravel_index(ranks.argmax(), ranks.shape)
        best[role] = float(ranks.max()), (int(layer), int(head))
    later = {role: place for place, role in enumerate(LATER, start=1)}
    order = sorted(best, key=lambda role: (later.get(role, 0), -best[role][0], role))
    return {role: best[role][1] for role in order}


def _scores(memory: Memory) -> dict[str, np.ndarray]:
    """What each role is judged by: [layer, head], the higher the clearer; see `THRESHOLDS`."""
    enough = memory.summary.repeats >= REPEATS
    return {
        "previous token": _score(memory, positions.previous_token),
        "next token": _score(memory, positions.next_token),
        "current token": _score(memory, positions.self_attention),
        "induction": _score(memory, positions.induction) * enough,
        "duplicate token": _score(memory, positions.duplicate_token) * enough,
        "first token": _score(memory, positions.first_token),
        "diffuse": _spread(memory),
        "focused": np.nan_to_num(SHARP / np.maximum(known_mean(weights.slots(memory), axis=-1), 1)),
    }


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
