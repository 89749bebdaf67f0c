"""What pip says, in words a person can act on."""

import importlib.util
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tiny_wheels import build_wheel, sha256

from memviz.errors import FetchError
from memviz.models import child, pip_download


def ask(tmp_path: Path, *, pin: str = "0" * 64, requirement: str = "tiny-weights==1.0") -> Path:
    return pip_download.download(requirement, sha256=pin, size=1000, into=tmp_path / "into")


def test_the_user_settings_of_the_index_hold(tmp_path: Path, shelf: Path) -> None:
    wheel = build_wheel(shelf, {"a": b"b"})
    found = ask(tmp_path, pin=sha256(wheel.read_bytes()))
    assert found.read_bytes() == wheel.read_bytes()


def test_a_missing_wheel(tmp_path: Path, shelf: Path) -> None:
    with pytest.raises(FetchError, match=r"No package index that pip uses offers nowhere-at-all==3.0.*mirror"):
        ask(tmp_path, requirement="nowhere-at-all==3.0")


def test_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(FetchError, match=r"No package index could be reached.*PIP_INDEX_URL"):
        ask(tmp_path)


def test_a_wrong_hash(tmp_path: Path, shelf: Path) -> None:
    wheel = build_wheel(shelf, {"a": b"b"})
    with pytest.raises(FetchError, match="expected 0000") as refused:
        ask(tmp_path)
    assert sha256(wheel.read_bytes()) in str(refused.value)


def test_pip_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pip" else real(name, *a))
    with pytest.raises(FetchError, match="ensurepip"):
        ask(tmp_path)


RETRY = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'"


@pytest.mark.parametrize(
    ("log", "code", "said"),
    [
        ("/usr/bin/python: No module named pip", 1, "pip is not installed"),
        ("ERROR: Could not install: [Errno 28] No space left on device", 1, "is full"),
        ("Collecting x", -9, "was interrupted"),
        (f"{RETRY}\nERROR: (from versions: none)\nERROR: No matching distribution found", 1, "could be reached"),
        (f"{RETRY}\nERROR: (from versions: 0.1)\nERROR: No matching distribution found", 1, "that pip uses offers"),
        ("ERROR: (from versions: none)\nERROR: No matching distribution found", 1, "that pip uses offers"),
        ("ERROR: HTTPSConnectionPool: Read timed out.", 2, "could be reached"),
        ("WARNING: old\nERROR: something new\n", 2, r"x==1: something new\b"),
        ("", 2, "no message"),
        ("DO NOT MATCH THE HASHES", 1, "its SHA-256 is another one"),
    ],
)
def test_messages_of_pip(log: str, code: int, said: str) -> None:
    with pytest.raises(FetchError, match=said):
        raise pip_download._explain(log, requirement="x==1", code=code)


def test_progress_is_what_has_arrived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for pip that writes a wheel slowly below its temporary folder, as pip does."""
    slow = (
        "import os, sys, time, pathlib;"
        "into = pathlib.Path(sys.argv[1]); tmp = pathlib.Path(os.environ['TMPDIR']) / 'pip-unpack'; tmp.mkdir();"
        "wheel = tmp / 'w.whl'\n"
        "for n in range(1, 6): wheel.write_bytes(b'x' * n * 200); time.sleep(0.25)\n"
        "wheel.rename(into / 'w.whl')"
    )
    command = [sys.executable, "-c", slow, str(tmp_path / "into")]
    monkeypatch.setattr(pip_download, "_command", lambda wanted, **how: command)
    said = []
    found = pip_download.download(
        "x==1", sha256="0", size=1000, into=tmp_path / "into", progress=lambda f, label: said.append((f, label))
    )
    assert found.stat().st_size == 1000
    fractions = sorted({fraction for fraction, label in said if label == "Downloading"})
    assert len(fractions) >= 3
    assert set(fractions) <= {0.2, 0.4, 0.6, 0.8, 0.99}


def test_a_child_does_not_outlive_its_block(tmp_path: Path) -> None:
    processes: list[subprocess.Popen] = []

    def fail() -> None:
        with child.process_of(["sleep", "60"], into=tmp_path, env={}) as process:
            processes.append(process)
            assert not child.has_ended(process, within=0.05)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert processes[0].returncode is not None


def test_looking_while_pip_moves_things_about(tmp_path: Path) -> None:
    """Folders appear and vanish under a scan; none of it may reach the person as an error."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            place = tmp_path / "pip-unpack" / "deep"
            place.mkdir(parents=True)
            (place / "w.whl").write_bytes(b"x" * 10)
            shutil.rmtree(tmp_path / "pip-unpack")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        seen = {pip_download._arrived(tmp_path) for _ in range(3000)}
    finally:
        stop.set()
        thread.join()
    assert seen <= {0, 10}
