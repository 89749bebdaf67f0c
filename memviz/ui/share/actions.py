"""The small actions at the foot of a page: copy a link, take a file along, see the view as Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, runtime_checkable
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memviz.trace import Trace
from memviz.ui.components import copy_button
from memviz.ui.shell import address, samples
from memviz.ui.shell.i18n import language, t, use_language
from memviz.ui.shell.markdown import literal

LONGEST_LINK = 16_000  # characters; servers refuse longer addresses


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


class Linked(Protocol):
    """A view that a link can restore."""

    trace: Trace
    name: str


def link_bar(view: Linked) -> None:
    """The links alone, for a page that has no files."""
    _offer_links(view, st.container(horizontal=True, gap="small"))


def bar(view: Shared) -> None:
    """The small actions at the foot of a page."""
    row = st.container(horizontal=True, gap="small")
    _offer_links(view, row)
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        _files(view)
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(view.code(), language="python")


def _offer_links(view: Linked, row: DeltaGenerator) -> None:
    """A link that shows exactly this, copied by one click; and, as the second choice, one that keeps the text here."""
    here, state = (st.context.url or "").partition("?")[0], address.fields()
    trace = view.trace
    texts = view.texts() if isinstance(view, WithTexts) else {"text": trace.text, "pair": trace.pair or ""}
    for name in address.TEXTS:
        state.pop(name, None)
    state = {"translator" if view.name == "translate" else "model": trace.model.name, "lang": language()} | state
    whole = f"{here}?{urlencode(state | {name: text for name, text in texts.items() if text})}"
    name = trace.model.name
    by_page = {"translate": lambda: samples.translations(name), "compare": samples.two_texts}
    sample = by_page.get(view.name, lambda: samples.samples(name))()[0]
    by_hand = t("This browser lets no page copy: take the link from here.")
    with row.container(width="content"):
        if len(whole) <= LONGEST_LINK:
            copy_button(
                t("Copy link"),
                whole,
                done=t("Copied. The link shows exactly this page; whoever has it can read the text."),
                by_hand=by_hand,
                key="link_whole",
            )
        else:
            st.caption(t("This text is too long for a link."))
    with row.popover(t("Link without the text"), icon=":material/link_off:", type="tertiary"):
        st.caption(
            t(
                "The other person sees this page with your model, head and options, but not your text: the sample "
                "“{sample}” stands there instead, until they paste one.",
                sample=literal(t(sample.name)),
            )
        )
        copy_button(
            t("Copy link without the text"),
            f"{here}?{urlencode(state)}",
            done=t("Copied. Your text is not in it."),
            by_hand=by_hand,
            key="link_bare",
        )


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
