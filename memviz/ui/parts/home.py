"""The parts of the page Home that no other page has."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence

import streamlit as st

from memviz.figures import head_name, percent
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.shell import frame, navigation, state
from memviz.ui.shell.i18n import t, times
from memviz.ui.shell.markdown import brief, literal

MANY = 3  # Chinese characters in one token that are worth a remark


def introduce() -> None:
    """The mark, the name, and what MemViz is, in one sentence."""
    mark = base64.b64encode(frame.ICON.read_bytes()).decode("ascii")
    sentence = t(
        "MemViz shows where a Transformer language model looks while it reads your text: the attention weights of "
        "every layer and head, taken from the model itself."
    )
    name, _, rest = sentence.partition("MemViz")
    st.html(
        f'<p class="introduction"><img src="data:image/png;base64,{mark}" alt="" width="40" height="40">'
        f"<span>{html.escape(name)}<strong>MemViz</strong>{html.escape(rest)}</span></p>"
    )


def choose_hiding() -> bool:
    """Should the places where attention rests be taken out of every row?"""
    return st.toggle(
        t("Hide attention sinks"),
        help=t(
            "Where there is nothing to look up, attention rests on special tokens, and in some models on the "
            "first token: these are the attention sinks. Hiding them renormalises the rest of every row to 100 %."
        ),
        **state.url_bound("sinkless", state.SWITCH),
    )


def show_pieces(trace: Trace) -> None:
    """Words of several characters that are one token, in a script without spaces: what they are to the model."""
    pieces = [word.text for word in trace.words if len(word.tokens) == 1 and len(_han(word.text)) >= MANY]
    if pieces:
        texts = "”, “".join(literal(text) for text in dict.fromkeys(pieces[:5]))
        st.caption(t("One token each: “{pieces}”. Its characters are read as one, and looked at as one.", pieces=texts))


def _han(text: str) -> str:
    """The Chinese characters of a text."""
    return "".join(letter for letter in text if "\u3400" <= letter <= "\u9fff")


def show_top_links(trace: Trace, *, without: Sequence[int]) -> None:
    """The links that are most special in this text, of each head one, in plain words; each opens its head."""
    links = words.top_links(trace, without=without)
    if not links:
        return
    st.subheader(t("Most distinctive links, one per head"), anchor=False)
    for number, link in enumerate(links):
        line, door = st.columns([5, 1], vertical_alignment="center", wrap=False)
        line.markdown(sentence(link, renormalised=len(without) > 0))
        if door.button(head_name(link.layer, link.head), key=f"link_{number}", help=t("Open this head")):
            words.open_head(link.layer, link.head, link.position)


def sentence(link: words.WordLink, *, renormalised: bool = False) -> str:
    """One link in plain words; ``renormalised``: its numbers are of what is left beside the resting places."""
    if math.isnan(link.lift):  # nobody else sees that word
        if renormalised:
            text = "In {head} “{word}” puts **{weight}** of what is left of its attention on “{source}”."
        else:
            text = "In {head} “{word}” puts **{weight}** of its attention on “{source}”."
    elif renormalised:
        text = (
            "In {head} “{word}” puts **{weight}** of what is left of its attention on “{source}”: **{lift}** what "
            "other words' tokens give it on average of theirs."
        )
    else:
        text = (
            "In {head} “{word}” puts **{weight}** of its attention on “{source}”: **{lift}** what other words' "
            "tokens give it on average."
        )
    return t(
        text,
        head=head_name(link.layer, link.head),
        word=brief(link.word),
        source=brief(link.source),
        weight=percent(link.weight),
        lift=times(link.lift),
    )


def show_doors() -> None:
    """The ways to the other pages, as questions."""
    navigation.link_pages(st.container(gap="small"), besides="home")
