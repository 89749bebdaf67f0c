"""Two rows of words, joined by links: what each written word was read from."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import streamlit as st

from memviz import measures
from memviz.figures import percent
from memviz.tokens import right_to_left
from memviz.ui.components import cross_view
from memviz.ui.components.cross import LABELS, Pin, SourceWord, TargetWord, token_steps
from memviz.ui.parts.translation.choices import TranslationView
from memviz.ui.shell import state
from memviz.ui.shell.i18n import t

WORD = "cross_word"  # which word is kept: "s2" is the third of the source, "t1" the second that was written


class GraphPayload(TypedDict):
    """What `cross_view` draws of a view; see there."""

    sources: list[SourceWord]
    targets: list[TargetWord]
    weights: np.ndarray
    keep: float
    right_to_left: tuple[bool, bool]
    note: str


def show_graph(view: TranslationView, *, key: str = "cross", steps: bool = True) -> Pin | None:
    """The graph of a sentence; the word that is pinned, or ``None``.

    ``steps``: can it be watched being written? Only such a graph keeps its word in the address.
    """
    slot, put = (WORD, state.put) if steps else (f"{key}_word", st.session_state.__setitem__)
    subject = (view.part.text, view.part.output, view.by_word)
    if st.session_state.get(f"{slot}_of", subject) != subject:  # the words are others now
        put(slot, "")
    st.session_state[f"{slot}_of"] = subject
    payload = graph_payload(view)
    if not steps:
        payload["note"] = ""
    pinned = cross_view(**payload, labels=graph_labels(view), pinned=_get_pin(slot), key=key, steps=steps)
    put(slot, "" if pinned is None else f"{pinned.side[0]}{pinned.index}")
    return pinned


def graph_payload(view: TranslationView) -> GraphPayload:
    """What is drawn of a view: words, weights and how they stand."""
    targets, sources = view.sides
    members = () if view.part.forget is None else view.part.forget.members
    forgotten = {key for member in members for key in member.keys}
    return {
        "sources": [
            {"text": word.text, "special": word.special, "forgotten": forgotten.issuperset(word.tokens)}
            for word in sources
        ],
        "targets": [
            {"text": word.text, "special": word.special, "steps": token_steps(view.part, word)} for word in targets
        ],
        "weights": view.weights,
        "keep": view.keep,
        "right_to_left": (right_to_left(view.part.text), right_to_left(view.part.output or "")),
        "note": note(view),
    }


def graph_labels(view: TranslationView) -> dict[str, str]:
    """The words of the component in the reader's language."""
    labels = {name: t(label) for name, label in LABELS.items()}
    return labels if view.by_word else labels | {"step": t("Token {step} of {steps}")}


def _get_pin(slot: str) -> Pin | None:
    """The word in the session or the address."""
    text = state.get(slot)
    index = state.whole_number(text[1:])
    if index is None or text[:1] not in ("s", "t"):
        return None
    return Pin("source" if text[0] == "s" else "target", index)


def note(view: TranslationView) -> str:
    """What kind of head this is, and how sure of itself."""
    if view.head is None or view.layer is None:
        return t("A mean over heads hides specialists: look at single heads first.")
    confidence = float(measures.confidence(view.memory)[view.layer, view.head])
    line = t(
        "{head} puts {share} of its attention on one source token, on average.",
        head=view.name,
        share=percent(confidence),
    )
    if view.alignment_head == (view.layer, view.head):
        line += " " + t(
            "As far as the file tells, it was trained with guided alignment: its settings name this layer, whose "
            "first head Marian trains on word alignments."
        )
    elif view.alignment_head is None and measures.best_head(view.memory, view.sides) == (view.layer, view.head):
        line += " " + t(
            "The most confident head on this sentence. Confident is not correct: a head may read the previous word."
        )
    if view.shift:
        line += " " + t("Shifted: each word shows the step after it was written; the last one has none.")
    return line
