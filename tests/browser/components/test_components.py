"""Are the components light, and can everybody use them?"""

from __future__ import annotations

import pytest
from component_page import ALL_NODES, VIEW, WORD, axe_finds_nothing, wait_for_text

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", ["6x12", "30x9", "32x32"])
def test_a_page_with_the_grid_has_few_nodes(visit, size: str) -> None:
    assert visit(f"text=no&grid={size}").evaluate(ALL_NODES) <= 300


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "query", ["pinned=8", "text=arabic&grid=30x9", "text=markup&pinned=1", "text=empty&grid=32x32"]
)
def test_axe_finds_nothing(visit, query: str, scheme: str) -> None:
    page = visit(query, scheme=scheme)
    axe_finds_nothing(page)
    page.locator("[data-testid=memviz-grid-role]").first.click()
    page.locator("[data-testid=memviz-grid-order]").select_option(index=1)
    if page.locator(WORD).count():
        page.locator(WORD).nth(2).click()
    page.locator(VIEW).hover(position={"x": 60, "y": 60})
    axe_finds_nothing(page)


def test_both_keep_their_choice_when_the_other_is_used(visit) -> None:
    page = visit("pinned=8")
    page.locator(WORD).nth(4).click()
    wait_for_text(page, "word 4")
    page.locator(VIEW).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    wait_for_text(page, "head L0.H0")
    wait_for_text(page, "word 4")
    page.get_by_text("Page chooses L1.H2").click()
    wait_for_text(page, "head L1.H2")
    wait_for_text(page, "word 4")
