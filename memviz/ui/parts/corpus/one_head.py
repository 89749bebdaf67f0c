"""One head over a corpus: how its numbers are spread, and the texts behind the extremes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from memviz import figures
from memviz.corpus import Extreme
from memviz.ui.parts.corpus.atlas import HEAD, CorpusView
from memviz.ui.shell import frame, navigation, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal
from memviz.ui.shell.navigation import PAGES

SHOWN = 160  # characters of a text in the list


def show_head(view: CorpusView) -> None:
    """The head is chosen; its numbers on all texts, and those that are most extreme, each to be opened in Heads."""
    names = view.names
    st.header(t("One head on every text"), anchor=False)
    name = st.selectbox(t("Head"), names, **state.url_bound(HEAD, names, default=view.usual))
    layer, head = divmod(names.index(name), view.results.shape[1])
    _, values = view.results.values(view.measure.name, layer, head)
    if not len(values):
        st.info(t("No text of this corpus has a number for this head."), icon=":material/info:")
        return
    chart = figures.spread_bars(
        values, label=t(view.measure.label), unit=t(view.measure.unit), mean=float(values.mean()), translate=t
    )
    show.figure(chart, key="corpus_spread")
    highest, lowest = view.results.extremes(view.measure.name, layer, head)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("Highest"), anchor=False)
        _list(view, highest, layer, head, key="high")
    with right:
        st.subheader(t("Lowest"), anchor=False)
        _list(view, lowest, layer, head, key="low")


def _list(view: CorpusView, extremes: Sequence[Extreme], layer: int, head: int, *, key: str) -> None:
    for place, extreme in enumerate(extremes):
        row = st.container(horizontal=True, vertical_alignment="center")
        text = extreme.text or ""
        short = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        row.markdown(f"**{extreme.value:.3g}** · {literal(extreme.id)}  \n{literal(' '.join(short.split()))}")
        if not text:
            continue
        settings = {"layer": str(layer), "head": str(head)}
        opened = row.button(
            t("Open in Heads"),
            key=f"corpus_{key}_{place}",
            type="tertiary",
            on_click=frame.carry_with,
            args=(PAGES["heads"],),
            kwargs={"model": view.results.settings["model"], "text": text, "settings": settings},
        )
        if opened:
            navigation.open_page("heads")
