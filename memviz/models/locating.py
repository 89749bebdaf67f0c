"""Which model does a name mean, and where are its files?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memviz.models import folders, hub, wheels
from memviz.models.entry import Entry, Hub
from memviz.models.located import Announce, ModelFiles, unheard
from memviz.models.naming import Name, name_text, offered, resolve_name, suggesting
from memviz.models.policy import Policy
from memviz.progress import Progress, no_progress

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would opening this model mean? ``size`` is the download in bytes, 0 if it is here already."""

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
    announce: Announce = unheard,
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
    with suggesting(name):
        if isinstance(meaning, Entry):
            return _from_catalogue(meaning, policy=policy, progress=progress, announce=announce)
        return _from_hub(meaning, policy=policy, progress=progress, announce=announce)


def preview(name: Name, *, policy: Policy | None = None) -> Preview:
    """What would opening this model download? Asks the hub for the true size, downloads nothing.

    Raises what :func:`locate` raises for names and for local models.
    """
    meaning = resolve_name(name, policy=policy or Policy.library())
    text = name_text(name)
    if isinstance(meaning, Path):
        found = folders.locate(meaning, name=text)
        return Preview(name=text, title=found.title, size=0, here=True, licence=found.licence)
    with suggesting(name):
        if isinstance(meaning, str):
            plan = None if hub.is_here(meaning) else hub.plan(meaning)
            size, licence = (plan.size, plan.licence) if plan else (0, "")
            return Preview(name=text, title=meaning, size=size, here=plan is None, licence=licence)
        here, size = _is_here(meaning), meaning.size
        if not here and isinstance(meaning.source, Hub):
            size = hub.plan(meaning.source.id).size
        return Preview(name=text, title=meaning.title, size=0 if here else size, here=here, licence=meaning.licence)


def names(*, policy: Policy | None = None) -> tuple[str, ...]:
    """The short names that can be opened, in the order in which they are shown."""
    return tuple(entry.name for entry in offered(policy or Policy.library()))


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
            "here": _is_here(entry),
            "note": entry.note,
        }
        for entry in offered(policy or Policy.library())
    ]
    return pd.DataFrame(rows, columns=["name", "title", "family", "size_mb", "licence", "here", "note"])


def _is_here(entry: Entry) -> bool:
    return hub.is_here(entry.source.id) if isinstance(entry.source, Hub) else wheels.find(entry) is not None


def _from_catalogue(entry: Entry, *, policy: Policy, progress: Progress, announce: Announce) -> ModelFiles:
    told: dict[str, Any] = {
        "name": entry.name,
        "title": entry.title,
        "licence": entry.licence,
        "quantisation": entry.quantisation,
    }
    if isinstance(entry.source, Hub):
        found = _from_hub(entry.source.id, policy=policy, progress=progress, announce=announce)
        return replace(found, **told)
    path = wheels.find(entry) or wheels.fetch(entry, progress=progress, announce=announce)
    return ModelFiles(path=path, format=entry.source.format, revision=entry.source.revision, **told)


def _from_hub(id: str, *, policy: Policy, progress: Progress, announce: Announce) -> ModelFiles:
    path, plan = hub.fetch(id, policy=policy, progress=progress, announce=announce)
    kind = folders.check(path, name=id)
    return ModelFiles(name=id, title=id, path=path, format=kind, revision=plan.revision, licence=plan.licence)
