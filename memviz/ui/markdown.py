"""Untrusted text inside Streamlit's markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re

from memviz.tokens import visible

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&=^@/])")


def literal(text: str) -> str:
    """The text with all that markdown, LaTeX and Streamlit's directives act on escaped, turns of direction by name."""
    return _ACTIVE.sub(r"\\\1", visible(" ".join(text.split())))
