"""How does pip bring a wheel here, with a progress that is real and an error that says what to do?

pip runs as a process of its own, so that it can be stopped, and so that the user's index, mirror
and proxy settings hold. Its progress is read off the growing file: ``--progress-bar raw`` exists
only in newer versions, while every version writes the wheel below the temporary folder it is given.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from pathlib import Path

from memviz.errors import FetchError
from memviz.models import cache, child
from memviz.note import Note
from memviz.progress import Progress, no_progress

_NO_CONNECTION = (
    "Failed to establish a new connection",
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "Connection refused",
    "Max retries exceeded",
    "ConnectTimeoutError",
    "Read timed out",
    "Cannot connect to proxy",
    "ProxyError",
    "SSLError",
    "CERTIFICATE_VERIFY_FAILED",
    "Connection aborted",
    "Connection broken",
    "IncompleteRead",
)

_PIP = "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"


def download(
    requirement: str,
    *,
    sha256: str,
    size: int,
    into: Path,
    platform: str = "any",
    progress: Progress = no_progress,
) -> Path:
    """Download one pinned wheel, checked by hash, and return the file.

    ``size`` (bytes) turns what has arrived into a fraction, ``platform`` is the one of the wheel. Nothing is installed,
    no dependency is followed, no package code runs.
    """
    into.mkdir(parents=True)
    requirements = into / "requirement.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = _command(requirements, into=into, platform=platform)
    with child.process_of(command, into=into, env={"PIP_REQUIRE_VIRTUALENV": "0"}) as process:
        while not child.has_ended(process, within=0.1):
            arrived = _arrived(into)
            progress(min(arrived / size, 0.99), "Downloading" if arrived else "Asking the package index")
    wheels = list(into.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise _explain(child.output(into), requirement=requirement, code=process.returncode)
    return wheels[0]


def wrong_hash(file: str, *, digest: str = "", expected: str) -> FetchError:
    """The error for a file that is not the one MemViz knows."""
    return FetchError(
        "{file} is not the file that MemViz knows: its SHA-256 is {found}, expected {expected}.",
        todo="Nothing of it was kept. Try again; if it stays so, ask who runs your package index or mirror.",
        file=file,
        found=digest or Note("another one"),
        expected=expected,
    )


def _command(requirements: Path, *, into: Path, platform: str) -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise _missing()
    options = f"--no-deps --require-hashes --only-binary=:all: --platform {platform} --ignore-requires-python"
    quiet = "--no-cache-dir --progress-bar off --no-input --disable-pip-version-check"
    return [
        *child.python_command(_PIP, "download"),
        *options.split(),
        *quiet.split(),
        *("--dest", str(into), "--requirement", str(requirements)),
    ]


def _arrived(folder: Path) -> int:
    """How many bytes of the wheel are here? pip writes it below the temporary folder first."""
    sizes = [0]
    for place, _, names in os.walk(folder):  # unlike rglob, quiet about folders that vanish while we look
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(OSError):
                    sizes.append(os.path.getsize(os.path.join(place, name)))
    return max(sizes)


def _explain(log: str, *, requirement: str, code: int) -> FetchError:
    """What did pip mean, in words a person can act on?"""
    if "No module named pip" in log:
        return _missing()
    if "DO NOT MATCH THE HASHES" in log:
        digests = [line.split()[-1] for line in log.splitlines() if line.strip().startswith("Got")]
        expected = [line.split()[-1] for line in log.splitlines() if line.strip().startswith("Expected sha256")]
        return wrong_hash(requirement, digest="".join(digests[:1]), expected="".join(expected[:1]))
    if child.is_disk_full(log):
        return cache.disk_full(cache.folder())
    if code < 0:
        return FetchError(
            "The download of {what} was interrupted.",
            todo="Start it again; nothing half-written was kept.",
            what=requirement,
        )
    unknown = "No matching distribution found" in log
    other_versions = unknown and "from versions: none" not in log  # then some index did answer
    if not other_versions and any(sign in log for sign in _NO_CONNECTION):
        return FetchError(
            "No package index could be reached, so {what} could not be downloaded.",
            todo="Check the network, or name a mirror with PIP_INDEX_URL; then try again.",
            what=requirement,
        )
    if unknown:
        return FetchError(
            "No package index that pip uses offers {what}.",
            todo="Check the network and which index pip uses (pip config list); a mirror may not carry it.",
            what=requirement,
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["no message"]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return FetchError(
        "pip could not download {what}: {said}",
        todo="Try the same with pip on the command line to see more.",
        what=requirement,
        said=errors[-1].removeprefix("ERROR:").strip()[:300],
    )


def _missing() -> FetchError:
    return FetchError(
        "pip is not installed next to this Python, and the models come through it.",
        todo="Install it with: python -m ensurepip --upgrade (or: uv pip install pip).",
    )
