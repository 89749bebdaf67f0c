"""How is a long step run in a process of its own, so that it can be watched and stopped at any moment?"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_LEAVE_WITH_PARENT = """
import os, threading

def leave():
    os.read(0, 1)  # until the other end is closed, which the system does for a process that was killed, too
    os._exit(1)

threading.Thread(target=leave, daemon=True).start()
"""


def python_command(program: str, *arguments: str) -> list[str]:
    """The command that runs a Python ``program`` until it ends, or until the process that started it does."""
    return [sys.executable, "-c", f"{_LEAVE_WITH_PARENT}{program}", *arguments]


@contextlib.contextmanager
def process_of(command: list[str], *, into: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive this block, nor this process (see `python_command`).

    What it says goes to ``out.log`` and ``err.log``. ``env`` is added to this process's own environment. Temporary
    files go to ``into``, in the filesystem whose free space was looked at.
    """
    temporary = {name: str(into) for name in ("TMPDIR", "TEMP", "TMP")}
    with (into / "out.log").open("wb") as out, (into / "err.log").open("wb") as err:
        process = subprocess.Popen(
            command,
            env={**os.environ, **temporary, "PYTHONUTF8": "1", **env},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


def has_ended(process: subprocess.Popen[bytes], *, within: float) -> bool:
    """Did the process end within so many seconds?"""
    try:
        process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        return False
    return True


def output(into: Path) -> str:
    """All that the process wrote, its answers first, then its complaints."""
    logs = (into / "out.log", into / "err.log")
    return "\n".join(log.read_text(encoding="utf-8", errors="replace") for log in logs if log.exists())


def is_disk_full(text: str) -> bool:
    """Does a message of another program mean that the disk is full?"""
    return any(sign in text for sign in ("No space left on device", "Errno 28", "os error 28", "os error 112"))
