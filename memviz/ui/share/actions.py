"""The small actions at the foot of a page: copy a link, take a file along, see the view as Python."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlencode

import pandas as pd
import streamlit as st
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator

from memviz import tables
from memviz.serving.ticket import Ticket
from memviz.settings import number
from memviz.trace import Trace
from memviz.ui.components import copy_button
from memviz.ui.shell import address, samples
from memviz.ui.shell.i18n import language, t, use_language
from memviz.ui.shell.markdown import literal

MOST_BYTES = number("MEMVIZ_EXPORT_GB", 0.25, minimum=0.001) * 1e9
PATIENCE = 60.0  # seconds that a file is held for the browser that was told its address
LONGEST_LINK = 16_000  # characters; servers refuse longer addresses


class Linked(Protocol):
    """A page with a text, to which a link leads; ``name`` is that of the page."""

    @property
    def trace(self) -> Trace: ...
    @property
    def name(self) -> str: ...


class Exported(Protocol):
    """A view whose files can be taken along; ``name`` is that of the files."""

    @property
    def name(self) -> str: ...

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]: ...
    def npz(self) -> bytes: ...
    def png(self) -> bytes: ...
    def svg(self) -> str: ...
    def html(self) -> str: ...
    def code(self) -> str: ...


class Shared(Exported, Protocol):
    """A view of a reading that can be taken along."""

    trace: Trace


@runtime_checkable
class Compared(Protocol):
    """A view that stands beside another: all of them by their titles, none where it is alone."""

    def others(self) -> Mapping[str, Shared]: ...


@runtime_checkable
class Aligned(Protocol):
    """A view with an alignment of words, as other tools load it: files by their names."""

    def alignment_files(self) -> dict[str, str]: ...


@runtime_checkable
class Predicting(Protocol):
    """A view that shows the likeliest next words of a model that predicts."""

    trace: Trace

    def next_words(self) -> pd.DataFrame: ...


@runtime_checkable
class WithTexts(Protocol):
    """A view of more than one text: what was typed into which box of its page."""

    def texts(self) -> dict[str, str]: ...


@runtime_checkable
class WithHead(Protocol):
    """A view whose usual head depends on the text: what a link must name, whether anybody chose it or not."""

    def head_fields(self) -> dict[str, str]: ...


def bar(view: Shared) -> None:
    """The small actions at the foot of a page."""
    row = st.container(horizontal=True, gap="small")
    _offer_links(view, row)
    offer_files(view, row)


@dataclass(frozen=True)
class Asking:
    """A page that waits for a choice, and found nothing out yet; ``boxes``: where more than its text is typed."""

    trace: Trace
    name: str
    boxes: Sequence[str]

    def texts(self) -> dict[str, str]:
        """What was typed into the boxes of the page."""
        return {"text": self.trace.text, **{box: st.session_state.get(box) or "" for box in self.boxes}}


def link_bar(trace: Trace, name: str, boxes: Sequence[str] = ()) -> None:
    """The links alone, where a page of this ``name`` found nothing out yet that could be taken along."""
    _offer_links(Asking(trace, name, boxes), st.container(horizontal=True, gap="small"))


def training_bar(view: Exported | None) -> None:
    """The same for what was trained: its link says with which settings, and holds no text. ``None``: nothing was."""
    row = st.container(horizontal=True, gap="small")
    offer_settings_link(row)
    if view is not None:
        offer_files(view, row)


def offer_settings_link(row: DeltaGenerator, *, done: str = "", **more: str) -> None:
    """A link that says with which settings, and ``more`` of them, and holds no text, sound or picture.

    ``done``: what is said once it is copied.
    """
    state = {"lang": language(), **more} | address.fields()
    for name in address.TEXTS:
        state.pop(name, None)
    with row.container(width="content"):
        copy_button(
            t("Copy link"),
            f"{(st.context.url or '').partition('?')[0]}?{urlencode(state)}",
            done=done or t("Copied. The link holds the settings, and no text."),
            by_hand=t("This browser lets no page copy: take the link from here."),
            key="link_bare",
        )


def offer_files(view: Exported, row: DeltaGenerator, *, title: str = "", note: str = "", key: str = "") -> None:
    """The files, and the Python. ``title``: of the button; ``key`` tells apart those of several views of one page."""
    with row.popover(title or t("Export"), icon=":material/download:", type="tertiary"):
        if note:
            st.caption(note)
        _files(view, key=key)
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(view.code(), language="python")


def offer_file(
    row: DeltaGenerator,
    label: str,
    ticket: Ticket[Any],
    make: Callable[[Any], str | bytes],
    *,
    file: str,
    mime: str,
    key: str,
) -> None:
    """A button that downloads what ``make`` makes of a view, once it is clicked."""
    row.download_button(
        label,
        data=partial(_file_bytes, ticket, make, language(), file=file, mime=mime),
        file_name=file,
        mime=mime,
        key=key,
        on_click="ignore",
    )


def _offer_links(view: Linked, row: DeltaGenerator) -> None:
    """A link that shows exactly this, copied by one click; and, as the second choice, one that keeps the text here."""
    here, state = (st.context.url or "").partition("?")[0], address.fields()
    trace = view.trace
    texts = view.texts() if isinstance(view, WithTexts) else {"text": trace.text, "pair": trace.pair or ""}
    for name in address.TEXTS:
        state.pop(name, None)
    if isinstance(view, WithHead):
        state |= view.head_fields()
    box = {"translate": "translator", "generate": "writer"}.get(view.name, "model")
    state = {box: trace.model.name, "lang": language()} | state
    whole = f"{here}?{urlencode(state | {name: text for name, text in texts.items() if text})}"
    name = trace.model.name
    by_page = {
        "translate": lambda: samples.translations(name),
        "generate": lambda: samples.prompts(name),
        "compare": lambda: samples.two_texts(name),
        "words": lambda: samples.two_texts(name),
        "facts": lambda: samples.facts(name, st.session_state.get("facts", "")),
        "forget": lambda: (
            samples.long_texts if st.session_state.get("view") in ("cache", "needle") else samples.to_cover
        )(name),
    }
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


def _files(view: Exported, *, key: str = "") -> None:
    views = view.others() if isinstance(view, Compared) else {}
    if views:
        place = st.radio(t("Which translation?"), range(len(views)), format_func=list(views).__getitem__, key="which")
        view = list(views.values())[place]
    base = f"memviz-{view.name}"
    files: list[tuple[str, Callable[[Any], str | bytes], str, str]] = [
        ("CSV", _csv, f"{base}.csv", "text/csv"),
        ("npz", lambda shared: shared.npz(), f"{base}.npz", "application/octet-stream"),
        ("PNG", lambda shared: shared.png(), f"{base}.png", "image/png"),
        ("SVG", lambda shared: shared.svg(), f"{base}.svg", "image/svg+xml"),
        ("HTML", lambda shared: shared.html(), f"{base}.html", "text/html"),
        (t("Metadata of the CSV"), _metadata, f"{base}.csv-metadata.json", "application/json"),
    ]
    if isinstance(view, Aligned) and view.alignment_files():
        files.append(("Pharaoh", _zip, f"{base}-pharaoh.zip", "application/zip"))
    if isinstance(view, Predicting) and view.trace.next_tokens:
        files.append((t("Next words, CSV"), _next_words, f"{base}-next-words.csv", "text/csv"))
    st.caption(
        t(
            "Every file says which model, layer and head it shows, and what was left out; for the CSV, a plain table, "
            "its metadata do."
        )
    )
    row = st.container(horizontal=True)
    ticket = Ticket(view)  # not the view itself: it would hold its traces for as long as the page is open
    for label, make, file, mime in files:
        name = f"export_{key}{file.removeprefix(base).lstrip('.-')}"
        offer_file(row, label, ticket, make, file=file, mime=mime, key=name)


def _csv(view: Exported) -> str:
    return tables.csv(view.table()[0])


def _next_words(view: Predicting) -> str:
    return tables.csv(view.next_words())


def _metadata(view: Exported) -> bytes:
    """What the columns of the CSV are, and where they come from."""
    frame, provenance = view.table()
    return tables.metadata(frame, provenance, file=f"memviz-{view.name}.csv").encode()


def _zip(view: Aligned) -> bytes:
    """The files of an alignment in one: what loads them takes each of them alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in view.alignment_files().items():
            archive.writestr(name, content)
    return out.getvalue()


def _file_bytes(
    ticket: Ticket[Exported], make: Callable[[Any], str | bytes], code: str, *, file: str = "", mime: str = ""
) -> bytes:
    """A file's bytes in the reader's language; text with the mark by which spreadsheets know that it is UTF-8."""
    with use_language(code):
        content = make(ticket.get())
    if isinstance(content, str):
        content = content.encode("utf-8" if content.startswith("<") else "utf-8-sig")
    _offered.hold(content, file=file, mime=mime)
    return content


@dataclass(frozen=True)
class _File:
    """A file that is held: since when, its bytes, and the places that hold it."""

    since: float
    size: int
    places: tuple[str, ...]


class _Offered:
    """The files that were made, for as long as a browser may take to fetch them.

    Streamlit lets go of a file as soon as two pages of anybody have run: in a class that is before a slow browser has
    asked for it. So each is held for a minute in a place of its own, unless all of them are too many bytes.
    """

    def __init__(self) -> None:
        self._files: list[_File] = []
        self._count = 0
        self._lock = threading.Lock()
        self._end: threading.Timer | None = None

    def hold(self, content: bytes, *, file: str, mime: str) -> None:
        """One more file, under the very address that Streamlit gives it; the oldest make room."""
        if not runtime.exists():
            return
        manager = runtime.get_instance().media_file_mgr
        with self._lock:
            now, size = monotonic(), len(content)
            free: list[str] = []
            total = size + sum(each.size for each in self._files)
            while self._files and (total > MOST_BYTES or now - self._files[0].since > PATIENCE):
                oldest = self._files.pop(0)
                total -= oldest.size
                free += oldest.places
            self._count += 1
            places = (*free, str(self._count))
            for place in places:  # what stood there is held no more
                manager.add(content, mime, f"memviz file {place}", file_name=file, is_for_static_download=True)
            self._files.append(_File(now, size, places))
            if free:
                _sweep(manager)
            if self._end is not None:
                self._end.cancel()
            self._end = threading.Timer(PATIENCE, self.let_go)
            self._end.daemon = True
            self._end.start()

    def let_go(self) -> None:
        """Nothing is held any more."""
        with self._lock:
            self._files.clear()
            if runtime.exists():
                manager = runtime.get_instance().media_file_mgr
                manager.clear_session_refs()  # of no session: what is held here
                _sweep(manager)


def _sweep(manager: Any) -> None:
    """Lets go of every file that nobody holds."""
    manager.remove_orphaned_files()  # marks them
    manager.remove_orphaned_files()


_offered = _Offered()
