"""Which heads do what? All layers and heads as small pictures, in one canvas."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from memviz.ui.components.assets import pack, register
from memviz.ui.components.choice import Report, choose

Head = tuple[int, int]
NO_ROLE = "none"  # the role of heads without one, as links name it

LABELS = {
    "heads": "All attention heads, {layers} layers by {heads} heads. Arrow keys move, Enter chooses a head.",
    "order": "Order by",
    "position": "layer and head",
    "roles": "Show only heads with this role",
    "none": "no clear role",
}

_mount = register(Path(__file__).parent, name="heads_grid")


def heads_grid(
    thumbnails: np.ndarray,
    *,
    scores: Mapping[str, np.ndarray],
    roles: np.ndarray | None,
    labels: Mapping[str, str],
    score_labels: Mapping[str, str],
    selected: Head,
    marked: Sequence[Head] = (),
    range_note: str = "",
    order: str = "",
    role: str = "",
    role_heads: Mapping[str, Head] | None = None,
    key: str,
) -> tuple[Head, tuple[str, str]]:
    """Which head was chosen from the grid, and how does the grid stand? ((layer, head), 0-based; (order, role)).

    ``thumbnails``: uint8 [layer, head, row, column], the square root of the weight from 0 to 255
    over the whole trace's range; rows are queries, columns are keys, at most 32 of each.
    ``scores``: by name, float [layer, head], NaN where undefined. ``roles``: names [layer, head],
    ``""`` for none; ``None`` where roles mean nothing, and none is spoken of. ``labels`` replaces the words in `LABELS`
    and the names of roles, ``score_labels`` those of scores.
    ``selected`` is the page's choice; whoever chose last, page or person, is followed. ``marked`` heads are crossed
    out. ``range_note`` says what the lightest and the darkest colour mean. ``order`` is the name of the score the heads
    are sorted by, ``role`` that of the only role shown ("" for all, `NO_ROLE` for the heads without one); here too the
    last choice is followed. A person who chooses a role goes to its head in ``role_heads``.

    Raises ``ValueError`` when the arrays do not have one value for each head.
    """
    layers, heads, rows, columns = _shape(thumbnails)
    names, codes = _encode_roles(roles, shape=(layers, heads))
    order, role = (order if order in scores else ""), (role if role in names else "")
    words = {**LABELS, **labels}
    arranged = choose(
        f"{key}:arranged",
        subject=(tuple(scores), tuple(names)),
        page_value=(order, role),
        report=_arrangement(key, scores, names),
    )
    if arranged.value[1] != role:
        selected = (role_heads or {}).get(arranged.value[1], selected)
    choice = choose(
        key,
        subject=(layers, heads),
        page_value=(int(selected[0]), int(selected[1])),
        report=last_click(key, shape=(layers, heads)),
    )
    data = {
        "id": key,
        "shape": {"layers": layers, "heads": heads, "rows": rows, "columns": columns},
        "selected": list(choice.sent_value),
        "turn": choice.turn,
        "marked": [int(layer) * heads + int(head) for layer, head in marked],
        "order": arranged.sent_value[0],
        "role": arranged.sent_value[1],
        "arrangedTurn": arranged.turn,
        "keys": {"scores": list(scores), "roles": names},
        "roles": [words["none"] if name == NO_ROLE else words.get(name, name) for name in names],
        "scores": [score_labels.get(name, name) for name in scores],
        "labels": {name: words[name] for name in LABELS},
        "note": range_note,
        "arrays": pack({"weights": thumbnails, "role": codes, "score": _stack_scores(scores, shape=(layers, heads))}),
    }
    _mount(data=data, key=key, on_head_change=_rerun, on_arranged_change=_rerun)
    return choice.value, arranged.value


def _shape(thumbnails: np.ndarray) -> tuple[int, int, int, int]:
    """How many layers, heads, rows and columns?"""
    if thumbnails.ndim != 4 or thumbnails.dtype != np.uint8:
        got = f"{thumbnails.dtype} {thumbnails.shape}"
        raise ValueError(f"thumbnails must be uint8 [layer, head, row, column], got {got}")
    layers, heads, rows, columns = thumbnails.shape
    return layers, heads, rows, columns


def _encode_roles(roles: np.ndarray | None, *, shape: Head) -> tuple[list[str], np.ndarray]:
    """Which roles are there, and which has each head? Names, the commonest first, `NO_ROLE` last; uint8, from 1."""
    if roles is None:
        return [], np.zeros(math.prod(shape), dtype=np.uint8)
    roles = np.asarray(roles, dtype=object)
    if roles.shape != shape:
        raise ValueError(f"roles must have one name for each head, {shape}, got {roles.shape}")
    counts = Counter(str(role) or NO_ROLE for role in roles.flat)
    names = sorted(counts, key=lambda name: (name == NO_ROLE, -counts[name], name))
    number = {name: i + 1 for i, name in enumerate(names)}
    return names, np.array([number[str(role) or NO_ROLE] for role in roles.flat], dtype=np.uint8)


def _stack_scores(scores: Mapping[str, np.ndarray], *, shape: Head) -> np.ndarray:
    """All scores in one array: float32 [score, layer, head]."""
    wrong = {name: np.shape(values) for name, values in scores.items() if np.shape(values) != shape}
    if wrong:
        raise ValueError(f"scores must have one value for each head, {shape}, got {wrong}")
    return np.array([np.asarray(values) for values in scores.values()], dtype=np.float32)


def last_click(key: str, *, shape: Head) -> Report[Head] | None:
    """Which head was clicked last in the grid of this ``key``? Nothing is believed that is not a head of the model.

    ``shape``: how many layers and heads there are.
    """
    state: Any = st.session_state.get(key) or {}
    head = state.get("head") or {}
    layer, column = head.get("layer"), head.get("head")
    if not (isinstance(layer, int) and isinstance(column, int)):
        return None
    if not (0 <= layer < shape[0] and 0 <= column < shape[1]):
        return None
    return Report((layer, column), head.get("click", 0))


def _arrangement(key: str, orders: Container[str], roles: Container[str]) -> Report[tuple[str, str]] | None:
    """By which score did the person sort the grid last, and which role alone is shown? ``""`` for what is not there."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("arranged")
    if not isinstance(report, Mapping):
        return None
    order, role = str(report.get("order")), str(report.get("role"))
    return Report((order if order in orders else "", role if role in roles else ""), report.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
