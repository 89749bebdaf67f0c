"""How does a model come from the Hugging Face hub? Sized first, safetensors only, pinned to one commit."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memviz.errors import FetchError
from memviz.models import cache, content, folders
from memviz.models.fingerprint import BESIDE
from memviz.models.hub_download import SETTING, download, hub_cache
from memviz.models.hub_errors import as_damage_error, as_hub_error, no_safetensors
from memviz.models.policy import Policy
from memviz.progress import Announce, Progress, no_announcement, no_progress

TIMEOUT = 10.0
"""Seconds to wait for the hub's answer about a model."""

SETTINGS = ("config.json", "chat_template.jinja", *BESIDE)
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
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

    with as_hub_error(id):
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
    download goes to the hub's own cache; one that was interrupted is continued there, and a file that
    does not hold any more what was fetched is fetched again.

    Raises what :func:`plan` raises, and ``FetchError`` if the model is larger than
    ``policy.max_download_gb`` or does not fit on the disk; ``ModelFileError`` if a file is damaged and
    cannot be fetched again.
    """
    progress(0.0, "Asking the model hub")
    try:
        current = plan(id)
    except FetchError:
        earlier = _earlier_plan(id)
        path = _snapshot(id, plan=earlier)
        if path is None:
            raise
        if broken := damaged_file(path):
            with as_damage_error(id, file=broken):
                raise
        return path, earlier or Plan(id=id, revision=path.name, files=(), size=0)
    path = _snapshot(id, plan=current)
    broken = _without_damage(path) if path else ""
    if path is None or broken:
        with as_damage_error(id, file=broken):
            _check_size(current, policy=policy)
            announce(current.size)
            path = download(id, revision=current.revision, files=current.files, size=current.size, progress=progress)
    _note_plan(current)
    progress(1.0, "Ready")
    return path, current


def is_here(id: str) -> bool:
    """Is a whole copy of this hub model on this machine? Asks nobody else."""
    return _snapshot(id, plan=_earlier_plan(id)) is not None


def answers() -> bool:
    """Does the hub answer at all? Any answer counts."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=TIMEOUT)
    except Exception:  # of any type: proxies, certificates and name servers each have their own
        return False
    return True


def damaged_file(path: Path) -> str:
    """Which file of a downloaded commit does not hold what the hub gave? The first one's name; "" if all do.

    The hub's cache keeps a file under the hash of its content: SHA-256 for a large one, git's for a small one. A file
    that is kept otherwise cannot be judged.
    """
    return next(_damaged_files(path), "")


def _damaged_files(path: Path) -> Iterator[str]:
    for file in sorted(path.glob("*")):
        blob = Path(os.path.realpath(file))
        if not (file.is_symlink() and blob.is_file() and _HASH.fullmatch(blob.name)):
            continue
        git = len(blob.name) == 40
        header, algorithm = (b"blob %d\0" % blob.stat().st_size, "sha1") if git else (b"", "sha256")
        if content.digest(blob, header=header, algorithm=algorithm) != blob.name:
            yield file.name


def _without_damage(path: Path) -> str:
    """Take away what does not hold what the hub gave, so that it is fetched again. The first one's name, or ""."""
    names = list(_damaged_files(path))
    for name in names:
        with cache.as_fetch_error(hub_cache(), setting=SETTING):
            Path(os.path.realpath(path / name)).unlink(missing_ok=True)
            (path / name).unlink(missing_ok=True)
    return next(iter(names), "")


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


def _check_size(plan: Plan, *, policy: Policy) -> None:
    """Is the download within the limit, and does it fit on the disk?"""
    if plan.size > policy.max_download_gb * 1e9:
        raise FetchError(
            "{id} would be a download of {size} GB; the limit is {limit} GB.",
            todo="Choose a smaller model, or raise MEMVIZ_MAX_DOWNLOAD_GB.",
            id=plan.id,
            size=f"{plan.size / 1e9:.1f}",
            limit=f"{policy.max_download_gb:g}",
        )
    cache.need_space(plan.size, at=hub_cache(), setting=SETTING)


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
    place = hub_cache() / f"models--{id.replace('/', '--')}"
    with contextlib.suppress(OSError):
        commits = sorted((place / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        main = (
            (place / "refs" / "main").read_text(encoding="utf-8").strip() if (place / "refs" / "main").is_file() else ""
        )
        for path in sorted(commits, key=lambda path: path.name != main):
            weights = folders.INDEX if (path / folders.INDEX).is_file() else "model.safetensors"
            if (path / "config.json").is_file() and (path / weights).is_file():
                return path
    return None


def _note_path(id: str) -> Path:
    return cache.folder() / "hub" / f"{id.replace('/', '--')}.json"


def _note_plan(plan: Plan) -> None:
    """Write down which commit was fetched: the hub's cache cannot tell that when there is no network."""
    note = _note_path(plan.id)
    with contextlib.suppress(OSError):  # only a convenience: a cache that cannot be written is no reason to stop
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(plan), indent=1), encoding="utf-8")
        fresh.replace(note)


def _earlier_plan(id: str) -> Plan | None:
    try:
        fields = json.loads(_note_path(id).read_text(encoding="utf-8"))
        return Plan(**{**fields, "files": tuple(fields["files"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
