"""One head in full, or a mean over heads: its picture, and what is said of it."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
import streamlit as st

from memviz import figures, measures, tables
from memviz.errors import MeasureError
from memviz.figures.charts.layout import with_subtitle
from memviz.figures.data.view import Mark
from memviz.figures.style.labels import shorten
from memviz.memory import Memory
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts.heads.choices import LARGEST, HeadsView, Values
from memviz.ui.shell import show
from memviz.ui.shell.i18n import t

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


class PictureOptions(TypedDict):
    """What every picture of a view is made with; see `figures.pattern`."""

    view: Values
    query_words: tuple[Word, ...] | None
    key_words: tuple[Word, ...] | None
    without: tuple[int, ...]
    window: tuple[slice, slice] | None
    cumulative: float
    mark: Mark


def show_picture(trace: Trace, view: HeadsView) -> None:
    """The head in full: exact values on hover."""
    try:
        chart = pattern_figure(trace, view)
    except MeasureError as error:
        show.problem(error)
        return
    show.figure(chart, key="pattern")


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
        "mark": mark_of(trace, view),
    }


def mark_of(trace: Trace, view: HeadsView) -> Mark:
    """The rows and the columns of the marked word: both where the text reads itself, else columns alone, or none."""
    if view.word is None or view.memory.kind == "decoder":
        return (), ()
    places = (view.word,) if view.by_word else trace.words[view.word].tokens
    return () if view.memory.kind == "cross" else places, places


def summary_line(view: HeadsView) -> str:
    """The head in one line: its role, effective slots, and what rests on sinks."""
    memory = view.memory
    if view.values == "rollout":
        measure = measures.MEASURES["rollout"]
        return t(measure.caveat)
    if view.layer is None or view.head is None:
        return t("A mean over heads hides specialists: look at single heads first.")
    line = "**{head}** · {role} · effective number of tokens **{slots}** · on attention sinks **{sink}**"
    if view.without:  # the role and the share of the sinks are of the whole rows, the number of what is drawn
        line = (
            "**{head}** · {role}, sinks included · effective number of tokens **{slots}**, of what is left · "
            "on attention sinks **{sink}**"
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
