"""All heads as small pictures, and which attention store they are of."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures
from memviz.errors import MeasureError
from memviz.memory import Memory, thumbnail_cell
from memviz.trace import Trace
from memviz.ui.components import heads_grid
from memviz.ui.components.grid import LABELS, NO_ROLE
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t

KINDS = {
    "self": "the text",
    "encoder": "encoder: the source reads itself",
    "decoder": "decoder: the output reads itself",
    "cross": "cross-attention: the output reads the source",
}


def choose_memory(trace: Trace) -> Memory:
    """Which attention store? Asked only where a model has several."""
    kinds = list(trace.memories)
    if len(kinds) == 1:
        return trace.memory()
    kind = st.segmented_control(
        t("Memory"),
        kinds,
        required=True,
        format_func=lambda name: t(KINDS[name]),
        **state.url_bound("kind", kinds),
    )
    return trace.memory(kind)


def show_grid(memory: Memory) -> None:
    """All heads as small pictures; a click chooses one for the whole page. Below, the same as a table."""
    roles, scores, best = measures.roles(memory), _scores(memory), measures.role_heads(memory)
    default = next(iter(best.values()))
    names = {name: t(measures.MEASURES[name].label) for name in scores}
    head, (order, role) = heads_grid(
        memory.summary.thumbnail,
        scores=scores,
        roles=roles,
        labels={name: t(text) for name, text in {**LABELS, **{role: role for role in measures.ROLES}}.items()},
        score_labels=names,
        selected=state.get_head(memory, default),
        range_note=range_note(memory),
        order=state.get("order"),
        role=state.get("role"),
        role_heads={role or NO_ROLE: head for role, head in best.items()},
        key=f"grid_{memory.kind}",
    )
    state.put_head(*head, default)
    state.put("order", order)
    state.put("role", role)
    _show_table(roles, {names[name]: values for name, values in scores.items()})


def _show_table(roles: np.ndarray, scores: dict[str, np.ndarray]) -> None:
    """Every head with its role and its scores, all [layer, head]: the grid for those who cannot see it."""
    heads = [figures.head_name(layer, head) for layer, head in np.ndindex(roles.shape)]
    columns = {name: values.ravel() for name, values in scores.items()}
    named = [t(role) if role else t("no clear role") for role in roles.ravel()]
    frame = pd.DataFrame({t("head"): heads, t("role"): named, **columns})
    show.table(frame, label="Every head as a table")


def _scores(memory: Memory) -> dict[str, np.ndarray]:
    """Every measure that says something of each head, by its name: float32 [layer, head], the mean over its queries."""
    scores: dict[str, np.ndarray] = {}
    for name, measure in measures.MEASURES.items():
        if measure.axes in (("layer", "head"), ("layer", "head", "query")):
            with contextlib.suppress(MeasureError):
                values = measure.compute(memory)
                scores[name] = values if values.ndim == 2 else measures.known_mean(values, axis=2)
    return scores


def range_note(memory: Memory) -> str:
    """What light and dark mean, and how many tokens share a cell."""
    note = t("Empty: weight 0. Full colour: weight 1. Colour scale: √weight.")
    down, across = thumbnail_cell(len(memory.queries), len(memory.keys))
    if max(down, across) > 1:
        note += " " + t("One cell is the largest weight among {down} × {across} tokens.", down=down, across=across)
    return note
