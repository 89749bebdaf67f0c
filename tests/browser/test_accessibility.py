"""axe-core finds nothing on any page, in either theme and either language."""

from __future__ import annotations

import pytest

from tests.browser.serving import wait_for_transitions

pytestmark = [pytest.mark.browser, pytest.mark.models]

PAGES = [
    ("", {"word": 8}),
    ("heads", {"layer": 3, "head": 1}),
    ("recall", {"word": 8}),
    ("compare", {}),
    ("translate", {"again": "cover"}),
    ("glossary", {}),
]
UNTOUCHED = [("", {}), ("heads", {})]  # as they are to begin with, which is the same in every language


def violations(page) -> list[tuple[str, str, list[str]]]:
    """What axe finds: rule, what it means, where."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    wait_for_transitions(page)
    result = axe.run(page)
    assert len(result.response["passes"]) > 15, "axe saw a page"
    return [
        (item["id"], item["help"], [node["html"][:200] for node in item["nodes"]])
        for item in result.response["violations"]
    ]


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh", "dark")])  # colours know no language
def test_axe_finds_nothing(visit, scheme: str, language: str) -> None:
    here = visit("glossary", scheme=scheme, lang=language)
    for page, query in PAGES + (UNTOUCHED if language == "en" else []):
        here.follow(page, lang=language, **query)
        assert violations(here.page) == [], (page, query)


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
