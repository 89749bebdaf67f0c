"""Two rows of words, joined by links: what each written word was read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from memviz import measures
from memviz.figures import percent
from memviz.tokens import Word, right_to_left
from memviz.trace import Trace
from memviz.ui.components import cross_view
from memviz.ui.components.cross import LABELS, Pin
from memviz.ui.parts.translation.choices import TranslationView
from memviz.ui.shell import state
from memviz.ui.shell.i18n import t

WORD = "cross_word"  # which word is kept: "s2" is the third of the source, "t1" the second that was written
SIDES = {"s": "source", "t": "target"}


def show_graph(view: TranslationView, *, key: str = "cross", steps: bool = True) -> Pin | None:
    """The graph of a sentence; the word that is pinned, or ``None``.

    ``steps``: can it be watched being written? Only such a graph keeps its word in the address.
    """
    slot, keep = (WORD, state.put) if steps else (f"{key}_word", st.session_state.__setitem__)
    about = (view.part.text, view.part.output, view.by_word)
    if st.session_state.get(f"{slot}_of", about) != about:  # the words are others now
        keep(slot, "")
    st.session_state[f"{slot}_of"] = about
    shown = graph_payload(view) if steps else graph_payload(view) | {"note": ""}
    pinned = cross_view(**shown, labels=graph_labels(view), pinned=_kept(slot), key=key, steps=steps)
    keep(slot, "" if pinned is None else f"{pinned.side[0]}{pinned.index}")
    return pinned


def graph_payload(view: TranslationView) -> dict[str, Any]:
    """What is drawn of a view: words, weights and how they stand."""
    targets, sources = view.sides
    gone = set(view.part.forget.keys or ()) if view.part.forget is not None else set()
    return {
        "sources": [
            {"text": word.text, "special": word.special, "forgotten": gone.issuperset(word.tokens)} for word in sources
        ],
        "targets": [
            {"text": word.text, "special": word.special, "steps": written(view.part, word)} for word in targets
        ],
        "weights": view.weights,
        "keep": view.keep,
        "right_to_left": (right_to_left(view.part.text), right_to_left(view.part.output or "")),
        "note": note(view),
    }


def graph_labels(view: TranslationView) -> dict[str, str]:
    """The words of the component in the reader's language."""
    said = {name: t(label) for name, label in LABELS.items()}
    return said if view.by_word else said | {"step": t("Token {step} of {steps}")}


def _kept(slot: str) -> Pin | None:
    """The word in the session or the address."""
    given = state.get(slot)
    side, number = SIDES.get(given[:1]), state.whole_number(given[1:])
    return Pin(side, number) if side and number is not None else None


def written(part: Trace, word: Word) -> list[dict]:
    """The tokens of a written word: how probable each was, and what could have been written instead."""
    found = []
    for place in word.tokens:
        step = part.steps[place] if place < len(part.steps) else ()
        token = part.targets[place]
        found.append(
            {
                "text": token.text,
                "probability": float(np.exp(part.logprobs[place])),
                "others": [(one.text, one.probability) for one in step if one.id != token.id],
            }
        )
    return found


def note(view: TranslationView) -> str:
    """What kind of head this is, and how sure of itself."""
    if view.head is None or view.layer is None:
        return t("A mean over heads hides specialists: look at single heads first.")
    sure = float(measures.confidence(view.memory)[view.layer, view.head])
    said = t("{head} puts {share} of a look-up on one source token, on average.", head=view.name, share=percent(sure))
    if view.taught_head == (view.layer, view.head):
        said += " " + t(
            "As far as the file tells, it was taught to align: its settings name this layer, whose first head Marian "
            "trains on word alignments."
        )
    elif view.taught_head is None and measures.best_head(view.memory, view.sides) == (view.layer, view.head):
        said += " " + t("The surest head on this sentence. Sure is not right: some read the word before.")
    if view.shift:
        said += " " + t("Shifted: each word shows the step after it was written; the last one has none.")
    return said
