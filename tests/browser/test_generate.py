"""Generate in a real browser: the text streams, a button stops it, and a reload keeps what was seen."""

from __future__ import annotations

import pytest

from tests.browser.app_page import WORDS, AppPage

pytestmark = [pytest.mark.browser, pytest.mark.models]

WRITING = ".memviz-writing .written"
WRITTEN = "[data-testid=memviz-word].written"


def text_of(here: AppPage, selector: str) -> str:
    return here.page.evaluate("selector => document.querySelector(selector)?.textContent ?? ''", selector)


def test_it_streams_stops_and_a_reload_keeps_all(browser, address) -> None:
    here = AppPage(browser, address)
    here.page.goto(f"{address}/generate?tokens=256")
    here.wait_until(lambda: len(text_of(here, WRITING)) > 3, "it streams")
    early = text_of(here, WRITING)
    here.wait_until(lambda: len(text_of(here, WRITING)) > len(early), "more and more")
    assert text_of(here, WRITING).startswith(early)
    here.page.get_by_role("button", name="Stop writing").click()
    here.says("You stopped it.").drawn("generate")
    here.wait_until(lambda: "cut=" in here.query, "where it was stopped is in the address")
    words = here.words()
    assert 0 < here.page.locator(WRITTEN).count() < 200
    here.page.locator(WRITTEN).nth(1).click()
    here.wait_until(lambda: "word=" in here.query, "the word is in the address")
    card = here.page.get_by_test_id("memviz-step").inner_text()
    assert "How sure was the model" in card
    word, query = here.page.locator(WORDS).get_attribute("data-shown"), here.query
    here.page.reload()
    here.drawn("generate").says("You stopped it.")
    here.page.locator(f"{WORDS}[data-shown='{word}']").wait_for()
    assert (here.words(), here.query) == (words, query)
    assert here.page.get_by_test_id("memviz-step").inner_text() == card
    here.page.get_by_test_id("memviz-other").locator("button").first.click()
    here.wait_until(lambda: len(text_of(here, WRITING)) > 3, "another token, and on from there")
    assert here.close() == []
