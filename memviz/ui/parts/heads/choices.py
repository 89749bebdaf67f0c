"""Which head is seen in full, and how."""

from __future__ import annotations

import re
from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz import measures
from memviz.figures import head_name
from memviz.memory import Memory
from memviz.trace import Trace
from memviz.ui.components.cross import MOST_HEADS
from memviz.ui.parts import words
from memviz.ui.shell import address, state
from memviz.ui.shell.i18n import t

LARGEST = 256  # words or tokens a side that are drawn one by one
Head = tuple[int, int]
Picture = Literal["both", "heatmap", "lines"]
PICTURE = "picture"
PICTURES: dict[Picture, str] = {"both": "Both", "heatmap": "Heatmap", "lines": "Lines"}
LINES_SIDE = "lines_side"  # in which column of the lines the marked word is kept
BESIDE_BOX = "beside_box"
BESIDE = "beside"  # the heads that are laid over another, in the session and in the address: "L3.H1,L5.H11"
_NAME = re.compile(r"L(\d{1,4})\.H(\d{1,4})")
Values = Literal["weight", "value norm", "log", "rollout"]
VALUES: dict[Values, str] = {
    "weight": "raw weights",
    "value norm": "value norm",
    "log": "raw weights, log scale",
    "rollout": "attention rollout, over all layers",
}


@dataclass(frozen=True)
class HeadsView:
    """What is to be seen of a memory: which head (``None``: a mean), how, and which word of the text is marked.

    ``side`` is the column of the lines in which that word was chosen: of those that look, or are looked at.
    ``beside`` are the heads whose lines are laid over those of the first.
    """

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
    side: Literal["source", "target"] = "target"
    picture: Picture = "heatmap"
    beside: tuple[Head, ...] = ()


def choose_view(trace: Trace, memory: Memory) -> HeadsView:
    """Which head, or which mean, and how to see it."""
    mean_box, head_box = st.columns([4, 3], vertical_alignment="bottom", gap="small", wrap=False)
    row = st.container(horizontal=True, horizontal_alignment="distribute", gap="small")
    picture_box, options_box = row.container(width="content"), row.container(width="content")
    mean = state.choose_mean(place=mean_box, key="shown")
    layer, head = state.get_head(memory)
    if mean == "head":
        state.choose_named_head(memory, place=head_box)
    elif mean == "layer":
        state.choose_layer_of_mean(memory, place=head_box)
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
    picture = _choose_picture(picture_box)
    single = mean == "head" and not all_layers
    beside = _choose_beside(memory, (layer, head)) if picture == "lines" and single else ()
    return HeadsView(
        memory=memory,
        layer=None if mean == "all" or all_layers else layer,
        head=head if single else None,
        values=values,
        by_word=by_word,
        without=measures.sink_positions(memory) if hide else (),
        cumulative=cumulative / 100,
        find=find,
        window=window,
        word=words.get_word(trace),
        side=st.session_state.get(LINES_SIDE, "target"),
        picture=picture,
        beside=beside,
    )


def _choose_picture(place: DeltaGenerator) -> Picture:
    """As a heatmap, or as lines?"""
    picture = place.segmented_control(
        t("Picture"),
        list(PICTURES),
        required=True,
        format_func=lambda name: t(PICTURES[name]),
        label_visibility="collapsed",
        **state.url_bound(PICTURE, PICTURES),
    )
    return picture or "both"


def picture_count() -> int:
    """How many pictures stand beside the grid: two, as long as nobody chose one of them."""
    picture = st.session_state.get(PICTURE, address.get(PICTURE))
    return 1 if picture in ("heatmap", "lines") else 2


def _choose_beside(memory: Memory, head: Head) -> tuple[Head, ...]:
    """Which other heads are laid over this one?"""
    heads = [other for other in np.ndindex(memory.layers, memory.heads) if other != head]
    named = [(int(layer), int(number)) for layer, number in _NAME.findall(state.get(BESIDE))]
    st.session_state[BESIDE_BOX] = [other for other in dict.fromkeys(named) if other in heads][: MOST_HEADS - 1]
    beside = st.multiselect(
        t("Lay other heads over it, each in its colour"),
        heads,
        format_func=lambda other: head_name(*other),
        max_selections=MOST_HEADS - 1,
        key=BESIDE_BOX,
        on_change=_take_beside,
        placeholder=t("Other heads, such as {name}", name=head_name(memory.layers - 1, 0)),
    )
    state.put(BESIDE, ",".join(head_name(*other) for other in beside))
    return tuple(beside)


def _take_beside() -> None:
    state.put(BESIDE, ",".join(head_name(*other) for other in st.session_state[BESIDE_BOX]))


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
        for key in ("zoom_rows", "zoom_cols"):
            address.put(key, "")
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
