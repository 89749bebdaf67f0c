"""What the page Forget shows: which experiment, and what of it can be taken along."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd
import streamlit as st

from memviz.figures import SheetRow
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.shell import state
from memviz.ui.shell.i18n import t

VIEWS = {
    "words": "Words",
    "cache": "Cache",
    "heads": "Heads",
    "needle": "Needle",
    "agreement": "Agreement",
}
HINTS = {
    "words": (
        "Tap a word to cover it: the model reads the same text, but cannot look at it. Beside it stands what happens "
        "when any other word is covered instead."
    ),
    "cache": (
        "A KV cache that holds only so many keys lets the others go. Choose a rule, move through the text, and see "
        "which words are in it still, and what that costs."
    ),
    "heads": (
        "Click heads of the grid to unplug them: what becomes of the answer, and of an ordinary text? Beside it stand "
        "random draws of as many other heads of the same layers."
    ),
    "needle": (
        "Your text is the haystack. A sentence is hidden in it at several depths, and asked for at the end; beside it "
        "stands the same text without the sentence."
    ),
    "agreement": (
        "Do rankings of the words, such as attention, agree with what happens when each word is taken away? Beside "
        "each stands the band of random orders."
    ),
}


class NumbersView(Protocol):
    """What a page shows of an experiment, to be taken along: numbers, and what is said of them."""

    def statement(self) -> str:
        """What is said of it, in plain text."""

    def unit(self) -> str:
        """What its numbers are."""

    def table(self) -> pd.DataFrame:
        """Its numbers."""

    def charts(self) -> Sequence[Any]:
        """Its figures."""

    def rows(self) -> Sequence[SheetRow]:
        """Its numbers as bars on a sheet."""

    def code(self) -> str:
        """The Python that repeats it."""

    def fields(self) -> Mapping[str, str]:
        """How it was made, for its provenance."""


class ForgetView(NumbersView, Protocol):
    """One experiment on a text as the page shows it; holds its result, and no picture of it.

    Its ``code`` are lines after ``reader`` and ``text``, which leave its numbers as ``table``.
    """

    @property
    def experiment(self) -> str:
        """The name of the experiment in `memviz.experiments.EXPERIMENTS`."""

    @property
    def words(self) -> Sequence[Word]:
        """The words of the text that was asked about; none where there were several texts."""

    @property
    def covered(self) -> tuple[int, ...]:
        """The words that were covered, by number."""

    def texts(self) -> Mapping[str, str]:
        """What was typed into the boxes of the page besides the text."""


class TraceView:
    """What views of one reading share in which no word is covered; see `ForgetView`."""

    trace: Trace

    @property
    def words(self) -> Sequence[Word]:
        return self.trace.words

    @property
    def covered(self) -> tuple[int, ...]:
        return ()

    def texts(self) -> dict[str, str]:
        return {}


def choose_view(
    label: str, views: Mapping[str, str] = VIEWS, hints: Mapping[str, str] = HINTS, *, key: str = "view"
) -> str:
    """Which experiment? A name of ``views``; below the choice stands its hint.

    ``label``: what is asked. ``key``: under which name the choice stands in the address.
    """
    view = st.segmented_control(
        label,
        list(views),
        format_func=lambda name: t(views[name]),
        required=True,
        label_visibility="collapsed",
        **state.url_bound(key, views),
    )
    name = view or next(iter(views))
    st.markdown(t(hints[name]))
    return name


def caveat_of(name: str) -> str:
    """What the experiment of this name does not show; a key of translations."""
    from memviz.experiments import EXPERIMENTS

    return EXPERIMENTS[name].caveat


def on_request(name: str, label: str, settings: object, *, cost: str) -> bool:
    """Was it asked for, with these settings? A button until it is; it stays so when the page is loaded again.

    ``cost``: about how long it takes, in words.
    """
    mark = hashlib.sha256(repr(settings).encode()).hexdigest()[:10]
    if state.get(name) == mark:
        return True
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    pressed = row.button(label, key=f"{name}_button", type="primary", icon=":material/play_arrow:")
    row.caption(cost, width="content")
    if pressed:
        state.put(name, mark)
        st.rerun()
    return False


def plain(text: str) -> str:
    """A statement without its markdown."""
    return text.replace("**", "")
