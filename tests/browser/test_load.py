"""Long texts and people who move on: little is sent, and nobody waits for someone who left."""

from __future__ import annotations

import time

import pytest

from benchmarks.browser import wire
from tests.browser.app_page import AppPage

pytestmark = [pytest.mark.browser, pytest.mark.models]

LIMIT = 1_000_000  # bytes
LONG = " ".join(f"The keeper of lamp {number} walked home along the dark river." for number in range(80))


@pytest.fixture(scope="module")
def long_text(smollm2) -> str:
    """A text of 1,024 tokens."""
    text = smollm2.window(LONG, 0, 1024)
    assert smollm2.count(text) == 1024
    return text


def test_a_page_for_a_thousand_tokens_sends_less_than_a_megabyte(visit, long_text: str) -> None:
    here = visit("", model="smollm2", text="A short text.")
    sent = wire(here.page)
    here.read(long_text)
    here.wait_until(lambda: len(here.words()) > 500, "the words of the long text")
    here.at_rest()
    assert 50_000 < sum(sent) < LIMIT
    for page in ("heads", "recall"):
        sent.clear()
        here.go(page)
        here.at_rest()
        assert 10_000 < sum(sent) < LIMIT, page
    here.go("heads")
    sent.clear()
    here.choose("Head", "L18.H6")
    assert sum(sent) < LIMIT, "another head"


def test_who_leaves_in_the_middle_of_a_reading_does_not_block_the_next(visit, address, browser) -> None:
    slow = " ".join([LONG] * 5)  # far more than the limit, were it read to its end
    here = visit("", model="smollm2", text="A short text.")
    leaver = AppPage(browser, address).open("", text="Another short text.", model="minilm")
    here.read(slow, wait=False)
    here.page.locator("[data-testid=stProgress]").wait_for()
    leaver.read(slow[:100], wait=False)
    leaver.close()
    here.page.locator("[data-testid=stSidebarNavLink][href$='/glossary']").click()
    here.says("What do the numbers mean?")
    began = time.monotonic()
    there = visit("", model="smollm2", text="He was hungry, so he ate.")
    assert there.words()[:2] == ["He", "was"]
    assert time.monotonic() - began < 30, "the reading that was left went on"
    there.go("heads")
    there.at_rest()
