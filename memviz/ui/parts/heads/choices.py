"""Which head is seen in full, and how."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from memviz import measures
from memviz.memory import Memory
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.shell import address, state
from memviz.ui.shell.i18n import t

LARGEST = 256  # words or tokens a side that are drawn one by one
Values = Literal["weight", "value norm", "log", "rollout"]
VALUES: dict[Values, str] = {
    "weight": "raw weights",
    "value norm": "value norm",
    "log": "raw weights, log scale",
    "rollout": "attention rollout, over all layers",
}


@dataclass(frozen=True)
class HeadsView:
    """What is to be seen of a memory: which head (``None``: a mean), how, and which word of the text is marked."""

    memory: Memory
    layer: int | None
    head: int | None
    values: Values = "weight"
    by_word: bool = True
    without: tuple[int, ...] = ()
    cumulative: float = 1.0
    find: str = ""
    window: tuple[slice, slice] | None = None
    word: int | None = None


def choose_view(trace: Trace, memory: Memory) -> HeadsView:
    """Which head, or which mean, and how to see it."""
    mean_box, head_box, options_box = st.columns([4, 3, 3], vertical_alignment="bottom", gap="small", wrap=False)
    mean = state.choose_mean(place=mean_box, key="shown")
    layer, head = state.get_head(memory)
    if mean == "head":
        state.choose_named_head(memory, place=head_box)
    elif mean == "layer":
        state.choose_layer_of_mean(memory, place=head_box)
    with options_box.popover(t("Options"), icon=":material/tune:"):
        values = _choose_values(memory)
        by_word = st.toggle(t("Whole words"), **state.url_bound("by_word", (True, False)))
        hide = st.toggle(t("Hide resting places"), **state.url_bound("sinkless", state.SWITCH))
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
        word=words.get_word(trace),
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
