"""What does each word remember, and who remembers it? The text itself, as the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import streamlit as st

from memviz.figures.style.colours import surprise_share
from memviz.measures import Links
from memviz.ui.components.assets import as_utf8, pack, register
from memviz.ui.components.choice import Report, choose

LINKS = 8  # rows in a card
BUDGET = 860_000  # bytes of links: with its words, a text of 8,192 words stays below one megabyte

LABELS = {
    "text": "The text, word by word. Arrow keys move, Enter pins a word, Escape releases it.",
    "hint": "Hover or tap a word; click to pin it.",
    "remembers": "“{word}” attends to",
    "remembered_by": "“{word}” is attended to by",
    "choose": "Hover or tap a word above.",
    "remembers_none": "It attends to no other word.",
    "remembered_by_none": "No other word attends to it.",
    "word": "word",
    "weight": "weight",
    "lift": "lift",
    "order_excess": "Most specific link first.",
    "order_weight": "Largest weight first.",
    "order_excess_help": (
        "How far the weight exceeds what other tokens give the same word, and what tokens give at this distance. Each "
        "pair of words stands once, in its most specific head."
    ),
    "order": "order",
    "weight_help": "The share of its attention that the word which looks puts on the other, in this head.",
    "lift_help": (
        "This weight over the average weight that the tokens of other words, special tokens included, give the same "
        "word in this head."
    ),
    "head": "head",
    "head_help": "One attention head: L3.H1 is head 1 of layer 3, both counted from 0.",
    "place": "#7",
    "place_help": "The place of a word that occurs several times, counted from 0.",
    "announce": "“{word}” attends most to “{top}”, {weight}, in head {head}.",
    "announce_none": "“{word}” attends to no other word.",
}
WRITING_LABELS = {
    "hint": "Click a written word: how sure the model was, what else it could have written, and what it read.",
    "legend": "probability that the model gave the word",
    "step": "How sure was the model of “{word}”?",
    "step_none": "This word stands in the prompt: it was given.",
    "facts": "probability {probability} · rank {rank} · {choices} effective choices",
    "given": "chosen by you",
    "branch": "Go on with this token instead",
    "step_help": "Rank 1 is the likeliest token. Effective choices: exp of the entropy, over about how many tokens the "
    "model was undecided. Click another token, and the text goes on from there.",
}
"""What is said besides of a text that was written."""


LEGEND = ((1.0, "100 %"), (0.5, "50 %"), (0.1, "10 %"), (0.01, "1 %"), (0.001, "≤ 0.1 %"))
"""Probabilities that the scale of surprise names."""

COVER_LABELS = {
    "text": "The text, word by word. Arrow keys move, Enter covers a word or uncovers it, Escape uncovers all.",
    "hint": "Tap a word to cover it; tap it again to uncover it.",
    "announce": "“{word}”. Enter covers or uncovers it.",
    "announce_none": "“{word}”. Enter covers or uncovers it.",
}
"""What is said in place of some of these where words are covered."""

_mount = register(Path(__file__).parent, name="words_view")


Tint = Literal["weight", "excess"]


class Step(TypedDict):
    """How one token of a word was written, or expected where it was given.

    text, probability, rank   of the token; the rank counts from 1
    choices                   over about how many tokens the model was undecided: exp of the entropy
    position                  of the token in the text
    others                    the likeliest tokens, the written one included: (text, id, probability)
    is_given                  the token was not chosen by the model
    """

    text: str
    id: int
    probability: float
    rank: int
    choices: float
    position: int
    others: Sequence[tuple[str, int, float]]
    is_given: bool


@dataclass(frozen=True)
class Writing:
    """How a text was written, word by word.

    surprise   float [word]: −ln p of what was written, summed over the tokens of a word; NaN for a word of the prompt
    steps      of each word, how its tokens were written; none for a word of the prompt
    """

    surprise: np.ndarray
    steps: Sequence[Sequence[Step]]


class Word(TypedDict, total=False):
    """One word of the text. ``space``: a space stands before it; ``newline``: line breaks before it."""

    text: str
    special: bool
    space: bool
    newline: int


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
    _check(len(words), remembers=remembers, remembered_by=remembered_by)
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


def drawing(
    words: Sequence[Word],
    *,
    remembers: Links,
    remembered_by: Links,
    labels: Mapping[str, str],
    note: str = "",
    tint: Tint = "weight",
    writing: Writing | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What does the script draw? (plain values, arrays), as ``words.js`` describes them."""
    count = _links_that_fit(remembers, remembered_by)
    plain = {
        "words": [as_utf8(word["text"]) for word in words],
        "links": count,
        "labels": {
            name: labels.get(name, english)
            for name, english in {**LABELS, **(WRITING_LABELS if writing is not None else {})}.items()
        },
        "order": tint,
        "note": note,
    }
    arrays = {
        "flags": _flags(words),
        **_columns("remembers", remembers, count, tint),
        **_columns("remembered_by", remembered_by, count, tint),
    }
    if writing is not None:
        plain["legend"] = [[surprise_share(-math.log(share)), text] for share, text in LEGEND]
        plain["steps"] = [list(steps) for steps in writing.steps]
        arrays["surprise"] = _surprise_bytes(writing.surprise)
    return plain, arrays


def _surprise_bytes(surprise: np.ndarray) -> np.ndarray:
    """uint8 [word]: 0 for a word of the prompt, 1 for no surprise, 255 for the most that is told apart."""
    shares = np.nan_to_num(surprise_share(surprise))
    return np.where(np.isnan(surprise), 0, np.clip(np.round(1 + 254 * shares), 1, 255)).astype(np.uint8)


def _check(words: int, **links: Links) -> None:
    """Is there one row of links for each word, and every link inside the text?"""
    for name, table in links.items():
        shapes = {np.shape(part) for part in (table.index, table.weight, table.lift, table.layer, table.head)}
        if len(shapes) != 1 or len(table.weight.shape) != 2:
            raise ValueError(f"{name} must be arrays of one shape [word, link], got {sorted(shapes)}")
        if len(table.weight) != words:
            raise ValueError(f"{name} must have one row for each of {words} words, got {len(table.weight)}")
        if table.index[table.weight > 0].max(initial=-1) >= words:
            raise ValueError(f"{name} links to word {int(table.index.max())}, but there are only {words}")


def _links_that_fit(*tables: Links) -> int:
    """How many links of each word can be sent? At least one, if there are any."""
    words = max(1, len(tables[0].weight))
    each = words * len(tables) * ((2 if words <= 65_536 else 4) + 4 + 4 + 1 + 1 + 1)
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


def _columns(name: str, links: Links, count: int, tint: Tint) -> dict[str, np.ndarray]:
    """One direction of links, in the smallest types that lose nothing; a missing link has weight 0."""
    words, width = links.weight.shape
    types = {
        "index": np.uint16 if words <= 65_536 else np.uint32,
        "weight": np.float32,
        "lift": np.float32,
        "layer": np.uint8,
        "head": np.uint8,
        "tint": np.uint8,
    }
    missing = ((0, 0), (0, max(count - width, 0)))
    real = links.weight > 0
    columns = {part: getattr(links, part) for part in types if part != "tint"}
    columns["tint"] = np.clip(np.round(255 * getattr(links, tint)), 1, 255)  # the weakest link is still seen
    return {
        f"{name}_{part}": np.pad(np.where(real, values, 0)[:, :count], missing).astype(types[part])
        for part, values in columns.items()
    }


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
