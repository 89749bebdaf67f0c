"""The text that is read, in one line, with the word that is marked in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.shell.markdown import brief, joined

AROUND = 24  # words on either side of the one that is marked


def show_sentence(trace: Trace) -> None:
    """What is read here? The text, or of a long one the part around the word that is marked."""
    st.markdown(sentence(trace.words, words.get_word(trace)), width="stretch")


def sentence(text: Sequence[Word], mark: int | None) -> str:
    """The words as markdown, special ones left out, the marked one in bold and orange; "…" for what is left out."""
    middle = min(AROUND, len(text)) if mark is None else mark
    first, stop = max(0, middle - AROUND), min(len(text), middle + AROUND + 1)
    parts = ["…"] if any(not word.special for word in text[:first]) else []
    for place, word in enumerate(text[first:stop], start=first):
        if word.special and place != mark:
            continue
        name = brief(word.text)
        parts.append(
            (" " if (word.space or word.newline) and parts else "")
            + (f":orange[**{name}**]" if place == mark else name)
        )
    if any(not word.special for word in text[stop:]):
        parts.append(" …")
    return joined(parts)
