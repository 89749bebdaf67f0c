"""Untrusted text inside Streamlit's markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from memviz.figures.style.labels import shorten
from memviz.tokens import printable

LONGEST = 48  # narrow letters of a word inside a sentence or on a button

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&=^@/])")
_LIGATURE = re.compile(r"(?<=[-<>=~])(?=[-<>=~])")  # -> and its like, which Streamlit draws as one sign
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)  # would be made a link, escaped or not
_TOGETHER = re.compile(  # both, where all is escaped
    r"(?<=[-<>=~])(?=\\[-<>=~])|(?<=:)(?=\\/\\/)|(?<=www)(?=\\\.)", re.IGNORECASE
)


def literal(text: str) -> str:
    """The text with all that markdown, LaTeX and Streamlit's directives act on escaped, turns of direction by name.

    A word joiner, which has no width, keeps two signs apart that would be drawn as one, and addresses from being links.
    """
    apart = _ADDRESS.sub("\u2060", _LIGATURE.sub("\u2060", printable(" ".join(text.split()))))
    return _ACTIVE.sub(r"\\\1", apart)


def joined(parts: Iterable[str]) -> str:
    """Escaped words as one line: those that are an address together become no link, and signs no other sign."""
    return _TOGETHER.sub("\u2060", "".join(parts))


def brief(word: str) -> str:
    """A word inside a sentence or on a button, escaped as `literal` does it; a very long one loses its middle."""
    return literal(shorten(word, LONGEST))
