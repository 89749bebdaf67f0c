"""The small actions at the foot of a page: copy a link, take a file along, see the view as Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, runtime_checkable
from urllib.parse import urlencode

import streamlit as st

from memviz.trace import Trace
from memviz.ui.shell.i18n import language, t, use_language


class Shared(Protocol):
    """A view that can be taken along."""

    trace: Trace
    name: str

    def csv(self) -> str: ...
    def npz(self) -> bytes: ...
    def png(self) -> bytes: ...
    def svg(self) -> str: ...
    def html(self) -> str: ...
    def code(self) -> str: ...


@runtime_checkable
class Compared(Protocol):
    """A view that stands beside another: all of them by their titles, none where it is alone."""

    def others(self) -> Mapping[str, Shared]: ...


@runtime_checkable
class WithTexts(Protocol):
    """A view of more than one text: what was typed into which box of its page."""

    def texts(self) -> dict[str, str]: ...


def bar(view: Shared) -> None:
    """The small actions at the foot of a page."""
    row = st.container(horizontal=True, gap="small")
    with row.popover(t("Copy link"), icon=":material/link:", type="tertiary"):
        _link(view)
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        _files(view)
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(view.code(), language="python")


def _link(view: Shared) -> None:
    here, state = (st.context.url or "").partition("?")[0], st.query_params.to_dict()
    trace = view.trace
    texts = view.texts() if isinstance(view, WithTexts) else {"text": trace.text, "pair": trace.pair or ""}
    for name in ("text", "pair", "target", "gold"):
        state.pop(name, None)
    state = {"translator" if view.name == "translate" else "model": trace.model.name, "lang": language()} | state
    st.caption(t("This view, without the text"))
    st.code(f"{here}?{urlencode(state)}", language=None, wrap_lines=True)
    st.caption(t("With the text inside the link: whoever has the link can read it"))
    parameters = state | {name: text for name, text in texts.items() if text}
    st.code(f"{here}?{urlencode(parameters)}", language=None, wrap_lines=True)


def _files(view: Shared) -> None:
    views = view.others() if isinstance(view, Compared) else {}
    if views:
        place = st.radio(t("Which translation?"), range(len(views)), format_func=list(views).__getitem__, key="which")
        view = list(views.values())[place]
    files: list[tuple[str, Callable[[], str | bytes], str]] = [
        ("CSV", view.csv, "text/csv"),
        ("npz", view.npz, "application/octet-stream"),
        ("PNG", view.png, "image/png"),
        ("SVG", view.svg, "image/svg+xml"),
        ("HTML", view.html, "text/html"),
    ]
    st.caption(t("Every file says which model, layer and head it shows, and what was left out."))
    row = st.container(horizontal=True)
    for name, make, mime in files:
        row.download_button(
            name,
            data=partial(_file_bytes, make, language()),
            file_name=f"memviz-{view.name}.{name.lower()}",
            mime=mime,
            key=f"export_{name}",
            on_click="ignore",
        )


def _file_bytes(make: Callable[[], str | bytes], code: str) -> bytes:
    """A file's bytes in the reader's language; text with the mark by which spreadsheets know that it is UTF-8."""
    with use_language(code):
        content = make()
    if isinstance(content, bytes):
        return content
    return content.encode("utf-8" if content.startswith("<") else "utf-8-sig")
