"""A small server with the components, seen in the browser of all tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.serving import serving, tab, wait_until_idle

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # component_samples and cross_samples, whichever way pytest imports this folder


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The address of the demo page."""
    with serving(HERE / "demo.py") as address:
        yield address


@pytest.fixture
def visit(demo: str, browser: Any) -> Iterator[Callable]:
    """Opens the demo page; fails the test on any dialog or uncaught error."""
    pages, trouble = [], []

    def opened(
        query: str = "",
        *,
        width: int = 1440,
        height: int = 1000,
        scheme: str = "light",
        ratio: float = 1,
        touch: bool = False,
    ):
        if ratio == 1 and not touch:
            page = tab(browser, demo, width=width, height=height, scheme=scheme)
        else:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                device_scale_factor=ratio,
                has_touch=touch,
                reduced_motion="reduce",
            )
        pages.append(page)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(f"{demo}/?{query}")
        wait_until_idle(page)
        for name in ("grid", "words"):
            hidden = f"{'text' if name == 'words' else 'grid'}=no" in query
            if not hidden:
                page.wait_for_selector(f"[data-testid=memviz-{name}][data-drawn=true]", timeout=30_000)
        if "cross=" in query:
            page.wait_for_selector("[data-testid=memviz-cross][data-drawn=true]", timeout=30_000)
        return page

    yield opened
    for page in pages:
        page.close()
    assert trouble == []
