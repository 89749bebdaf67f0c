"""What does the browser remember of a page? Its address, one entry of history for each choice, the tab's texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from memviz.figures.live.assets import as_utf8
from memviz.ui.components.assets import register

KEY = "address_bar"

_mount = register(Path(__file__).parent, name="address_bar")


@dataclass(frozen=True)
class Return:
    """A person came back to an entry of the tab's history: its address after the "?", and the texts it was of."""

    query: str
    texts: dict[str, str]
    serial: int


def last_return() -> Return | None:
    """What did the browser report last? Nothing is believed that is not text."""
    state: Any = st.session_state.get(KEY) or {}
    report = state.get("report")
    if not isinstance(report, Mapping) or not isinstance(report.get("texts"), Mapping):
        return None
    query, serial, texts = report.get("query"), report.get("serial"), report["texts"]
    if not isinstance(query, str) or not isinstance(serial, int):
        return None
    return Return(query, {str(name): text for name, text in texts.items() if isinstance(text, str)}, serial)


def address_bar(
    query: str, texts: Mapping[str, str], *, run: int, seen: int | None, follows: bool, forgets: bool = False
) -> None:
    """Brings the address and the tab's history up to what the page shows.

    ``query``: the address after the "?". ``texts``: what was typed, by box; it stays in the tab. ``run`` is another
    in every run; ``seen`` is the serial of the `Return` that was followed last; ``follows``: this run only followed
    the address, so that it makes no entry; ``forgets``: the tab lets go of every text that it kept.
    """
    kept = {name: as_utf8(text) for name, text in texts.items()}
    data = {"query": query, "texts": kept, "run": run, "seen": seen, "follows": follows, "forgets": forgets}
    _mount(data=data, key=KEY, on_report_change=_rerun)


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
