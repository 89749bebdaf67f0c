"""What may be opened here: anything in a notebook, only what the operator allows on a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memviz.errors import UnknownModelError, UnsafeModelError
from memviz.settings import number

MAX_DOWNLOAD_GB = 6.0


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which names, which local paths and which downloads are allowed?

    ``allowed`` lists catalogue names and hub ids, ``None`` means all. ``local`` is ``"any"`` (every
    local path), a folder (only paths inside it, whatever ``allowed`` says), or ``None`` (no local
    path). ``max_download_gb`` limits one download from a hub, in units of 10⁹ bytes.
    """

    allowed: tuple[str, ...] | None = None
    local: Path | Literal["any"] | None = "any"
    max_download_gb: float = MAX_DOWNLOAD_GB

    @classmethod
    def library(cls) -> Policy:
        """What a person may open on their own machine: everything, with a limit on downloads."""
        return cls(max_download_gb=_max_download())

    @classmethod
    def server(cls) -> Policy:
        """What visitors of the pages may open, read from the environment.

        ``MEMVIZ_MODELS`` (names and ids, separated by commas; unset means all),
        ``MEMVIZ_LOCAL_MODELS`` (a folder; unset means no local path at all) and
        ``MEMVIZ_MAX_DOWNLOAD_GB`` (6 unless set).
        """
        listed = os.environ.get("MEMVIZ_MODELS", "")
        names = tuple(name.strip() for name in listed.split(",") if name.strip())
        local = os.environ.get("MEMVIZ_LOCAL_MODELS", "").strip()
        return cls(
            allowed=names or None,
            local=Path(local).expanduser() if local else None,
            max_download_gb=_max_download(),
        )

    def check_name(self, *names: str) -> None:
        """May this model be opened? Give all the names it is known by.

        Raises ``UnknownModelError`` if none of them is on the list of allowed names.
        """
        if self.allowed is None or any(name in self.allowed for name in names):
            return
        raise UnknownModelError(
            "The model {name} is not offered here.",
            todo="Choose one of: {offered}.",
            name=names[0],
            offered=", ".join(self.allowed),
        )

    def local_path(self, name: str | os.PathLike[str]) -> Path:
        """Which real path does a local name mean, and may it be opened?

        Relative names start at the allowed folder, or at the working directory if any path is
        allowed. Symbolic links and ``..`` are resolved before the path is judged, and a refusal
        does not tell whether the path exists.
        """
        shown = os.fspath(name)
        if self.local == "any":
            return Path(name).expanduser().resolve()
        if self.local is None:
            raise UnsafeModelError(
                "{name} is a path, and models from local paths are switched off here.",
                todo="Choose a model from the list, or ask the operator to set MEMVIZ_LOCAL_MODELS to a folder.",
                name=shown,
            )
        root = self.local.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise UnsafeModelError(
                "{name} is outside the folder that local models may come from.",
                todo="Choose a model inside that folder, or one from the list.",
                name=shown,
            )
        return path


def _max_download() -> float:
    """The limit for one download in 10⁹ bytes, from the environment."""
    return number("MEMVIZ_MAX_DOWNLOAD_GB", MAX_DOWNLOAD_GB, minimum=0)
