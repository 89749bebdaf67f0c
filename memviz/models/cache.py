"""Where do fetched models live, and how is one put there so that it is whole or absent?

<cache>/<name>/               a model, ready to open, with its manifest memviz.json
<cache>/.work-<key>/          a fetch under way; what an interrupted one leaves is swept away
<cache>/.work-<key>.lock      held while that fetch runs, by one process at a time
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from memviz.errors import FetchError
from memviz.models import content
from memviz.progress import Progress, no_progress

LAYOUT = 1
"""Version of the files written here. Raise it when a fetched model must be made anew."""

MANIFEST = "memviz.json"
_WORK = ".work-"
SETTING = "MEMVIZ_CACHE"
"""The environment variable that says where fetched models live."""

_NO_PLACE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)
"""What the system says of a place where nothing can be written, such as a folder inside of a file or of /proc."""

_LARGER = "Free some space, or set {setting} to a folder on a larger disk."


def folder() -> Path:
    """Which folder holds the fetched models? ``MEMVIZ_CACHE``, else ``~/.cache/memviz``."""
    named = os.environ.get(SETTING, "").strip()
    return (Path(named) if named else Path("~/.cache/memviz")).expanduser().absolute()


def find(name: str, *, revision: str) -> Path | None:
    """Is this model here, whole, in this revision? Its folder, or ``None``."""
    path = complete(name)
    return path if path and (manifest(path) or {}).get("revision") == revision else None


def complete(name: str) -> Path | None:
    """Is a model of this name here, whole, in any revision? Its folder, or ``None``.

    The manifest is written last, so its presence means that a fetch was finished. Only sizes are
    compared here (cheap); `damaged_file` compares the content, too.
    """
    path = folder() / name
    facts = manifest(path)
    if facts is None or facts.get("layout") != LAYOUT:
        return None
    try:
        whole = all((path / file).stat().st_size == recorded["size"] for file, recorded in facts["files"].items())
    except (OSError, KeyError, TypeError, AttributeError):
        return None
    return path if whole else None


def damaged_file(path: Path) -> str:
    """Which file of a fetched model does not hold any more what was fetched? The first one's name; "" if all do."""
    files: dict[str, dict[str, Any]] = (manifest(path) or {}).get("files", {})
    for file, recorded in files.items():
        try:
            whole = content.digest(path / file) == recorded["sha256"]
        except (OSError, KeyError, TypeError):
            whole = False
        if not whole:
            return file
    return ""


def manifest(path: Path) -> dict[str, Any] | None:
    """What was written down about a fetched model? ``None`` if nothing readable."""
    try:
        facts = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


@contextlib.contextmanager
def exclusive(key: str, *, progress: Progress = no_progress) -> Iterator[None]:
    """Be the only process on this machine that fetches ``key``; wait for another one, visibly.

    The system frees the lock when its holder dies, so an interrupted fetch blocks nobody.
    """
    root = folder()
    with as_fetch_error(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / f"{_WORK}{key}.lock")
        while True:
            try:
                lock.acquire(timeout=0.25)
                break
            except Timeout:
                progress(0.0, "Waiting for another download of this model")
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def workplace(key: str) -> Iterator[Path]:
    """A fresh folder next to the models, in the same filesystem, gone at the end whatever happens."""
    place = folder() / f"{_WORK}{key}"
    with as_fetch_error(place):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def sweep() -> None:
    """Remove what interrupted fetches left behind, except where a fetch is running now."""
    for place in folder().glob(f"{_WORK}*"):
        if not place.is_dir():
            continue
        lock = FileLock(place.with_name(f"{place.name}.lock"))
        with contextlib.suppress(Timeout, OSError), lock.acquire(timeout=0):
            shutil.rmtree(place, ignore_errors=True)


def place(source: Path, *, name: str, facts: dict[str, Any]) -> Path:
    """Put a finished folder where models live: manifest last, all on disk, then one rename.

    ``source`` must be in a :func:`workplace`. A model of that name that is there already is replaced.
    """
    with as_fetch_error(folder()):
        files = {
            file.relative_to(source).as_posix(): {"size": file.stat().st_size, "sha256": sha256(file)}
            for file in sorted(source.rglob("*"))
            if file.is_file()
        }
        manifest_text = json.dumps({"layout": LAYOUT, **facts, "files": files}, indent=1, ensure_ascii=False)
        (source / MANIFEST).write_text(manifest_text + "\n", encoding="utf-8")
        for file in [*source.rglob("*"), source]:
            _settle(file)
        target = folder() / name
        if target.exists():
            target.rename(source.with_name(f"{source.name}.old"))
        source.rename(target)
        _settle(folder())
    return target


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def need_space(needed: int, *, at: Path, setting: str = SETTING) -> None:
    """Is there room for ``needed`` bytes at this place? Raises ``FetchError`` with both numbers if not.

    ``setting`` is the environment variable that would move the place.
    """
    place = at
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise FetchError(
            "{needed} MB are needed in {folder}, but only {free} MB are free.",
            todo=_LARGER,
            setting=setting,
            needed=round(needed / 1e6),
            folder=str(at),
            free=round(free / 1e6),
        )


@contextlib.contextmanager
def as_fetch_error(path: Path, *, setting: str = SETTING) -> Iterator[None]:
    """Turn what a disk refuses inside this block into a ``FetchError`` with a way out: ``setting`` moves the place."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path, setting=setting) from error
        if error.errno in _NO_PLACE:
            raise FetchError(
                "MemViz may not write in {folder}.",
                todo="Make it writable, or set {setting} to a folder that is.",
                setting=setting,
                folder=str(path),
            ) from error
        raise


def disk_full(path: Path, *, setting: str = SETTING) -> FetchError:
    """The error for a disk that filled up while a model was being fetched."""
    return FetchError("The disk that holds {folder} is full.", todo=_LARGER, setting=setting, folder=str(path))


def _settle(path: Path) -> None:
    """Make sure that a file or a folder is on the disk, not only on its way there."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
