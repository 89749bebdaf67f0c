"""The parts of the page Recall: the card of a word, what is looked at most, and how far back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures, tables
from memviz.tokens import distinct_texts
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief

RECEIVED = "Which words receive the most attention?"
MOST = 10  # words in the list of those that are looked at most


@dataclass(frozen=True)
class RecallView:
    """Through which heads (``None``: all of them), and with or without the resting places."""

    layer: int | None
    head: int | None
    without: tuple[int, ...] = ()


def own_head(trace: Trace, view: RecallView) -> tuple[int, int] | None:
    """The head of the view, where a word can be covered in it alone: not in an encoder, which another network reads."""
    if view.layer is None or view.head is None or trace.memory().kind != "self":
        return None
    return view.layer, view.head


def of_view(values: np.ndarray, view: RecallView) -> np.ndarray:
    """What the view shows of values [layer, head, …]: all of them, or those of its head."""
    if view.layer is None or view.head is None:
        return values
    return values[view.layer, view.head]


def choose_view(trace: Trace) -> RecallView:
    """All heads or one, and whether the places where attention rests are taken out."""
    memory = trace.memory()
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    single = row.toggle(t("Single head"), **state.url_bound("one_head", state.SWITCH))
    hide = row.toggle(t("Hide attention sinks"), **state.url_bound("sinkless", state.SWITCH))
    layer = head = None
    if single:
        state.put_head(*state.get_head(memory))
        layer_box, head_box, _ = st.columns([1, 1, 4], wrap=False)
        layer, head = state.choose_layer(memory, place=layer_box), state.choose_head(memory, place=head_box)
    return RecallView(layer, head, measures.sink_positions(memory) if hide else ())


def show_card(trace: Trace, view: RecallView, *, word: int | None) -> None:
    """One word in numbers: its spread, what rests, how much it is looked at, and its links as tables.

    ``None``: there is no word to choose, and nothing to say of one.
    """
    if word is None:
        return
    name = distinct_texts(trace.words)[word]
    st.subheader(t("“{word}” in numbers", word=brief(name)), anchor=False)
    _show_numbers(trace, view, word)
    remembers, remembered_by = words.links_of(trace, without=view.without, layer=view.layer, head=view.head)
    show.table(
        words.links_frame(trace, word, remembers, without=view.without),
        label="What “{word}” attends to, as a table",
        word=name,
    )
    show.table(
        words.links_frame(trace, word, remembered_by, without=view.without),
        label="What attends to “{word}”, as a table",
        word=name,
    )


def _show_numbers(trace: Trace, view: RecallView, word: int) -> None:
    memory, tokens = trace.memory(), list(trace.words[word].tokens)

    def mean(values: np.ndarray) -> float:
        return float(np.nanmean(of_view(values, view)))

    row = st.container(horizontal=True, gap="large")
    row.metric(
        t("Effective number of tokens"),
        figures.decimal(float(measures.known_mean(of_view(measures.slots(memory, view.without)[:, :, tokens], view)))),
        help=t("over about how many tokens what is left of its attention spreads: exp of the entropy")
        if view.without
        else t("over about how many tokens its attention spreads: exp of the entropy"),
    )
    row.metric(
        t("On the first token"),
        figures.percent(mean(memory.summary.first[:, :, tokens])),
        help=t("of all its attention, attention sinks included") if view.without else None,
    )
    row.metric(
        t("Attention received"),
        figures.percent(mean(measures.received(memory)[:, :, tokens].sum(-1)), digits=1),
        help=t("the mean weight it gets from the tokens that can see it, of all their attention")
        if view.without
        else t("the mean weight it gets from the tokens that can see it"),
    )
    if memory.kind != "self":
        return
    if np.isfinite(trace.logprobs).any():  # the model predicts
        row.metric(
            t("Probability beforehand"),
            figures.percent(float(np.exp(trace.logprobs[tokens].sum())), digits=1),
            help=t("what the model gave this word before it saw it; the first word of a text was not predicted"),
        )


def show_received(trace: Trace, view: RecallView) -> None:
    """Attention received over the text: a bar for each word, and the words that receive most, in order.

    Where attention rests takes part in neither ranking nor scale.
    """
    st.subheader(t(RECEIVED), anchor=False)
    memory = trace.memory()
    sinks = measures.sink_positions(memory)
    picture, ranking = st.columns([2, 1], gap="large")
    with picture:
        chart = figures.received_bars(
            memory,
            trace.words,
            layer=view.layer,
            head=view.head,
            without=view.without,
            sinks=sinks,
            fitted=True,
            title="",
            caption="",
            translate=t,
        )
        show.figure(chart, key="received")
    ranked = most_received(trace, view)
    ranking.dataframe(
        ranked,
        hide_index=True,
        width="stretch",
        height="content",
        column_config=show.narrow(ranked),
    )
    if sinks:
        ranking.caption(t("Positions count from 0. Attention sinks are not ranked."))
    else:
        ranking.caption(t("Positions count from 0."))


def most_received(trace: Trace, view: RecallView) -> pd.DataFrame:
    """The words that receive most, with their positions and shares, in the reader's language; no sinks among them."""
    frame = tables.received_table(trace.memory(), trace.words, layer=view.layer, head=view.head, without=view.without)
    ranked = frame.dropna(subset=["rank"]).sort_values("rank").head(MOST)
    return pd.DataFrame(
        {
            t("word"): ranked["text"],
            t("position"): ranked["word"],
            t("attention received"): [figures.percent(share, digits=1) for share in ranked["received"]],
        }
    )


def show_distance(trace: Trace, view: RecallView) -> None:
    """Attention by distance over the uniform baseline, and the span."""
    st.subheader(t("Attention by distance"), anchor=False)
    memory = trace.memory()
    show.figure(
        figures.by_distance(memory, layer=view.layer, head=view.head, fitted=True, title="", caption="", translate=t),
        key="forgetting",
    )
    half, most = (of_view(measures.span(memory, share), view) for share in (0.5, 0.9))
    if np.isfinite(half).any():  # one token alone has no distance to look over
        st.markdown(
            t(
                "Half of the attention lies within **{half:g}** tokens, nine tenths within **{most:g}** "
                "(median over the heads shown, the first token left out).",
                half=float(np.nanmedian(half)),
                most=float(np.nanmedian(most)),
            )
        )
    show.caveat("Looking back further than chance is not the same as remembering more.")
