"""In which language does a notebook speak? English is the source text; other languages map it to theirs."""

from __future__ import annotations

from typing import Any

from memviz.errors import MemVizError
from memviz.locales import CODES, dictionary

_chosen = "en"


def use_language(code: str) -> None:
    """From now on, what is shown speaks the language of this ``code``: "en" or "zh".

    Raises `MemVizError` for another.
    """
    global _chosen
    if code not in CODES:
        raise MemVizError(
            "MemViz does not speak “{code}”.",
            todo="Choose one of: {codes}.",
            code=str(code)[:40],
            codes=", ".join(CODES),
        )
    _chosen = code


def t(text: str, **values: Any) -> str:
    """The text in the language that was chosen, its placeholders filled with ``values``."""
    translation = dictionary(_chosen).get(text, text)
    return translation.format(**values) if values else translation
