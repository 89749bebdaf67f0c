"""How does a model come from the Hugging Face hub? Sized first, safetensors only, pinned to one commit."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memviz.errors import FetchError
from memviz.models import cache, folders
from memviz.models.fingerprint import BESIDE
from memviz.models.hub_download import SETTING, download, hub_cache
from memviz.models.hub_errors import asking, no_safetensors
from memviz.models.policy import Policy
from memviz.progress import Announce, Progress, no_announcement, no_progress

TIMEOUT = 10.0
"""Seconds to wait for the hub's answer about a model."""

SETTINGS = ("config.json", "chat_template.jinja", *BESIDE)
_PART = re.compile(r"model-\d+-of-\d+\.safetensors")
_ROBOT, _ROBOT_TITLE = "SFconvertbot", "Adding `safetensors` variant of this model"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be downloaded: these files of this commit, so many bytes."""

    id: str
    revision: str
    files: tuple[str, ...]
    size: int
    licence: str = ""


def plan(id: str) -> Plan:
    """Which files of a hub model are needed, how large are they, and at which commit?

    Only files at the top of the repository are looked at. A repository that has its weights only as
    a pickle is taken in the hub's own conversion to safetensors, if the hub's robot offered one.

    Raises ``FetchError`` (hub not reached, gated), ``UnknownModelError`` and ``UnsafeModelError``
    (no safetensors).
    """
    from huggingface_hub import HfApi

    with asking(id):
        api = HfApi()
        info = api.model_info(id, files_metadata=True, timeout=TIMEOUT)
        if not _weights(info) and (converted := _conversion(api, id)):
            info = api.model_info(id, revision=converted, files_metadata=True, timeout=TIMEOUT)
    weights = _weights(info)
    if not weights:
        raise no_safetensors(id, info)
    sizes = {sibling.rfilename: int(sibling.size or 0) for sibling in info.siblings or ()}
    files = sorted({*weights, *(name for name in sizes if name in SETTINGS)})
    size = sum(sizes[name] for name in files)
    return Plan(id=id, revision=str(info.sha), files=tuple(files), size=size, licence=_licence(info))


def fetch(
    id: str, *, policy: Policy, progress: Progress = no_progress, announce: Announce = no_announcement
) -> tuple[Path, Plan]:
    """Bring a hub model here, and return its folder and what it is made of.

    Without a network, a copy that was fetched before (by MemViz or by another program) is used. The
    download goes to the hub's own cache; one that was interrupted is continued there.

    Raises what :func:`plan` raises, and ``FetchError`` if the model is larger than
    ``policy.max_download_gb`` or does not fit on the disk.
    """
    progress(0.0, "Asking the model hub")
    try:
        wanted = plan(id)
    except FetchError:
        kept = _remembered(id)
        path = _snapshot(id, plan=kept)
        if path is None:
            raise
        return path, kept or Plan(id=id, revision=path.name, files=(), size=0)
    path = _snapshot(id, plan=wanted)
    if path is None:
        _check_size(wanted, policy=policy)
        announce(wanted.size)
        path = download(id, revision=wanted.revision, files=wanted.files, size=wanted.size, progress=progress)
    _remember(wanted)
    progress(1.0, "Ready")
    return path, wanted


def is_here(id: str) -> bool:
    """Is a whole copy of this hub model on this machine? Asks nobody else."""
    return _snapshot(id, plan=_remembered(id)) is not None


def _weights(info: Any) -> list[str]:
    """The safetensors files of a repository, in one piece or in parts with their index."""
    names = [sibling.rfilename for sibling in info.siblings or ()]
    if "model.safetensors" in names:
        return ["model.safetensors"]
    if folders.INDEX in names:
        return [folders.INDEX, *(name for name in names if _PART.fullmatch(name))]
    return []


def _conversion(api: Any, id: str) -> str | None:
    """The pull request in which the hub's robot converted the weights to safetensors, if there is one.

    The author is checked: anyone may open a pull request, only the robot's is a conversion.
    """
    for request in api.get_repo_discussions(id, author=_ROBOT, discussion_type="pull_request"):
        if request.author == _ROBOT and request.title == _ROBOT_TITLE and request.status in ("open", "merged"):
            return str(request.git_reference)
    return None


def _licence(info: Any) -> str:
    """The licence that the model card names, or an empty string."""
    card = getattr(info, "card_data", None)
    named = card.get("license") if card is not None else None
    tagged = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return str(named or "".join(tagged[:1]))


def _check_size(wanted: Plan, *, policy: Policy) -> None:
    """Is the download within the limit, and does it fit on the disk?"""
    if wanted.size > policy.max_download_gb * 1e9:
        raise FetchError(
            "{id} would be a download of {size} GB; the limit is {limit} GB.",
            todo="Choose a smaller model, or raise MEMVIZ_MAX_DOWNLOAD_GB.",
            id=wanted.id,
            size=f"{wanted.size / 1e9:.1f}",
            limit=f"{policy.max_download_gb:g}",
        )
    cache.need_space(wanted.size, at=hub_cache(), setting=SETTING)


def _snapshot(id: str, *, plan: Plan | None) -> Path | None:
    """The folder of a commit that was downloaded before, whole; without a plan, the best one there is."""
    from huggingface_hub import snapshot_download

    if plan is None:
        return _any_snapshot(id)
    files = list(plan.files)
    try:
        path = Path(snapshot_download(id, revision=plan.revision, local_files_only=True, allow_patterns=files))
    except (OSError, ValueError):
        return None
    return path if all((path / file).is_file() for file in files) else None


def _any_snapshot(id: str) -> Path | None:
    """What any program downloaded of this model: the commit of the main branch, else the newest one."""
    kept = hub_cache() / f"models--{id.replace('/', '--')}"
    with contextlib.suppress(OSError):
        commits = sorted((kept / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        main = (
            (kept / "refs" / "main").read_text(encoding="utf-8").strip() if (kept / "refs" / "main").is_file() else ""
        )
        for path in sorted(commits, key=lambda path: path.name != main):
            weights = folders.INDEX if (path / folders.INDEX).is_file() else "model.safetensors"
            if (path / "config.json").is_file() and (path / weights).is_file():
                return path
    return None


def _note(id: str) -> Path:
    return cache.folder() / "hub" / f"{id.replace('/', '--')}.json"


def _remember(wanted: Plan) -> None:
    """Write down which commit was fetched: the hub's cache cannot tell that when there is no network."""
    note = _note(wanted.id)
    with contextlib.suppress(OSError):  # only a convenience: a cache that cannot be written is no reason to stop
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(wanted), indent=1), encoding="utf-8")
        fresh.replace(note)


def _remembered(id: str) -> Plan | None:
    try:
        kept = json.loads(_note(id).read_text(encoding="utf-8"))
        return Plan(**{**kept, "files": tuple(kept["files"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
