"""Which very weights are these, when nobody gave them a version?"""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> str:
    """Which very weights are these? A name made of content alone: ``blocks:`` and 16 hexadecimal digits.

    Hashes the configuration, and of every weight file its size and 64 blocks of 64 KiB, evenly
    spread: milliseconds for any size, and fine-tuning changes it.
    """
    inside = [*path.glob("*.safetensors"), *path.glob("*.bin"), path / "config.json"]
    files = [path] if path.is_file() else sorted(inside)
    digest = hashlib.sha256()
    for file in (file for file in files if file.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.name if path.is_dir() else ''}:{size};".encode())
        with file.open("rb") as stream:
            for step in range(64):
                stream.seek(step * size // 64)
                digest.update(stream.read(1 << 16))
    return f"blocks:{digest.hexdigest()[:16]}"
