"""On a phone: nothing runs over the edge, and everything can be reached."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.browser.app_page import CARDS, GRID, PLOT
from tests.pages.odd_texts import ODD

pytestmark = [pytest.mark.browser, pytest.mark.models]

WIDE = """() => {
  const edge = document.documentElement.clientWidth;
  const main = document.querySelector('[data-testid=stMain]');
  return [document.documentElement.scrollWidth - edge, main.scrollWidth - main.clientWidth];
}"""


TEXT = "A red fox saw the old dog and it ran."


def seen(part: Any) -> bool:
    """Does this part of the page begin in sight?"""
    return 0 <= part.bounding_box()["y"] < 700


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


def test_fingers_read_keep_a_word_and_open_a_head(visit) -> None:
    """A phone has no Control+Enter and nothing that hovers: what was tapped leads to what changed."""
    here = visit("", width=390, phone=True)
    page = here.page
    page.locator("textarea").first.fill(TEXT)
    page.get_by_role("button", name="Read", exact=True).tap()
    here.answered().wait_until(lambda: here.words()[1:-2] == TEXT[:-1].split(), "the text is read")
    page.locator("[data-testid=memviz-word]").nth(3).tap()
    here.wait_until(lambda: "word=3" in here.query, "the word is kept").at_rest()
    assert here.rows("remembers")
    here.wait_until(lambda: seen(page.locator(CARDS["remembers"])), "its card is in sight")
    here.follow("heads", word=3)
    grid = page.locator(GRID).locator("canvas").first
    grid.scroll_into_view_if_needed()
    grid.tap(position={"x": 90, "y": 60})
    here.wait_until(lambda: "layer=" in here.query, "the head is kept").at_rest()
    here.wait_until(lambda: seen(page.locator(PLOT).first), "the page goes to the head")
    chosen = parse_qs(here.query)
    assert here.choice("Head") == f"L{chosen['layer'][0]}.H{chosen['head'][0]}"
    tools = page.locator(f"{PLOT} .modebar-container")
    assert tools.count() >= 1
    assert not any(each.is_visible() for each in tools.all()), "Plotly's tools are for a mouse"
    assert page.evaluate(WIDE) == [0, 0]
