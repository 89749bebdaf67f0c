"""What a link to a page must hold: which word, which head. Kept in the session and in the address."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from memviz.memory import Memory
from memviz.ui.shell.i18n import t

WORD, LAYER, HEAD = "word", "layer", "head"
SHOWN = {"head": "one head", "layer": "mean over the heads of a layer", "all": "mean over all heads"}
BOUND = {"bind": "query-params", "persist_state": "session"}  # the choice stands in the address, and stays


def url_bound(key: str, options: Collection[Any], *, default: Any = None, others: bool = False) -> dict[str, Any]:
    """The key of a widget whose choice is to stand in the address: ``st.radio(…, **url_bound("values", VALUES))``.

    A choice comes from the session, else from the address, else it is ``default`` (``None``: the
    first option); only another choice than that is written. ``others``: any text may be chosen.
    Streamlit's own binding would write the words on the screen, which are others in each language.
    """
    first = next(iter(options)) if default is None else default
    chosen, given = st.session_state.get(key), st.query_params.get(key)
    usual = f"usual {key}"
    if chosen is not None and chosen == st.session_state.get(usual) != first:  # nobody chose: the new default counts
        chosen = first
    st.session_state[usual] = first
    if chosen is None or not (others or chosen in options):
        named = {str(option): option for option in options}
        chosen = named.get(given, given if others and given else first)
    st.session_state[key] = chosen  # in every run: a browser that was told once forgets it on the way to another page
    _address(key, "" if chosen == first else str(chosen))
    return {"key": key, "persist_state": "session"}


def _address(key: str, value: str) -> None:
    """Writes into the address what is not there yet; "" takes it out."""
    if value and st.query_params.get(key) != value:
        st.query_params[key] = value
    elif not value:
        st.query_params.pop(key, None)


def whole_number(given: str) -> int | None:
    """The number that an address names; ``None`` for anything that is none, or too long to be one."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else None


def get_word(count: int) -> int | None:
    """The chosen word's number, from the session or the address; ``None`` when there is none."""
    if WORD not in st.session_state:
        st.session_state[WORD] = whole_number(st.query_params.get(WORD, ""))
    chosen = st.session_state[WORD]
    return chosen if chosen is not None and chosen < count else None


def get(key: str) -> str:
    """What was kept under this name, from the session or the address; "" when nothing was."""
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(key, "")[:64]
    return st.session_state[key]


def put(key: str, value: str) -> None:
    """Keeps a short text under this name for this person, and in the address."""
    st.session_state[key] = value
    _address(key, value)


def put_word(chosen: int | None) -> None:
    """Remembers the chosen word for the other pages, and puts it into the address."""
    st.session_state[WORD] = chosen
    _address(WORD, "" if chosen is None else str(chosen))


def get_head(memory: Memory) -> tuple[int, int]:
    """The chosen layer and head, moved inside this memory when another model had more of them."""
    return _within(LAYER, memory.layers), _within(HEAD, memory.heads)


def _within(key: str, count: int) -> int:
    """The number kept under this key, else the one in the address, moved inside 0 … count − 1."""
    given = st.session_state.get(key)
    if given is None:
        given = whole_number(st.query_params.get(key, "")) or 0
    return min(int(given), count - 1)


def put_head(layer: int, head: int) -> None:
    """Makes the select boxes of layer and head, drawn later in this run, show this choice."""
    st.session_state[LAYER], st.session_state[HEAD] = layer, head


def choose_layer(memory: Memory, *, place=st, key: str = LAYER, default: int = 0) -> int:
    """The layer as a select box: the grid of heads for those who do not point."""
    return _choose(t("Layer"), "L", memory.layers, key=key, default=default, place=place)


def choose_head(memory: Memory, *, place=st, key: str = HEAD, default: int = 0) -> int:
    """The head as a select box."""
    return _choose(t("Head"), "H", memory.heads, key=key, default=default, place=place)


def choose_mean(*, place=st, key: str) -> str:
    """One head, or a mean over heads? A name of `SHOWN`."""
    return place.selectbox(t("Show"), list(SHOWN), format_func=lambda name: t(SHOWN[name]), **url_bound(key, SHOWN))


def _choose(label: str, letter: str, count: int, *, key: str, default: int, place) -> int:
    options = range(count)
    return place.selectbox(
        label, options, format_func=lambda n: f"{letter}{n}", **url_bound(key, options, default=default)
    )
