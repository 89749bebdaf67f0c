"""In which language is the page? English is the source text; other languages map it to theirs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

LOCALES = Path(__file__).parents[1] / "locales"
LANGUAGES = {"en": "English", "zh": "中文"}
KEY = "lang"


def t(text: str, **values: Any) -> str:
    """The text in the reader's language, its placeholders filled with ``values``."""
    translated = catalogue(language()).get(text, text)
    return translated.format(**values) if values else translated


def language() -> str:
    """The reader's language: chosen on the page or in the address, else the browser's, else English."""
    for chosen in (st.session_state.get(KEY), st.query_params.get(KEY)):
        if chosen in LANGUAGES:
            return chosen
    return browsers()


def spoken() -> str:
    """The language as files that leave the page name it."""
    return "zh-Hans" if language() == "zh" else language()


def browsers() -> str:
    """What the browser asks for, where we speak it; else English."""
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


@cache
def catalogue(name: str) -> dict[str, str]:
    """All texts of a language by their English source; empty for English."""
    path = LOCALES / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
