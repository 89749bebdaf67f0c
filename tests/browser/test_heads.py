"""Heads: the grid chooses, the heatmap tells every number; what it tells is the model's own."""

from __future__ import annotations

import re

import numpy as np
import pytest

import memviz
from tests.browser.app_page import PLOT, AppPage
from tests.conftest import CAT

pytestmark = [pytest.mark.browser, pytest.mark.models]

GRID = "[data-testid=memviz-grid]"
READOUT = "[data-testid=memviz-grid-readout]"
SPLIT = "The zookeepers were unhappy."
ANIMALS = ["cat", "dog", "bird", "fish", "horse"]
PAIR = ("The bank raised its interest rates.", "Borrowing money became more expensive.")


def number(hover: str) -> float:
    """The figure in a hover text."""
    return float(re.search(r"(?:weight|norm)\D*([\d.e-]+)$", hover.replace("\N{MINUS SIGN}", "-")).group(1))


def pick(here, layer: int, head: int) -> None:
    """Clicks a head in the grid and waits for its heatmap."""
    plane = here.page.locator(f"{GRID} .plane")
    box, (x, y) = plane.bounding_box(), map(float, plane.get_attribute("data-pitch").split())
    here.page.mouse.click(box["x"] + (head + 0.45) * x, box["y"] + (layer + 0.45) * y)
    shown(here, f"L{layer}.H{head}")


def shown(here, title: str) -> None:
    """Waits for a heatmap with this title."""
    here.page.locator(f"{PLOT} .gtitle", has_text=title).first.wait_for()
    here.at_rest()


def open_text(here) -> AppPage:
    """Unfolds the text, so that another one can be pasted."""
    here.page.locator("[data-testid=stExpander] summary", has_text="Text").first.click()
    here.page.locator("textarea").first.wait_for()
    return here


def walk_through_cells(here, words, exact: np.ndarray) -> None:
    """Arrow keys lead from cell to cell, and each is read aloud; the tools of the picture are one stop of Tab."""
    plot, spoken = here.page.locator(PLOT).first, here.page.get_by_test_id("memviz-chart-spoken")
    plot.focus()
    steps = [*["ArrowDown"] * 8, "ArrowRight", "ArrowRight"]
    for keys, (row, column) in (
        (steps, (8, 2)),
        (["End"], (8, 12)),
        (["ArrowRight", "ArrowUp"], (7, 12)),
        (["Home"], (7, 0)),
    ):
        for key in keys:
            here.page.keyboard.press(key)
        here.wait_until(lambda at=f"{row},{column}": plot.get_attribute("data-cell") == at, f"cell {row}, {column}")
        text = spoken.inner_text()
        assert f"“{words[row].text}” attends to “{words[column].text}”" in text
        assert number(text) == pytest.approx(exact[row, column], rel=1e-3, abs=1e-5)
    tools = plot.locator(".modebar button")
    assert tools.count() > 2
    assert tools.evaluate_all("all => all.filter(tool => tool.tabIndex === 0).length") == 1
    tools.first.focus()
    here.page.keyboard.press("ArrowRight")
    inside = "bar => bar.contains(document.activeElement)"
    assert tools.nth(1).evaluate("tool => tool === document.activeElement")
    here.page.keyboard.press("Tab")
    assert not plot.locator(".modebar").evaluate(inside)


def merged(weights: np.ndarray, words) -> np.ndarray:
    """Weights between words, the slow way: sums to a split word, means from it."""
    rows = np.stack([weights[list(word.tokens)].mean(axis=0) for word in words])
    return np.stack([rows[:, list(word.tokens)].sum(axis=1) for word in words], axis=1)


def test_grid_and_keyboard_choose_and_the_heatmap_tells_the_models_own_weights(visit, cat, cat_eager) -> None:
    here = visit("heads")
    for layer, head in [(3, 1), (5, 11)]:
        pick(here, layer, head)
        assert here.choice("Head") == f"L{layer}.H{head}"
        np.testing.assert_allclose(here.cells(), cat.memory().pattern(layer, head), atol=1e-6)
        np.testing.assert_allclose(here.cells(), cat_eager[layer, head], atol=1e-5)
        for row, col in [(8, 2), (0, 0), (12, 12), (1, 11)]:
            hover = here.point_at(row, col, shape=(13, 13))
            assert f"“{cat.words[row].text}” attends to “{cat.words[col].text}”" in hover
            assert number(hover) == pytest.approx(cat_eager[layer, head, row, col], rel=1e-3, abs=1e-5)
    here.page.locator("[data-testid=memviz-grid-view]").focus()
    here.page.keyboard.press("ArrowLeft")
    here.page.keyboard.press("ArrowUp")
    assert here.page.locator(READOUT).locator("b").inner_text() == "L4.H10"
    here.page.keyboard.press("Enter")
    shown(here, "L4.H10")
    np.testing.assert_allclose(here.cells(), cat_eager[4, 10], atol=1e-5)
    assert {"layer=4", "head=10"} <= set(here.query.split("&"))
    walk_through_cells(here, cat.words, cat_eager[4, 10])
    here.choose("Head", "L0.H10")
    shown(here, "L0.H10")
    assert here.page.locator(GRID).get_attribute("data-selected") == "L0.H10"


def test_roles_and_scores_of_the_grid_are_the_librarys(visit, cat) -> None:
    here, memory = visit("heads"), cat.memory()
    roles = memviz.measures.roles(memory)
    counts = {str(name) or "no clear role": int((roles == name).sum()) for name in set(roles.flat)}
    chips = here.page.locator("[data-testid=memviz-grid-role]").all_inner_texts()
    assert {text.rsplit(maxsplit=1)[0]: int(text.rsplit(maxsplit=1)[1]) for text in chips} == counts
    chip = here.page.locator("[data-testid=memviz-grid-role]", has_text="previous token")
    chip.click()
    here.wait_until(lambda: chip.get_attribute("aria-pressed") == "true", "the role is chosen")
    for name, label in [("previous_token", "Previous-token score"), ("sink_share", "Sink share")]:
        values = memviz.measures.MEASURES[name].compute(memory)
        best = np.unravel_index(np.nanargmax(values), values.shape)
        here.page.locator("[data-testid=memviz-grid-order]").select_option(label=label)
        here.page.wait_for_timeout(150)
        here.at_rest()  # the page follows, and shows its own head again
        here.page.locator("[data-testid=memviz-grid-view]").focus()
        here.page.keyboard.press("Home")
        readout = here.page.locator(READOUT)
        here.wait_until(lambda: readout.inner_text().startswith(f"L{best[0]}.H{best[1]} ·"), "the best head")  # noqa: B023
        assert f"{label} {values.max():.2f}" in readout.inner_text()
    assert memviz.measures.MEASURES["previous_token"].compute(memory)[0, 2] > 0.95


def test_the_options_change_the_numbers_and_say_so(visit, cat, cat_eager) -> None:
    here, memory = visit("heads", layer=3, head=1), cat.memory()
    exact = cat_eager[3, 1]
    here.open_popover("Options").toggle("Hide attention sinks")
    here.says("renormalised")
    left = exact.copy()
    left[:, [0, 12]] = 0
    left /= left.sum(axis=1, keepdims=True)
    cells = here.cells()
    assert np.isnan(cells[:, [0, 12]]).all()
    np.testing.assert_allclose(cells[:, 1:12], left[:, 1:12], atol=1e-5)
    here.toggle("Hide attention sinks")

    here.mark("value norm")
    norms = memory.summary.value_norm[3, 1]
    np.testing.assert_allclose(here.cells(), exact * norms, rtol=1e-3, atol=1e-5)
    here.mark("raw weights, log scale")
    np.testing.assert_allclose(here.cells(), np.log10(np.maximum(exact, 1e-4)), atol=2e-3)
    here.close_popover()
    hover = here.point_at(8, 2, shape=(13, 13))
    assert number(hover) == pytest.approx(exact[8, 2], rel=1e-3)
    assert "values=log" in here.query


def test_a_threshold_keeps_the_strongest_and_a_word_can_be_found(visit, cat_eager) -> None:
    here, exact = visit("heads", layer=3, head=1, keep=80, find="cat"), cat_eager[3, 1]
    cells = here.cells()
    for row in range(13):
        is_drawn = ~np.isnan(cells[row])
        order = np.argsort(-exact[row])
        needed = int(np.searchsorted(np.cumsum(exact[row][order]), 0.8 - 1e-6)) + 1
        assert set(np.flatnonzero(is_drawn)) == set(order[:needed])
        np.testing.assert_allclose(cells[row][is_drawn], exact[row][is_drawn], atol=1e-5)
    here.says("80 %")
    bold = here.page.locator(f"{PLOT} .xtick, {PLOT} .ytick").locator("tspan[style*=bold]").all_text_contents()
    assert bold == ["cat", "cat"]


def test_a_mean_is_called_a_mean(visit, cat_eager) -> None:
    here = visit("heads", layer=3, head=1)
    here.choose("Show", "layer mean")
    shown(here, "mean of the 12 heads of layer 3")
    np.testing.assert_allclose(here.cells(), cat_eager[3].mean(axis=0), atol=1e-5)
    here.says("A mean over heads hides specialists")
    here.choose("Show", "mean over all heads")
    shown(here, "mean of all 72 heads")
    np.testing.assert_allclose(here.cells(), cat_eager.mean(axis=(0, 1)), atol=1e-5)


def test_words_or_pieces(visit, minilm, eager) -> None:
    here = visit("heads", layer=2, head=4, text=SPLIT)
    words = minilm.read(SPLIT).words
    assert any(len(word.tokens) > 1 for word in words)
    exact = eager(SPLIT)[2, 4]
    np.testing.assert_allclose(here.cells(), merged(exact, words), atol=1e-5)
    assert here.page.locator(f"{PLOT} .ytick").all_text_contents()[::-1] == [word.text for word in words]
    here.open_popover("Options").toggle("Whole words")
    np.testing.assert_allclose(here.cells(), exact, atol=1e-5)


def test_a_sentence_pair_shows_what_each_gives_to_each(visit, minilm) -> None:
    here = visit("heads", layer=2, head=4, text=PAIR[0], pair=PAIR[1])
    weights = minilm.read(*PAIR).memory().pattern(2, 4)
    text = " ".join(here.page.locator(f"{PLOT} .annotation").all_text_contents())
    shares = {name: int(share) for name, share in re.findall(r"([AB]→[AB])\s*(\d+)", text)}
    assert set(shares) == {"A→A", "A→B", "B→A", "B→B"}
    border = next(n for n, token in enumerate(minilm.read(*PAIR).tokens) if n and token.text == "[SEP]") + 1
    halves = {"A": slice(0, border), "B": slice(border, len(weights))}
    for name, share in shares.items():
        rows, cols = halves[name[0]], halves[name[-1]]
        assert share == pytest.approx(100 * weights[rows, cols].sum() / len(weights[rows]), abs=0.6)


def test_a_link_to_a_window_of_a_long_text_shows_its_exact_weights(visit, smollm2) -> None:
    text = " ".join(f"Lamp {number} burned along the river." for number in range(40))
    request = {"layer": 18, "head": 6, "by_word": "false", "zoom": "true", "zoom_rows": 150, "zoom_cols": 90}
    here = visit("heads", text=text, model="smollm2", **request)
    exact = smollm2.read(text).memory().pattern(18, 6)
    assert len(exact) > 256
    cells = np.nan_to_num(here.cells())
    np.testing.assert_allclose(cells, exact[150:278, 90:218], atol=1e-5)
    here.open_popover("Options").toggle("Zoom into a window with exact values").close_popover()
    here.wait_until(lambda: "zoom" not in here.query, "the address says so")
    assert here.cells().shape != cells.shape
    here.open_popover("Options").toggle("Zoom into a window with exact values").close_popover()
    here.wait_until(lambda: "zoom=true" in here.query, "and says so again")


def test_the_strongest_weights_stand_in_a_table(visit, cat, cat_eager) -> None:
    here = visit("heads", layer=3, head=1)
    here.page.get_by_text("Largest values, token by token").click()
    table = here.page.locator("[data-testid=stDataFrame]:visible").first
    rows = table.locator("[role=row]")
    rows.nth(8).wait_for(state="attached")
    cells = "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    head, *read = rows.evaluate_all(cells)
    assert head == ["query position", "key position", "query (looks)", "key (is looked at)", "weight"]
    exact, names = cat_eager[3, 1], [token.text for token in cat.tokens]
    largest = np.argsort(-exact, axis=None)[: len(read)]
    for (query, key, looks, looked_at, weight), place in zip(read, largest, strict=True):
        assert (int(query), int(key)) == divmod(int(place), len(names))
        assert (looks, looked_at) == (names[int(query)], names[int(key)])
        assert float(weight) == pytest.approx(exact.flat[place], abs=1e-5)


def test_another_text_keeps_the_head(visit, minilm) -> None:
    here = open_text(visit("heads", layer=3, head=1))
    here.read("A dog ran away.")
    shown(here, "L3.H1")
    expected = minilm.read("A dog ran away.").memory().pattern(3, 1)
    here.wait_until(lambda: here.cells().shape == expected.shape, "the heatmap of the new text")
    np.testing.assert_allclose(here.cells(), expected, atol=1e-5)
    assert CAT not in here.page.locator("textarea").input_value()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_picture_is_as_large_as_its_place_and_its_labels_can_be_read(visit, width: int) -> None:
    here = open_text(visit("heads", width=width))
    names = ".st-key-pattern_place", PLOT, f"{PLOT} .nsewdrag", f"{PLOT} .infolayer .cbfills"

    def boxes() -> list[dict]:
        return [here.page.locator(name).first.bounding_box() for name in names]

    def below() -> float:
        """Pixels from the cells down to the colours."""
        _, _, cells, colours = boxes()
        return colours["y"] - cells["y"] - cells["height"]

    for count in (12, 35, 300):
        before = here.cells().shape
        here.read(" ".join(f"{ANIMALS[number % len(ANIMALS)]} {number}" for number in range(count // 2)))
        here.wait_until(lambda: here.cells().shape != before, "the picture of this text")  # noqa: B023
        assert here.page.evaluate("document.documentElement.scrollWidth") <= width
        here.wait_until(lambda: 0 < below() < 60, "the colours stand right below the cells")
        place, chart, cells, _ = boxes()
        assert cells["width"] == pytest.approx(cells["height"], rel=0.03), "cells are square"
        assert cells["width"] > 0.5 * min(chart["width"], 600), "the cells take most of the picture"
        assert place["x"] + place["width"] <= width
        for axis, side in (("yaxislayer-above .ytick", "f"), ("xaxislayer-above .xtick", "e")):
            labels = here.page.locator(f"{PLOT} .{axis} text")
            starts = sorted(labels.evaluate_all("(all, side) => all.map(one => one.getCTM()[side])", side))
            assert len(starts) >= min(count, 10)
            assert np.diff(starts).min() >= 9, "no label lies on the next"


def test_all_heads_of_a_short_text_fit_beside_the_picture(visit) -> None:
    here = open_text(visit("heads"))
    for count in (13, 17, 19, 23):
        here.read(" ".join(["tea"] * (count - 2)))
        here.wait_until(lambda: len(here.cells()) == count, "the picture of this text")  # noqa: B023
        view = here.page.locator("[data-testid=memviz-grid-view]")
        inside, there = view.evaluate("view => [view.scrollWidth, view.clientWidth]")
        assert inside <= there, f"{count} tokens"


def test_the_picture_fills_the_screen_and_comes_back(visit) -> None:
    """In full screen it has letters for a class; when it comes back, cells and letters are as they were."""
    here = visit("heads", layer=3, head=1)
    place = here.page.locator(".st-key-pattern_place")
    sizes = """([place]) => ({cell: place.querySelector(".hm image").getBoundingClientRect().width,
        letters: [".xtick text", ".ytick text", ".gtitle", ".gtitle-subtitle", ".xtitle", ".cbaxis text"].map(
            name => parseFloat(getComputedStyle(place.querySelector(name)).fontSize))})"""

    def drawn() -> dict:
        return place.evaluate_all(sizes)

    def box() -> tuple:
        """Where and how large it is on the page: whoever comes back may have been scrolled to the button."""
        scrolled = here.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
        x, y, width, height = place.bounding_box().values()
        return x, y + scrolled, width, height

    place.locator(".hm image").wait_for(state="attached")
    before, small = here.settled(lambda: (box(), drawn()))
    names = ("gtitle", "gtitle-subtitle", "ytitle", "xtitle")
    assert [place.locator(f".{name}").text_content() for name in names] == [
        "L3.H1 · no clear role",
        CAT,
        "query (looks)",
        "key (is looked at)",
    ]
    place.hover()
    place.get_by_role("button", name="Fullscreen").click()
    over = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('[data-testid=stFullScreenFrame]'))"
    sidebar, grid = (300, 500), (500, 300)
    for point in (sidebar, grid):
        here.wait_until(lambda at=point: here.page.evaluate(over, at), f"the picture lies over {point}")
    chart = here.page.locator(PLOT).first.bounding_box()
    assert chart["width"] > 1300
    here.wait_until(lambda: drawn()["cell"] > 1.3 * small["cell"], "the cells grow")
    assert all(now > 1.4 * then for now, then in zip(drawn()["letters"], small["letters"], strict=True))
    here.page.keyboard.press("Escape")
    here.wait_until(lambda: box() == before, "all is as before")
    here.wait_until(lambda: drawn() == small, "cells and letters, too")
