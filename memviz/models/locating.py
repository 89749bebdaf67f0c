"""Which model does a name mean, and where are its files?"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memviz.errors import ModelFileError, UnknownModelError, UnsafeModelError
from memviz.models import folders, hub, wheels
from memviz.models.catalogue import CATALOGUE, nearest
from memviz.models.entry import Entry, Hub, Wheel
from memviz.models.hub_errors import Unreachable
from memviz.models.located import Located, Progress, unwatched
from memviz.models.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
_LONGEST_ID, _LONGEST_PATH = 96, 1024


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would opening this model mean? ``size`` is the download in bytes, 0 if it is here already."""

    name: str
    title: str
    size: int
    here: bool
    licence: str


def locate(
    name: str | os.PathLike[str], *, policy: Policy | None = None, progress: Progress | None = None
) -> Located:
    """Find a model by its name, fetching it if it is not on this machine yet.

    In this order: a name of the catalogue; a local path (a ``Path``, an existing folder, or a text
    that is written like a path or ends in ``.gguf``); an id on the Hugging Face hub. ``policy``
    says what is allowed (default: ``Policy.library()``). ``progress`` is told how far a fetch is.

    Raises ``UnknownModelError`` (with the nearest names), ``FetchError``, ``ModelFileError``,
    ``UnsafeModelError`` or ``UnsupportedModelError``.
    """
    policy = policy or Policy.library()
    progress = progress or unwatched
    meant = _meant(name, policy=policy)
    if isinstance(meant, Path):
        return folders.locate(meant, name=_legible(name))
    with _suggesting(name):
        if isinstance(meant, Entry):
            return _from_catalogue(meant, policy=policy, progress=progress)
        return _from_hub(meant, policy=policy, progress=progress)


def preview(name: str | os.PathLike[str], *, policy: Policy | None = None) -> Preview:
    """What would opening this model download? Asks the hub for the true size, downloads nothing.

    Raises what :func:`locate` raises for names and for local models.
    """
    policy = policy or Policy.library()
    meant = _meant(name, policy=policy)
    if isinstance(meant, Path):
        found = folders.locate(meant, name=_legible(name))
        return Preview(name=found.name, title=found.title, size=0, here=True, licence=found.licence)
    entry = meant if isinstance(meant, Entry) else None
    if entry and isinstance(entry.source, Wheel):
        here, size, licence = wheels.find(entry) is not None, entry.size, entry.licence
    else:
        with _suggesting(name):
            here, size, licence = _expected(entry.source.id if entry else meant)
    title, licence = (entry.title, entry.licence) if entry else (meant, licence)
    return Preview(name=_legible(name), title=title, size=0 if here else size, here=here, licence=licence)


def names(*, policy: Policy | None = None) -> tuple[str, ...]:
    """The short names that can be opened, in the order in which they are shown."""
    allowed = (policy or Policy.library()).allowed
    return tuple(entry.name for entry in CATALOGUE.values() if allowed is None or _known_as(entry) & set(allowed))


def table(*, policy: Policy | None = None) -> pd.DataFrame:
    """The catalogue as a table: one row per model, with its family, size (MB), licence, and whether it is here."""
    import pandas as pd

    entries = [CATALOGUE[name] for name in names(policy=policy)]
    rows = [
        {
            "name": entry.name,
            "title": entry.title,
            "family": entry.family,
            "size_mb": round(entry.size / 1e6),
            "licence": entry.licence,
            "here": hub.is_here(entry.source.id) if isinstance(entry.source, Hub) else wheels.find(entry) is not None,
            "note": entry.note,
        }
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=["name", "title", "family", "size_mb", "licence", "here", "note"])


def _meant(name: str | os.PathLike[str], *, policy: Policy) -> Entry | Path | str:
    """Does a name mean an entry of the catalogue, a local path, or a hub id? Allowed names only."""
    text = _legible(name)
    entry = CATALOGUE.get(text) if isinstance(name, str) else None
    if entry:
        policy.check_name(*sorted(_known_as(entry), key=lambda known: known != entry.name))
        return entry
    if path := _local(name, policy=policy):
        return path
    _check_id(text, policy=policy)
    policy.check_name(text, *(entry.name for entry in CATALOGUE.values() if text in _known_as(entry)))
    return text


def _expected(id: str) -> tuple[bool, int, str]:
    """Is a hub model here, how large is it, and under which licence?"""
    if hub.is_here(id):
        return True, 0, ""
    plan = hub.plan(id)
    return False, plan.size, plan.licence


@contextlib.contextmanager
def _suggesting(name: str | os.PathLike[str]) -> Iterator[None]:
    """Where the hub does not know a name, or cannot be asked: offer the names that look like it."""
    try:
        yield
    except (UnknownModelError, Unreachable) as error:
        text = _legible(name)
        near = nearest(text)
        if not near or text in CATALOGUE:
            raise
        raise _mistyped(text, near=near) from error


def _from_catalogue(entry: Entry, *, policy: Policy, progress: Progress) -> Located:
    if isinstance(entry.source, Hub):
        found = _from_hub(entry.source.id, policy=policy, progress=progress)
        return _renamed(found, entry)
    path = wheels.find(entry) or wheels.fetch(entry, progress=progress)
    return Located(
        name=entry.name,
        title=entry.title,
        path=path,
        format=entry.source.format,
        revision=entry.source.revision,
        licence=entry.licence,
        quantisation=entry.quantisation,
    )


def _from_hub(id: str, *, policy: Policy, progress: Progress) -> Located:
    path, plan = hub.fetch(id, policy=policy, progress=progress)
    kind = folders.check(path, name=id)
    return Located(name=id, title=id, path=path, format=kind, revision=plan.revision, licence=plan.licence)


def _renamed(found: Located, entry: Entry) -> Located:
    """A hub model under the name and the licence that the catalogue gives it."""
    return Located(
        name=entry.name,
        title=entry.title,
        path=found.path,
        format=found.format,
        revision=found.revision,
        licence=entry.licence,
        quantisation=entry.quantisation,
    )


def _known_as(entry: Entry) -> set[str]:
    return {entry.name, entry.source.id} if isinstance(entry.source, Hub) else {entry.name}


def _legible(name: str | os.PathLike[str]) -> str:
    """The name as a text that may be looked up and shown. Raises ``UnknownModelError`` for what cannot be one."""
    if not isinstance(name, str | os.PathLike):
        raise UnknownModelError(
            "A model is opened by its name, a hub id or a path; this is {kind}.",
            todo="For a model you hold already, use memviz.Reader(model, tokenizer).",
            kind=type(name).__name__,
        )
    text = os.fspath(name)
    if not isinstance(text, str) or not text.strip():
        raise UnknownModelError("No model is named.", todo="Name one, such as minilm.")
    if len(text) > _LONGEST_PATH or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise UnknownModelError(
            "{name} cannot be the name of a model: it is too long, or has characters that cannot be shown.",
            todo="Give a name, a hub id (owner/name) or a path.",
            name=ascii(text[:60]),
        )
    return text.strip()


def _local(name: str | os.PathLike[str], *, policy: Policy) -> Path | None:
    """The real path that a local name means, or ``None`` if it is not written like one.

    Where local paths are off, the file system is not asked at all.
    """
    text = os.fspath(name).strip()
    if "://" in text:
        return None
    separators = {os.sep, os.altsep or os.sep, "\\"}
    written = (
        not isinstance(name, str)
        or Path(text).is_absolute()
        or text.startswith((".", "~"))
        or text.lower().endswith(".gguf")
        or (any(sign in text for sign in separators) and not _ID.fullmatch(text))
    )
    if not written and policy.local is None:
        return None
    try:
        path = policy.local_path(text)
    except UnsafeModelError:
        if written:
            raise
        return None
    except (OSError, ValueError, RuntimeError) as error:  # an unknown ~user, a circle of links
        raise ModelFileError("There is no model at {name}.", todo="Check the path.", name=text[:120]) from error
    return path if written or os.path.isdir(path) else None


def _check_id(text: str, *, policy: Policy) -> None:
    """Is this written like a hub id? Raises ``UnknownModelError`` with the nearest names if not."""
    if "://" in text:
        inside = re.fullmatch(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)/?.*", text)
        raise UnknownModelError(
            "{name} is a web address, not the name of a model.",
            todo="Give the id alone: {id}.",
            name=text[:120],
            id=inside.group(1) if inside else "owner/name",
        )
    if len(text) > _LONGEST_ID or ".." in text or "--" in text or not _ID.fullmatch(text):
        raise _unknown(text, policy=policy)


def _unknown(text: str, *, policy: Policy) -> UnknownModelError:
    offered = names(policy=policy)
    if near := nearest(text, among=offered):
        return _mistyped(text, near=near)
    return UnknownModelError(
        "There is no model called {name}; known are {offered}.",
        todo="Give one of these names, a hub id (owner/name), or a path.",
        name=text[:120],
        offered=", ".join(offered),
    )


def _mistyped(text: str, *, near: tuple[str, ...]) -> UnknownModelError:
    return UnknownModelError(
        "No model called {name} is known here or found on the model hub.",
        todo="Did you mean {near}?",
        name=text[:120],
        near=" or ".join(near),
    )
