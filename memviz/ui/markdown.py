"""Untrusted text inside Streamlit's markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&=^@/])")


def literal(text: str) -> str:
    """The text with everything that markdown, LaTeX or Streamlit's directives would act on escaped."""
    return _ACTIVE.sub(r"\\\1", " ".join(text.split()))
