"""The text as words, with their links: what the script of the component draws, without a page around it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np

from memviz import tokens
from memviz.figures.live.assets import as_utf8
from memviz.figures.style.colours import surprise_share
from memviz.measures import Links

LINKS = 8  # rows in a card
WIDEST_INDENT = 32  # columns; more would leave no room for the words of a line
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
    """One word of the text. ``space``: a space stands before it; ``newline``: line breaks before it.

    ``indent``: by how many columns its line is indented, where it begins one.
    """

    text: str
    special: bool
    space: bool
    newline: int
    indent: int


def payload(words: Sequence[tokens.Word], *texts: str | None) -> list[Word]:
    """The words of a reading as the script takes them, in the lines of its ``texts``: the text, and its pair."""
    out: list[Word] = []
    before: tokens.Word | None = None
    for word in words:
        breaks, columns = _line_start(word, before, texts[word.segment] or "")
        out.append(
            {"text": word.text, "special": word.special, "space": word.space, "newline": breaks, "indent": columns}
        )
        before = word
    return out


def _line_start(word: tokens.Word, before: tokens.Word | None, text: str) -> tuple[int, int]:
    """(how many line breaks stand before a word, by how many columns the line is indented that it begins).

    Some models read white space as words: where such a one stands ``before``, at the beginning of the line, it is
    what indents the line.
    """
    indents = before is not None and before.newline and text[before.start : before.end].isspace()
    if not word.newline or indents:
        return 0, 0
    first = word.start
    while first and text[first - 1].isspace():
        first -= 1
    *breaks, last = (text[first : word.start] + "x").splitlines()
    return len(breaks), len(last.expandtabs(4)) - 1


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


def require_rows(words: int, **links: Links) -> None:
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
    """How does each word stand in the text? uint16 [word], the bits as in ``words.js``."""
    bits = [
        bool(word.get("special"))
        + 2 * bool(word.get("space"))
        + 4 * bool(word.get("newline"))
        + 8 * (int(word.get("newline", 0)) > 1)
        + 16 * min(int(word.get("indent", 0)), WIDEST_INDENT)
        for word in words
    ]
    return np.array(bits, dtype=np.uint16)


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
