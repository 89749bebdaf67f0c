"""From which sentence of the prompt was the answer read, and by which heads?"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import streamlit as st

from memviz import measures
from memviz.figures import head_name, percent
from memviz.figures.style import colours
from memviz.measures import sink_positions
from memviz.serving import cache
from memviz.serving.gate import Turn
from memviz.tokens import clean, printable
from memviz.trace import Trace
from memviz.ui.parts.generation.choices import GenerationJob
from memviz.ui.shell import runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

HEADS = 5  # the strongest heads of a sentence, by whose mean it is rated
CLEAR = 1.25  # times the share of the next sentence: less is no answer
MOST = 12  # sentences that are shown
HOW = (
    "Computed from attention: for each head, the share of its attention that goes to the tokens of a sentence "
    "(sinks left out), at the positions that predicted the answer, averaged; a sentence is rated by the mean of "
    "its five strongest heads. Questions and the sentence that is continued are left out. It says where the model "
    "looked, not that the answer depends on it."
)
QUESTION = ("?", "？")


@dataclass(frozen=True)
class PassageReading:
    """How an answer was read from the sentences of a passage.

    answer      the written tokens up to the first line break
    sentences   of the prompt, without questions and the sentence that is being continued
    shares      float32 [sentence]: the mean share of its five strongest heads
    heads       of each sentence, its strongest heads: (layer, head, share)
    """

    answer: str
    sentences: tuple[str, ...]
    shares: np.ndarray
    heads: tuple[tuple[tuple[int, int, float], ...], ...]


def show_passage(trace: Trace, job: GenerationJob) -> None:
    """The sentence that the answer was read from; nothing where the prompt has no two of them."""
    reading = _reading(trace, job)
    if reading is None:
        return
    best = int(reading.shares.argmax())
    layer, head, share = reading.heads[best][0]
    st.subheader(t("Which sentence was the answer read from?"), anchor=False)
    shares = np.sort(reading.shares)
    if shares[-1] < CLEAR * shares[-2]:
        st.markdown(t("While it wrote “{answer}”, no sentence stands out.", answer=literal(reading.answer)))
    else:
        st.markdown(
            t(
                "While it wrote “{answer}”, the heads that read single sentences looked most at “**{sentence}**”: "
                "{head} put **{share}** of its attention there.",
                answer=literal(reading.answer),
                sentence=literal(reading.sentences[best]),
                head=head_name(layer, head),
                share=percent(share),
            )
        )
    st.html(_bars(reading))
    if shares[-1] >= CLEAR * shares[-2]:
        names = ", ".join(f"{head_name(layer, head)} {percent(share)}" for layer, head, share in reading.heads[best])
        st.caption(t("Its strongest heads: {heads}.", heads=names))
    show.caveat(HOW)


def _reading(trace: Trace, job: GenerationJob) -> PassageReading | None:
    """The same, remembered between reruns; ``None`` where there is no passage."""
    key = ("passage", trace.model.name, trace.text, " ".join(str(token.id) for token in trace.tokens), job.text)
    work = cache.Work("links", trace.model.name, characters=len(trace.text))
    text = clean(job.text)
    if len(passage_sentences(trace, text)) < 2 or not answer_tokens(trace):
        return None

    def search(turn: Turn) -> PassageReading:
        return read_passage(trace, text)

    place = st.empty()
    reading = runs.patiently(place, lambda: cache.search(key, work, search, on_wait=runs.on_wait(place)))
    place.empty()
    return reading


def passage_sentences(trace: Trace, text: str) -> list[tuple[int, int]]:
    """The sentences of a prompt that can be read from: where they stand among the characters of ``trace.text``."""
    from memviz.reading.writing.sentences import split_sentences  # brings torch in

    begin = trace.text.find(text)
    if begin < 0:
        return []
    spans = [(start, end) for start, end in split_sentences(text) if text[start:end].strip()]
    if spans and trace.generation is not None and not trace.generation.chat:
        spans = spans[:-1]  # it is being continued
    return [
        (begin + start, begin + end)
        for start, end in spans
        if not text[start:end].rstrip("\"”’»' \n").endswith(QUESTION)
    ]


def answer_tokens(trace: Trace) -> list[int]:
    """The positions of the tokens of the answer: what was written, up to the first line break."""
    tokens: list[int] = []
    for position in range(trace.written.start, trace.written.stop):
        token = trace.tokens[position]
        written = trace.text[token.start : token.end]
        if token.special or ("\n" in written and tokens):
            break
        if written.strip():
            tokens.append(position)
    return tokens


def read_passage(trace: Trace, text: str) -> PassageReading:
    """From which sentence was the answer read?"""
    memory, spans, answer = trace.memory(), passage_sentences(trace, text), answer_tokens(trace)
    stretches = [
        [
            place
            for place, token in enumerate(trace.tokens)
            if start <= token.start and start < token.end <= end and place < trace.written.start
        ]
        for start, end in spans
    ]
    rows = [position - 1 for position in answer]
    shares = measures.attention_to_stretches(memory, rows, stretches, without=sink_positions(memory))
    flat = shares.reshape(-1, len(spans))
    order = np.argsort(-flat, axis=0, kind="stable")[:HEADS]
    heads = tuple(
        tuple((*divmod(int(place), memory.heads), float(flat[place, number])) for place in order[:, number])
        for number in range(len(spans))
    )
    written = trace.text[trace.tokens[answer[0]].start : trace.tokens[answer[-1]].end]
    return PassageReading(
        written.strip(),
        tuple(trace.text[start:end].strip() for start, end in spans),
        np.take_along_axis(flat, order, axis=0).mean(axis=0),
        heads,
    )


def _bars(reading: PassageReading) -> str:
    """The sentences in their order, each with a bar. Texts are never trusted."""
    blue = colours.css("blue")
    places = np.sort(np.argsort(-reading.shares, kind="stable")[:MOST])
    rows = [
        f"<li><bdi>{html.escape(printable(reading.sentences[place]))}</bdi>"
        f'<span aria-hidden="true"><i style="width: {reading.shares[place]:.2%}; background: {blue}"></i></span>'
        f"<b>{percent(float(reading.shares[place]))}</b></li>"
        for place in places
    ]
    return f'<ol class="memviz-next memviz-sentences">{"".join(rows)}</ol>'
