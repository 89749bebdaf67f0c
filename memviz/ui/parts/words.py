"""The text as words on a page: what each word remembers, and who remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from memviz import measures
from memviz.figures import head_name, percent, times
from memviz.measures import Links, sink_positions, sink_share
from memviz.memory import Memory
from memviz.serving import cache
from memviz.serving.gate import Turn
from memviz.tokens import distinct_texts
from memviz.trace import Trace
from memviz.ui.components import words_view
from memviz.ui.components.words import LABELS, payload
from memviz.ui.shell import navigation, runs, samples, state
from memviz.ui.shell.i18n import t

LinkPair = tuple[Links, Links]
RENORMALISED = {
    "weight": "of what is left",
    "weight_help": (
        "The share of what is left of its attention that the word which looks puts on the other, in this head."
    ),
    "lift_help": (
        "This share over the average share that the tokens of other words, special tokens included, give the same "
        "word in this head; of every row only what is left beside the attention sinks."
    ),
    "announce": "“{word}” attends most to “{top}”, {weight} of what is left, in head {head}.",
}
WORD_OF = "word_of"  # the model and the text that the kept word belongs to


@dataclass(frozen=True)
class WordLink:
    """One link between two words: the word that looks and its place, the word looked at, and in which head.

    Words that are written alike are told apart as `distinct_texts` does it. ``weight`` is 0..1; ``lift`` is NaN where
    nobody else sees that word.
    """

    word: str
    position: int
    source: str
    weight: float
    lift: float
    layer: int
    head: int


def show_panel(
    trace: Trace, *, without: Sequence[int], layer: int | None = None, head: int | None = None
) -> int | None:
    """The text as words with their links; the word that is pinned, or ``None``.

    Over all heads each pair of words is shown in the head where the look is most special to it;
    with a layer and a head, the links of that head alone.
    """
    word = get_word(trace)
    remembers, remembered_by = links_of(trace, without=without, layer=layer, head=head)
    pinned = words_view(
        payload(trace.words, trace.text, trace.pair),
        remembers=remembers,
        remembered_by=remembered_by,
        labels=labels(without),
        pinned=word,
        key="words",
        sink_note=sink_note(trace.memory(), without=without, layer=layer, head=head),
        tint=tint(layer),
        first=first_word(trace, without),
        on_open=open_head if layer is None else None,  # one head alone is chosen where it is drawn
    )
    state.put_word(pinned)
    return pinned


def get_word(trace: Trace) -> int | None:
    """The word of this text that was chosen, here or on another page; ``None`` when the words are others now."""
    subject = (trace.model.name, trace.text, trace.pair)
    if st.session_state.setdefault(WORD_OF, subject) != subject:
        state.put_word(None)
    keep_word(trace)
    return state.get_word(len(trace.words))


def keep_word(trace: Trace) -> None:
    """The word that is chosen next is one of the text of this ``trace``, wherever that is read again."""
    st.session_state[WORD_OF] = trace.model.name, trace.text, trace.pair


def first_word(trace: Trace, without: Sequence[int]) -> int | None:
    """Which word is there while none is pinned: the one a sample is about, else the one with the most special link."""
    text = samples.first_word(trace.model.name, trace.text)
    places = [place for place, word in enumerate(trace.words) if text and word.text == text]
    if places:
        return places[-1]
    best = top_links(trace, without=without, count=1)
    return best[0].position if best else None


def labels(without: Sequence[int] = ()) -> dict[str, str]:
    """The words of the component in the reader's language; weights ``without`` some keys are of what is left."""
    return {name: t(label) for name, label in {**LABELS, **(RENORMALISED if len(without) else {})}.items()}


def tint(layer: int | None) -> Literal["weight", "excess"]:
    """What colours a word: over all heads how special the link is, in one head its weight."""
    return "excess" if layer is None else "weight"


def open_head(layer: int, head: int, word: int) -> None:
    """The page Heads, at the head whose name was clicked."""
    state.put_head(layer, head)
    state.put_word(word)
    navigation.open_page("heads")


def links_of(
    trace: Trace, *, without: Sequence[int] = (), layer: int | None = None, head: int | None = None
) -> LinkPair:
    """The links of every word, remembered between reruns under the names of what was read.

    A long text takes as long to search as to read: while others are before us, the page says so.
    """
    key = ("links", trace.model.name, trace.text, repr(trace.pair), repr((tuple(without), layer, head)))
    work = cache.Work("links", trace.model.name, characters=len(trace.text))
    queries, keys = trace.sides()

    def search(turn: Turn) -> LinkPair:
        return measures.links(
            trace.memory(), queries, keys, layer=layer, head=head, without=without, pause=turn.give_way
        )

    place = st.empty()
    pair = runs.patiently(place, lambda: cache.search(key, work, search, on_wait=runs.on_wait(place)))
    place.empty()
    return pair


def sink_note(memory: Memory, *, without: Sequence[int], layer: int | None, head: int | None) -> str:
    """How much rests on sinks, over all heads or in one, and whether it was taken out."""
    sinks = sink_positions(memory)
    if not sinks:
        return t(
            "There is no attention sink here: no special token, and over all heads the first token does not stand out."
        )
    shares = sink_share(memory)
    keys = [memory.keys[position] for position in sinks]
    names = ", ".join(dict.fromkeys(key.text if key.special else f"“{key.text.strip()}”" for key in keys))
    if layer is None or head is None:
        share = percent(float(shares.mean()))
        note = t("{share} of all attention in this text goes to {names}.", share=share, names=names)
    else:
        share = percent(float(shares[layer, head]))
        note = t("{share} of the attention of this head goes to {names}.", share=share, names=names)
    if without:
        note += " " + t("It is taken out here, and the rest of every row is renormalised to 100 %.")
    return note


def top_links(trace: Trace, *, without: Sequence[int], count: int = 5) -> list[WordLink]:
    """The links of the whole text that are most special, each in another head, best first.

    Resting places and punctuation are left out.
    """
    names = distinct_texts(trace.words)
    remembers, _ = links_of(trace, without=without)
    places = measures.most_distinctive(remembers, trace.words, trace.memory())
    layers, heads = (array[places[:, 0], places[:, 1]].astype(int) for array in (remembers.layer, remembers.head))
    firsts = np.sort(np.unique(layers * trace.memory().heads + heads, return_index=True)[1])[:count]
    return [
        WordLink(
            word=names[query],
            position=int(query),
            source=names[remembers.index[query, rank]],
            weight=float(remembers.weight[query, rank]),
            lift=float(remembers.lift[query, rank]),
            layer=int(remembers.layer[query, rank]),
            head=int(remembers.head[query, rank]),
        )
        for query, rank in places[firsts]
    ]


def links_frame(trace: Trace, word: int, links: Links, *, without: Sequence[int]) -> pd.DataFrame:
    """The ``links`` of one word as a table, found ``without`` some keys."""
    names = distinct_texts(trace.words)
    real = links.index[word] >= 0
    heads = zip(links.layer[word][real], links.head[word][real], strict=True)
    return pd.DataFrame(
        {
            t("word"): [names[other] for other in links.index[word][real]],
            t("of what is left" if len(without) else "weight"): [
                percent(weight) for weight in links.weight[word][real]
            ],
            t("lift"): [times(lift) for lift in links.lift[word][real]],
            t("distance (words)"): [abs(word - other) for other in links.index[word][real]],
            t("head"): [head_name(layer, head) for layer, head in heads],
        }
    )
