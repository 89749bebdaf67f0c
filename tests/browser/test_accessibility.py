"""axe-core finds nothing on any page, in either theme and either language."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.models]

PAGES = {
    "": {"word": 8},
    "heads": {"layer": 3, "head": 1},
    "recall": {"word": 8},
    "translate": {"again": "cover"},
    "glossary": {},
}


def violations(page) -> list[tuple[str, str, list[str]]]:
    """What axe finds: rule, what it means, where."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page)
    assert len(found.response["passes"]) > 15, "axe saw a page"
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing(visit, scheme: str, language: str) -> None:
    here = visit("glossary", scheme=scheme, lang=language)
    found = {}
    for page, query in PAGES.items():
        here.open(page, lang=language, **query)
        found[page] = violations(here.page)
    assert found == {page: [] for page in PAGES}


def test_axe_finds_nothing_in_messages_and_open_menus(visit) -> None:
    here = visit("heads").open_popover("Options")
    assert violations(here.page) == []
    here.close_popover().open_popover("Export")
    assert violations(here.page) == []
    here.close_popover()
    here.page.goto(f"{here.address}/?model=minlm")
    here.says("Did you mean minilm?")
    assert violations(here.page) == []


def test_axe_finds_nothing_where_a_phone_scrolls_a_picture(visit) -> None:
    here = visit("heads", width=390, text=" ".join(f"word {number}" for number in range(18)))
    place = here.page.locator(".st-key-pattern_place")
    assert place.evaluate("place => place.scrollWidth > place.clientWidth")
    assert violations(here.page) == []
