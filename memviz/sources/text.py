"""A text, token by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memviz.tokens import Token


@dataclass(frozen=True)
class Text:
    """A text that was read or written.

    role    "text", its "pair", or the "output"
    text    its characters
    units   its tokens
    """

    role: Literal["text", "pair", "output"]
    text: str
    units: tuple[Token, ...]
