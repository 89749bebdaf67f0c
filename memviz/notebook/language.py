"""In which language does a notebook speak? English is the source text; other languages map it to theirs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from memviz.errors import MemVizError

LOCALES = Path(__file__).parents[1] / "locales"
_chosen = "en"


def use_language(code: str) -> None:
    """From now on, what is shown speaks the language of this ``code``: "en" or "zh".

    Raises `MemVizError` for another.
    """
    global _chosen
    codes = ["en", *sorted(path.stem for path in LOCALES.glob("*.json"))]
    if code not in codes:
        raise MemVizError(
            "MemViz does not speak “{code}”.",
            todo="Choose one of: {codes}.",
            code=str(code)[:40],
            codes=", ".join(codes),
        )
    _chosen = code


def t(text: str, **values: Any) -> str:
    """The text in the language that was chosen, its placeholders filled with ``values``."""
    translation = _catalogue(_chosen).get(text, text)
    return translation.format(**values) if values else translation


@cache
def _catalogue(code: str) -> dict[str, str]:
    if code == "en":
        return {}
    catalogue: dict[str, str] = json.loads((LOCALES / f"{code}.json").read_text(encoding="utf-8"))
    return catalogue
