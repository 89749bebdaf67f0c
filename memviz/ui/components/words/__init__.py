"""What does each word remember, and who remembers it? The text itself, as the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from memviz.figures.live.word_drawing import (
    COVER_LABELS,
    LABELS,
    WRITING_LABELS,
    Step,
    Tint,
    Word,
    Writing,
    drawing,
    payload,
    require_rows,
)
from memviz.measures import Links
from memviz.ui.components.assets import pack, register
from memviz.ui.components.choice import Report, choose

__all__ = [
    "COVER_LABELS",
    "LABELS",
    "WRITING_LABELS",
    "Step",
    "Tint",
    "Word",
    "Writing",
    "cover_view",
    "drawing",
    "payload",
    "words_view",
]

_mount = register(Path(__file__).parent, name="words_view")


def words_view(
    words: Sequence[Word],
    *,
    remembers: Links,
    remembered_by: Links,
    labels: Mapping[str, str],
    pinned: int | None,
    key: str,
    sink_note: str = "",
    tint: Tint = "weight",
    first: int | None = None,
    on_open: Callable[[int, int, int], None] | None = None,
    writing: Writing | None = None,
    on_branch: Callable[[int, int], None] | None = None,
) -> int | None:
    """Which word is pinned? Its index, or ``None``.

    ``remembers`` are the words each word looks at (blue); ``remembered_by`` those that look at it
    (orange). ``labels`` replaces the words in `LABELS`. ``pinned`` is the page's choice; whoever
    chose last, page or person, is followed. ``sink_note`` is one line below the cards.
    Words are coloured by the ``tint`` of their links. The links of the word ``first`` are there to begin with, until
    another is pointed at. ``on_open(layer, head, word)`` is called when the
    name of a head is clicked; without it, names of heads are no buttons.
    With the ``writing``, words are tinted by their surprise until one is pinned, and a card says how sure the model was
    of it; ``on_branch(position, id)`` is called when another token than the written one is clicked there.

    Each word shows its first `LINKS` links, in the order given; in very long texts as many as fit into `BUDGET`.
    Raises ``ValueError`` when there is not one row of links for each word.
    """
    require_rows(len(words), remembers=remembers, remembered_by=remembered_by)
    texts = tuple(word["text"] for word in words)
    pinned = pinned if pinned is not None and 0 <= pinned < len(words) else None
    choice = choose(key, subject=hash(texts), page_value=pinned, report=_report(key, words=len(words)))
    data, arrays = drawing(
        words,
        remembers=remembers,
        remembered_by=remembered_by,
        labels=labels,
        note=sink_note,
        tint=tint,
        writing=writing,
    )
    first = first if first is not None and 0 <= first < len(words) else None
    data |= {"id": key, "pinned": choice.sent_value, "turn": choice.turn, "first": first, "opens": on_open is not None}
    data |= {"covered": None, "cover_turn": 0}
    result = _mount(
        data={**data, "arrays": pack(arrays)},
        key=key,
        on_word_change=_rerun,
        on_open_change=_rerun,
        on_branch_change=_rerun,
    )
    if on_open is not None and isinstance(result.open, Mapping):
        on_open(int(result.open["layer"]), int(result.open["head"]), int(result.open.get("word") or 0))
    if on_branch is not None and writing is not None and (branch := _branch(result.branch, writing)) is not None:
        on_branch(*branch)
    return choice.value


def _branch(value: Any, writing: Writing) -> tuple[int, int] | None:
    """(position, id) of the other token that was clicked; nothing is believed that was not offered."""
    if not isinstance(value, Mapping):
        return None
    branch = value.get("position"), value.get("id")
    offered = {(step["position"], other[1]) for steps in writing.steps for step in steps for other in step["others"]}
    return branch if branch in offered else None


def cover_view(
    words: Sequence[Word], *, labels: Mapping[str, str], covered: Sequence[int], key: str, note: str = ""
) -> tuple[int, ...]:
    """Which words are covered? Their indices, in reading order.

    The same text as in `words_view`, without links: a click covers a word, or uncovers it; covered words are hatched.
    ``covered`` is the page's choice; whoever chose last, page or person, is followed. ``labels`` replaces the words
    in `LABELS` and `COVER_LABELS`; ``note`` is one line below.
    """
    texts = tuple(word["text"] for word in words)
    page_value = tuple(sorted({index for index in covered if 0 <= index < len(words)}))
    report = _cover_report(key, words=len(words))
    choice = choose(key, subject=hash(texts), page_value=page_value, report=report)
    places, shares = np.zeros((len(words), 0), dtype=int), np.zeros((len(words), 0))
    none = Links(places, shares, shares, shares, places, places)
    data, arrays = drawing(words, remembers=none, remembered_by=none, labels={**COVER_LABELS, **labels}, note=note)
    data |= {"id": key, "pinned": None, "turn": 0, "first": None, "opens": False}
    data |= {"covered": list(choice.sent_value), "cover_turn": choice.turn}
    _mount(data={**data, "arrays": pack(arrays)}, key=key, on_cover_change=_rerun)
    return choice.value


def _cover_report(key: str, *, words: int) -> Report[tuple[int, ...]] | None:
    """What did the browser report as covered? Nothing is believed that is not a word of this text."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("cover")
    if not isinstance(report, Mapping) or not isinstance(report.get("indices"), Sequence):
        return None
    indices = {index for index in report["indices"] if isinstance(index, int) and 0 <= index < words}
    return Report(tuple(sorted(indices)), report.get("click", 0))


def _report(key: str, *, words: int) -> Report[int | None] | None:
    """What did the browser report? Nothing is believed that is not a word of this text."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("word")
    if not isinstance(report, Mapping):
        return None
    index = report.get("index")
    valid = index is None or (isinstance(index, int) and 0 <= index < words)
    return Report(index if valid else None, report.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
