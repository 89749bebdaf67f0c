"""One HTML page that opens offline: what is in it, and what a browser makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from memviz import figures
from memviz.figures.style.colours import THEMES
from tests.memories import NASTY, memory_of, tokens, words_of

TITLE = "What <b>is</b> this? </script><script>window.broken = 1</script>"
PROVENANCE = {"model": "tiny", "evil": "</script><img src=x onerror=window.broken=1>", "text": "猫 \u2028 &amp;"}
MADE = tokens(NASTY)
MEMORY, TRUTH = memory_of(MADE)
TABLES = {
    "<b>Most</b>": pd.DataFrame({"<i>word</i>": ["<script>window.broken = 1</script>", "猫"], "share": ["7 %", "5 %"]})
}


@pytest.fixture(scope="module")
def page() -> str:
    """A page with one figure of each kind."""
    charts = [
        figures.pattern(MEMORY, 1, 2),
        figures.by_distance(MEMORY, layer=1, head=2),
        figures.received_bars(MEMORY, words_of(MADE)),
        figures.scores(MEMORY, "previous_token"),
    ]
    return figures.html(charts, title=TITLE, provenance=PROVENANCE, tables=TABLES, intro="Rows <i>look</i>.")


class Parts(HTMLParser):
    """Every element with its attributes, and the text of every script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    for tag, attributes in Parts(page).elements:
        assert tag not in ("link", "iframe", "img", "object", "embed"), tag
        assert not {"src", "href"} & set(attributes), (tag, attributes)
    assert "default-src 'none'" in page


def test_plotly_is_inside_once(page: str) -> None:
    assert sum(len(script) > 1_000_000 for script in Parts(page).scripts) == 1


def test_the_provenance_can_be_read_by_programs_and_people(page: str) -> None:
    parts = Parts(page)
    [place] = [n for n, (_, found) in enumerate(parts.elements) if found.get("id") == "provenance"]
    scripts = [element for element in parts.elements[:place] if element[0] == "script"]
    assert json.loads(parts.scripts[len(scripts)]) == PROVENANCE
    assert "<dt>evil</dt><dd>&lt;/script&gt;&lt;img" in page


def test_text_is_text(page: str) -> None:
    assert "<h1>What &lt;b&gt;is&lt;/b&gt; this?" in page
    assert '<p class="intro">Rows &lt;i&gt;look&lt;/i&gt;.</p>' in page
    assert "<h2>&lt;b&gt;Most&lt;/b&gt;</h2>" in page
    assert '<th scope="col">&lt;i&gt;word&lt;/i&gt;</th>' in page
    assert "<td><bdi>&lt;script&gt;window.broken = 1&lt;/script&gt;</bdi></td><td><bdi>7 %</bdi></td>" in page
    assert "<script>window.broken" not in page
    assert "<img" not in page.split("</dl>")[0]
    kinds = [attributes.get("type") for tag, attributes in Parts(page).elements if tag == "script"]
    assert kinds == ["application/json"] * 5 + [None, None]


@pytest.fixture
def opened(browser, page: str, tmp_path: Path) -> Iterator:
    """The page in a browser without a network: (page, what it asked for, what went wrong)."""
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    context = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 1000, "height": 900})
    sheet, asked, wrong = context.new_page(), [], []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.on("pageerror", lambda error: wrong.append(str(error)))
    sheet.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    sheet.goto((tmp_path / "page.html").as_uri())
    sheet.wait_for_selector("figure:nth-of-type(4) .heatmaplayer image", timeout=60_000)
    yield sheet, asked, wrong
    context.close()


@pytest.mark.browser
def test_it_draws_without_a_network(opened) -> None:
    sheet, asked, wrong = opened
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []
    assert sheet.locator(".picture .main-svg").count() >= 4
    assert sheet.evaluate("window.broken") is None
    red, green, blue = THEMES["dark"].ink
    labels = sheet.locator(".picture .ytick text")
    assert labels.first.evaluate("e => getComputedStyle(e).fill") == f"rgb({red}, {green}, {blue})"


def plain(text: str) -> str:
    """Without the marks that keep right-to-left words apart."""
    return text.replace("\u2068", "").replace("\u2069", "")


@pytest.mark.browser
def test_the_number_under_the_pointer_is_the_weight_and_the_words_are_text(opened) -> None:
    sheet, _, _ = opened
    cells = sheet.locator(".heatmaplayer image").first.bounding_box()
    size = cells["width"] / len(NASTY)
    for row, col in ((0, 1), (5, 2), (4, 3), (12, 10)):
        sheet.mouse.move(cells["x"] + (col + 0.5) * size, cells["y"] + (row + 0.5) * size)
        sheet.wait_for_function("document.querySelectorAll('.hoverlayer text').length > 0")
        sheet.wait_for_timeout(150)
        lines = sheet.locator(".hoverlayer text tspan.line").all_text_contents()
        assert lines[1].startswith("weight ")
        assert float(lines[1].removeprefix("weight ")) == pytest.approx(TRUTH[1, 2, row, col], rel=1e-3)
        assert plain(lines[0]) == f"“{NASTY[row]}” attends to “{NASTY[col]}”"
    ticks = sheet.locator(".picture").first.locator(".ytick text").all_text_contents()
    assert {plain(text) for text in ticks} == set(NASTY)
    assert sheet.locator(".picture a").count() == 0
