"""Look in a browser: a patch is chosen by pointer and by keys, the way back leads back, and a phone shows all of it."""

from __future__ import annotations

import pytest

from tests.browser.test_accessibility import violations
from tests.browser.test_listen import WIDE

pytestmark = [pytest.mark.browser, pytest.mark.senses]
FRAME = "[data-testid=memviz-picture] .frame"


def test_a_patch_is_chosen_by_pointer_and_keys_and_a_phone_shows_all(visit) -> None:
    here = visit("look", layer=11, head=2, patches="100.101.116.117")
    assert violations(here.page) == []
    frame = here.page.locator(FRAME).first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    frame.click(position={"x": box["width"] * 4.5 / 16, "y": box["height"] * 6.5 / 16})
    here.says("row 7, column 5 looks most at")
    here.wait_until(lambda: "patch=100" in here.query, "the patch is kept")
    frame.press("ArrowRight")
    frame.press("ArrowDown")
    assert "row 8, column 6" in here.page.locator("[data-testid=memviz-picture] .note").first.inner_text()
    frame.press("Enter")
    here.says("row 8, column 6 looks most at")
    here.wait_until(lambda: "patch=117" in here.query, "the next patch is kept")
    here.page.go_back()
    here.says("row 7, column 5 looks most at")
    here.page.locator(FRAME).first.press("Escape")
    here.says("[CLS] looks most at")
    phone = visit("look", width=390, scheme="dark", lang="zh", patch=100, patches="100.101")
    assert phone.page.evaluate(WIDE) == 0
    assert violations(phone.page) == []
    for frame in phone.page.locator(FRAME).all():
        assert frame.bounding_box()["x"] + frame.bounding_box()["width"] <= 390
