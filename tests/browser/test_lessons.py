"""A class looks on: large type, nothing beside the lesson, and arrow keys that lead on at once."""

from __future__ import annotations

import pytest

from tests.browser.test_accessibility import violations

pytestmark = [pytest.mark.browser, pytest.mark.models]


def test_arrow_keys_lead_on_as_soon_as_a_lesson_is_presented(visit) -> None:
    here = visit("lessons")
    heading, text = here.page.locator("h2").first, here.page.locator("blockquote p").first
    small = text.evaluate("text => parseFloat(getComputedStyle(text).fontSize)")
    assert here.page.locator("[data-testid=stSidebar]").is_visible()
    here.toggle("Present")
    assert here.page.locator("[data-testid=stSidebar]").is_hidden()
    assert text.evaluate("text => parseFloat(getComputedStyle(text).fontSize)") > 1.2 * small
    for key, number in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):  # no click in between
        here.page.keyboard.press(key)
        here.wait_until(lambda number=number: heading.inner_text().startswith(f"{number} of 12"), "another lesson")
        here.answered()
    assert violations(here.page) == []
