"""Are translations of every kind and length drawn, for everybody, quickly, and offline?"""

from __future__ import annotations

import numpy as np
import pytest
from component_page import axe_finds_nothing
from cross_page import ALONE, CAT_WORD, CONTRAST, CROSS, CROSS_WORD, GATO, HERE, links, rows, spotlight, step, word
from cross_samples import CAT, crossing

from memviz.ui.components.cross import LABELS, LINKS, Pin
from memviz.ui.share import export

pytestmark = pytest.mark.browser


def test_a_row_of_a_right_to_left_script_runs_from_the_right(visit) -> None:
    page = visit(f"{ALONE}&cross=arabic")
    x = {side: [word(page, side, i).bounding_box()["x"] for i in range(7)] for side in ("source", "target")}
    assert x["source"] == sorted(x["source"])
    assert x["target"] == sorted(x["target"], reverse=True)
    word(page, "target", 0).focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(HERE) == "الأسود"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(HERE) == "black"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(HERE) == "cat"


def test_one_word_and_no_word_are_drawn(visit) -> None:
    page = visit(f"{ALONE}&cross=1x1")
    assert links(page) == {(0, 0): 1.0}
    word(page, "source", 0).hover()
    assert rows(page, "read") == [("the", "", "100 %")]
    page = visit(f"{ALONE}&cross=3x0")
    assert page.locator(CROSS_WORD).count() == 3
    word(page, "source", 1).hover()
    assert "No word was read from it here." in page.locator("[data-testid=memviz-cross-read]").inner_text()
    assert page.locator("[data-testid=memviz-cross-steps]").is_hidden()


def test_markup_is_only_text(visit) -> None:
    page = visit(f"{ALONE}&cross=markup")
    texts = page.locator(CROSS_WORD).all_inner_texts()
    assert texts == [
        "<script>alert(1)</script>",
        "{word}",
        "**bold**",
        "␀",
        "␣",
        "<img/src=x/onerror=alert(1)>",
        "[x](y)",
        "$$",
    ]
    for each in page.locator(CROSS_WORD).all():
        each.hover()
        each.focus()
    word(page, "target", 0).hover()
    assert rows(page, "written") == [("<b>x</b>", "", "50 %"), ("<i>y</i>", "", "25 %")]
    assert page.locator(f"{CROSS} :is(img, script, a, b, i)").count() == 0


def test_a_hundred_words_stand_in_columns(visit) -> None:
    page = visit(f"{ALONE}&cross=100x100")
    assert page.locator(CROSS).get_attribute("data-layout") == "columns"
    weights = crossing("100x100").weights
    drawing = links(page)
    assert all(weight == float(weights[pair]) for pair, weight in drawing.items())
    for target in (0, 41, 99):
        expected_names = np.argsort(-weights[target], kind="stable")[:LINKS]
        assert {s for t, s in drawing if t == target} == {int(s) for s in expected_names if weights[target, s] > 0}
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    y = [word(page, side, 50).bounding_box()["y"] for side in ("source", "target")]
    assert abs(y[0] - y[1]) < 40
    top = max((weight, pair) for pair, weight in drawing.items() if pair[0] == 50)[1]
    word(page, "target", 50).focus()
    page.keyboard.press("ArrowLeft")
    here = "document.activeElement.shadowRoot.activeElement.dataset"
    assert page.evaluate(f"[{here}.side, {here}.index]") == ["source", str(top[1])]
    page.keyboard.press("ArrowDown")
    assert page.evaluate(f"{here}.index") == str(min(99, top[1] + 1))


def test_a_phone_shows_words_large_enough_and_nothing_is_cut(visit) -> None:
    size = "node => parseFloat(getComputedStyle(node).fontSize)"
    columns = [(name, "columns", 17) for name in ("24x22", "compound", "wall")]
    for name, layout, smallest in [("cat", "rows", 15), *columns]:
        page = visit(f"{ALONE}&cross={name}&pinned=1", width=390, height=844)
        assert page.locator(CROSS).get_attribute("data-layout") == layout
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert word(page, "target", 1).evaluate(size) >= smallest
        for each in page.locator(CROSS_WORD).all():
            box = each.bounding_box()
            assert 0 <= box["x"]
            assert box["x"] + box["width"] <= 390
            assert box["height"] < 90, "of a very long word three lines are shown"


def test_the_layout_follows_the_width(visit) -> None:
    page = visit(f"{ALONE}&cross=24x22", width=1440)
    assert page.locator(CROSS).get_attribute("data-layout") == "rows"
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(f"{CROSS}[data-layout=columns]").wait_for()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(f"{CROSS}[data-layout=rows]").wait_for()
    assert float(word(page, "source", 0).evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) >= 15


# --- for everybody, and quickly -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["cat", "arabic", "nan", "24x22"])
def test_axe_finds_nothing(visit, name: str, scheme: str) -> None:
    width = 390 if name == "24x22" else 1440
    page = visit(f"{ALONE}&cross={name}", scheme=scheme, width=width)
    axe_finds_nothing(page)
    word(page, "target", 1).hover()
    axe_finds_nothing(page)
    word(page, "source", 2).hover()
    axe_finds_nothing(page)
    step(page, "first")
    axe_finds_nothing(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_even_when_they_stand_back(visit, scheme: str) -> None:
    page = visit(f"{ALONE}&cross=nan", scheme=scheme)
    weakest = page.locator(CROSS).evaluate(CONTRAST)
    for side, index in (("target", 4), ("target", 7), ("source", 1), ("source", 7)):
        word(page, side, index).hover()
        weakest += page.locator(CROSS).evaluate(CONTRAST)
    assert len(weakest) > 80
    assert min(weakest) >= 4.5
    assert max(weakest) > 10, "the word that is shown stands out"


def test_hover_asks_nobody_and_is_quick_in_a_hundred_words(visit, record_property) -> None:
    page = visit(f"{ALONE}&cross=100x100")
    page.evaluate(
        "() => { window.sent = 0; const send = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); } }"
    )
    times = page.locator(CROSS).evaluate(
        """(root) => [...root.querySelectorAll('.word')].filter((_, i) => i % 3 === 0).map((word) => {
          const start = performance.now();
          word.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
          root.getBoundingClientRect();
          return performance.now() - start;
        })"""
    )
    record_property("hover_ms_median", float(np.median(times)))
    record_property("hover_ms_worst", float(max(times)))
    print(f"hover in 100 × 100 words: median {np.median(times):.2f} ms, worst {max(times):.2f} ms")
    assert spotlight(page) == "target 98"
    assert page.evaluate("window.sent") == 0


def test_the_graph_as_a_file_answers_the_pointer_offline(browser, tmp_path) -> None:
    sample = crossing("cat")
    path = tmp_path / "cross.html"
    inputs = {"model": "firefox-en-pt", "MemViz": "0.1.0", "evil": "</script><script>alert(1)</script>"}
    html = export.cross_page(
        sample.sources,
        sample.targets,
        sample.weights,
        labels=LABELS,
        pinned=Pin("source", 2),
        provenance=inputs,
        keep=0.9,
    )
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, urls = context.new_page(), []
    page.on("request", lambda request: urls.append(request.url))
    page.on("pageerror", lambda error: urls.append(f"error: {error}"))
    page.goto(path.as_uri())
    page.locator(f"{CROSS}[data-drawn=true][data-shown='source 2']").wait_for()
    drawing = links(page)
    assert drawing[GATO, CAT_WORD] == float(CAT[GATO, CAT_WORD])
    assert (GATO, 1) not in drawing
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    word(page, "target", 4).hover()
    assert rows(page, "read")[-1] == ("all others", "", "5 %")
    step(page, "forward")
    assert spotlight(page) == "target 0"
    assert page.evaluate("JSON.parse(document.getElementById('provenance').textContent)") == inputs
    assert "firefox-en-pt" in page.locator(".caption").inner_text()
    assert urls == [path.as_uri()]
    context.close()
