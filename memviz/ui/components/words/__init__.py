"""What does each word remember, and who remembers it? The text itself, as the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import streamlit as st

from memviz.ui.components.assets import packed, register
from memviz.ui.components.choice import Picked, chosen

LINKS = 8  # rows in a card
BUDGET = 800_000  # bytes of links: with its words, a text of 8,192 words stays below one megabyte

LABELS = {
    "text": "The text, word by word. Arrow keys move, Enter keeps a word, Escape lets it go.",
    "hint": "Point at a word; click to keep it.",
    "remembers": "“{word}” remembers",
    "remembered_by": "“{word}” is remembered by",
    "choose": "Point at a word above.",
    "remembers_none": "It looks at no other word.",
    "remembered_by_none": "No other word looks at it.",
    "word": "word",
    "weight": "weight",
    "lift": "lift",
    "lift_help": "This weight over the average weight that other words give the same word in this head.",
    "head": "head",
    "announce": "“{word}” looks most at “{top}”, {weight}, in head {head}.",
    "announce_none": "“{word}” looks at no other word.",
}

_mount = register(Path(__file__).parent, name="words_view")


class Word(TypedDict, total=False):
    """One word of the text. ``space``: a space stands before it; ``newline``: line breaks before it."""

    text: str
    special: bool
    space: bool
    newline: int


@dataclass(frozen=True)
class Links:
    """For each word, a few others it is linked to: [word, link].

    ``index``: the other word. ``weight``: 0 to 1, where 0 means no link. ``lift``: the weight over
    what the other word usually gets, NaN where undefined. ``layer``, ``head``: where it was found,
    0-based, at most 255.
    """

    index: np.ndarray
    weight: np.ndarray
    lift: np.ndarray
    layer: np.ndarray
    head: np.ndarray

    def __post_init__(self) -> None:
        shapes = {np.shape(part) for part in (self.index, self.weight, self.lift, self.layer, self.head)}
        if len(shapes) != 1 or len(self.weight.shape) != 2:
            raise ValueError(f"links must be five arrays of one shape [word, link], got {sorted(shapes)}")

    @classmethod
    def none(cls, words: int) -> Links:
        """No links at all, for so many words."""
        empty = np.zeros((words, 0), dtype=np.float32)
        return cls(empty, empty, empty, empty, empty)

    def strongest(self, count: int) -> Links:
        """The heaviest links of each word, heaviest first, padded to ``count``."""
        order = np.argsort(-self.weight, axis=1, kind="stable")[:, :count]
        missing = ((0, 0), (0, count - order.shape[1]))
        parts = (self.index, self.weight, self.lift, self.layer, self.head)
        return Links(*(np.pad(np.take_along_axis(part, order, axis=1), missing) for part in parts))


def words_view(
    words: Sequence[Word],
    *,
    remembers: Links,
    remembered_by: Links,
    labels: Mapping[str, str],
    pinned: int | None,
    key: str,
    sink_note: str = "",
) -> int | None:
    """Which word is pinned? Its index, or ``None``.

    ``remembers`` are the words each word looks at (blue); ``remembered_by`` those that look at it
    (orange). ``labels`` replaces the words in `LABELS`. ``pinned`` is the page's choice; whoever
    chose last, page or person, is followed. ``sink_note`` is one line below the cards.

    Each word shows its `LINKS` heaviest links; in very long texts as many as fit into `BUDGET`.
    Raises ``ValueError`` when there is not one row of links for each word.
    """
    _check(len(words), remembers=remembers, remembered_by=remembered_by)
    texts = [word["text"].encode("utf-8", "replace").decode("utf-8") for word in words]
    pinned = pinned if pinned is not None and 0 <= pinned < len(words) else None
    choice = chosen(key, about=hash(tuple(texts)), given=pinned, picked=_picked(key, words=len(words)))
    count = _links_that_fit(remembers, remembered_by)
    data = {
        "id": key,
        "words": texts,
        "pinned": choice.sent,
        "turn": choice.turn,
        "links": count,
        "labels": {name: labels.get(name, english) for name, english in LABELS.items()},
        "note": sink_note,
        "arrays": packed(
            {
                "flags": _flags(words),
                **_columns("remembers", remembers.strongest(count)),
                **_columns("remembered_by", remembered_by.strongest(count)),
            }
        ),
    }
    _mount(data=data, key=key, on_word_change=_rerun)
    return choice.answer


def _check(words: int, **links: Links) -> None:
    """Is there one row of links for each word, and every link inside the text?"""
    for name, table in links.items():
        if len(table.weight) != words:
            raise ValueError(f"{name} must have one row for each of {words} words, got {len(table.weight)}")
        if table.index[table.weight > 0].max(initial=-1) >= words:
            raise ValueError(f"{name} links to word {int(table.index.max())}, but there are only {words}")


def _links_that_fit(*tables: Links) -> int:
    """How many links of each word can be sent? At least one, if there are any."""
    words = max(1, len(tables[0].weight))
    each = words * len(tables) * ((2 if words <= 65_536 else 4) + 4 + 4 + 1 + 1)
    most = max(table.weight.shape[1] for table in tables)
    return min(LINKS, most, max(1, BUDGET // each))


def _flags(words: Sequence[Word]) -> np.ndarray:
    """How does each word stand in the text? uint8 [word], the bits as in ``words.js``."""
    bits = [
        bool(word.get("special"))
        + 2 * bool(word.get("space"))
        + 4 * bool(word.get("newline"))
        + 8 * (int(word.get("newline", 0)) > 1)
        for word in words
    ]
    return np.array(bits, dtype=np.uint8)


def _columns(name: str, links: Links) -> dict[str, np.ndarray]:
    """One direction of links, in the smallest types that lose nothing."""
    words = len(links.weight)
    return {
        f"{name}_index": links.index.astype(np.uint16 if words <= 65_536 else np.uint32),
        f"{name}_weight": links.weight.astype(np.float32),
        f"{name}_lift": links.lift.astype(np.float32),
        f"{name}_layer": links.layer.astype(np.uint8),
        f"{name}_head": links.head.astype(np.uint8),
    }


def _picked(key: str, *, words: int) -> Picked[int | None] | None:
    """What did the browser report? Nothing is believed that is not a word of this text."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("word")
    if not isinstance(report, Mapping):
        return None
    index = report.get("index")
    valid = index is None or (isinstance(index, int) and 0 <= index < words)
    return Picked(index if valid else None, report.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
