"""The weights of the graph as other pictures and as numbers, and the memories beside cross-attention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from memviz import figures, measures, tables
from memviz.errors import MeasureError
from memviz.figures import percent
from memviz.figures.charts.layout import with_subtitle
from memviz.figures.style.labels import shorten
from memviz.measures.cross import Sides
from memviz.trace import Trace
from memviz.ui.parts.translation.choices import TranslationView
from memviz.ui.shell import address, samples, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

COLUMNS = {"step": "step", "token": "token", "probability": "probability", "entropy": "entropy"}  # of a step
SUBTITLE = 44  # narrow letters of a sentence, and of its translation, that a picture is of
GOLD = "gold"
GOLD_OF = "gold_of"  # the sentence and its translation that it belongs to
COUNTS = {"open": "Not chosen yet", "signs": "Signs are words", "spaces": "White space divides words"}
TABS = {
    "heatmap": "Heatmap",
    "alignment": "Alignment",
    "coverage": "Coverage",
    "steps": "Output probabilities",
    "encoder": "Encoder",
    "recurrent": "Recurrent state",
}


def show_details(view: TranslationView) -> None:
    """One of the other pictures, as chosen."""
    names = [name for name in TABS if name != "recurrent" or view.part.recurrent is not None]
    name = st.segmented_control(
        t("More about this sentence"),
        names,
        required=True,
        format_func=lambda name: t(TABS[name]),
        **state.url_bound("details", names),
    )
    {
        "heatmap": _show_heatmap,
        "alignment": _show_alignment,
        "coverage": _show_coverage,
        "steps": _show_steps,
        "encoder": _show_encoder,
        "recurrent": _show_recurrent,
    }[name or names[0]](view)


def heatmap_figure(view: TranslationView) -> Any:
    """The weights of the graph as a figure: rows were written, columns read."""
    queries, keys = view.part.sides("cross") if view.by_word else (None, None)
    chart = figures.pattern(
        view.memory,
        view.layer,
        view.head,
        query_words=queries,
        key_words=keys,
        cumulative=view.keep,
        shift=view.shift,
        caption="",
        translate=t,
    )
    texts = [shorten(" ".join(text.split()), SUBTITLE) for text in (view.part.text, view.part.output or "")]
    return with_subtitle(chart, texts[0], f"→ {texts[1]}")


def _show_heatmap(view: TranslationView) -> None:
    show.figure(heatmap_figure(view), key="cross_heatmap")


def _show_alignment(view: TranslationView) -> None:
    frame = tables.alignment_table(
        view.memory,
        view.sides,
        layer=view.layer,
        head=view.head,
        shift=view.shift,
        logprobs=view.part.logprobs,
    )
    frame = frame[[not word.special for word in view.sides[0]]]
    st.dataframe(
        frame[["target_word", "source_word", "weight", "probability"]],
        hide_index=True,
        width="stretch",
        column_config={
            "target_word": st.column_config.TextColumn(t("target word")),
            "source_word": st.column_config.TextColumn(t("read most from")),
            "weight": st.column_config.NumberColumn(t("weight"), format="percent"),
            "probability": st.column_config.NumberColumn(t("probability of the word"), format="percent"),
        },
    )
    if not view.by_word:
        return
    st.caption(t("The same as links, source-target, as other tools write them:"))
    links = tables.links_pharaoh(view.memory, view.sides, layer=view.layer, head=view.head, shift=view.shift)
    st.code(links, language=None)
    st.caption(t("The words that the numbers count, source ||| target:"))
    st.code(tables.words_counted(view.sides), language=None, wrap_lines=True)
    _show_error_rate(view)


def _show_error_rate(view: TranslationView) -> None:
    """How wrong is this head by a hand-made alignment, and which head is best?"""
    layer, head = measures.best_head(view.memory, view.sides)
    confidence = float(measures.confidence(view.memory)[layer, head])
    st.caption(
        t(
            "Most confident head here: L{layer}.H{head}, {share} on one token. Confident is not correct: a head "
            "may read the previous word.",
            layer=layer,
            head=head,
            share=percent(confidence),
        )
    )
    _offer_gold(view.part)
    text = st.text_input(
        t("Reference (gold) alignment"),
        key=GOLD,
        placeholder="0-0 2-1 1-2 1p3",
        help=t("Pharaoh format: source-target, words counted from 0, signs are words; p for a link that may be."),
        persist_state="session",
    )
    if not text:
        return
    try:
        gold = measures.Gold.parse(text)
        sides = _choose_count(view, gold)
        if sides is None:
            return
        _show_pairs(gold, sides)
        gold = replace(gold, counts="signs")  # every word of these sides counts
        errors = measures.aer_by_head(view.memory, sides, gold, shift=view.shift)
        alignment = measures.alignment(view.memory, sides, layer=view.layer, head=view.head, shift=view.shift)
    except MeasureError as error:
        show.problem(error)
        return
    layer, head = measures.best_head(view.memory, sides, gold, shift=view.shift)
    row = st.container(horizontal=True, gap="large")
    row.metric(
        t("Alignment error rate, {head}", head=view.name),
        percent(measures.aer([alignment.pairs], [gold]), digits=1),
        help=t("0 % is without error: 1 − (|A ∩ S| + |A ∩ P|) ÷ (|A| + |S|), Och & Ney 2003."),
    )
    row.metric(t("Best head, L{layer}.H{head}", layer=layer, head=head), percent(float(errors[layer, head]), digits=1))


def _choose_count(view: TranslationView, gold: measures.Gold) -> Sides | None:
    """Which words do the numbers of an alignment count? ``None`` where two ways fit and none is chosen yet.

    Nothing is asked where the numbers fit only one way, or mean the same words both ways.
    """
    if not gold.is_ambiguous(view.sides):
        return gold.counted_sides(view.sides)
    name = st.selectbox(
        t("Which words do the numbers count?"),
        COUNTS,
        format_func=lambda name: t(COUNTS[name]),
        **state.url_bound("gold_count", COUNTS),
    )
    if name == "open":
        st.caption(t("They fit both ways, and mean other words each time: choose one."))
        return None
    return replace(gold, counts="spaces" if name == "spaces" else "signs").counted_sides(view.sides)


def _show_pairs(gold: measures.Gold, sides: Sides) -> None:
    """The words that each link of an alignment joins."""
    pairs = [f"{literal(source)} – {literal(target)}" for source, target in gold.in_words(sides)]
    st.caption(t("These links join: {pairs}", pairs=" · ".join(pairs)))


def _offer_gold(part: Trace) -> None:
    """Fills in the alignment of a link, or of a sample whose translation the model wrote."""
    before, subject = st.session_state.get(GOLD_OF), (part.text, part.output)
    if before != subject:
        first = (st.session_state.get(GOLD) or address.get(GOLD)) if before is None else ""
        address.put(GOLD, "")
        st.session_state[GOLD_OF] = subject
        st.session_state[GOLD] = first or samples.gold(part.text, part.output or "")


def gold_of(part: Trace) -> str:
    """The alignment that was typed for this sentence; "" where none was, or where it is a sample's."""
    of_sample = samples.gold(part.text, part.output or "")
    text = st.session_state.get(GOLD, "") if st.session_state.get(GOLD_OF) == (part.text, part.output) else ""
    return "" if text == of_sample else text


def _show_coverage(view: TranslationView) -> None:
    chart = figures.coverage_bars(
        view.memory, view.sides, layer=view.layer, head=view.head, title="", caption="", translate=t
    )
    show.figure(chart, key="coverage")
    if view.shift:
        st.caption(t("Coverage counts the steps that write a word, shifted or not."))


def _show_steps(view: TranslationView) -> None:
    show.figure(figures.probability_bars(view.part, title="", caption="", translate=t), key="sure")
    frame = tables.steps_table(view.part)
    frame.insert(3, "entropy", entropies(view))
    st.caption(t("Entropy: how widely a step spread its attention over the source, in nats; 0 is one token alone."))
    if view.head is None:
        st.caption(t("Of several heads it is the mean of their entropies."))
    if view.shift:
        st.caption(t("Entropy is that of the step which writes a token, shifted or not."))
    show.table(frame.rename(columns=_heading), label="Every step as a table")


def _heading(column: str) -> str:
    """A column of the table of steps in the reader's language."""
    if column.startswith("alternative_"):
        number = column.split("_")[1]
        likely = column.endswith("_probability")
        return t("its probability {number}", number=number) if likely else t("alternative {number}", number=number)
    return t(COLUMNS[column])


def entropies(view: TranslationView) -> np.ndarray:
    """How widely each step spread its look-up, in nats, mean over the heads shown: float32 [target token]."""
    values = measures.entropy(view.memory)
    of_layer = values if view.layer is None else values[[view.layer]]
    return (of_layer if view.head is None else of_layer[:, [view.head]]).mean(axis=(0, 1))


def _show_encoder(view: TranslationView) -> None:
    """How the source reads itself."""
    memory = view.part.memory("encoder")
    state.put_head(*state.get_head(memory))
    layer_box, head_box, _ = st.columns([1, 1, 4], wrap=False)
    layer, head = state.choose_layer(memory, place=layer_box), state.choose_head(memory, place=head_box)
    words, _ = view.part.sides("encoder")
    show.figure(
        figures.pattern(memory, layer, head, query_words=words, key_words=words, caption="", translate=t),
        key="encoder",
    )
    show.caveat("The source reads itself before anything is written: every word is mixed with the others.")


def _show_recurrent(view: TranslationView) -> None:
    """The memory that fades."""
    recurrent = view.part.recurrent
    if recurrent is None:
        return
    layers = range(recurrent.layers)
    layer_box, _ = st.columns([1, 5])
    layer = layer_box.selectbox(
        t("Layer"), layers, format_func=lambda number: f"L{number}", **state.url_bound("recurrent_layer", layers)
    )
    st.markdown(
        t(
            "This decoder does not attend to its own words. It keeps **{units}** numbers a layer, and overwrites "
            "a part of each with every word: no look-up, a memory that fades.",
            units=recurrent.units,
        )
    )
    show.figure(figures.recurrent(recurrent, layer, title="", caption="", translate=t), key="recurrent")
    show.figure(figures.half_lives(recurrent, title="", caption="", translate=t), key="half_lives")
