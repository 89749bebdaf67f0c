import errno
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from memviz.errors import FetchError
from memviz.models import cache


def put(name: str = "tiny", revision: str = "sha256:1", content: bytes = b"weights") -> Path:
    with cache.workplace(name) as work:
        source = work / name
        source.mkdir()
        (source / "model.safetensors").write_bytes(content)
        return cache.place(source, name=name, facts={"revision": revision})


def test_what_is_placed_is_found_with_its_facts() -> None:
    path = put()
    assert path == cache.folder() / "tiny"
    assert cache.find("tiny", revision="sha256:1") == path
    kept = cache.manifest(path)["files"]["model.safetensors"]
    assert kept == {"size": 7, "sha256": cache.sha256(path / "model.safetensors")}
    assert [p.name for p in cache.folder().iterdir()] == ["tiny"]


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_CACHE", "~/elsewhere")
    assert cache.folder() == Path.home() / "elsewhere"
    monkeypatch.delenv("MEMVIZ_CACHE")
    assert cache.folder() == Path.home() / ".cache" / "memviz"


def test_another_revision_is_not_found_and_is_replaced() -> None:
    put()
    assert cache.find("tiny", revision="sha256:2") is None
    assert cache.complete("tiny")
    put(revision="sha256:2", content=b"newer weights")
    assert cache.find("tiny", revision="sha256:2") is not None
    assert (cache.folder() / "tiny" / "model.safetensors").read_bytes() == b"newer weights"
    assert [p.name for p in cache.folder().iterdir()] == ["tiny"]


def spoil_size(path: Path) -> None:
    (path / "model.safetensors").write_bytes(b"weight")


def spoil_presence(path: Path) -> None:
    (path / "model.safetensors").unlink()


def spoil_manifest(path: Path) -> None:
    (path / cache.MANIFEST).write_text("{broken")


def spoil_shape(path: Path) -> None:
    (path / cache.MANIFEST).write_text(json.dumps({"layout": cache.LAYOUT, "revision": "sha256:1", "files": [1]}))


def spoil_layout(path: Path) -> None:
    facts = json.loads((path / cache.MANIFEST).read_text())
    (path / cache.MANIFEST).write_text(json.dumps({**facts, "layout": cache.LAYOUT + 1}))


@pytest.mark.parametrize("spoil", [spoil_size, spoil_presence, spoil_manifest, spoil_shape, spoil_layout])
def test_a_damaged_model_counts_as_absent(spoil) -> None:
    path = put()
    assert cache.find("tiny", revision="sha256:1") == path
    spoil(path)
    assert cache.find("tiny", revision="sha256:1") is None


def test_a_workplace_is_gone_afterwards_even_after_a_failure() -> None:
    def fail() -> None:
        with cache.workplace("x") as work:
            (work / "half").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(cache.folder().iterdir()) == []


def test_sweep_removes_the_dead_and_leaves_the_living() -> None:
    dead = cache.folder() / ".work-dead"
    dead.mkdir(parents=True)
    (dead / "half.whl").write_bytes(b"x" * 1000)
    put()
    with cache.exclusive("living"), cache.workplace("living") as living:
        cache.sweep()
        assert not dead.exists()
        assert living.exists()
    assert cache.find("tiny", revision="sha256:1")


def test_only_one_at_a_time_and_the_other_is_told_that_it_waits() -> None:
    inside, labels, order = threading.Event(), [], []

    def first() -> None:
        with cache.exclusive("key"):
            inside.set()
            while not labels:
                pass
            order.append("first")

    def watch(fraction: float, label: str) -> None:
        labels.append(label)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(5)
    with cache.exclusive("key", progress=watch):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert labels[0].startswith("Waiting")


def test_waiting_can_be_given_up() -> None:
    def stop(fraction: float, label: str) -> None:
        raise KeyboardInterrupt

    with cache.exclusive("key"), pytest.raises(KeyboardInterrupt), cache.exclusive("key", progress=stop):
        pytest.fail("two at a time")
    with cache.exclusive("key"):
        pass


def test_too_little_space_is_said_with_both_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=50_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    cache.need_space(50_000_000, at=tmp_path / "not" / "yet")
    with pytest.raises(FetchError, match=r"640 MB are needed .* only 50 MB are free.*MEMVIZ_CACHE"):
        cache.need_space(640_000_000, at=tmp_path / "not" / "yet")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "is full"),
        (errno.ENAMETOOLONG, "may not write"),
        (errno.EACCES, "may not write"),
        (errno.EROFS, "may not write"),
    ],
)
def test_what_the_disk_refuses_is_explained(number: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=said), cache.as_fetch_error(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_failures_of_the_system_stay_loud(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="bad"), cache.as_fetch_error(tmp_path):
        raise OSError(errno.EIO, "bad")


def test_a_file_in_the_place_of_the_cache_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MEMVIZ_CACHE", str(tmp_path / "file"))
    with pytest.raises(FetchError, match="may not write"), cache.exclusive("x"):
        pass
    assert cache.find("tiny", revision="sha256:1") is None


@pytest.mark.parametrize(
    "place", ["/proc/x", "/dev/null/x", "{here}/" + "x" * 300, "{here}/" + "y/" * 2_500, "{here}/circle/x"]
)
def test_a_place_where_no_cache_can_be_is_one_sentence(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    monkeypatch.setenv("MEMVIZ_CACHE", place.format(here=tmp_path))
    with (
        pytest.raises(FetchError, match=r"may not write in .* set MEMVIZ_CACHE to a folder that is"),
        cache.exclusive("x"),
    ):
        pass
    assert cache.find("tiny", revision="sha256:1") is None
