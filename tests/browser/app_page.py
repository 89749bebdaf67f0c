"""How the tests find their way about a page of the app."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from tests.browser.serving import DONE, tab, touched

WORD = "[data-testid=memviz-word]"
WORDS = "[data-testid=memviz-words][data-drawn=true]"
GRID = "[data-testid=memviz-grid][data-drawn=true]"
CARDS = {"remembers": "[data-testid=memviz-remembers]", "remembered_by": "[data-testid=memviz-remembered-by]"}
PLOT = ".js-plotly-plot"
CROSS_WORD = "[data-testid=memviz-cross-word]"
CROSS = "[data-testid=memviz-cross][data-drawn=true]"
DRAWN = {
    "": WORDS,
    "home": WORDS,
    "recall": WORDS,
    "compare": "h1",
    "heads": GRID,
    "translate": CROSS,
    "generate": WORDS,
    "forget": WORDS,
    "corpus": "h1",
    "listen": "[data-testid=memviz-sound][data-drawn=true]",
    "look": "[data-testid=memviz-picture] canvas",
    "formula": PLOT,
    "facts": PLOT,
    "resources": PLOT,
    "lessons": "h2",
    "train": "h1",
    "words": PLOT,
    "glossary": "h1",
}
PROBES = ("_stcore/health", "_stcore/host-config")  # Streamlit looks for its server below a page's path first
PATIENCE = 60_000  # for the first page of a server that has imported nothing yet, too
REST = """([done, patience]) => new Promise((resolve, reject) => {
  const start = performance.now();
  let since = start;
  const isDrawn = chart => chart.querySelector('.js-plotly-plot .main-svg');
  const look = () => {
    const now = performance.now();
    const charts = [...document.querySelectorAll('[data-testid=stPlotlyChart]')];
    if (!document.querySelector(done) || !charts.every(isDrawn)) since = now;
    if (now - since > 300) resolve();
    else if (now - start > patience) reject(new Error('the page is still at work'));
    else setTimeout(look, 20);
  };
  look();
})"""

FOLLOW = """address => {
  history.pushState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
}"""


class AppPage:
    """One person's browser window: what is on it, and everything that went wrong in it."""

    def __init__(
        self, browser: Any, address: str, *, width: int = 1440, scheme: str = "light", phone: bool = False
    ) -> None:
        self.address = address
        self.page = touched(browser, width) if phone else tab(browser, address, width=width, scheme=scheme)
        self.phone = phone
        self.page.set_default_timeout(PATIENCE)
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.asked = False  # is a question on its way to the server?
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", self._socket)

    def _socket(self, socket: Any) -> None:
        self.requests.append(socket.url)
        socket.on("framesent", lambda _: setattr(self, "asked", True))
        socket.on("framereceived", lambda _: setattr(self, "asked", False))

    def answered(self) -> AppPage:
        """Waits until what was just done has reached the server, which has begun to answer, and nothing is to come."""
        self.page.wait_for_timeout(150)
        until = time.monotonic() + PATIENCE / 1000
        while self.asked and time.monotonic() < until:
            self.page.wait_for_timeout(20)
        return self.at_rest()

    def _dialog(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        probe = any(name in message.location.get("url", "") for name in PROBES)
        if message.type == "error" and not probe:
            self.trouble.append(f"console: {message.text} {message.location.get('url', '')}")

    def close(self) -> list[str]:
        """Ends the visit; what went wrong in it, requests to other machines included."""
        (self.page.context if self.phone else self.page).close()
        away = {urlsplit(url).hostname for url in self.requests} - {"127.0.0.1", None}
        return self.trouble + [f"asked {host}" for host in sorted(filter(None, away))]

    def open(self, page: str = "", **query: object) -> AppPage:
        """Opens a page by its address."""
        self.page.goto(self._address(page, query))
        return self.drawn(page)

    def follow(self, page: str = "", *, wait: bool = True, **query: object) -> AppPage:
        """Goes to an address in the tab as it is, as Back does: nothing is loaded again, and the text stays."""
        self.page.evaluate(FOLLOW, self._address(page, query))
        return self.answered().drawn(page) if wait else self

    def _address(self, page: str, query: dict[str, object]) -> str:
        return f"{self.address}/{page}?{urlencode(query)}" if query else f"{self.address}/{page}"

    def drawn(self, page: str) -> AppPage:
        """Waits until a page is there."""
        self.page.wait_for_selector(DRAWN[page])
        return self.at_rest()

    def at_rest(self) -> AppPage:
        """Waits until the page has had nothing to run for a moment, and every chart is drawn."""
        self.page.evaluate(REST, [DONE, PATIENCE])
        return self

    def go(self, page: str) -> AppPage:
        """Another page, by the list of pages."""
        self.page.locator(f"[data-testid=stSidebarNavLink][href$='/{page}']").click()
        self.page.wait_for_url(f"**/{page}*")
        return self.drawn(page)

    def read(self, text: str, *, wait: bool = True) -> AppPage:
        """Pastes a text and reads it."""
        box = self.page.locator("textarea").first
        box.fill(text)
        box.press("Control+Enter")
        if wait:
            return self.answered()
        self.page.wait_for_timeout(150)
        return self

    def choose(self, label: str, option: str) -> AppPage:
        """Chooses from a select box."""
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.click()
        box.fill(option)  # long lists are drawn only in part
        self.page.get_by_role("option", name=option, exact=True).click()
        return self.answered()

    def press(self, name: str) -> AppPage:
        """Presses a button by its name."""
        self.page.get_by_role("button", name=name).first.click()
        return self.answered()

    def mark(self, name: str) -> AppPage:
        """Makes a choice among several that stand on the page."""
        exact = re.compile(f"^{re.escape(name)}$")
        self.page.locator("[data-testid=stRadio] label, [data-testid=stButtonGroup] button", has_text=exact).click()
        return self.answered()

    def open_popover(self, name: str) -> AppPage:
        """Opens a popover, such as the options."""
        self.at_rest()  # what is still to be drawn would move it
        button = self.page.locator("[data-testid=stPopoverButton]", has_text=name)
        body = self.page.locator("[data-testid=stPopoverBody]").first
        button.scroll_into_view_if_needed()
        button.click()
        body.wait_for()
        box = body.bounding_box()
        if box is None or not 0 <= box["y"] < self.page.viewport_size["height"]:  # Streamlit placed it before a scroll
            self.page.keyboard.press("Escape")
            body.wait_for(state="hidden")
            button.click()
            body.wait_for()
        return self

    def close_popover(self) -> AppPage:
        """Closes it again."""
        self.page.keyboard.press("Escape")
        self.page.locator("[data-testid=stPopoverBody]").first.wait_for(state="hidden")
        return self.at_rest()

    def toggle(self, label: str) -> AppPage:
        """Flips a switch."""
        self.page.locator("[data-testid=stCheckbox]:visible", has_text=label).click()
        return self.answered()

    def choice(self, label: str) -> str:
        """What a select box shows."""
        return self.page.get_by_role("combobox", name=label, exact=True).input_value()

    def says(self, text: str) -> AppPage:
        """Waits until the page says something."""
        self.page.get_by_text(text).first.wait_for()
        return self

    @property
    def query(self) -> str:
        """The part of the address behind the question mark."""
        return urlsplit(self.page.url).query

    # -- the words --------------------------------------------------------------------------------

    def words(self) -> list[str]:
        """The words of the text."""
        return self.page.locator(WORD).all_text_contents()

    def hover(self, word: int) -> AppPage:
        """Points at a word."""
        self.page.locator(WORD).nth(word).hover()
        self.page.locator(f"{WORDS}[data-shown='{word}']").wait_for()
        return self

    def rows(self, card: str) -> list[dict[str, Any]]:
        """The rows of a card: every digit (``index``, ``weight``, ``lift``, ``layer``, ``head``), and as read."""
        result = self.page.locator(CARDS[card]).locator("[data-testid=memviz-row]").evaluate_all(
            "all => all.map(row => [{...row.dataset}, [...row.children].map(cell => cell.textContent)])"
        )  # fmt: skip
        return [
            {
                "index": int(data["index"]),
                "weight": float(data["weight"]),
                "lift": float("nan" if data["lift"] == "NaN" else data["lift"]),
                "layer": int(data["layer"]),
                "head": int(data["column"]),
                "read": [cell for cell in cells if cell],
            }
            for data, cells in result
        ]

    # -- the pictures -----------------------------------------------------------------------------

    def cells(self, plot: int = 0) -> np.ndarray:
        """All numbers of a heatmap as the browser holds them; NaN where a cell is empty."""
        result = self.page.locator(PLOT).nth(plot).evaluate(
            "plot => plot.calcdata[0][0].z.map(row => Array.from(row, value => value ?? null))"
        )  # fmt: skip
        return np.array([[np.nan if value is None else value for value in row] for row in result], dtype=np.float64)

    def point_at(self, row: int, col: int, *, shape: tuple[int, int]) -> str:
        """The text that appears when the pointer rests on a cell of the heatmap."""
        plot = self.page.locator(PLOT).first
        plot.scroll_into_view_if_needed()
        box = plot.locator(".nsewdrag").bounding_box()
        across, down = (col + 0.5) / shape[1], (row + 0.5) / shape[0]
        tooltip = plot.locator(".hoverlayer")
        self.page.mouse.move(box["x"] - 30, box["y"] - 5)
        self.wait_until(lambda: not tooltip.text_content(), "the cell before is let go")

        def said() -> str:
            self.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            self.page.wait_for_timeout(80)
            return tooltip.text_content() or ""

        self.wait_until(lambda: bool(said()), "the cell is told")
        return said()

    def settled(self, measure: Callable[[], Any]) -> Any:
        """What ``measure()`` gives once it has been the same for half a second: a picture that is still drawn grows."""
        last, since = measure(), time.monotonic()

        def rests() -> bool:
            nonlocal last, since
            now = measure()
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > 0.5

        return self.wait_until(rests, "it keeps changing") and last

    def wait_until(self, true: Callable[[], bool], what: str) -> AppPage:
        """Waits until something is true of the page."""
        end = time.monotonic() + PATIENCE / 1000
        while not true():
            assert time.monotonic() < end, what
            self.page.wait_for_timeout(50)
        return self
