"""In which language is the page? English is the source text; other languages map it to theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import streamlit as st

from memviz import figures
from memviz.locales import dictionary
from memviz.ui.shell import address

LANGUAGES = {"en": "English", "zh": "中文"}
KEY = "lang"
_FIXED: ContextVar[str | None] = ContextVar("memviz_language", default=None)


def t(text: str, **values: Any) -> str:
    """The text in the reader's language, its placeholders filled with ``values``."""
    translation = dictionary(language()).get(text, text)
    return translation.format(**values) if values else translation


def times(ratio: float) -> str:
    """How many times as much (``ratio``), inside a sentence: 3.7 ×, in Chinese 3.7 倍; "–" for undefined."""
    number, _, sign = figures.times(ratio).partition("\u00a0")
    return t("{number}\u00a0×", number=number) if sign else number


def language() -> str:
    """The reader's language: chosen on the page or in the address, else the browser's, else English."""
    if (fixed := _FIXED.get()) is not None:
        return fixed
    for code in (st.session_state.get(KEY), address.get(KEY)):
        if code in LANGUAGES:
            return code
    return browser_language()


@contextmanager
def use_language(code: str) -> Iterator[None]:
    """Speaks this language for as long as the block runs: a file is made on a thread that belongs to no page."""
    token = _FIXED.set(code)
    try:
        yield
    finally:
        _FIXED.reset(token)


def language_tag() -> str:
    """The language as files that leave the page name it."""
    return "zh-Hans" if language() == "zh" else language()


def browser_language() -> str:
    """What the browser asks for, where we speak it; else English."""
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"
