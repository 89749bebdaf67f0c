"""When was each word heard: by the path, by the raw attention, and letter by letter, side by side."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import streamlit as st

from memviz import measures, tables
from memviz.errors import MemVizError
from memviz.figures import head_name
from memviz.measures import WordTime
from memviz.serving import cache
from memviz.ui.parts.listen.view import ListenView
from memviz.ui.shell import runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief

NOTICEABLE = 0.1  # seconds; less is not worth a sentence
COLUMNS = {
    "word": "word",
    "start": "start, path (s)",
    "end": "end, path (s)",
    "peak": "looks most at (s)",
    "start by letters": "start, letters (s)",
    "end by letters": "end, letters (s)",
}


def show_times(view: ListenView) -> tuple[WordTime, ...]:
    """The table of the words' times. Gives those that were found letter by letter, where they were asked for."""
    if not view.words:
        return ()
    st.header(t("When was each word heard?"), anchor=False)
    with_letters = st.toggle(
        t("Beside it, letter by letter"),
        help=t(
            "The text is forced once more, one letter at a time, and the heads that mark single letters are found on "
            "this very recording (Yeh, Meng and Tang 2025, “Whisper Has an Internal Word Aligner”)."
        ),
        **state.url_bound("letters", state.SWITCH),
    )
    letters: tuple[WordTime, ...] = ()
    if with_letters:
        letters = _by_letters(view)
    frame = tables.word_times_table(view.words, letters)
    seconds = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        frame.rename(columns={name: t(COLUMNS[name]) for name in frame}),
        hide_index=True,
        width="stretch",
        column_config={t(COLUMNS[name]): seconds for name in COLUMNS if name != "word"},
    )
    if len(view.words) > 1:
        _tell_peaks(view)
    return letters


def _by_letters(view: ListenView) -> tuple[WordTime, ...]:
    """The words' times letter by letter; none, with a message, where they cannot be had."""
    heard = view.heard
    options = replace(heard.options, target=heard.trace.output, by_character=True)
    try:
        trace = runs.sense(
            heard.model, lambda callbacks: cache.transcribe(heard.model, heard.content, options, **callbacks)
        )
        letters = measures.character_times(trace)
    except MemVizError as error:
        show.problem(error)
        return ()
    if len(letters) != len(view.words):
        st.caption(t("Letter by letter it has other words, so the two cannot stand side by side."))
        return ()
    heads = ", ".join(head_name(*pair) for pair in measures.aligning_heads(trace))
    shifts = np.array([abs(one.end - two.end) for one, two in zip(view.words, letters, strict=True)])
    most = int(shifts.argmax())
    st.markdown(
        t(
            "Letter by letter, {count} of {all} words end more than {least} s elsewhere; the farthest is “{word}”, by "
            "{most:.2f} s. The heads that were found: {heads}.",
            count=int((shifts > NOTICEABLE).sum()),
            all=len(shifts),
            least=NOTICEABLE,
            word=brief(view.words[most].text),
            most=float(shifts[most]),
            heads=heads,
        )
    )
    return letters


def _tell_peaks(view: ListenView) -> None:
    """How well the raw attention keeps to the order of the words, and to the moments of the path; of which heads."""
    words = view.words
    heads = (
        t("The path and what is looked at most are of the alignment heads, whichever heads are shown above.")
        if view.heard.trace.model.alignment_heads
        else t("The path and what is looked at most are of all heads, whichever heads are shown above.")
    )
    outside = sum(not word.start <= word.peak < word.end for word in words)
    back = sum(after.peak < before.peak for before, after in pairwise(words))
    peaks = t(
        "The raw attention alone looks most outside the path's moment at {outside} of {all} words, and goes back "
        "in time at {back} of {steps} steps; the path never does.",
        outside=outside,
        all=len(words),
        back=back,
        steps=len(words) - 1,
    )
    st.caption(f"{peaks} {heads}")
