"""A text that is longer than the model can read at once: the stretch of it that a person chose."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import streamlit as st

from memviz.errors import TextTooLongError
from memviz.progress import Progress
from memviz.serving import cache
from memviz.serving.gate import OnWait
from memviz.tokens import clean, tokenise
from memviz.ui.shell.i18n import t

if TYPE_CHECKING:
    from memviz import Reader

WINDOW = "text_window"  # (text, first token), as it was chosen


class Callbacks(TypedDict):
    """What is called while a model runs, or while others are before us."""

    on_wait: OnWait
    progress: Progress


@dataclass(frozen=True)
class Window:
    """A stretch of a text: its tokens ``first`` to ``last`` of ``total``, counted from 0, special tokens left out."""

    text: str
    first: int
    last: int
    total: int


@dataclass(frozen=True)
class Extras:
    """What is read with a text: a second sentence and words in front, which need room; and what is to be written."""

    pair: str | None = None
    task: str | None = None
    target: str | None = None


def offer_windows(model: str, text: str, extras: Extras, callbacks: Callbacks, error: TextTooLongError) -> None:
    """The first tokens, or any other stretch: chosen by the reader, never cut silently.

    Special tokens and the ``extras`` take their part of what the model reads at once: the rest is the text's.
    """
    if "limit" not in error.values or "tokens" not in error.values:
        return
    first, other = st.columns(2, vertical_alignment="bottom")
    count, total = error.values["limit"], error.values["tokens"] - 2
    label = t("Read its beginning")
    with suppress(TextTooLongError):  # what is read with the text leaves no room for it: the reading will say so
        begin = _cut_window(callbacks, model, text, extras, 0)
        count, total = begin.last + 1, begin.total
        label = t("Read the first {limit} tokens", limit=f"{count:,}")
    if first.button(label, type="primary", key="window_first"):
        _choose(text, 0)
    start = other.number_input(
        t("or the window that begins at token"),
        min_value=0,
        max_value=max(total - 1, 0),
        step=max(count, 1),
        key="window_start",
    )
    if other.button(t("Read this window"), key="window_other"):
        _choose(text, int(start))


def _choose(text: str, first: int) -> None:
    st.session_state[WINDOW] = (text, first)
    st.rerun()


def get_window(model: str, text: str, extras: Extras, callbacks: Callbacks) -> Window | None:
    """The stretch of the text that was chosen to be read; ``None`` for all of it.

    Raises `TextTooLongError` when the ``extras`` that are read with it leave no room.
    """
    whole, first = st.session_state.get(WINDOW, (None, 0))
    if whole != text:
        return None
    window = _cut_window(callbacks, model, text, extras, first)
    return window if window.text else None


def _cut_window(callbacks: Callbacks, model: str, text: str, extras: Extras, first: int) -> Window:
    """The stretch that begins at this token; remembered between reruns, as a long text is long to count."""
    key = ("window", text, repr(extras), str(first))
    return cache.ask(model, partial(_window_of, text, extras, first), key=key, **callbacks)


def _window_of(text: str, extras: Extras, first: int, reader: Reader) -> Window:
    begin, end = reader.stretch(text, first, pair=extras.pair, task=extras.task)
    tokens = [token for token in tokenise(reader.tokenizer, clean(text))[0] if not token.special]
    first = sum(token.end <= begin for token in tokens)
    last = sum(token.end <= end for token in tokens) - 1
    return Window(clean(text)[begin:end], first, last, total=len(tokens))


def show_window(window: Window) -> None:
    """Which part of the text is being read, and the way back to all of it."""
    notice, undo = st.columns([5, 1], vertical_alignment="center")
    notice.info(
        t(
            "You are reading a window of the text: tokens {first:,} to {last:,} of {total:,}, counted from 0.",
            first=window.first,
            last=window.last,
            total=window.total,
        )
    )
    if undo.button(t("Whole text"), key="window_undo"):
        del st.session_state[WINDOW]
        st.rerun()
