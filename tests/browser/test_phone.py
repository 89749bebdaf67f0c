"""On a phone: nothing runs over the edge, and everything can be reached."""

from __future__ import annotations

import pytest

from tests.pages.odd_texts import ODD

pytestmark = [pytest.mark.browser, pytest.mark.models]

WIDE = """() => {
  const edge = document.documentElement.clientWidth;
  const main = document.querySelector('[data-testid=stMain]');
  return [document.documentElement.scrollWidth - edge, main.scrollWidth - main.clientWidth];
}"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_scrolls_sideways(visit, language: str) -> None:
    here = visit("", width=390, lang=language)
    assert here.page.evaluate(WIDE) == [0, 0]
    for page in ("", "heads", "recall", "translate", "glossary"):
        here.follow(page, lang=language, word=8)
        assert here.page.evaluate(WIDE) == [0, 0], page
        here.wait_until(lambda: here.page.evaluate("document.documentElement.lang").startswith(language), language)


def test_long_words_and_open_menus_stay_on_the_screen(visit) -> None:
    here = visit("", width=390, text=ODD["long word"], model="smollm2", word=0)
    assert here.page.evaluate(WIDE) == [0, 0]
    for menu in ("Link without the text", "Export", "Show as Python"):
        here.open_popover(menu)
        box = here.page.locator("[data-testid=stPopoverBody]:visible").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, menu
        here.close_popover()
    here.open("heads", text=ODD["long word"], model="smollm2", layer=29, head=8)
    assert here.page.evaluate(WIDE) == [0, 0]


def test_a_tap_keeps_a_word(visit) -> None:
    here = visit("", width=390)
    here.page.locator("[data-testid=memviz-word]").nth(8).click()
    here.wait_until(lambda: "word=8" in here.query, "the word is kept")
    assert here.rows("remembers")
