"""A small server with both components, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))  # component_samples, whichever way pytest imports this folder

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """The address of the demo page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(HERE / "demo.py"), f"--server.port={port}"]
    options = ["--server.headless=true", "--server.address=127.0.0.1", "--browser.gatherUsageStats=false"]
    server = subprocess.Popen(
        command + options, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(health: str, server: subprocess.Popen) -> None:
    for _ in range(240):
        assert server.poll() is None, "the demo server ended before it was ready"
        try:
            urllib.request.urlopen(health)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.25)
        else:
            return
    pytest.fail("the demo server did not start within a minute")


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """The browser of this machine."""
    api = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(demo: str, chromium: object) -> Iterator[Callable]:
    """Opens the demo page; fails the test on any dialog or uncaught error."""
    contexts, trouble = [], []

    def opened(query: str = "", *, width: int = 1440, height: int = 1000, scheme: str = "light", ratio: float = 1):
        viewport = {"width": width, "height": height}
        context = chromium.new_context(
            viewport=viewport, color_scheme=scheme, device_scale_factor=ratio, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(f"{demo}/?{query}")
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
        for name in ("grid", "words"):
            hidden = f"{'text' if name == 'words' else 'grid'}=no" in query
            if not hidden:
                page.wait_for_selector(f"[data-testid=memviz-{name}][data-drawn=true]", timeout=30_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
