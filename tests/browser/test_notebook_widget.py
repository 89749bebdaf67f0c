"""A widget in a notebook's page: it is drawn, it takes a pin, and it follows the theme of the page."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from memviz.notebook.views import WordsView
from memviz.notebook.widgets import WordsWidget, script
from memviz.reading import Reader

sys.path.insert(0, str(Path(__file__).parents[1] / "reading"))  # families, whichever way pytest imports this folder

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><meta charset="utf-8"><body data-jp-theme-light="true"><div id="cell"></div>
<script type="module">
import widget from "data:text/javascript;base64,%(script)s";
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const arrays = Object.fromEntries(Object.entries(%(arrays)s).map(([name, text]) => [name, bytes(text)]));
window.state = { drawing: %(drawing)s, arrays, pinned: null };
const set = (name, value) => (state[name] = value);
const model = { get: (name) => state[name], set, save_changes() {}, on() {}, off() {} };
window.leave = widget.render({ model, el: document.getElementById("cell") });
</script>"""
BRIGHTNESS = "word => getComputedStyle(word).color.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)"


def page(browser: Any) -> Any:
    """A page as JupyterLab makes it, light, with the words of a text in a cell."""
    from families import FAMILIES, WORDS, tokenizer

    trace = Reader(FAMILIES["bert"].build(), tokenizer("pair")).read(" ".join(WORDS[:8]))
    widget = WordsWidget.of(WordsView(trace).payload())
    arrays = {name: base64.b64encode(value).decode() for name, value in widget.arrays.items()}
    values = {"script": base64.b64encode(script("words").encode()).decode(), "arrays": json.dumps(arrays)}
    opened = browser.new_page()
    opened.set_content(PAGE % (values | {"drawing": json.dumps(widget.drawing)}))
    opened.wait_for_selector("[data-testid=memviz-word]")
    return opened


def test_it_is_drawn_takes_a_pin_and_follows_the_theme(browser: Any) -> None:
    opened = page(browser)
    word = opened.locator("[data-testid=memviz-word]").nth(2)
    word.click()
    assert opened.evaluate("state.pinned") == 2
    assert word.evaluate(BRIGHTNESS) < 250, "dark letters on a light page"
    opened.evaluate("document.body.dataset.jpThemeLight = 'false'")
    opened.wait_for_timeout(50)
    assert word.evaluate(BRIGHTNESS) > 500, "light letters on a dark page"
    opened.evaluate("leave(), document.body.dataset.jpThemeLight = 'true'")
    opened.wait_for_timeout(50)
    assert word.evaluate(BRIGHTNESS) > 500, "what has left the page watches no more"
    opened.close()
