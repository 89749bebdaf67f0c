"""Which models were trained on this machine, and can be opened by name? They stand beside those that were fetched.

<cache>/trained/<name>/       safetensors and json; opened as ``trained:<name>``, which is no id of a hub
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from memviz.errors import UnknownModelError
from memviz.models import cache

PREFIX = "trained:"
MOST = 50  # models that are kept; of more, those go that were made first
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}", re.ASCII)


def find(name: str) -> Path:
    """The folder of a model that was trained here, by its ``name`` with `PREFIX`.

    Raises `UnknownModelError` where there is none.
    """
    short = name.removeprefix(PREFIX)
    path = _folder() / short
    if name.startswith(PREFIX) and _NAME.fullmatch(short) and (path / "config.json").is_file():
        return path
    raise UnknownModelError(
        "{name} was not trained on this machine, or is not kept any more.",
        todo="Train it again on the page Train.",
        name=name[:120],
    )


def names() -> tuple[str, ...]:
    """The models that were trained here, the last one first."""
    with contextlib.suppress(OSError):
        paths = sorted(_folder().iterdir(), key=lambda path: -path.stat().st_mtime)
        return tuple(f"{PREFIX}{path.name}" for path in paths if _NAME.fullmatch(path.name))
    return ()


def keep(name: str, save: Callable[[Path], object]) -> str:
    """Keeps what ``save(folder)`` writes under this short ``name``, and gives the name that it is opened by.

    Raises `UnknownModelError` for what is no name, and `OSError` where nothing can be written.
    """
    if not _NAME.fullmatch(name):
        raise UnknownModelError(
            "{name} is not a name for a trained model.",
            todo="Use lower-case letters, digits and hyphens.",
            name=name[:120],
        )
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name / "config.json").is_file():
        work = Path(tempfile.mkdtemp(prefix=".work-", dir=folder))
        try:
            save(work)
            shutil.rmtree(folder / name, ignore_errors=True)
            work.rename(folder / name)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    for old in names()[MOST:]:
        shutil.rmtree(folder / old.removeprefix(PREFIX), ignore_errors=True)
    return f"{PREFIX}{name}"


def _folder() -> Path:
    return cache.folder() / "trained"
