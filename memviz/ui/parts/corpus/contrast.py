"""Two corpora side by side: which heads do something else in the second?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from memviz import corpus, figures
from memviz.corpus import Correction, Difference, Results
from memviz.errors import MemVizError
from memviz.ui.parts.corpus.atlas import CorpusView
from memviz.ui.parts.corpus.source import open_folder
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

OTHER, CORRECTION = "corpus_other", "corpus_correction"
CORRECTIONS: dict[Correction, str] = {
    "holm": "Holm: no head by mistake",
    "bh": "Benjamini–Hochberg: few among those found by mistake",
}
EXAMPLE = "corpora/shuffled"
LEVEL = 0.05


def show_contrast(view: CorpusView) -> None:
    """The second corpus is named; how much every head differs, and which differences chance does not explain."""
    st.header(t("Beside another corpus"), anchor=False)
    st.markdown(
        t("Another language, another kind of text, the same sentences with their words shuffled: what is different?")
    )
    box, choice = st.columns([3, 2])
    path = box.text_input(
        t("Folder of the other results"),
        placeholder=EXAMPLE,
        **state.url_bound(OTHER, [""], others=True),
    )
    correction = choice.selectbox(
        t("Correction for many heads"),
        list(CORRECTIONS),
        format_func=lambda name: t(CORRECTIONS[name]),
        **state.url_bound(CORRECTION, CORRECTIONS),
    )
    if not path.strip():
        return
    try:
        other = open_folder(path)
        found = difference_of(view.results, other, view.measure.name, correction)
    except MemVizError as error:
        show.problem(error)
        return
    beyond = found.adjusted < LEVEL
    st.markdown(
        t(
            "**{count} of {heads} heads** differ beyond chance (p < 0.05 after the correction {correction}; "
            "permutation test, {draws} labellings of {first} and {second} texts).",
            count=int(beyond.sum()),
            heads=beyond.size,
            correction="Holm" if correction == "holm" else "Benjamini–Hochberg",
            draws=f"{found.draws:,}",
            first=f"{view.results.counts.texts:,}",
            second=f"{other.counts.texts:,}",
        )
    )
    show.figure(difference_grid(view, found), key="corpus_difference")
    st.caption(
        t(
            "Blue: higher in {other}; orange: higher in {first}. A dot: not told apart from chance.",
            other=literal(other.path.name),
            first=literal(view.results.path.name),
        )
    )
    show.table(_table(found), label="Every difference as a table")


def difference_of(first: Results, second: Results, column: str, correction: Correction) -> Difference:
    """The test for every head; worked out once, as long as the files are the same."""
    stamps = tuple(f"{each.path}{each.settings.get('sha256')}{each.counts}" for each in (first, second))
    return _difference(first, second, stamps, column, correction)


@st.cache_data(max_entries=8, show_spinner=False)
def _difference(
    _first: Results, _second: Results, stamps: tuple[str, ...], column: str, correction: Correction
) -> Difference:
    return corpus.compare(_first, _second, column, correction=correction)


def difference_grid(view: CorpusView, found: Difference) -> object:
    """The difference of every head as a field; its p when it is pointed at."""
    hover = np.empty(found.p.shape, dtype=object)
    for place in np.ndindex(hover.shape):
        hover[place] = t("p = {p:.2g}, corrected {adjusted:.2g}", p=found.p[place], adjusted=found.adjusted[place])
    return figures.head_grid(
        found.difference,
        label=t("Difference"),
        unit=t(view.measure.unit),
        hover=hover,
        signed=True,
        faint=~(found.adjusted < LEVEL),
        translate=t,
    )


def _table(found: Difference) -> pd.DataFrame:
    places = [*np.ndindex(found.p.shape)]
    frame = pd.DataFrame(
        {
            t("Head"): [figures.head_name(*place) for place in places],
            t("Difference"): found.difference.ravel().round(4),
            "p": found.p.ravel(),
            t("p, corrected"): found.adjusted.ravel(),
        }
    )
    return frame.sort_values("p", kind="stable")
