"""How the tests find their way about a page with the components."""

from __future__ import annotations

import pytest

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


def chosen(page, text: str) -> None:
    """Waits until Python says so."""
    page.get_by_text(text, exact=True).wait_for(timeout=20_000)


def axe_finds_nothing(page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, context={"include": [[".stBidiComponent"]]})
    assert [
        (one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]
    ] == []
    assert found.response["passes"], "axe saw nothing to check"
