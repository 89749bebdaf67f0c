"""Whoever waits for a download sees how far it is: on a terminal of any size a bar, in a log lines."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.browser.serving import ROOT

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

FETCHED = """
from memviz.models.showing import Shown

with Shown("minilm") as shown:
    shown.announce(84_000_000)
    for done in (0.0, 0.5, 1.0):
        shown.progress(done, "Downloading")
print("done")
"""


def on_a_terminal(columns: int) -> str:
    """What the script writes to a terminal that says it is so wide; 0: it does not say."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    quiet = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    script = subprocess.Popen([sys.executable, "-c", FETCHED], stdout=theirs, stderr=theirs, cwd=ROOT, env=quiet)
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


@pytest.mark.parametrize("columns", [0, 60, 100])
def test_a_terminal_shows_a_bar_and_is_clean_again(columns: int) -> None:
    written = on_a_terminal(columns)
    assert written.startswith("minilm: all-MiniLM-L6-v2, 84 MB to download")
    drawn = [part for part in written.split("\r") if part.startswith("minilm: Downloading")]
    assert [part.split("%")[0].split(":")[-1].strip() for part in drawn] == ["0", "50", "100"]
    assert all(len(part) <= (columns or 80) for part in drawn)
    assert drawn[-1].count("█") > 2 * drawn[0].count("█") + 5
    assert written.rstrip().split("\r")[-1].strip() == "done"


def test_a_log_gets_one_line_for_each_thing_done() -> None:
    done = subprocess.run([sys.executable, "-c", FETCHED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["minilm: all-MiniLM-L6-v2, 84 MB to download", "minilm: Downloading"]
