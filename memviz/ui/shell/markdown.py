"""Untrusted text inside Streamlit's markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re

from memviz.tokens import printable

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&=^@/])")
_LIGATURE = re.compile(r"(?<=[-<>=~])(?=[-<>=~])")  # -> and its like, which Streamlit draws as one sign
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)  # would be made a link, escaped or not


def literal(text: str) -> str:
    """The text with all that markdown, LaTeX and Streamlit's directives act on escaped, turns of direction by name.

    A word joiner, which has no width, keeps two signs apart that would be drawn as one, and addresses from being links.
    """
    apart = _ADDRESS.sub("\u2060", _LIGATURE.sub("\u2060", printable(" ".join(text.split()))))
    return _ACTIVE.sub(r"\\\1", apart)
