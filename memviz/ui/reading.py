"""From the text on the page to a trace: with progress, and with a way on when it cannot be read."""

from __future__ import annotations

import os

import streamlit as st

from memviz.errors import EmptyTextError, MemVizError, TextTooLongError
from memviz.models import DEFAULT, Policy, preview
from memviz.trace import Trace
from memviz.ui import cache, show
from memviz.ui.i18n import t
from memviz.ui.markdown import literal

MAX_CHARACTERS = int(os.environ.get("MEMVIZ_MAX_CHARACTERS", "200000"))


def trace(model: str, text: str, pair: str | None) -> Trace:
    """The reading of this text; stops the page with a message when there is none."""
    place = st.empty()
    try:
        if len(text) > MAX_CHARACTERS:
            raise TextTooLongError(
                "This text has {characters:,} characters; this server reads at most {limit:,}.",
                todo="Paste a part of it.",
                characters=len(text),
                limit=MAX_CHARACTERS,
            )
        _ask_before_fetching(model)
        found = _read(model, _window(model, text), pair, place)
    except EmptyTextError:
        place.info(t("Paste a text above, or choose a sample, and see what the model remembers of it."))
        st.stop()
    except TextTooLongError as error:
        place.empty()
        show.problem(error)
        _offer_window(model, text, error)
        st.stop()
    except MemVizError as error:
        place.empty()
        show.problem(error)
        st.stop()
    place.empty()
    _say_window(text)
    return found


def _ask_before_fetching(model: str) -> None:
    """Says how large a model is before it is brought here; the default models come by themselves."""
    if model in DEFAULT or cache.is_open(model):
        return
    found = preview(model, policy=Policy.server())
    if found.here:
        return
    said = t(
        "{title} is not on this machine yet: {size:.2f} GB to download, licence {licence}.",
        title=literal(found.title),
        size=found.size / 1e9,
        licence=literal(found.licence or t("unknown")),
    )
    st.info(said, icon=":material/download:")
    if not st.button(t("Fetch it"), type="primary", key="fetch"):
        st.stop()


def _read(model: str, text: str, pair: str | None, place) -> Trace:
    """Reads with a bar that says what is being done; moving on in the page stops it."""

    def progress(fraction: float, label: str) -> None:
        place.progress(min(max(fraction, 0.0), 1.0), text=t("Layer {layer}", layer=label) if "/" in label else t(label))

    def waiting(count: int) -> None:
        place.info(t("Waiting for the model: {count} readings before you.", count=count))

    return cache.trace(model, text, pair, waiting=waiting, progress=progress)


def _offer_window(model: str, text: str, error: TextTooLongError) -> None:
    """The first tokens, or any other stretch: chosen by the reader, never cut silently."""
    limit = error.values.get("limit")
    if limit is None or "tokens" not in error.values:
        return
    first, other = st.columns(2, vertical_alignment="bottom")
    if first.button(t("Read the first {limit} tokens", limit=f"{limit:,}"), type="primary", key="window_first"):
        _choose_window(text, 0)
    start = other.number_input(
        t("or the window that begins at token"),
        min_value=0,
        max_value=max(error.values["tokens"] - 2, 0),
        step=limit,
        key="window_start",
    )
    if other.button(t("Read this window"), key="window_other"):
        _choose_window(text, int(start))


def _choose_window(text: str, start: int) -> None:
    st.session_state["window"] = (text, start)
    st.rerun()


def _window(model: str, text: str) -> str:
    """The stretch of the text that was chosen to be read; all of it when none was."""
    chosen = st.session_state.get("window")
    if chosen is None or chosen[0] != text:
        return text
    opened = cache.reader(model, lambda fraction, label: None)
    return opened.window(text, chosen[1])


def _say_window(text: str) -> None:
    chosen = st.session_state.get("window")
    if chosen is None or chosen[0] != text:
        return
    said, undo = st.columns([5, 1], vertical_alignment="center")
    said.info(t("You are reading a window of the text: it begins at token {start}.", start=f"{chosen[1]:,}"))
    if undo.button(t("Whole text"), key="window_undo"):
        del st.session_state["window"]
        st.rerun()
