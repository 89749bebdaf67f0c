"""What does a name mean (an entry of the catalogue, a local path, an id on the hub), and where are its files?"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memviz.errors import ModelFileError, UnknownModelError, UnsafeModelError
from memviz.models import cache, content, folders, hub, trained, wheels
from memviz.models.catalogue import CATALOGUE, nearest
from memviz.models.entry import Entry, Hub, ModelFiles
from memviz.models.hub_errors import UnreachableError, as_damage_error
from memviz.models.policy import Policy
from memviz.note import Note
from memviz.progress import Announce, Progress, no_announcement, no_progress

if TYPE_CHECKING:
    import pandas as pd

_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
_LONGEST_ID, _LONGEST_PATH = 96, 1024

Name = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would opening this model mean? ``size`` is the download in bytes, 0 if it is ``here`` already."""

    name: str
    title: str
    size: int
    here: bool
    licence: str


def locate(
    name: Name,
    *,
    policy: Policy | None = None,
    progress: Progress | None = None,
    announce: Announce = no_announcement,
) -> ModelFiles:
    """Find a model by its name, fetching it if it is not on this machine yet.

    In this order: a name of the catalogue; a local path (a ``Path``, an existing folder, or a text
    that is written like a path or ends in ``.gguf``); an id on the Hugging Face hub. ``policy``
    says what is allowed (default: ``Policy.library()``). ``announce`` is told how many bytes will be
    downloaded, before that begins and only if it does; ``progress`` how far a fetch is.

    Raises ``UnknownModelError`` (with the nearest names), ``FetchError``, ``ModelFileError``,
    ``UnsafeModelError`` or ``UnsupportedModelError``.
    """
    policy = policy or Policy.library()
    progress = progress or no_progress
    meaning = resolve_name(name, policy=policy)
    if isinstance(meaning, Path):
        return folders.locate(meaning, name=name_text(name))
    with nearest_offered(name):
        if isinstance(meaning, Entry):
            return _from_catalogue(meaning, policy=policy, progress=progress, announce=announce)
        return _from_hub(meaning, policy=policy, progress=progress, announce=announce)


def is_damaged(files: ModelFiles) -> bool:
    """Do these ``files`` (of `locate`) hold something else than was fetched? Looked at anew, since they did not open.

    What is not known by its content, such as a folder of your own, counts as undamaged.
    """
    content.doubt()
    entry = CATALOGUE.get(files.name)
    if entry and not isinstance(entry.source, Hub):
        return wheels.find_intact(entry) is None
    return bool(hub.damaged_file(files.path))


def preview(name: Name, *, policy: Policy | None = None) -> Preview:
    """What would opening this model download? Asks the hub for the true size, downloads nothing.

    Raises what :func:`locate` raises for names and for local models.
    """
    meaning = resolve_name(name, policy=policy or Policy.library())
    text = name_text(name)
    if isinstance(meaning, Path):
        files = folders.locate(meaning, name=text)
        return Preview(name=text, title=files.title, size=0, here=True, licence=files.licence)
    with nearest_offered(name):
        if isinstance(meaning, str):
            plan = None if hub.is_here(meaning) else hub.plan(meaning)
            size, licence = (plan.size, plan.licence) if plan else (0, "")
            return Preview(name=text, title=meaning, size=size, here=plan is None, licence=licence)
        here, size = is_here(meaning), meaning.size
        if not here and isinstance(meaning.source, Hub):
            size = hub.plan(meaning.source.id).size
        return Preview(name=text, title=meaning.title, size=0 if here else size, here=here, licence=meaning.licence)


def names(*, policy: Policy | None = None) -> tuple[str, ...]:
    """The short names that can be opened, in the order in which they are shown."""
    return tuple(entry.name for entry in allowed_entries(policy or Policy.library()))


def table(*, policy: Policy | None = None) -> pd.DataFrame:
    """The catalogue as a table: one row per model, with its family, size (MB), licence, and whether it is here."""
    import pandas as pd

    rows = [
        {
            "name": entry.name,
            "title": entry.title,
            "family": entry.family,
            "size_mb": round(entry.size / 1e6),
            "licence": entry.licence,
            "here": is_here(entry),
            "note": entry.note,
        }
        for entry in allowed_entries(policy or Policy.library())
    ]
    return pd.DataFrame(rows, columns=["name", "title", "family", "size_mb", "licence", "here", "note"])


def resolve_name(name: Name, *, policy: Policy) -> Entry | Path | str:
    """Does a name mean an entry of the catalogue, a local path (also of a model trained here), or a hub id?"""
    text = name_text(name)
    entry = CATALOGUE.get(text) if isinstance(name, str) else None
    if entry:
        policy.check_name(*sorted(_known_as(entry), key=lambda each: each != entry.name))
        return entry
    if text.startswith(trained.PREFIX):
        return trained.find(text)
    if path := _local(name, policy=policy):
        return path
    _check_id(text, policy=policy)
    policy.check_name(text, *(entry.name for entry in CATALOGUE.values() if text in _known_as(entry)))
    return text


def clean_name(name: Name, *, policy: Policy | None = None) -> str:
    """The same text for every ``name`` that means this model: the catalogue's, a real path, or a hub id.

    What is clean stays as it is, also where paths are not allowed: a model that was trained here keeps its name.
    ``policy`` says which names are allowed, as in `locate`. Nothing is fetched. Raises what `locate` raises for names.
    """
    meaning = resolve_name(name, policy=policy or Policy.library())
    if isinstance(meaning, Path) and (text := name_text(name)).startswith(trained.PREFIX):
        return text
    if isinstance(meaning, str):
        meaning = entry_of(meaning) or meaning
    return meaning.name if isinstance(meaning, Entry) else str(meaning)


@contextlib.contextmanager
def nearest_offered(name: Name) -> Iterator[None]:
    """Where the hub does not know a name, or cannot be asked: offer the names that look like it."""
    try:
        yield
    except (UnknownModelError, UnreachableError) as error:
        text = name_text(name)
        near = nearest(text)
        if not near or text in CATALOGUE:
            raise
        raise (_unasked if isinstance(error, UnreachableError) else _mistyped)(text, near=near) from error


def allowed_entries(policy: Policy) -> tuple[Entry, ...]:
    """The entries of the catalogue that may be opened, in the order in which they are shown."""
    allowed = policy.allowed
    return tuple(entry for entry in CATALOGUE.values() if allowed is None or _known_as(entry) & set(allowed))


def entry_of(name: str) -> Entry | None:
    """The entry of the catalogue that a name or a hub id means, if it means one; nothing is looked for."""
    return next((entry for entry in CATALOGUE.values() if name in _known_as(entry)), None)


def name_text(name: Name) -> str:
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
    return text.strip() if isinstance(name, str) else text


def is_here(entry: Entry) -> bool:
    """Is this model on this machine? Asks nobody else."""
    return hub.is_here(entry.source.id) if isinstance(entry.source, Hub) else wheels.find(entry) is not None


def _from_catalogue(entry: Entry, *, policy: Policy, progress: Progress, announce: Announce) -> ModelFiles:
    description: dict[str, Any] = {
        "name": entry.name,
        "title": entry.title,
        "licence": entry.licence,
        "quantisation": entry.quantisation,
    }
    if isinstance(entry.source, Hub):
        files = _from_hub(entry.source.id, policy=policy, progress=progress, announce=announce)
        return replace(files, **description)
    path = wheels.find(entry)
    damaged = cache.damaged_file(path) if path else ""
    if path is None or damaged:
        with as_damage_error(entry.name, file=damaged):
            path = wheels.fetch(entry, progress=progress, announce=announce)
    return ModelFiles(path=path, format=entry.source.format, revision=entry.source.revision, **description)


def _from_hub(id: str, *, policy: Policy, progress: Progress, announce: Announce) -> ModelFiles:
    path, plan = hub.fetch(id, policy=policy, progress=progress, announce=announce)
    kind = folders.check(path, name=id)
    return ModelFiles(name=id, title=id, path=path, format=kind, revision=plan.revision, licence=plan.licence)


def _local(name: Name, *, policy: Policy) -> Path | None:
    """The real path that a local name means, or ``None`` if it is not written like one.

    Where local paths are off, the file system is not asked at all.
    """
    text = name_text(name)
    if "://" in text:
        return None
    separators = {os.sep, os.altsep or os.sep, "\\"}
    is_path = (
        not isinstance(name, str)
        or Path(text).is_absolute()
        or text.startswith((".", "~"))
        or text.lower().endswith(".gguf")
        or (any(sign in text for sign in separators) and not _ID.fullmatch(text))
    )
    try:
        path = policy.local_path(text)
    except UnsafeModelError:
        if is_path:
            raise
        return None
    except (OSError, ValueError, RuntimeError) as error:  # an unknown ~user, a circle of links
        raise ModelFileError("There is no model at {name}.", todo="Check the path.", name=text[:120]) from error
    return path if is_path or os.path.isdir(path) else None


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
    offers = [entry.name for entry in allowed_entries(policy)]
    if near := nearest(text, among=offers):
        return _mistyped(text, near=near)
    return UnknownModelError(
        "There is no model called {name}; known are {offered}.",
        todo="Give one of these names, a hub id (owner/name), or a path.",
        name=text[:120],
        offered=", ".join(offers),
    )


def _mistyped(text: str, *, near: tuple[str, ...]) -> UnknownModelError:
    return UnknownModelError(
        "No model called {name} is known here or found on the model hub.",
        todo="Did you mean {near}?",
        name=text[:120],
        near=_either(near),
    )


def _unasked(text: str, *, near: tuple[str, ...]) -> UnreachableError:
    return UnreachableError(
        "The model hub could not be reached, and {name} is not on this machine.",
        todo="Did you mean {near}? If not, check the network and try again.",
        name=text[:120],
        near=_either(near),
    )


def _either(names: tuple[str, ...]) -> Note | str:
    """One of these names."""
    *others, last = names
    return Note("{others} or {last}", {"others": ", ".join(others), "last": last}) if others else last


def _known_as(entry: Entry) -> set[str]:
    return {entry.name, entry.source.id} if isinstance(entry.source, Hub) else {entry.name}
