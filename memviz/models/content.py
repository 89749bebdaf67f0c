"""Does a file still hold what was fetched? Hashed once for each file, time and size, and again when it is doubted."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

_lock = threading.Lock()
_digests: dict[tuple[str, int, int, int, int], str] = {}  # by what the system says of a file, which changes with it


def digest(path: Path, *, header: bytes = b"", algorithm: str = "sha256") -> str:
    """The hash of a file, after a ``header``, in hexadecimal; from memory for a file that has not changed since.

    Raises `OSError` for a file that cannot be read.
    """
    status = path.stat()
    key = (
        f"{algorithm}:{os.path.realpath(path)}",
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,  # also of a file whose time was put back
    )
    with _lock:
        if key in _digests:
            return _digests[key]
    digest = hashlib.new(algorithm, header)
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    with _lock:
        _digests[key] = digest.hexdigest()
        return _digests[key]


def doubt() -> None:
    """Hash every file anew from now on: one of them could not be opened, whatever the system says of it."""
    with _lock:
        _digests.clear()
