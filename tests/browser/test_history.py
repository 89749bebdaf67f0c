"""What a browser promises of any page: it can be loaded again, left and come back to, and its link be sent."""

from __future__ import annotations

import pytest

from tests.browser.app_page import CROSS_WORD, GRID, WORD

pytestmark = [pytest.mark.browser, pytest.mark.models]

TEXT = "The dog slept because the old dog was happy."
OTHER = "A red fox ran away."


def length(here) -> int:
    """How many entries the tab's history has."""
    return here.page.evaluate("history.length")


def back(here, steps: int = -1):
    """Goes back in the tab's history, or forward."""
    here.page.evaluate("steps => history.go(steps)", steps)
    here.page.wait_for_timeout(300)
    return here.at_rest()


def go_home(here) -> None:
    """The first page, by the list of pages."""
    here.page.get_by_test_id("stSidebarNavLink").filter(has_text="Home").click()
    here.drawn("home")


def typed(here) -> str:
    """What stands in the box, folded away or not."""
    return here.page.locator("textarea").first.input_value()


def pinned(here) -> str | None:
    """The word that is kept."""
    kept = here.page.locator(f"{WORD}[aria-pressed=true]")
    return kept.first.inner_text() if kept.count() else None


def test_a_reload_keeps_text_word_head_and_options(visit) -> None:
    here = visit(sinkless="true").read(TEXT)
    here.page.locator(WORD).nth(7).click()
    here.wait_until(lambda: "word=7" in here.query, "the word is kept")
    assert "dog" not in here.query, "the text stays out of the address"
    here.page.reload()
    here.drawn("home")
    here.wait_until(lambda: typed(here) == TEXT and pinned(here) == "dog", "text and word are there again")
    assert here.page.locator("[data-testid=stCheckbox] input").first.is_checked()
    here.go("heads").choose("Head", "L3.H1")
    here.page.locator("[data-testid=memviz-grid-role]", has_text="previous token").click()
    here.wait_until(lambda: "role=previous+token" in here.query, "the role is kept").at_rest()
    query, head = here.query, here.choice("Head")
    here.page.reload()
    here.drawn("heads")
    here.wait_until(lambda: typed(here) == TEXT, "the text is there again")
    assert (here.choice("Head"), here.query) == (head, query)
    go_home(here)
    here.wait_until(lambda: pinned(here) == "dog", "and the word")


def test_back_and_forward_follow_each_choice_and_end_at_the_page_before(visit, address: str) -> None:
    here = visit("glossary")
    before = f"{address}/_stcore/health"
    here.page.goto(before)
    start = length(here)
    here.open("")
    assert length(here) == start + 1, "opening a page is one entry"
    here.read(TEXT)
    here.page.locator(WORD).nth(7).click()
    here.wait_until(lambda: "word=7" in here.query, "the word is kept")
    here.toggle("Hide attention sinks")
    here.go("heads")
    usual = here.choice("Head")
    assert usual != "L3.H0"
    here.choose("Head", "L3.H0")
    here.page.locator("[data-testid=memviz-grid-order]").select_option(label="Previous-token score")
    here.at_rest()
    here.page.locator(GRID).locator("canvas").click(position={"x": 10, "y": 60})
    here.at_rest()
    assert length(here) == start + 8, "text, word, switch, page, head, order, head: one entry each"
    end = here.query
    back(here)
    assert here.choice("Head") == "L3.H0"
    back(here)
    order = here.page.locator("[data-testid=memviz-grid-order]")
    here.wait_until(lambda: order.input_value() == "-1", "the grid stands as before")
    back(here)
    assert here.choice("Head") == usual
    back(here).drawn("home")
    assert here.page.locator("[data-testid=stCheckbox] input").first.is_checked()
    back(here)
    assert not here.page.locator("[data-testid=stCheckbox] input").first.is_checked()
    assert pinned(here) == "dog"
    back(here)
    here.wait_until(lambda: pinned(here) is None, "the word is let go")
    back(here)
    here.wait_until(lambda: typed(here).startswith("The cat"), "the text before")
    here.page.go_back()
    here.wait_until(lambda: here.page.url == before, "the page before")
    here.page.evaluate("history.go(8)")
    here.drawn("heads")
    here.wait_until(lambda: typed(here) == TEXT and here.query == end, "and all the way forward")
    assert length(here) == start + 8


def test_one_click_copies_a_link_that_shows_exactly_this(visit, address: str) -> None:
    here = visit().read(TEXT)
    here.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    here.page.locator(WORD).nth(7).click()
    here.wait_until(lambda: "word=7" in here.query, "the word is kept")
    here.at_rest().go("heads").choose("Head", "L3.H0")
    here.page.get_by_test_id("memviz-copy").get_by_role("button", name="Copy link", exact=True).click()
    here.says("Copied. The link shows exactly this page")
    whole = here.page.evaluate("navigator.clipboard.readText()")
    here.open_popover("Link without the text")
    here.says("The other person sees this page with your model, head and options, but not your text")
    here.page.get_by_role("button", name="Copy link without the text").click()
    here.says("Copied. Your text is not in it.")
    bare = here.page.evaluate("navigator.clipboard.readText()")
    assert "dog" not in bare
    for link, text in ((whole, TEXT), (bare, "The cat")):
        there = visit("glossary")
        there.page.evaluate("sessionStorage.clear()")
        there.page.goto(link)
        there.drawn("heads")
        assert there.choice("Head") == "L3.H0"
        assert typed(there).startswith(text)
        go_home(there)
        assert "word=7" in there.query
        there.wait_until(lambda at=there: pinned(at) is not None, "the word came along")


def test_a_translation_is_kept_and_followed_too(visit) -> None:
    here = visit("translate").read("The red dog ran.")
    here.page.locator(f"{CROSS_WORD}[data-side=target]").nth(1).click()
    here.wait_until(lambda: "cross_word=t1" in here.query, "the word is in the address")
    here.read(OTHER)
    here.wait_until(lambda: "cross_word" not in here.query, "it was of another text")
    back(here)
    here.wait_until(lambda: typed(here) == "The red dog ran." and "cross_word=t1" in here.query, "both are there again")
    here.page.reload()
    here.drawn("translate")
    here.wait_until(lambda: typed(here) == "The red dog ran." and "cross_word=t1" in here.query, "and after a reload")
