"""Does the grid of heads show the numbers it was given, and report what was chosen?"""

from __future__ import annotations

import time

import component_samples as samples
import numpy as np
import pytest
from component_page import GRID, VIEW, wait_for_text

from memviz.figures import decimal

pytestmark = pytest.mark.browser

PIXELS = """(root, [layer, head, rows, cols]) => {
  const canvas = root.querySelector('canvas');
  const pen = canvas.getContext('2d');
  const [x, y] = root.querySelector('.plane').dataset.pitch.split(' ').map(Number);
  const { offsetWidth: w, offsetHeight: h } = root.querySelector('.frame.selected');
  const colour = (name) => {
    const probe = root.appendChild(document.createElement('span'));
    probe.style.color = `color-mix(in srgb, var(${name}) 100%, var(${name}))`;
    const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((c) => c * 255);
    probe.remove();
    return parts;
  };
  const at = (left, top) => [...pen.getImageData(head * x + left, layer * y + top, 1, 1).data];
  const cell = (i) => at((i % cols + .5) * w / cols, (Math.floor(i / cols) + .5) * h / rows);
  return { low: colour('--ramp-low'), high: colour('--ramp-high'),
    cells: Array.from({ length: rows * cols }, (_, i) => cell(i)) };
}"""


def grid_tile(page, layer: int, head: int) -> tuple[float, float]:
    """The middle of a tile, in page coordinates; the grid is ordered by position."""
    plane = page.locator(f"{GRID} .plane")
    box, (x, y) = plane.bounding_box(), map(float, plane.get_attribute("data-pitch").split())
    return box["x"] + (head + 0.45) * x, box["y"] + (layer + 0.45) * y


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_cell_of_a_tile_has_the_colour_of_its_number(visit, scheme: str) -> None:
    page = visit("text=no&cells=13", scheme=scheme)
    thumbnails = samples.heads(6, 12, cells=13)["thumbnails"]
    for layer, head in [(0, 9), (3, 2), (5, 11)]:
        drawing = page.locator(GRID).evaluate(PIXELS, [layer, head, 13, 13])
        low, high = np.array(drawing["low"]), np.array(drawing["high"])
        share = thumbnails[layer, head].reshape(-1, 1) / 255
        np.testing.assert_allclose(np.array(drawing["cells"])[:, :3], low + (high - low) * share, atol=1.5)


def test_the_tooltip_names_the_head_and_its_exact_scores(visit) -> None:
    page = visit("text=no")
    arrays = samples.heads(6, 12)
    for layer, head in [(0, 0), (2, 7), (5, 11)]:
        page.mouse.move(*grid_tile(page, layer, head))
        tip = page.locator("[data-testid=memviz-grid-tip]")
        assert tip.get_attribute("data-head") == f"L{layer}.H{head}"
        assert arrays["roles"][layer, head] in tip.inner_text()
        shown = tip.locator("dd").evaluate_all("all => all.map(one => [one.dataset.score, one.textContent])")
        for (exact, text), values in zip(shown, arrays["scores"].values(), strict=True):
            value = float(values[layer, head])
            assert (exact, text) == ("NaN", "–") if np.isnan(value) else float(exact) == pytest.approx(value, rel=1e-12)
            assert np.isnan(value) or text == decimal(value, digits=2)


def test_a_click_reaches_python_and_the_page_can_choose_too(visit) -> None:
    page = visit("text=no")
    wait_for_text(page, "head L5.H11")
    page.mouse.click(*grid_tile(page, 3, 1))
    assert page.locator(GRID).get_attribute("data-selected") == "L3.H1"
    wait_for_text(page, "head L3.H1")
    page.get_by_text("Page chooses L1.H2").click()
    wait_for_text(page, "head L1.H2")
    page.locator(f"{GRID}[data-selected='L1.H2']").wait_for()
    page.mouse.click(*grid_tile(page, 3, 1))
    wait_for_text(page, "head L3.H1")
    assert page.locator(GRID).get_attribute("data-selected") == "L3.H1"


def test_a_page_that_follows_its_grid_does_not_fight_it(visit) -> None:
    page = visit("text=no")
    for layer, head in [(3, 1), (0, 4), (3, 1)]:
        page.mouse.click(*grid_tile(page, layer, head))
        wait_for_text(page, f"head L{layer}.H{head}")
        time.sleep(0.3)
        assert page.locator(GRID).get_attribute("data-selected") == f"L{layer}.H{head}"
    page.get_by_text("Page chooses L1.H2").click()
    wait_for_text(page, "head L1.H2")
    page.locator(f"{GRID}[data-selected='L1.H2']").wait_for()


def test_arrows_move_and_enter_chooses(visit) -> None:
    page = visit("text=no")
    page.locator(VIEW).focus()
    readout = page.locator("[data-testid=memviz-grid-readout]")
    for key, head in [
        ("ArrowUp", "L4.H11"),
        ("ArrowLeft", "L4.H10"),
        ("Home", "L0.H0"),
        ("ArrowUp", "L0.H0"),
        ("ArrowRight", "L0.H1"),
        ("ArrowDown", "L1.H1"),
        ("End", "L5.H11"),
        ("ArrowRight", "L5.H11"),
        ("ArrowLeft", "L5.H10"),
    ]:
        page.keyboard.press(key)
        assert readout.locator("b").inner_text() == head, key
    assert page.locator(GRID).get_attribute("data-selected") == "L5.H11", "moving is not choosing"
    page.keyboard.press("Enter")
    wait_for_text(page, "head L5.H10")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    wait_for_text(page, "head L4.H10")


def test_focus_is_seen(visit) -> None:
    page = visit("text=no")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.locator(f"{VIEW}:focus-visible").count():
            break
    assert page.locator(VIEW).evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    assert page.locator(f"{GRID} .frame.cursor").evaluate("node => getComputedStyle(node).visibility") == "visible"


def test_a_role_dims_the_others(visit) -> None:
    page = visit("text=no")
    roles = samples.heads(6, 12)["roles"]
    chip = page.locator("[data-testid=memviz-grid-role]", has_text="first token")
    assert chip.inner_text().split() == ["first", "token", str((roles == "first token").sum())]
    alpha = "(root) => Math.max(...Array.from({length: 9}, (_, i) => root[i][3]))"
    opacity = {}
    for state in ("false", "true"):
        assert chip.get_attribute("aria-pressed") == state
        for name in ("first token", "current token"):
            layer, head = map(int, np.argwhere(roles == name)[0])
            cells = page.locator(GRID).evaluate(PIXELS, [layer, head, 3, 3])["cells"]
            opacity[state, name] = page.evaluate(alpha, cells)
        chip.click()
    assert opacity["false", "first token"] == opacity["false", "current token"] == opacity["true", "first token"] == 255
    assert opacity["true", "current token"] < 60
    assert chip.get_attribute("aria-pressed") == "false", "a second click shows all again"


def test_order_by_a_score_puts_the_highest_first_and_undefined_last(visit) -> None:
    page = visit("text=no")
    values = samples.heads(6, 12)["scores"]["induction"]
    best = np.unravel_index(np.nanargmax(values), values.shape)
    page.locator("[data-testid=memviz-grid-order]").select_option(label="induction")
    page.locator(VIEW).focus()
    page.keyboard.press("Home")
    readout = page.locator("[data-testid=memviz-grid-readout]")
    assert readout.inner_text().startswith(f"L{best[0]}.H{best[1]} ·")
    page.keyboard.press("End")
    assert readout.inner_text().endswith("induction –")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    wait_for_text(page, f"head L{best[0]}.H{best[1]}")
    assert (
        page.locator("[data-testid=memviz-grid-order]").evaluate("node => node.selectedOptions[0].text") == "induction"
    )


def test_order_and_role_are_reported_and_stand_as_the_page_wants(visit) -> None:
    page = visit("text=no")
    wait_for_text(page, "by none, only none")
    page.locator("[data-testid=memviz-grid-order]").select_option(label="induction")
    wait_for_text(page, "by induction, only none")
    page.locator("[data-testid=memviz-grid-role]", has_text="first token").click()
    wait_for_text(page, "by induction, only first token")
    there = visit("text=no&order=entropy&role=current+token")
    assert (
        there.locator("[data-testid=memviz-grid-order]").evaluate("node => node.selectedOptions[0].text") == "entropy"
    )
    assert there.locator("[data-testid=memviz-grid-role][aria-pressed=true]").inner_text().startswith("current token")
    there.locator("[data-testid=memviz-grid-role]", has_text="current token").click()
    wait_for_text(there, "by entropy, only none")


def test_the_canvas_follows_the_theme(visit) -> None:
    page = visit("text=no&cells=13")
    before = page.locator(GRID).evaluate(PIXELS, [0, 0, 1, 1])["cells"][0]
    page.mouse.click(*grid_tile(page, 2, 2))
    wait_for_text(page, "head L2.H2")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => { const c = document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
        ".querySelector('canvas').getContext('2d').getImageData(2, 2, 1, 1).data; return c[0] < before[0] - 60 }",
        arg=before,
    )
    assert page.locator(GRID).get_attribute("data-selected") == "L2.H2"


@pytest.mark.parametrize("size", ["6x12", "30x9", "32x32"])
def test_a_phone_scrolls_the_grid_and_not_the_page(visit, size: str) -> None:
    page = visit(f"text=no&grid={size}", width=390, height=844, ratio=2, touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(f"{GRID} .frame.selected").bounding_box()
    assert min(box["width"], box["height"]) >= 24
    assert 0 <= box["x"], "the chosen head is in sight"
    assert box["x"] + box["width"] <= 390
    page.locator(VIEW).focus()
    page.keyboard.press("Home")
    cursor = page.locator(f"{GRID} .frame.cursor").bounding_box()
    assert cursor["x"] > 30, "the first head is not hidden below the names of the layers"
