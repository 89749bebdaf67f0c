"""Do the links of a translation show the weights they were given, and report what was pinned?"""

from __future__ import annotations

import time

import numpy as np
import pytest
from component_page import wait_for_text
from cross_page import ALONE, CAT_WORD, CROSS, CROSS_WORD, GATO, HERE, LINK, OWN, WHERE, links, rows, spotlight, word
from cross_samples import CAT

pytestmark = pytest.mark.browser


def test_every_weight_is_drawn_as_it_was_given(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    assert links(page) == {(t, s): float(CAT[t, s]) for t, s in np.ndindex(CAT.shape)}
    assert page.locator(CROSS).get_attribute("data-layout") == "rows"


def test_the_wider_link_is_the_heavier_and_the_weakest_are_nearly_invisible(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    looks = page.locator(LINK).evaluate_all(
        "all => all.map(one => [one.dataset.weight, parseFloat(getComputedStyle(one).strokeWidth),"
        " Number(getComputedStyle(one).strokeOpacity)].map(Number))"
    )
    looks.sort()
    for column in (1, 2):
        drawing = [look[column] for look in looks]
        assert drawing == sorted(drawing)
    assert looks[0][1] < 1
    assert looks[0][2] < 0.05
    assert looks[-1][1] > 9
    assert looks[-1][2] > 0.5


def test_links_end_at_the_middle_of_their_words(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    for target, source in ((GATO, CAT_WORD), (2, 1), (6, 6)):
        path = page.locator(f"{LINK}[data-target='{target}'][data-source='{source}']")
        first, last = path.evaluate(
            "one => [0, one.getTotalLength()].map(at => one.getPointAtLength(at).matrixTransform(one.getScreenCTM()))"
            ".map(point => [point.x, point.y])"
        )
        above, below = word(page, "source", source).bounding_box(), word(page, "target", target).bounding_box()
        assert first[0] == pytest.approx(above["x"] + above["width"] / 2, abs=0.6)
        assert last[0] == pytest.approx(below["x"] + below["width"] / 2, abs=0.6)
        assert above["y"] + above["height"] < first[1] < last[1] < below["y"]


def test_only_what_reaches_the_share_is_drawn_and_the_rest_is_said(visit) -> None:
    page = visit(f"{ALONE}&cross=cat&keep=0.9")
    drawing = links(page)
    assert {pair for pair in drawing if pair[0] < 7} == {(0, 0), (1, 2), (2, 1), (3, 3), (4, 5), (4, 4), (5, 4), (6, 6)}
    assert sum(weight for (target, _), weight in drawing.items() if target == 7) >= 0.9
    word(page, "target", 4).hover()
    assert rows(page, "read") == [("milk", "", "81 %"), ("cold", "", "14 %"), ("all others", "", "5 %")]


def test_a_word_of_which_nothing_is_known_has_no_links(visit) -> None:
    page = visit(f"{ALONE}&cross=nan")
    assert {target for target, _ in links(page)} == set(range(7))
    last = word(page, "target", 7)
    assert "unknown" in last.get_attribute("class")
    last.hover()
    assert rows(page, "read") == []
    assert "cannot be told" in page.locator("[data-testid=memviz-cross-read]").inner_text()


# --- pointing and keeping -----------------------------------------------------------------------


def test_pointing_at_a_word_isolates_its_links_and_says_their_weights(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    everything = page.locator(f"{CROSS} svg.all")
    assert float(everything.evaluate("all => getComputedStyle(all).opacity")) == 1
    word(page, "target", GATO).hover()
    assert spotlight(page) == "target 1"
    assert links(page, OWN) == {(GATO, s): float(CAT[GATO, s]) for s in range(8)}
    assert float(everything.evaluate("all => getComputedStyle(all).opacity")) < 0.2
    marks = page.locator(f"{CROSS} .mark").evaluate_all("all => all.map(one => [one.dataset.index, one.textContent])")
    assert marks == [["2", "91 %"], ["1", "6 %"], ["5", "2 %"]]
    assert rows(page, "read")[:2] == [("cat", "", "91 %"), ("black", "", "6 %")]
    assert rows(page, "written") == [
        ("gato", "", "98 %"),
        ("preto", "", "0.5 %"),
        ("peixe", "", "0.3 %"),
        ("cat", "", "0.1 %"),
    ]
    page.locator(WHERE).hover()
    assert spotlight(page) is None
    assert page.locator(OWN).count() == 0


def test_a_source_word_says_who_read_it_in_orange(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    word(page, "source", CAT_WORD).hover()
    assert links(page, OWN) == {(t, CAT_WORD): float(CAT[t, CAT_WORD]) for t in range(8)}
    assert "“cat” was read by" in page.locator("[data-testid=memviz-cross-read]").inner_text()
    assert rows(page, "read")[:3] == [("gato", "", "91 %"), ("</s>", "", "7 %"), ("preto", "", "2 %")]
    assert page.locator("[data-testid=memviz-cross-written]").is_hidden()
    stroke = page.locator(OWN).first.evaluate("one => getComputedStyle(one).stroke")
    red, _, blue = (int(part) for part in stroke.strip("rgb()").split(","))
    assert red > 2 * blue


def test_each_token_says_its_probability_and_what_else_could_have_been(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    word(page, "target", 3).hover()
    be = [("be", "", "95 %"), ("re", "", "2 %"), ("é", "", "0.2 %"), ("be", "", "96 %"), ("ba", "", "3 %")]
    assert rows(page, "written")[:5] == be
    lines = page.locator("[data-testid=memviz-cross-written] [data-testid=memviz-cross-row]")
    for line in lines.all()[:5]:
        bar, track = line.locator(".bar").bounding_box(), line.locator(".track").bounding_box()
        share = float(line.get_attribute("data-share"))
        assert bar["width"] == pytest.approx(max(4, share * track["width"]), abs=0.6)
    word(page, "target", 7).hover()
    assert rows(page, "written") == [("</s>", "", "–")]


def test_a_pin_reaches_python_and_stays_until_escape(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    wait_for_text(page, "pin None")
    word(page, "target", GATO).click()
    wait_for_text(page, "pin target 1")
    assert word(page, "target", GATO).get_attribute("aria-pressed") == "true"
    word(page, "source", 5).hover()
    assert spotlight(page) == "target 1", "a pin stays while the pointer wanders"
    word(page, "source", 5).click()
    wait_for_text(page, "pin source 5")
    assert page.locator(f"{CROSS_WORD}[aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    wait_for_text(page, "pin None")
    word(page, "source", 5).click()
    wait_for_text(page, "pin source 5")
    word(page, "source", 5).click()
    wait_for_text(page, "pin None")


def test_the_page_can_pin_and_the_same_nodes_stay(visit) -> None:
    page = visit(f"{ALONE}&cross=cat&pinned=3")
    assert spotlight(page) == "target 3"
    word(page, "target", 5).evaluate("node => { node.mark = 'mine' }")
    word(page, "target", 5).click()
    wait_for_text(page, "pin target 5")
    page.get_by_text("Page chooses source word 2").click()
    wait_for_text(page, "pin source 2")
    page.locator(f"{CROSS}[data-shown='source 2']").wait_for()
    assert word(page, "target", 5).evaluate("node => node.mark") == "mine"
    word(page, "target", 5).click()
    wait_for_text(page, "pin target 5")
    time.sleep(0.3)
    assert spotlight(page) == "target 5"


def test_keyboard_walks_along_the_rows_and_across_the_heaviest_links(visit) -> None:
    page = visit(f"{ALONE}&cross=cat")
    assert page.locator(CROSS_WORD).evaluate_all("all => all.filter(one => one.tabIndex === 0).length") == 1
    word(page, "target", 0).focus()
    for key, text in [
        ("ArrowRight", "gato"),
        ("ArrowUp", "cat"),
        ("ArrowLeft", "black"),
        ("ArrowDown", "preto"),
        ("ArrowDown", "preto"),
        ("End", "</s>"),
        ("ArrowRight", "</s>"),
        ("Home", "O"),
    ]:
        page.keyboard.press(key)
        assert page.evaluate(HERE) == text, key
    page.keyboard.press("ArrowRight")
    assert spotlight(page) == "target 1", "the keyboard isolates as the pointer does"
    assert page.locator("[data-testid=memviz-cross-spoken]").inner_text() == "“gato” was read most from “cat”, 91 %."
    page.keyboard.press("Enter")
    wait_for_text(page, "pin target 1")
    page.keyboard.press("Escape")
    wait_for_text(page, "pin None")
    assert page.locator(CROSS_WORD).evaluate_all("all => all.filter(one => one.tabIndex === 0).length") == 1
