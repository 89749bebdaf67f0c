"""What a link to a page must hold: which word, which head. Kept in the session and in the address."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypedDict

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz.figures import head_name
from memviz.memory import Memory
from memviz.ui.shell import address
from memviz.ui.shell.i18n import t

WORD, LAYER, HEAD = "word", "layer", "head"
NAMED_HEAD, MEAN_LAYER = "named_head", "mean_layer"  # the select boxes of both, and of a layer alone
DEFAULT_HEAD = "usual head"  # the head that stands there because nobody chose, "()" where somebody did
MEANS = {"head": "single head", "layer": "layer mean", "all": "mean over all heads"}


class Key(TypedDict):
    """What a widget is made with when `url_bound` writes its choice into the address."""

    key: str
    persist_state: Literal["session"]


SWITCH = (False, True)  # the options of a toggle that is off to begin with


def url_bound(key: str, options: Collection[Any], *, default: Any = None, others: bool = False) -> Key:
    """The key of a widget whose choice is to stand in the address: ``st.radio(…, **url_bound("values", VALUES))``.

    A choice comes from the session, else from the address, else it is ``default`` (``None``: the
    first option); only another choice than that is written. ``others``: any text may be chosen.
    Streamlit's own binding would write the words on the screen, which are others in each language, and make no
    entry of the tab's history.
    """
    first = next(iter(options)) if default is None else default
    address.bind(key)
    choice, parameter = st.session_state.get(key), address.get(key)
    default_key = f"usual {key}"
    if choice is not None and choice == st.session_state.get(default_key) != first:  # nobody chose: the new one counts
        choice = first
    st.session_state[default_key] = first
    if choice is None or not (others or choice in options):
        by_name: dict[str | None, Any] = {_name(option): option for option in options}
        choice = by_name.get(parameter, parameter if others and parameter else first)
    st.session_state[key] = choice  # in every run: a browser that was told once forgets it on the way to another page
    address.put(key, "" if choice == first else _name(choice))
    return {"key": key, "persist_state": "session"}


def hold(key: str) -> None:
    """The choice of this ``key`` stays on a page whose usual choice is another, as if the person had made it."""
    st.session_state[f"usual {key}"] = None


def _name(option: Any) -> str:
    """An option as the address names it: ``true`` and ``false`` for a toggle."""
    return str(option).lower() if isinstance(option, bool) else str(option)


def whole_number(text: str) -> int | None:
    """The number that an address names; ``None`` for anything that is not a number, or too long to be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def get_word(count: int) -> int | None:
    """The chosen word's number, from the session or the address; ``None`` when there is none."""
    address.bind(WORD)
    if WORD not in st.session_state:
        st.session_state[WORD] = whole_number(address.get(WORD) or "")
    word = st.session_state[WORD]
    return word if word is not None and word < count else None


def put_word(word: int | None) -> None:
    """Remembers the chosen word for the other pages, and puts it into the address."""
    st.session_state[WORD] = word
    address.put(WORD, "" if word is None else str(word))


def get(key: str) -> str:
    """The text under this name, from the session or the address; "" when there is none."""
    address.bind(key)
    if key not in st.session_state:
        st.session_state[key] = (address.get(key) or "")[:64]
    return st.session_state[key]


def put(key: str, value: str) -> None:
    """Remembers a short text under this name for this person, and puts it into the address."""
    st.session_state[key] = value
    address.put(key, value)


def get_head(memory: Memory, default: tuple[int, int] | None = None) -> tuple[int, int]:
    """The chosen layer and head, moved inside this memory when another model had more of them.

    Where nobody chose, the ``default``, which may be another for another text.
    """
    address.bind(LAYER)
    address.bind(HEAD)
    choice = [st.session_state.get(key) for key in (LAYER, HEAD)]
    if default is not None and choice == [*st.session_state.get(DEFAULT_HEAD, ())]:
        choice = [None, None]
    if None in choice:
        named = [whole_number(address.get(key) or "") for key in (LAYER, HEAD)]
        if named == [None, None]:
            named = [*(default or (0, 0))]
        choice = [chance if number is None else number for number, chance in zip(choice, named, strict=True)]
    layer, head = (int(number or 0) for number in choice)
    return min(layer, memory.layers - 1), min(head, memory.heads - 1)


def put_head(layer: int, head: int, default: tuple[int, int] | None = None) -> None:
    """Makes the select boxes of layer and head, drawn later in this run, show this choice.

    On a page with a ``default``, the address names every other head.
    """
    st.session_state[LAYER], st.session_state[HEAD] = layer, head
    is_default = (layer, head) == default
    st.session_state[DEFAULT_HEAD] = default if is_default and default else ()
    if default is not None:
        for key, number in ((LAYER, layer), (HEAD, head)):
            address.put(key, "" if is_default else str(number))


def choose_named_head(memory: Memory, *, place: DeltaGenerator) -> None:
    """The head by its name, such as L17.H5: typed, or from the list. The choice is there in the next run."""
    heads = list(np.ndindex(memory.layers, memory.heads))
    st.session_state[NAMED_HEAD] = get_head(memory)
    place.selectbox(
        t("Head"), heads, format_func=lambda head: head_name(*head), key=NAMED_HEAD, on_change=_take_named_head
    )


def choose_layer_of_mean(memory: Memory, *, place: DeltaGenerator) -> None:
    """The layer whose heads are averaged; the head stays for when it is shown again."""
    st.session_state[MEAN_LAYER] = get_head(memory)[0]
    layers = range(memory.layers)
    place.selectbox(
        t("Layer"), layers, format_func=lambda layer: f"L{layer}", key=MEAN_LAYER, on_change=_take_layer_of_mean
    )


def _take_named_head() -> None:
    put_head(*st.session_state[NAMED_HEAD])


def _take_layer_of_mean() -> None:
    put_head(st.session_state[MEAN_LAYER], st.session_state[HEAD])


def choose_layer(memory: Memory, *, place: DeltaGenerator, key: str = LAYER, default: int = 0) -> int:
    """The layer as a select box: the grid of heads for those who do not point."""
    return _choose(t("Layer"), "L", memory.layers, key=key, default=default, place=place)


def choose_head(memory: Memory, *, place: DeltaGenerator, key: str = HEAD, default: int = 0) -> int:
    """The head as a select box."""
    return _choose(t("Head"), "H", memory.heads, key=key, default=default, place=place)


def choose_mean(*, place: DeltaGenerator, key: str) -> str:
    """One head, or a mean over heads? A name of `MEANS`."""
    return place.selectbox(t("Show"), list(MEANS), format_func=lambda name: t(MEANS[name]), **url_bound(key, MEANS))


def _choose(label: str, letter: str, count: int, *, key: str, default: int, place: DeltaGenerator) -> int:
    options = range(count)
    return place.selectbox(
        label, options, format_func=lambda number: f"{letter}{number}", **url_bound(key, options, default=default)
    )
