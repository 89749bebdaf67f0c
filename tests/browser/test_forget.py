"""Forget in a real browser: a tap covers a word, the page says what that did, and a reload keeps it."""

from __future__ import annotations

import pytest

from tests.browser.app_page import WORD

pytestmark = [pytest.mark.browser, pytest.mark.models]


def test_a_tap_covers_a_word_and_a_reload_keeps_it(visit) -> None:
    here = visit("forget")
    dragon = here.page.locator(WORD, has_text="dragon").first
    dragon.click()
    here.says("Covering “dragon” took the answer “dragon” from 52 % to").says("No other changes it as much.")
    assert dragon.get_attribute("aria-pressed") == "true"
    here.wait_until(lambda: "covered=7" in here.query, "the word is in the address")
    here.page.reload()
    here.drawn("forget").says("Covering “dragon”")
    assert here.page.locator(WORD, has_text="dragon").first.get_attribute("aria-pressed") == "true"
