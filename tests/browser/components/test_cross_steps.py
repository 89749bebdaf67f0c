"""Can a translation be watched being written, word by word?"""

from __future__ import annotations

import time

import numpy as np
import pytest
from component_page import wait_for_text
from cross_page import ALONE, CROSS, CROSS_WORD, LINK, OWN, WHERE, links, rows, spotlight, step, visible_words, word

pytestmark = pytest.mark.browser


def test_stepping_shows_the_translation_being_written(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    boxes = [word(page, "target", i).bounding_box() for i in range(8)]
    assert page.locator(WHERE).inner_text() == "Whole translation"
    assert visible_words(page) == [True] * 8
    for expected in (1, 2, 3):
        step(page, "forward")
        assert page.locator(CROSS).get_attribute("data-step") == str(expected)
        assert page.locator(WHERE).inner_text() == f"Step {expected} of 8"
        assert visible_words(page) == [True] * expected + [False] * (8 - expected)
        assert spotlight(page) == f"target {expected - 1}"
    visible = page.locator(f"{LINK}:visible").evaluate_all(
        "all => all.filter(one => getComputedStyle(one).visibility === 'visible').map(one => one.dataset.target)"
    )
    assert set(visible) == {"0", "1", "2"}
    assert rows(page, "written")[0] == ("preto", "", "97 %")
    assert [word(page, "target", i).bounding_box() for i in range(3)] == boxes[:3], "no word moves"
    step(page, "back")
    assert spotlight(page) == "target 1"
    word(page, "source", 0).hover()
    assert {target for target, _ in links(page, OWN)} == {0, 1}, "later words have not read it yet"
    step(page, "first")
    assert page.locator(CROSS).get_attribute("data-step") == "1"
    step(page, "last")
    assert page.locator(CROSS).get_attribute("data-step") is None
    assert visible_words(page) == [True] * 8
    step(page, "back")
    assert page.locator(WHERE).inner_text() == "Step 8 of 8"
    page.keyboard.press("Escape")
    assert page.locator(CROSS).get_attribute("data-step") is None


def test_a_step_lets_go_of_the_pin_and_a_pin_holds_within_a_step(visit) -> None:
    page = visit(f"{ALONE}&cross=cat&pinned=6")
    step(page, "forward")
    wait_for_text(page, "pin None")
    assert spotlight(page) == "target 0"
    step(page, "forward")
    word(page, "target", 0).click()
    wait_for_text(page, "pin target 0")
    assert (spotlight(page), page.locator(CROSS).get_attribute("data-step")) == ("target 0", "2")
    page.keyboard.press("Escape")
    wait_for_text(page, "pin None")
    page.locator(WHERE).hover()
    assert spotlight(page) == "target 1", "first the pin goes, the step stays"


def test_play_writes_a_word_at_a_time_and_stops_at_the_end(visit) -> None:
    page = visit(f"{ALONE}&cross=6x4")
    play = page.locator("[data-do=play]")
    assert play.get_attribute("aria-label") == "Play"
    play.focus()
    page.keyboard.press("Space")
    assert play.get_attribute("aria-label") == "Pause"
    times = []
    for number in (1, 2, 3, 4):
        page.locator(f"{CROSS}[data-step='{number}']").wait_for(timeout=3_000)
        times.append(time.monotonic())
    assert 0.5 < np.median(np.diff(times)) < 1.6
    page.locator(f"{CROSS}:not([data-step])").wait_for(timeout=3_000)
    assert play.get_attribute("aria-label") == "Play"
    time.sleep(1.2)
    assert page.locator(CROSS).get_attribute("data-step") is None, "it does not start again"
    page.keyboard.press("Space")
    page.locator(f"{CROSS}[data-step='2']").wait_for(timeout=3_000)
    page.keyboard.press("Space")
    time.sleep(1.2)
    assert page.locator(CROSS).get_attribute("data-step") == "2", "a pause holds"


def test_escape_while_it_plays_shows_the_whole_and_stops(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    page.locator("[data-do=play]").click()
    page.locator(f"{CROSS}[data-step='2']").wait_for(timeout=3_000)
    word(page, "target", 0).focus()
    page.keyboard.press("Escape")
    assert page.locator(CROSS).get_attribute("data-step") is None
    assert page.locator("[data-do=play]").get_attribute("aria-label") == "Play"
    time.sleep(1.2)
    assert page.locator(CROSS).get_attribute("data-step") is None, "it does not start again"


def test_the_steps_can_be_left_out(visit) -> None:
    page = visit(f"{ALONE}&cross=cat&steps=no")
    assert page.locator("[data-testid=memviz-cross-steps]").is_hidden()
    assert page.locator(CROSS_WORD).count() == 16
