"""The app on a free port of this machine, and Chromium to look at it: for tests, pictures and benchmarks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--process-per-site",
]
TRANSITIONS = """() => Promise.allSettled(
  document.getAnimations()
    .filter(animation => Number.isFinite(animation.effect.getComputedTiming().endTime))
    .map(animation => animation.finished)
).then(() => null)"""
DONE = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextmanager
def serving(script: Path = ROOT / "app.py", **environment: str) -> Iterator[str]:
    """The address of a Streamlit script for as long as the block runs."""
    with serving_process(script, **environment) as (address, _):
        yield address


@contextmanager
def serving_process(script: Path = ROOT / "app.py", **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same, with the process of the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"]
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(health: str, server: subprocess.Popen) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise RuntimeError("the server ended before it was ready")
        try:
            urllib.request.urlopen(health)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.25)
        else:
            return
    raise RuntimeError("the server did not start within a minute")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser of this machine."""
    from playwright.sync_api import sync_playwright

    result = shutil.which("chromium") or shutil.which("google-chrome")
    if not result:
        raise RuntimeError("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=result, args=FLAGS)
        browser.new_context(reduced_motion="reduce")
        try:
            yield browser
        finally:
            browser.close()


def tab(browser: Any, address: str, *, width: int = 1440, height: int = 1000, scheme: str = "light") -> Any:
    """A new tab for a server's pages, with nothing stored.

    All tabs are of one context and one process, which a first tab keeps alive, so that the scripts of Streamlit and
    Plotly are fetched and compiled once: half of the time of a page that is opened.
    """
    context = browser.contexts[0]
    if not context.pages:
        context.new_page().goto(f"{address}/_stcore/health")
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    session = context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "cookies,local_storage,indexeddb"})
    session.detach()
    return page


def touched(browser: Any, width: int) -> Any:
    """A tab of a phone: fingers and no mouse. Its context goes with it."""
    context = browser.new_context(
        viewport={"width": width, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    return context.new_page()


def wait_until_idle(page: Any, timeout: float = 60_000) -> None:
    """Waits until the page has nothing left to run."""
    page.wait_for_selector(DONE, timeout=timeout)


def wait_for_transitions(page: Any) -> None:
    """Waits until no colour is on its way to another; what turns for ever is not waited for.

    While a page runs, what it has not drawn again yet fades: that is over when nothing is stale.
    """
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=60_000)
    page.evaluate(TRANSITIONS)
