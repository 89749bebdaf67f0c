"""The memory that a process may take: of the host, of its container in both versions, of its own limit."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from memviz.free_memory import free_memory
from memviz.reading.engine import limits

GB = 10**9
Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A system made of these files, on a host with 100 GB free."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100 * GB))
    monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def make(files: dict[str, str]) -> Path:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return tmp_path

    return make


def version_2(group: str, *, limit: object, usage: int, inactive: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{group}".rstrip("/")
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{usage}\n",
        f"{folder}/memory.stat": f"anon 5\nfile 7\ninactive_file {inactive}\nactive_file 3\n",
    }


def version_1(group: str, *, limit: int, usage: int, inactive: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/memory/{group}".rstrip("/")
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{usage}\n",
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {inactive}\n",
    }


V1 = "12:cpuset:/x\n4:cpu,cpuacct:/\n3:memory:{group}\n1:name=systemd:/\n"
NO_LIMIT_1 = 9223372036854771712

SYSTEMS = {
    "no groups": ({}, 100 * GB),
    "version 2, as in a container": (
        {"proc/self/cgroup": "0::/\n", **version_2("", limit=4 * GB, usage=GB)},
        3 * GB,
    ),
    "files that can be dropped are free": (
        {"proc/self/cgroup": "0::/\n", **version_2("", limit=4 * GB, usage=3 * GB, inactive=2 * GB)},
        3 * GB,
    ),
    "version 2, no limit": ({"proc/self/cgroup": "0::/\n", **version_2("", limit="max", usage=GB)}, 100 * GB),
    "version 2, a group inside one with less": (
        {
            "proc/self/cgroup": "0::/system.slice/app.service\n",
            **version_2("system.slice/app.service", limit=50 * GB, usage=GB),
            **version_2("system.slice", limit=8 * GB, usage=6 * GB),
        },
        2 * GB,
    ),
    "version 2, a group with less than the one around it": (
        {
            "proc/self/cgroup": "0::/system.slice/app.service\n",
            **version_2("system.slice/app.service", limit=2 * GB, usage=GB // 2),
            **version_2("system.slice", limit="max", usage=6 * GB),
        },
        1.5 * GB,
    ),
    "version 1": (
        {
            "proc/self/cgroup": V1.format(group="/docker/abc"),
            **version_1("docker/abc", limit=4 * GB, usage=GB, inactive=GB // 2),
        },
        3.5 * GB,
    ),
    "version 1, as a container sees it": (
        {"proc/self/cgroup": V1.format(group="/docker/abc"), **version_1("", limit=4 * GB, usage=GB)},
        3 * GB,
    ),
    "version 1, no limit": (
        {"proc/self/cgroup": V1.format(group="/"), **version_1("", limit=NO_LIMIT_1, usage=GB)},
        100 * GB,
    ),
    "both versions": (
        {
            "proc/self/cgroup": V1.format(group="/a") + "0::/b\n",
            **version_1("a", limit=4 * GB, usage=GB),
            **version_2("b", limit=9 * GB, usage=GB),
        },
        3 * GB,
    ),
    "over the limit": ({"proc/self/cgroup": "0::/\n", **version_2("", limit=4 * GB, usage=5 * GB)}, 0),
    "a limit above the host": ({"proc/self/cgroup": "0::/\n", **version_2("", limit=900 * GB, usage=0)}, 100 * GB),
    "files that say nothing": (
        {"proc/self/cgroup": "nonsense\n0::/\n", "sys/fs/cgroup/memory.max": "", "sys/fs/cgroup/memory.current": "x"},
        100 * GB,
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_least_that_host_and_container_leave(name: str, tree: Tree) -> None:
    files, expected = SYSTEMS[name]
    assert free_memory(tree(files)) == expected


def test_the_limit_of_the_process_itself(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda what: (taken + 5 * GB, taken + 5 * GB))
    assert free_memory(tree({})) == pytest.approx(5 * GB, abs=GB)


def test_a_reading_may_use_a_share_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMVIZ_MEMORY_GB", raising=False)
    monkeypatch.setattr(limits, "free_memory", lambda: 2e9)
    assert limits.available() == pytest.approx(limits.SHARE * 2e9)
