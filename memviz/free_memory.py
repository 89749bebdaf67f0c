"""How much memory may this process still take? The least of what the host, its container and its own limits leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60  # bytes: version 1 writes "no limit" as the largest multiple of a page


def free_memory(root: Path = Path("/")) -> float:
    """Bytes that may still be taken before the system swaps, or ends this process.

    A container (a control group, version 1 or 2) has a limit of its own, and so may every group around it. What a
    group has read from files and could drop counts as free, as it does for the host. ``root`` is where ``proc`` and
    ``sys`` are.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and /admin-guide/cgroup-v1/memory.html.
    """
    import psutil

    return float(max(0, min([psutil.virtual_memory().available, *_of_groups(root), *_of_process()])))


def _of_groups(root: Path) -> Iterator[int]:
    """What each control group of this process leaves, those around it included."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        if (number, controllers) == ("0", ""):
            mount, limit, usage, droppable = root / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            mount, limit = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
            usage, droppable = "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for group in (inside, *inside.parents):  # the last is the mount itself, which is all that a container sees
            folder = mount / group
            most, taken = _number(folder / limit), _number(folder / usage)
            if most is not None and taken is not None and most < _UNLIMITED:
                yield most - taken + min(taken, _statistic(folder / "memory.stat", droppable))


def _of_process() -> Iterator[int]:
    """What the limit of this process's address space (``ulimit -v``) leaves."""
    if sys.platform == "win32":
        return
    import resource

    import psutil

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield limit - psutil.Process().memory_info().vms


def _number(file: Path) -> int | None:
    """The number in a file; ``None`` where there is none, as for ``max``."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _statistic(file: Path, name: str) -> int:
    """The number after this name in a file of names and numbers; 0 where there is none."""
    try:
        words = file.read_text(encoding="ascii").split()
        return int(words[words.index(name) + 1])
    except (OSError, ValueError, IndexError):
        return 0
