"""What do the pages look like? `python -m tests.browser.shots [FOLDER]`

With a folder: every page, wide and on a phone, light and dark, in English and Chinese. Without one:
the few pictures that the README shows, into docs/pictures.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tests.browser.serving import ROOT, chromium, serving, wait_until_idle

PAGES = {
    "home": "/?word=8",
    "heads": "/heads?layer=3&head=1",
    "recall": "/recall?word=8",
    "compare": "/compare",
    "translate": "/translate",
    "generate": "/generate",
    "forget": "/forget?covered=7",
    "train": "/train",
    "words": "/words",
    "glossary": "/glossary",
}
DRAWN = {
    "home": "memviz-words",
    "heads": "memviz-grid",
    "recall": "memviz-words",
    "translate": "memviz-cross",
    "generate": "memviz-words",
    "forget": "memviz-words",
}
WIDTHS = {"wide": 1440, "phone": 390}
TALLEST = 6000  # pixels; more helps nobody


@dataclass(frozen=True)
class Shot:
    """One picture: which page, how wide, in which theme and language."""

    page: str
    width: int = 1440
    scheme: str = "light"
    language: str = "en"

    @property
    def address(self) -> str:
        """Path and query of the page."""
        path = PAGES[self.page]
        return f"{path}{'&' if '?' in path else '?'}lang={self.language}"


README = {
    "home": Shot("home"),
    "heads": Shot("heads"),
    "translate": Shot("translate"),
    "recall": Shot("recall", scheme="dark"),
    "home-zh-phone": Shot("home", width=WIDTHS["phone"], language="zh"),
}


def every() -> dict[str, Shot]:
    """All pictures, by name."""
    return {
        f"{page}-{width}-{scheme}-{language}": Shot(page, WIDTHS[width], scheme, language)
        for page, width, scheme, language in product(PAGES, WIDTHS, ("light", "dark"), ("en", "zh"))
    }


def take(browser: Any, address: str, shot: Shot, *, path: Path) -> None:
    """Opens a page, waits until it is drawn, and keeps the whole of it as a picture."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": 1000}, color_scheme=shot.scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address + shot.address)
    wait_until_idle(page)
    if shot.page in DRAWN:
        page.wait_for_selector(f"[data-testid={DRAWN[shot.page]}][data-drawn=true]", timeout=60_000)
    wait_until_idle(page)
    page.wait_for_load_state("networkidle")
    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": shot.width, "height": min(max(tall, 1000), TALLEST)})
    page.wait_for_timeout(700)  # charts and the grid measure themselves again
    page.screenshot(path=path)
    context.close()


def main(folder: str | None = None) -> None:
    """Takes the pictures and says where they are."""
    there = Path(folder) if folder else ROOT / "docs" / "pictures"
    there.mkdir(parents=True, exist_ok=True)
    with serving() as address, chromium() as browser:
        for name, shot in (every() if folder else README).items():
            take(browser, address, shot, path=there / f"{name}.png")
            print(there / f"{name}.png", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
