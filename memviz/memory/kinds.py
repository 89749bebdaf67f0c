"""Which attention of a model is meant?"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["self", "encoder", "decoder", "cross"]
"""Of an encoder-only or decoder-only model: "self"; of an encoder-decoder: "encoder", "decoder" and "cross"."""


class Place(NamedTuple):
    """One attention layer of a model: which memory it belongs to, and which layer of that, counted from 0."""

    kind: Kind
    layer: int
