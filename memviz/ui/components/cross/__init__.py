"""Which source words was each word of a translation read from? Two rows of words, joined by links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from memviz.figures.live.cross_drawing import (
    LABELS,
    LINKS,
    MOST_HEADS,
    Pin,
    SourceWord,
    TargetWord,
    TokenStep,
    drawing,
    overlay_links,
    pin_payload,
    select_links,
    token_steps,
)
from memviz.ui.components.assets import pack, register
from memviz.ui.components.choice import Report, choose

__all__ = [
    "LABELS",
    "LINKS",
    "MOST_HEADS",
    "Pin",
    "SourceWord",
    "TargetWord",
    "TokenStep",
    "cross_view",
    "drawing",
    "overlay_links",
    "pin_payload",
    "select_links",
    "token_steps",
]

_mount = register(Path(__file__).parent, name="cross_view")


def cross_view(
    sources: Sequence[SourceWord],
    targets: Sequence[TargetWord],
    weights: np.ndarray,
    *,
    labels: Mapping[str, str],
    pinned: Pin | None,
    key: str,
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
    note: str = "",
    steps: bool = True,
    facing: bool = False,
    heads: Sequence[str] = (),
) -> Pin | None:
    """Which word is pinned? A `Pin`, or ``None``.

    ``weights``: float32 [target word, source word], each row sums to about one; a row with NaN in it is a word of
    which nothing is known. ``labels`` replaces the words in `LABELS`. ``pinned`` is the page's choice; whoever chose
    last, page or person, is followed. Of each row only the largest weights that together reach the share ``keep`` are
    drawn, never more than `LINKS`; what the others sum to is said. ``right_to_left``: does the row of the (source,
    target) run from the right? ``note`` is one line below. ``steps``: can the translation be watched being written?
    ``facing``: always two columns, the targets on the left, as for a text that reads itself. ``heads``: the names of
    several heads whose weights [head, target word, source word] are laid over each other, each in its colour, at most
    `MOST_HEADS`.

    Raises ``ValueError`` when there is not one weight for each pair of words, or ``keep`` is not within 0..1.
    """
    texts = tuple(tuple(word["text"] for word in side) for side in (sources, targets))
    rows = {"source": len(sources), "target": len(targets)}
    page_value = pinned if pinned is not None and 0 <= pinned.index < rows[pinned.side] else None
    choice = choose(key, subject=hash(texts), page_value=page_value, report=_report(key, rows=rows))
    data, arrays = drawing(
        sources,
        targets,
        weights,
        labels=labels,
        keep=keep,
        right_to_left=right_to_left,
        note=note,
        steps=steps,
        facing=facing,
        heads=heads,
    )
    data |= {"id": key, "pinned": pin_payload(choice.sent_value), "turn": choice.turn}
    _mount(data={**data, "arrays": pack(arrays)}, key=key, on_word_change=_rerun)
    return choice.value


def _report(key: str, *, rows: Mapping[str, int]) -> Report[Pin | None] | None:
    """What did the browser report? Nothing is believed that is not a word of these rows."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("word")
    if not isinstance(report, Mapping):
        return None
    side, index = report.get("side"), report.get("index")
    pin = None
    if side in ("source", "target") and isinstance(index, int) and 0 <= index < rows[side]:
        pin = Pin(side, index)
    return Report(pin, report.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
