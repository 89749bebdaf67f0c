"""The parts of the page Compare: one word, one head, two texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures
from memviz.tokens import distinct_texts
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.shell import address, samples, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief

HEADING = "What “{word}” attends to"
WORD, LAYER, HEAD = "compare_word", "compare_layer", "compare_head"


@dataclass(frozen=True)
class Comparison:
    """Which word is looked at in both texts, and through which head."""

    word: str
    layer: int
    head: int

    def place(self, trace: Trace) -> int:
        """Where the word stands among the words of a text; of several places the last."""
        return max(place for place, word in enumerate(trace.words) if word.text == self.word and not word.special)


def common_words(first: Trace, second: Trace) -> list[str]:
    """The words that stand in both texts, each once, in the order of the first; no punctuation."""
    others = {word.text for word in second.words if not word.special}
    texts = [word.text for word in first.words if not word.special and word.text in others]
    return [text for text in dict.fromkeys(texts) if any(map(str.isalnum, text))]


def choose(first: Trace, second: Trace) -> Comparison:
    """The word and the head; stops the page where the two texts have no word in common.

    To begin with: the word that the samples are about, else the longest; and the head of its most specific link in the
    first text.
    """
    names = common_words(first, second)
    if not names:
        st.info(t("These two texts have no word in common."), icon=":material/compare_arrows:")
        address.end_page()
    known = samples.two_texts(first.model.name)[0].word
    usual = known if known in names else max(names, key=len)
    word_box, both = st.columns(2)
    layer_box, head_box = both.columns(2, wrap=False)
    word = word_box.selectbox(t("Word in both texts"), names, **state.url_bound(WORD, names, default=usual))
    layer, head = first_head(first, Comparison(word, 0, 0).place(first))
    memory = first.memory()
    return Comparison(
        word,
        state.choose_layer(memory, place=layer_box, key=LAYER, default=layer),
        state.choose_head(memory, place=head_box, key=HEAD, default=head),
    )


def first_head(trace: Trace, word: int) -> tuple[int, int]:
    """The head of the most specific link of a word; L0.H0 where it has none."""
    links, _ = words.links_of(trace, without=measures.sink_positions(trace.memory()))
    if not links.index.shape[1] or links.index[word, 0] < 0:
        return 0, 0
    return int(links.layer[word, 0]), int(links.head[word, 0])


def show_both(first: Trace, second: Trace, view: Comparison) -> None:
    """What the word looks at in each text, on one scale, and the same as tables."""
    pictures, frames = charts(first, second, view), tables_of(first, second, view)
    columns = st.columns(2, gap="large")
    for number, (column, trace, chart, frame) in enumerate(
        zip(columns, (first, second), pictures, frames, strict=True)
    ):
        name = _name(trace, view)
        with column:
            st.header(t(HEADING, word=brief(name)), anchor=False)
            show.figure(chart, key=f"look_{number}")
            show.table(frame, label="What “{word}” attends to, as a table", word=name)
    st.markdown(t("Both pictures have one scale. Of a word that occurs several times, the last is shown."))


def charts(first: Trace, second: Trace, view: Comparison, *, titled: bool = False) -> list[Any]:
    """What the word looks at in each text, as bars on one scale; ``titled``: each says of itself what it is."""
    traces = (first, second)
    sinks = [measures.sink_positions(trace.memory()) for trace in traces]
    rows = [_row(trace, view) for trace in traces]
    top = max(_largest(trace, row, rest) for trace, row, rest in zip(traces, rows, sinks, strict=True))
    return [
        figures.look_bars(
            trace.memory(),
            trace.words,
            view.place(trace),
            layer=view.layer,
            head=view.head,
            sinks=rest,
            top=top,
            title=t(HEADING, word=_name(trace, view)) if titled else "",
            caption=None if titled else "",
            translate=t,
        )
        for trace, rest in zip(traces, sinks, strict=True)
    ]


def tables_of(first: Trace, second: Trace, view: Comparison) -> list[pd.DataFrame]:
    """The numbers of both pictures: each word with its weight."""
    return [
        pd.DataFrame(
            {
                t("word"): distinct_texts(trace.words),
                t("weight"): [figures.percent(float(weight)) for weight in _row(trace, view)],
            }
        )
        for trace in (first, second)
    ]


def _name(trace: Trace, view: Comparison) -> str:
    """The word, told apart from others of the text that are written alike."""
    return distinct_texts(trace.words)[view.place(trace)]


def _row(trace: Trace, view: Comparison) -> np.ndarray:
    return measures.word_row(trace.memory(), trace.words, view.place(trace), layer=view.layer, head=view.head)


def _largest(trace: Trace, row: np.ndarray, sinks: tuple[int, ...]) -> float:
    """The largest weight on a word that is not a sink; 1 % at least, so that a picture has a scale."""
    return max([0.01, *(float(row[i]) for i, word in enumerate(trace.words) if not set(sinks) & set(word.tokens))])
