"""Which look-up is seen: of which memory, in which head, of which token?"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import streamlit as st

from memviz import measures
from memviz.figures import head_name
from memviz.memory import Kind, Memory
from memviz.sources import tokens_of
from memviz.tokens import Token, printable
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.parts.heads import HeadsView
from memviz.ui.parts.heads.grid import KINDS
from memviz.ui.shell import address, frame, navigation, runs, samples, state
from memviz.ui.shell.i18n import t

KIND, TOKEN = "kind", "token"
TOKEN_OF = "token_of"  # the model, the text, the memory and the word that it belongs to
RECURRENT: Literal["recurrent"] = "recurrent"
NAMES = {**KINDS, RECURRENT: "recurrent state: what the decoder keeps of its own words"}
ON_WORDS = ("self", "encoder")  # memories whose queries are the tokens of the text


def read_text() -> Trace:
    """The reading of the text that was pasted; stops the page with a message when there is none."""
    model = frame.model_name()
    texts = tuple(replace(sample, hint="") for sample in samples.samples(model))  # they are for words that are tapped
    return runs.read(model, frame.choose_text(texts, second=False), None)


def choose_kind(trace: Trace) -> Kind | Literal["recurrent"]:
    """Which memory? Asked only where a model has several; "recurrent" for one that fades."""
    kinds: list[Kind | Literal["recurrent"]] = [*trace.memories]
    if trace.recurrent is not None:
        kinds.append(RECURRENT)
    if len(kinds) == 1:
        return kinds[0]
    usual: Kind | Literal["recurrent"] = "cross" if "cross" in kinds else kinds[0]
    kind = st.segmented_control(
        t("Memory"),
        kinds,
        required=True,
        format_func=lambda name: t(NAMES[name]),
        **state.url_bound(KIND, kinds, default=usual),
    )
    return kind or usual


def choose_look_up(trace: Trace, memory: Memory) -> tuple[int, int, int]:
    """(layer, head, position of the token that looks)"""
    default = next(iter(measures.role_heads(memory).values()))
    state.put_head(*state.get_head(memory, default), default)
    head_box, token_box = st.columns([1, 2], vertical_alignment="bottom", gap="small")
    state.choose_named_head(memory, place=head_box)
    layer, head = state.get_head(memory)
    tokens = tokens_of(memory.queries)
    with token_box:
        return layer, head, choose_token(trace, memory.kind, tokens, t("Token that looks (query)"))


def choose_token(trace: Trace, kind: str, tokens: tuple[Token, ...], label: str) -> int:
    """The position of a token: that of the word that was chosen on another page, until one is chosen here."""
    word = words.get_word(trace) if kind in ON_WORDS else None
    subject = (trace.model.name, trace.text, kind, word)
    if st.session_state.setdefault(TOKEN_OF, subject) != subject:
        st.session_state.pop(TOKEN, None)
        address.put(TOKEN, "")
        st.session_state[TOKEN_OF] = subject
    places = range(len(tokens))
    own = [place for place in places if not tokens[place].special]
    word = _usual_word(trace) if word is None and kind in ON_WORDS else word
    default = trace.words[word].tokens[-1] if word is not None else own[-1] if own else len(tokens) - 1
    return int(
        st.selectbox(
            label,
            places,
            format_func=lambda place: f"{place} · {printable(tokens[place].text)}",
            on_change=_take_token,
            args=(trace, kind),
            **state.url_bound(TOKEN, places, default=default),
        )
    )


def _usual_word(trace: Trace) -> int | None:
    """The word that a sample is about; ``None`` for any other text."""
    text = samples.first_word(trace.model.name, trace.text)
    places = [place for place, word in enumerate(trace.words) if text and word.text == text]
    return places[-1] if places else None


def _take_token(trace: Trace, kind: str) -> None:
    """The token that was chosen here makes its word that of the other pages."""
    place, word = st.session_state[TOKEN], None
    if kind in ON_WORDS:
        word = next((number for number, each in enumerate(trace.words) if place in each.tokens), None)
        words.keep_word(trace)
        state.put_word(word)
    st.session_state[TOKEN_OF] = trace.model.name, trace.text, kind, word


def offer_numbers(trace: Trace, view: HeadsView) -> None:
    """From a head that is seen in full to its numbers; nothing for a mean over heads, and for a sentence pair."""
    if view.layer is None or view.head is None or trace.pair:
        return
    name = head_name(view.layer, view.head)
    label = t("{head} in numbers", head=name)
    if st.button(label, key="in_numbers", icon=":material/function:", type="tertiary"):
        state.hold(KIND)
        navigation.open_page("formula")


def offer_head(layer: int, head: int) -> None:
    """From the numbers of a head back to its picture."""
    label = t("{head} as a picture", head=head_name(layer, head))
    if st.button(label, key="as_picture", icon=":material/grid_on:", type="tertiary"):
        state.put_head(layer, head)
        state.hold(KIND)
        navigation.open_page("heads")
