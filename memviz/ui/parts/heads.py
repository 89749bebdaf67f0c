"""The parts of the page Heads: the grid, the choice of what to see of a head, the head in full."""

from __future__ import annotations

import contextlib
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures, tables
from memviz.errors import MeasureError
from memviz.figures.charts.layout import with_subtitle
from memviz.figures.style.labels import shorten
from memviz.memory import Memory
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.components import heads_grid
from memviz.ui.components.grid import LABELS
from memviz.ui.shell import address, show, state
from memviz.ui.shell.i18n import t

LARGEST = 256  # words or tokens a side that are drawn one by one
LARGEST_TABLE = 4096**2  # weights that a table is made of
SUBTITLE = 48  # narrow letters of the text that a picture is of
COLUMNS = {
    "query": "query position",
    "key": "key position",
    "query_token": "query (looks)",
    "key_token": "key (is looked at)",
    "weight": "weight",
    "value norm": "value norm",
    "rollout": "rollout",
}
KINDS = {
    "self": "the text",
    "encoder": "encoder: the source reads itself",
    "decoder": "decoder: the output reads itself",
    "cross": "cross-attention: the output reads the source",
}
Values = Literal["weight", "value norm", "log", "rollout"]
VALUES: dict[Values, str] = {
    "weight": "raw weights",
    "value norm": "value norm",
    "log": "raw weights, log scale",
    "rollout": "attention rollout, over all layers",
}


@dataclass(frozen=True)
class HeadsView:
    """What is to be seen of a memory: which head (``None``: a mean), and how."""

    memory: Memory
    layer: int | None
    head: int | None
    values: Values = "weight"
    by_word: bool = True
    without: tuple[int, ...] = ()
    cumulative: float = 1.0
    find: str = ""
    window: tuple[slice, slice] | None = None


class PictureOptions(TypedDict):
    """What every picture of a view is made with; see `figures.pattern`."""

    view: Values
    query_words: tuple[Word, ...] | None
    key_words: tuple[Word, ...] | None
    without: tuple[int, ...]
    window: tuple[slice, slice] | None
    cumulative: float


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
    roles, scores = measures.roles(memory), _scores(memory)
    names = {name: t(measures.MEASURES[name].label) for name in scores}
    head, (order, role) = heads_grid(
        memory.summary.thumbnail,
        scores=scores,
        roles=roles,
        labels={name: t(text) for name, text in {**LABELS, **{role: role for role in measures.ROLES}}.items()},
        score_labels=names,
        selected=state.get_head(memory),
        range_note=range_note(memory),
        order=state.get("order"),
        role=state.get("role"),
        key=f"grid_{memory.kind}",
    )
    state.put_head(*head)
    state.put("order", order)
    state.put("role", role)
    _show_table(roles, {names[name]: values for name, values in scores.items()})


def _show_table(roles: np.ndarray, scores: dict[str, np.ndarray]) -> None:
    """Every head with its role and its scores, all [layer, head]: the grid for those who cannot see it."""
    heads = [figures.head_name(layer, head) for layer, head in np.ndindex(roles.shape)]
    columns = {name: values.ravel() for name, values in scores.items()}
    frame = pd.DataFrame({t("head"): heads, t("role"): [t(role) for role in roles.ravel()], **columns})
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
    cells = memory.summary.thumbnail.shape[2]
    if len(memory.queries) > cells:
        tokens = -(-len(memory.queries) // cells)
        note += " " + t("One cell is the largest weight among {count} × {count} tokens.", count=tokens)
    return note


def choose_view(trace: Trace, memory: Memory) -> HeadsView:
    """Layer, head, and how to see them."""
    layer_box, head_box = st.columns(2, gap="small", wrap=False)
    mean_box, options_box = st.columns([5, 3], vertical_alignment="bottom", gap="small", wrap=False)
    mean = state.choose_mean(place=mean_box, key="shown")
    state.put_head(*state.get_head(memory))
    layer = state.choose_layer(memory, place=layer_box)
    head = state.choose_head(memory, place=head_box)
    with options_box.popover(t("Options"), icon=":material/tune:"):
        values = _choose_values(memory)
        by_word = st.toggle(t("Whole words"), **state.url_bound("by_word", (True, False)))
        hide = st.toggle(t("Hide attention sinks"), **state.url_bound("sinkless", state.SWITCH))
        cumulative = st.slider(
            t("Keep the strongest weights of each row, up to"),
            50,
            100,
            step=5,
            format="%d %%",
            **state.url_bound("keep", range(50, 101, 5), default=100),
        )
        find = st.text_input(t("Find a word"), **state.url_bound("find", ("",), others=True))
        window = _choose_window(*(trace.sides(memory.kind) if by_word else (memory.queries, memory.keys)))
    all_layers = values == "rollout"
    return HeadsView(
        memory=memory,
        layer=None if mean == "all" or all_layers else layer,
        head=head if mean == "head" and not all_layers else None,
        values=values,
        by_word=by_word,
        without=measures.sink_positions(memory) if hide else (),
        cumulative=cumulative / 100,
        find=find,
        window=window,
    )


def _choose_values(memory: Memory) -> Values:
    """Weights, or what else can be drawn of this memory?"""
    encoder = memory.kind in ("self", "encoder") and not memory.causal
    names = [name for name in VALUES if encoder or name != "rollout"]
    return st.radio(t("Values"), names, format_func=lambda name: t(VALUES[name]), **state.url_bound("values", names))


def _choose_window(rows: Sized, cols: Sized) -> tuple[slice, slice] | None:
    """Which stretch of a long text is seen exactly? ``None``: all of it, pooled where it is too long.

    ``rows``, ``cols``: the words or tokens along the two sides.
    """
    if max(len(rows), len(cols)) <= LARGEST:
        for key in ("zoom", "zoom_rows", "zoom_cols"):  # a short text has no window to name
            address.put(key, "")
        return None
    if not st.toggle(t("Zoom into a window with exact values"), **state.url_bound("zoom", state.SWITCH)):
        return None
    sides = ((t("Rows from"), len(rows), "zoom_rows"), (t("Columns from"), len(cols), "zoom_cols"))
    first, second = (_choose_start(label, count - LARGEST // 2, key=key) for label, count, key in sides)
    return slice(first, first + LARGEST // 2), slice(second, second + LARGEST // 2)


def _choose_start(label: str, last: int, *, key: str) -> int:
    """Where does the window begin on one side? What was chosen for a longer text is moved inside."""
    if last <= 0:
        return 0
    start = st.session_state.get(key, address.get(key))
    if start is not None:
        st.session_state[key] = min(state.whole_number(str(start)) or 0, last)
    return st.slider(label, 0, last, **state.url_bound(key, range(last + 1)))


def show_picture(trace: Trace, view: HeadsView) -> None:
    """The head in full: exact values on hover."""
    try:
        chart = pattern_figure(trace, view)
    except MeasureError as error:
        show.problem(error)
        return
    show.figure(chart, key="pattern")
    st.markdown(summary_line(view))


def pattern_figure(trace: Trace, view: HeadsView) -> Any:
    """The heatmap of a view, as a Plotly figure."""
    chart = figures.pattern(
        view.memory,
        view.layer,
        view.head,
        **picture_options(trace, view),
        find=view.find,
        largest=LARGEST,
        title=_picture_title(view),
        caption="",
        translate=t,
    )
    text = trace.output or "" if view.memory.kind == "decoder" else trace.text
    return with_subtitle(chart, shorten(" ".join(text.split()), SUBTITLE))


def _picture_title(view: HeadsView) -> str | None:
    """What whoever sees nothing but the picture must know: which head, and its role."""
    if view.layer is None or view.head is None:
        return None
    return f"{figures.head_name(view.layer, view.head)} · {role_name(view.memory, view.layer, view.head)}"


def role_name(memory: Memory, layer: int, head: int) -> str:
    """What a head does on this text, in the reader's language."""
    role = str(measures.roles(memory)[layer, head])
    return t(role) if role else t("no clear role")


def picture_options(trace: Trace, view: HeadsView) -> PictureOptions:
    """What every picture of a view is made with."""
    queries, keys = trace.sides(view.memory.kind) if view.by_word else (None, None)
    return {
        "view": view.values,
        "query_words": queries,
        "key_words": keys,
        "without": view.without,
        "window": view.window,
        "cumulative": view.cumulative,
    }


def summary_line(view: HeadsView) -> str:
    """The head in one line: its role, effective slots, and what rests on sinks."""
    memory = view.memory
    if view.values == "rollout":
        measure = measures.MEASURES["rollout"]
        return t(measure.caveat)
    if view.layer is None or view.head is None:
        return t("A mean over heads hides specialists: look at single heads first.")
    line = "**{head}** · {role} · effective number of tokens **{slots}** · on attention sinks **{sink}**"
    if view.without:
        line = (
            "**{head}** · {role} · effective number of tokens **{slots}**, of what is left · on attention "
            "sinks **{sink}**"
        )
    summary = t(
        line,
        head=figures.head_name(view.layer, view.head),
        role=role_name(memory, view.layer, view.head),
        slots=figures.decimal(float(measures.known_mean(measures.slots(memory, view.without)[view.layer, view.head]))),
        sink=figures.percent(float(measures.sink_share(memory)[view.layer, view.head])),
    )
    return summary + _value_share(memory, view.layer, view.head)


def _value_share(memory: Memory, layer: int, head: int) -> str:
    """How much of what this head writes comes from sinks: looked at hard is not always read little."""
    try:
        share = float(measures.sink_value_share(memory)[layer, head])
    except MeasureError:
        return ""
    return " · " + t("of the value norm **{share}**", share=figures.percent(share))


def show_numbers(trace: Trace, view: HeadsView) -> None:
    """The largest values of the view as a table, token by token."""
    memory = view.memory
    if len(memory.queries) * len(memory.keys) > LARGEST_TABLE:
        st.caption(t("This text is too long for a table on the page; the exported files hold the numbers."))
        return
    try:
        values = figures.weights(memory, view.layer, view.head, view=view.values, without=view.without)
    except MeasureError:
        return  # the picture says so
    name = "weight" if view.values == "log" else view.values  # its table holds the weights themselves
    frame = tables.top_weights_table(np.nan_to_num(values), memory, name=name)
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="Largest values, token by token")
