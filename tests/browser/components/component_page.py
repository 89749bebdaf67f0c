"""How the tests find their way about a page with the components."""

from __future__ import annotations

import pytest

from tests.browser.serving import wait_for_transitions, wait_until_idle

GRID = "[data-testid=memviz-grid]"
VIEW = "[data-testid=memviz-grid-view]"
WORDS = "[data-testid=memviz-words]"
WORD = "[data-testid=memviz-word]"
CARDS = {"remembers": "[data-testid=memviz-remembers]", "remembered_by": "[data-testid=memviz-remembered-by]"}

ALL_NODES = """() => {
  const count = (root) => [...root.querySelectorAll('*')].reduce(
    (sum, node) => sum + 1 + (node.shadowRoot ? count(node.shadowRoot) : 0), 0);
  return count(document);
}"""


def wait_for_text(page, text: str) -> None:
    """Waits until Python says so."""
    page.get_by_text(text, exact=True).wait_for(timeout=20_000)


def axe_finds_nothing(page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    wait_until_idle(page)
    wait_for_transitions(page)
    result = axe.run(page, context={"include": [[".stBidiComponent"]]})
    violations = [
        (item["id"], item["help"], [node["html"] for node in item["nodes"]]) for item in result.response["violations"]
    ]
    assert violations == [], violations
    assert result.response["passes"], "axe saw nothing to check"
