"""Which of the two experiments is shown, and what of it can be taken along?"""

from __future__ import annotations

from typing import Protocol

import streamlit as st

from memviz.ui.parts.experiment.view import NumbersView
from memviz.ui.shell import state
from memviz.ui.shell.i18n import t

INDUCTION, CLASSIFIER = "induction", "classifier"
EXPERIMENTS = {INDUCTION: "An induction head is born", CLASSIFIER: "Train a classifier"}


class TrainView(NumbersView, Protocol):
    """What a training gave, as far as it can be taken along: numbers, no weights."""

    model: str


def choose_experiment() -> str:
    """A name of `EXPERIMENTS`."""
    name = st.segmented_control(
        t("Experiment"),
        list(EXPERIMENTS),
        format_func=lambda name: t(EXPERIMENTS[name]),
        required=True,
        label_visibility="collapsed",
        **state.url_bound("training", EXPERIMENTS),
    )
    return name or INDUCTION
