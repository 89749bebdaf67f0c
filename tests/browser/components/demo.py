"""The components on a page that follows them, with made-up numbers: ``?grid=6x12&text=english&cross=cat``."""

from __future__ import annotations

import component_samples as samples
import streamlit as st
from cross_samples import crossing

from memviz.ui.components import cross_view, heads_grid, words_view
from memviz.ui.components.cross import Pin

st.set_page_config(page_title="Components", layout="wide")
choices = st.query_params
size, text = choices.get("grid", "6x12"), choices.get("text", "english")
pinned = int(choices["pinned"]) if "pinned" in choices else None
chinese = choices.get("lang") == "zh"

if "cross" in choices:
    st.title("What did the decoder read to write this word?")
    st.session_state.setdefault("page_pin", None if pinned is None else Pin("target", pinned))
    if st.button("Page chooses source word 2"):
        st.session_state.page_pin = Pin("source", 2)
    sentence = crossing(choices["cross"])
    pin = cross_view(
        sentence.sources,
        sentence.targets,
        sentence.weights,
        labels={"read_from": "“{word}” 译自"} if chinese else {},
        pinned=st.session_state.page_pin,
        key="cross",
        keep=float(choices.get("keep", 1)),
        right_to_left=sentence.right_to_left,
        note="These weights were measured.",
        steps=choices.get("steps") != "no",
    )
    st.text(f"pin {pin.side} {pin.index}" if pin else "pin None")
    if pin != st.session_state.page_pin:
        st.session_state.page_pin = pin
        st.rerun()

if text != "no":
    st.title("模型的注意力把哪些词联系起来？" if chinese else "Which words does the model's attention connect?")
    st.session_state.setdefault("page_word", pinned)
    if st.button("Page chooses word 3"):
        st.session_state.page_word = 3
    words = samples.words(text)
    word = words_view(
        words,
        remembers=samples.links(len(words), seed=1),
        remembered_by=samples.links(len(words), seed=2),
        labels={"remembers": "“{word}” 记得", "remembered_by": "谁记得 “{word}”"} if chinese else {},
        pinned=st.session_state.page_word,
        key="words",
        sink_note="9 % of all attention in this text goes to [CLS].",
        writing=samples.writing(len(words), written=int(choices["written"])) if "written" in choices else None,
    )
    st.text(f"word {word}")
    if word != st.session_state.page_word:
        st.session_state.page_word = word
        st.rerun()

if size != "no":
    st.title("Which heads do what?")
    st.session_state.setdefault("page_head", (5, 11) if size == "6x12" else (2, 3))
    st.session_state.setdefault("page_arrangement", (choices.get("order", ""), choices.get("role", "")))
    order, role = st.session_state.page_arrangement
    if st.button("Page chooses L1.H2"):
        st.session_state.page_head = (1, 2)
    layers, heads = (int(part) for part in size.split("x"))
    arrays = samples.heads(layers, heads, cells=int(choices.get("cells", 32)))
    head, arranged = heads_grid(
        arrays["thumbnails"],
        scores=arrays["scores"],
        roles=arrays["roles"],
        labels={"previous token": "前一个词"} if chinese else {},
        score_labels={"previous token": "前一个词"} if chinese else {},
        order=order,
        role=role,
        selected=st.session_state.page_head,
        range_note="0 to 0.98, the largest weight in this text; square-root scale.",
        key="grid",
    )
    st.text(f"head L{head[0]}.H{head[1]}")
    st.text("by {}, only {}".format(*(name or "none" for name in arranged)))
    if (head, arranged) != (st.session_state.page_head, st.session_state.page_arrangement):
        st.session_state.page_head, st.session_state.page_arrangement = head, arranged
        st.rerun()
