"""Every head over a whole corpus: its mean with an interval, and the role that it keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.corpus import COLUMNS, Column, Interval, Results
from memviz.measures import ROLES
from memviz.ui.components import heads_grid
from memviz.ui.components.grid import LABELS
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t

MEASURE, HEAD = "corpus_measure", "corpus_head"


@dataclass(frozen=True, eq=False)
class CorpusView:
    """What the page shows: which measure of which results, and the table of all heads."""

    results: Results
    measure: Column
    interval: Interval
    table: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """All heads, by how they are called."""
        return [figures.head_name(*place) for place in np.ndindex(self.results.shape)]

    @property
    def usual(self) -> str:
        """The head that is shown where nobody chose one: that with the largest mean."""
        flat = self.interval.mean.ravel()
        return self.names[int(np.nanargmax(flat))] if np.isfinite(flat).any() else self.names[0]

    @property
    def head(self) -> tuple[int, int]:
        """The head that is chosen."""
        name = state.get(HEAD)
        return divmod(self.names.index(name if name in self.names else self.usual), self.results.shape[1])


def show_atlas(results: Results) -> CorpusView:
    """The measure is chosen; the mean of every head, and how surely it keeps one role."""
    name = st.selectbox(
        t("Measure"),
        list(COLUMNS),
        format_func=lambda key: t(COLUMNS[key].label),
        **state.url_bound(MEASURE, COLUMNS),
    )
    measure = COLUMNS[name]
    table = table_of(results, name)
    interval = Interval(*(table[key].to_numpy().reshape(results.shape) for key in ("mean", "low", "high", "texts")))
    view = CorpusView(results, measure, interval, table)
    left, right = st.columns(2, gap="large")
    with left:
        st.header(t("Mean over all texts"), anchor=False)
        st.markdown(t(measure.question))
        _choose_head(view)
        with st.expander(t("The same, with the 95 % interval of the head that is pointed at")):
            show.figure(mean_grid(view), key="corpus_mean")
    with right:
        st.header(t("Which heads keep their role?"), anchor=False)
        st.markdown(roles_line(view))
        show.figure(role_grid(view), key="corpus_roles")
    show.table(shown_table(view), label="Every head as a table")
    st.caption(
        t(
            "Intervals: 95 %, bootstrap over whole texts (1,000 draws), widened for few texts (Hesterberg 2015). "
            "They speak of other texts of this kind, not of other models."
        )
    )
    return view


def _choose_head(view: CorpusView) -> None:
    """Every head as a small square, to be clicked or walked to; the page goes on with the one that was chosen."""
    mean = view.interval.mean
    largest = float(np.nanmax(mean, initial=0)) or 1.0
    squares = np.round(255 * np.clip(np.nan_to_num(mean) / largest, 0, 1)).astype(np.uint8)
    chosen, _ = heads_grid(
        squares[..., None, None],
        scores={"mean": mean},
        roles=view.table["role"].to_numpy(dtype=object).reshape(view.results.shape),
        labels={name: t(text) for name, text in LABELS.items()} | {role: t(role) for role in ROLES},
        score_labels={"mean": t(view.measure.label)},
        selected=view.head,
        range_note=t(
            "Click a head: below it is shown on every text. Full colour: {largest:.3g} ({unit}).",
            largest=largest,
            unit=t(view.measure.unit),
        ),
        key="grid_corpus",
    )
    if chosen != view.head:
        state.put(HEAD, figures.head_name(*chosen))


def table_of(results: Results, column: str) -> pd.DataFrame:
    """A row a head, see `Results.table`; asked of the files once, as long as they are the same."""
    return _table(results, str(results.path), f"{results.settings.get('sha256')}{results.counts}", column)


@st.cache_data(max_entries=16, show_spinner=False)
def _table(_results: Results, path: str, stamp: str, column: str) -> pd.DataFrame:
    return _results.table(column)


def mean_grid(view: CorpusView) -> object:
    """The mean of every head as a field; its interval when it is pointed at."""
    hover = np.empty(view.results.shape, dtype=object)
    for layer, head in np.ndindex(hover.shape):
        hover[layer, head] = t("95 %: {low:.3g} to {high:.3g}", **_ends(view.interval, layer, head))
    return figures.head_grid(
        view.interval.mean, label=t(view.measure.label), unit=t(view.measure.unit), hover=hover, translate=t
    )


def _ends(interval: Interval, layer: int, head: int) -> dict[str, float]:
    return {"low": float(interval.low[layer, head]), "high": float(interval.high[layer, head])}


def role_grid(view: CorpusView) -> object:
    """On which share of the texts has each head its most frequent role?"""
    shape = view.results.shape
    names = np.array([t(role) if role else t("no role") for role in view.table["role"]], dtype=object)
    shares = view.table["role_share"].to_numpy().reshape(shape)
    named = view.table["role"].to_numpy().reshape(shape) != ""
    return figures.head_grid(
        np.where(named, shares, np.nan),
        label=t("Most frequent role"),
        unit=t("share of the texts"),
        hover=names.reshape(shape),
        high=1.0,
        translate=t,
    )


def roles_line(view: CorpusView) -> str:
    """How many heads keep a role on every text, and how many only on some?"""
    named = view.table[view.table["role"] != ""]
    always = int((named["role_share"] == 1).sum())
    return t(
        "{always} of {heads} heads have the same role on every text; {some} more have one on most texts or some.",
        always=always,
        heads=len(view.table),
        some=len(named) - always,
    )


def shown_table(view: CorpusView) -> pd.DataFrame:
    """The table as people read it, the heads that keep their role best first."""
    table = view.table.sort_values(["role_share", "mean"], ascending=False, kind="stable")
    return pd.DataFrame(
        {
            t("Head"): [figures.head_name(*head) for head in zip(table["layer"], table["head"], strict=True)],
            t("mean"): table["mean"].round(4),
            t("95 %, from"): table["low"].round(4),
            t("to"): table["high"].round(4),
            t("texts"): table["texts"],
            t("most frequent role"): [t(role) if role else "–" for role in table["role"]],
            t("on this share of texts"): [figures.percent(float(share)) for share in table["role_share"]],
        }
    )
