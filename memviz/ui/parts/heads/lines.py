"""One head, or up to four, as lines between two columns of words: on the left who looks, on the right at what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import streamlit as st

from memviz import figures
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import PatternView, Side
from memviz.tokens import distinct_names, right_to_left
from memviz.trace import Trace
from memviz.ui.components import cross_view
from memviz.ui.components.cross import LABELS, Pin, SourceWord, TargetWord
from memviz.ui.parts.heads.choices import LARGEST, LINES_SIDE, HeadsView
from memviz.ui.parts.heads.picture import picture_options, show_picture, summary_line
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t

SELF_LABELS = {
    "source": "The words that are attended to (keys). Arrow keys move, Enter pins a word, Escape unpins it.",
    "target": "The words that attend (queries). Arrow keys move, Enter pins a word, Escape unpins it.",
    "read_from": "“{word}” attends to",
    "read_by": "“{word}” is attended to by",
    "read_from_none": "It attends to no word here.",
    "read_by_none": "No word attends to it here.",
    "announce_target": "“{word}” attends most to “{top}”, {weight}.",
    "announce_source": "“{word}” is attended to most by “{top}”, {weight}.",
}
"""What is said otherwise where no text is translated into another."""
HEIGHT = 760  # pixels, of more words than fit
TALL = 26  # so many words


class LinesPayload(TypedDict):
    """What `cross_view` draws of a view; see there."""

    sources: list[SourceWord]
    targets: list[TargetWord]
    weights: np.ndarray
    right_to_left: tuple[bool, bool]
    note: str
    heads: list[str]


def show_view(trace: Trace, view: HeadsView) -> None:
    """The view as a heatmap, as lines, or as both, and the head in one line.

    Both stand side by side where the window is wide and the text short, else one below the other.
    """
    if view.picture == "lines":
        show_lines(trace, view)
    elif view.picture == "heatmap":
        show_picture(trace, view)
    else:
        with st.container(key="both_beside" if len(trace.words) <= show.SHORT else "both_below"):
            columns = st.columns([4, 3], gap="small")  # lines need less room for as many words
            with columns[0]:
                show_picture(trace, view)
            with columns[1]:
                show_lines(trace, view)
    st.markdown(summary_line(view))


def show_lines(trace: Trace, view: HeadsView) -> None:
    """The lines of a view; a word that is pinned is the marked word of the page."""
    if not can_show_lines(trace, view):
        text = t("This text is too long for lines: zoom into a window in the options.")
        if view.values not in ("weight", "log"):
            text = t("Lines show weights: choose raw weights in the options.")
        if view.picture == "lines":
            st.info(text)
        else:
            st.caption(text)
        return
    payload = lines_payload(trace, view)
    tall = max(len(payload["sources"]), len(payload["targets"])) > TALL
    with st.container(height=HEIGHT if tall else "content", border=False):
        pin = cross_view(
            **payload, labels=lines_labels(view), pinned=lines_pin(view), key="lines", steps=False, facing=True
        )
    _put_pin(pin, view)


def can_show_lines(trace: Trace, view: HeadsView) -> bool:
    """Are these weights, and so few words that all of them can be drawn?"""
    fits = view.window is not None or max(map(len, _sides(trace, view))) <= LARGEST
    return fits and view.values in ("weight", "log")


def lines_payload(trace: Trace, view: HeadsView) -> LinesPayload:
    """What is drawn of a view: words, exact weights, and whose they are."""
    options = picture_options(trace, view)
    each = [
        pattern_data(
            view.memory,
            PatternView(
                layer=layer,
                head=head,
                query_words=options["query_words"],
                key_words=options["key_words"],
                without=view.without,
                window=view.window,
                cumulative=view.cumulative,
                largest=max(len(view.memory.queries), len(view.memory.keys)),
            ),
        )
        for layer, head in [(view.layer, view.head), *view.beside]
    ]
    weights = np.nan_to_num(np.stack([data.values for data in each]))
    queries, keys = _sides(trace, view)
    heads = [figures.head_name(view.layer or 0, view.head or 0), *(figures.head_name(*head) for head in view.beside)]
    return {
        "sources": _words(each[0].cols, [key.special for key in keys]),
        "targets": _words(each[0].rows, [query.special for query in queries]),
        "weights": weights if view.beside else weights[0],
        "right_to_left": (right_to_left(trace.text),) * 2,
        "note": t("On the left the queries (they look), on the right the keys (they are looked at)."),
        "heads": heads if view.beside else [],
    }


def lines_labels(view: HeadsView) -> dict[str, str]:
    """The words of the component in the reader's language."""
    labels = LABELS if view.memory.kind == "cross" else {**LABELS, **SELF_LABELS}
    return {name: t(label) for name, label in labels.items()}


def _sides(trace: Trace, view: HeadsView) -> tuple[Sequence[Any], Sequence[Any]]:
    """What looks and what is looked at: words or tokens."""
    return trace.sides(view.memory.kind) if view.by_word else (view.memory.queries, view.memory.keys)


def _words(side: Side, special: Sequence[bool]) -> list[Any]:
    names = distinct_names(side.texts)  # of the whole text, also where a window is shown
    return [
        {"text": side.texts[place], "name": names[place], "special": special[place]}
        for place in range(side.first, side.stop)
    ]


def _is_marking(view: HeadsView) -> bool:
    """Is a word of the lines a word of the text, on both sides?"""
    return view.by_word and view.memory.kind in ("self", "encoder")


def _first(view: HeadsView, side: str) -> int:
    """The first word of a side that is inside the window."""
    return 0 if view.window is None else view.window[side == "source"].start


def lines_pin(view: HeadsView) -> Pin | None:
    """The marked word as it is kept in its column; ``None`` where it is not one of these words."""
    if view.word is None or not _is_marking(view):
        return None
    window = None if view.window is None else view.window[view.side == "source"]
    if window is not None and not window.start <= view.word < window.stop:
        return None
    return Pin(view.side, view.word - _first(view, view.side))


def _put_pin(pin: Pin | None, view: HeadsView) -> None:
    """The word that is kept in the lines becomes that of the page, which is drawn anew: what stands above shows it."""
    if not _is_marking(view) or pin == lines_pin(view):
        return
    if pin is not None:
        st.session_state[LINES_SIDE] = pin.side
    state.put_word(None if pin is None else pin.index + _first(view, pin.side))
    st.rerun()
