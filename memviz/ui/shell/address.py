"""What stands in the address, and what follows when a person goes back, forward, or loads the page again?

Every choice that is not the usual one stands in the address under its name. It is written once, at the end of a run,
by the component `address_bar`, which makes one entry of the tab's history of it. Texts stay in the tab: only a link
that was made on purpose has one. What belongs to a subject, such as a word to its text, keeps it under ``<name>_of``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from memviz.ui.components.address import KEY as COMPONENT
from memviz.ui.components.address import address_bar, last_return

TEXTS = (  # the boxes whose texts the tab keeps
    *("text", "pair", "other", "target", "gold", "system", "answer", "lesson_text"),
    *("needle", "needle_question", "needle_answer", "part", "corpus_lines", "corpus_reading", "train_lines"),
    *("context_word", "fact_word", "invented"),
)
OWN = ("corpus",)  # choices whose names begin with one of these stand in the address of the page of that path alone
ORIGIN = "origin"  # how the text came into its box; see `memviz.ui.shell.frame`
PROGRESS = "lesson_progress"  # which lessons are done; the tab keeps it, and no link has it
_KEPT = (*TEXTS, ORIGIN, PROGRESS)
_FIELDS = "address"  # all that stands in the address, by name
_WRITTEN = "address_written"  # the same as the browser was told last
_CHOICES = "address_choices"  # the names whose choices the session holds too
_RUN = "address_run"
_SEEN = "address_seen"  # the serial of the return that was followed last
_FOLLOWS = "address_follows"
_FORGETS = "address_forgets"  # the tab is to let go of its texts


def get(name: str) -> str | None:
    """What stands in the address under this name; ``None``: nothing."""
    return _fields().get(name)


def put(name: str, value: str) -> None:
    """Puts a choice into the address; "" takes it out."""
    if value:
        _fields()[name] = value
    else:
        _fields().pop(name, None)


def bind(name: str) -> None:
    """From now on the choice of this name is read anew when the address is another."""
    st.session_state.setdefault(_CHOICES, set()).add(name)


def fields() -> dict[str, str]:
    """All that stands in the address now."""
    return dict(_fields())


def leave_out_others(page: str) -> None:
    """Takes out of the address what belongs to other pages than this; the session keeps it for when they come back."""
    for name in fields():
        if any(name.startswith(f"{path}_") and path != page for path in OWN):
            put(name, "")


def written() -> dict[str, str]:
    """All that stood in the address when the browser was told last."""
    return dict(st.session_state.get(_WRITTEN, _fields()))


def _fields() -> dict[str, str]:
    if _FIELDS not in st.session_state:
        st.session_state[_FIELDS] = st.query_params.to_dict()
    result: dict[str, str] = st.session_state[_FIELDS]
    return result


def forget(*, but: Iterable[str] = ()) -> None:
    """Lets go of all that the session holds, of the address, and of the texts that the tab keeps.

    ``but``: names of choices that stay. To be called by a button, before the run that follows.
    """
    kept = {name: st.session_state[name] for name in (*but, _SEEN, _RUN) if name in st.session_state}
    stays = {name: value for name, value in fields().items() if name in {*but}}
    for name in list(st.session_state):
        if name != COMPONENT:
            del st.session_state[name]
    st.session_state.update(kept)
    st.session_state[_FIELDS], st.session_state[_FORGETS] = stays, True


@contextmanager
def in_step() -> Iterator[None]:
    """Follows the address before a run, and writes it after, also where the page ended with a message."""
    _follow()
    with suppress(PageEnd):
        yield
    _write()


class PageEnd(BaseException):  # as Streamlit's own: no error, and no handler of errors is to take it
    """The page has a message in the place of what would come next."""


def end_page() -> NoReturn:
    """Nothing more is drawn on this page. After `st.stop` the address could not be written any more."""
    raise PageEnd


def _follow() -> None:
    """Takes the choices from the address where the person went to another entry of the tab's history."""
    visit, context = last_return(), get_script_run_ctx()
    if visit is not None and visit.serial != st.session_state.get(_SEEN):
        st.session_state[_SEEN] = visit.serial
        _forget(TEXTS)
        st.session_state.update({name: text for name, text in visit.texts.items() if name in _KEPT})
        _take_fields(dict(parse_qsl(visit.query)))
    elif context is not None and context.is_history_navigation:
        _take_fields(st.query_params.to_dict())


def _take_fields(values: Mapping[str, str]) -> None:
    st.session_state[_FIELDS] = dict(values)
    st.session_state[_FOLLOWS] = True
    _forget(st.session_state.get(_CHOICES, ()))


def _forget(names: Iterable[str]) -> None:
    """Lets go of choices, and of what they belonged to."""
    for name in names:
        for key in (name, f"{name}_of"):
            if key in st.session_state:
                del st.session_state[key]


def _write() -> None:
    state = st.session_state
    state[_RUN] = state.get(_RUN, 0) + 1
    state[_WRITTEN] = fields()
    texts = {name: state[name] for name in _KEPT if state.get(name)}
    follows, forgets = bool(state.pop(_FOLLOWS, False)), bool(state.pop(_FORGETS, False))
    address_bar(urlencode(fields()), texts, run=state[_RUN], seen=state.get(_SEEN), follows=follows, forgets=forgets)
