"""Do the two components show the numbers they were given, and report what was chosen?"""

from __future__ import annotations

import time

import component_samples as samples
import numpy as np
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
  const cell = (row, col) => [...pen.getImageData(head * x + (col + .5) * w / cols, layer * y + (row + .5) * h / rows, 1, 1).data];
  return { low: colour('--ramp-low'), high: colour('--ramp-high'),
    cells: Array.from({ length: rows * cols }, (_, i) => cell(Math.floor(i / cols), i % cols)) };
}"""

CONTRAST = """(word) => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return text.startsWith('rgb') ? n.map((c) => c / 255) : n; };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const style = getComputedStyle(word);
  const [a, b] = [style.color, style.backgroundColor].map((c) => luminance(parse(c))).sort((x, y) => y - x);
  return (a + .05) / (b + .05);
}"""


def grid_tile(page, layer: int, head: int) -> tuple[float, float]:
    """The middle of a tile, in page coordinates; the grid is ordered by position."""
    plane = page.locator(f"{GRID} .plane")
    box, (x, y) = plane.bounding_box(), map(float, plane.get_attribute("data-pitch").split())
    return box["x"] + (head + 0.45) * x, box["y"] + (layer + 0.45) * y


def chosen(page, text: str) -> None:
    """Waits until Python says so."""
    page.get_by_text(text, exact=True).wait_for(timeout=20_000)


def rows(page, card: str) -> list[dict]:
    """What a card shows: the exact numbers, and the text of each row."""
    return page.locator(f"{CARDS[card]} [data-testid=memviz-row]").evaluate_all(
        "rows => rows.map(row => ({...row.dataset, text: [...row.children].map(cell => cell.textContent)}))"
    )


def expected(links, word: int) -> list[tuple[int, float, float, str]]:
    order = [i for i in np.argsort(-links.weight[word], kind="stable") if links.weight[word, i] > 0]
    return [
        (
            int(links.index[word, i]),
            float(links.weight[word, i]),
            float(links.lift[word, i]),
            f"L{links.layer[word, i]}.H{links.head[word, i]}",
        )
        for i in order
    ]


def axe_finds_nothing(page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, context={"include": [[".stBidiComponent"]]})
    assert found.violations_count == 0, found.generate_report()
    assert found.response["passes"], "axe saw nothing to check"


# --- the grid of heads ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_cell_of_a_tile_has_the_colour_of_its_number(visit, scheme: str) -> None:
    page = visit("text=no&cells=13", scheme=scheme)
    made = samples.heads(6, 12, cells=13)["thumbnails"]
    for layer, head in [(0, 9), (3, 2), (5, 11)]:
        drawn = page.locator(GRID).evaluate(PIXELS, [layer, head, 13, 13])
        low, high = np.array(drawn["low"]), np.array(drawn["high"])
        share = made[layer, head].reshape(-1, 1) / 255
        np.testing.assert_allclose(np.array(drawn["cells"])[:, :3], low + (high - low) * share, atol=1.5)


def test_the_tooltip_names_the_head_and_its_exact_scores(visit) -> None:
    page = visit("text=no")
    made = samples.heads(6, 12)
    for layer, head in [(0, 0), (2, 7), (5, 11)]:
        page.mouse.move(*grid_tile(page, layer, head))
        tip = page.locator("[data-testid=memviz-grid-tip]")
        assert tip.get_attribute("data-head") == f"L{layer}.H{head}"
        assert made["roles"][layer, head] in tip.inner_text()
        shown = tip.locator("dd").evaluate_all("all => all.map(one => [one.dataset.score, one.textContent])")
        for (exact, text), values in zip(shown, made["scores"].values(), strict=True):
            value = float(values[layer, head])
            assert (exact, text) == ("NaN", "–") if np.isnan(value) else float(exact) == pytest.approx(value, rel=1e-12)
            assert np.isnan(value) or text == f"{value:.2f}"


def test_a_click_reaches_python_and_the_page_can_choose_too(visit) -> None:
    page = visit("text=no")
    chosen(page, "head L5.H11")
    page.mouse.click(*grid_tile(page, 3, 1))
    assert page.locator(GRID).get_attribute("data-selected") == "L3.H1"
    chosen(page, "head L3.H1")
    page.get_by_text("Page chooses L1.H2").click()
    chosen(page, "head L1.H2")
    page.locator(f"{GRID}[data-selected='L1.H2']").wait_for()
    page.mouse.click(*grid_tile(page, 3, 1))
    chosen(page, "head L3.H1")
    assert page.locator(GRID).get_attribute("data-selected") == "L3.H1"


def test_a_page_that_follows_its_grid_does_not_fight_it(visit) -> None:
    page = visit("text=no&echo=1")
    for layer, head in [(3, 1), (0, 4), (3, 1)]:
        page.mouse.click(*grid_tile(page, layer, head))
        chosen(page, f"head L{layer}.H{head}")
        time.sleep(0.3)
        assert page.locator(GRID).get_attribute("data-selected") == f"L{layer}.H{head}"
    page.get_by_text("Page chooses L1.H2").click()
    chosen(page, "head L1.H2")
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
    chosen(page, "head L5.H10")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    chosen(page, "head L4.H10")


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
        for name in ("first token", "itself"):
            layer, head = map(int, np.argwhere(roles == name)[0])
            cells = page.locator(GRID).evaluate(PIXELS, [layer, head, 3, 3])["cells"]
            opacity[state, name] = page.evaluate(alpha, cells)
        chip.click()
    assert opacity["false", "first token"] == opacity["false", "itself"] == opacity["true", "first token"] == 255
    assert opacity["true", "itself"] < 60
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
    chosen(page, f"head L{best[0]}.H{best[1]}")
    assert page.locator("[data-testid=memviz-grid-order]").evaluate("node => node.selectedOptions[0].text") == "induction"


def test_the_canvas_follows_the_theme(visit) -> None:
    page = visit("text=no&cells=13")
    before = page.locator(GRID).evaluate(PIXELS, [0, 0, 1, 1])["cells"][0]
    page.mouse.click(*grid_tile(page, 2, 2))
    chosen(page, "head L2.H2")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => { const c = document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
        ".querySelector('canvas').getContext('2d').getImageData(2, 2, 1, 1).data; return c[0] < before[0] - 60 }",
        arg=before,
    )
    assert page.locator(GRID).get_attribute("data-selected") == "L2.H2"


@pytest.mark.parametrize("size", ["6x12", "30x9", "32x32"])
def test_a_page_with_the_grid_has_few_nodes(visit, size: str) -> None:
    assert visit(f"text=no&grid={size}").evaluate(ALL_NODES) <= 300


@pytest.mark.parametrize("size", ["6x12", "30x9", "32x32"])
def test_a_phone_scrolls_the_grid_and_not_the_page(visit, size: str) -> None:
    page = visit(f"text=no&grid={size}", width=390, height=844, ratio=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(f"{GRID} .frame.selected").bounding_box()
    assert min(box["width"], box["height"]) >= 24
    assert 0 <= box["x"], "the chosen head is in sight"
    assert box["x"] + box["width"] <= 390
    page.locator(VIEW).focus()
    page.keyboard.press("Home")
    cursor = page.locator(f"{GRID} .frame.cursor").bounding_box()
    assert cursor["x"] > 30, "the first head is not hidden below the names of the layers"


# --- the text as words ------------------------------------------------------------------------


def test_cards_show_exactly_the_numbers_given(visit) -> None:
    page = visit("grid=no")
    text = samples.words("english")
    tables = {"remembers": samples.links(len(text), seed=1), "remembered_by": samples.links(len(text), seed=2)}
    for word in (0, 3, 8, 12):
        page.locator(WORD).nth(word).hover()
        for name, links in tables.items():
            assert f"“{text[word]['text']}”" in page.locator(f"{CARDS[name]} h3").inner_text()
            shown, wanted = rows(page, name), expected(links, word)
            assert len(shown) == len(wanted) >= 6
            for row, (index, weight, lift, head) in zip(shown, wanted, strict=True):
                assert (int(row["index"]), row["head"], row["text"][4]) == (index, head, head)
                assert row["text"][0] == text[index]["text"]
                assert float(row["weight"]) == weight
                assert row["text"][2] == (f"{100 * weight:.0f} %" if weight >= 0.0095 else row["text"][2])
                assert row["text"][3] == ("–" if np.isnan(lift) else f"{lift:.{1 if lift < 9.95 else 0}f} ×")
                assert np.isnan(lift) or float(row["lift"]) == lift


def test_bars_are_as_long_as_the_weights(visit) -> None:
    page = visit("grid=no&pinned=8")
    for row in page.locator(f"{CARDS['remembers']} [data-testid=memviz-row]").all():
        bar, track = row.locator(".bar").bounding_box(), row.locator(".track").bounding_box()
        share = float(row.get_attribute("data-weight"))
        assert bar["width"] == pytest.approx(max(4, share * track["width"]), abs=0.6)


def test_sources_are_blue_readers_orange_and_both_both(visit) -> None:
    page = visit("grid=no&pinned=8")
    count = len(samples.words("english"))
    sources, readers = (
        {index for index, *_ in expected(samples.links(count, seed=seed), 8)} for seed in (1, 2)
    )
    assert sources & readers, "the sample has a word that is both"
    assert sources - readers
    for i in range(count):
        word = page.locator(WORD).nth(i)
        classes = word.get_attribute("class").split()
        assert ("source" in classes, "reader" in classes) == (i in sources, i in readers)
        shadow, background = word.evaluate(
            "node => [getComputedStyle(node).boxShadow, getComputedStyle(node).backgroundColor]"
        )
        assert (shadow != "none") == (i in readers)
        if i in sources:
            red, _, blue = map(float, background.split("(")[1].strip(")").replace("srgb", "").split()[:3])
            assert blue > red


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tinted_words_can_be_read(visit, scheme: str) -> None:
    page = visit("grid=no&text=markup", scheme=scheme)
    weights = set()
    for i in range(len(samples.words("markup"))):
        page.locator(WORD).nth(i).hover()
        for word in page.locator(f"{WORD}:is(.source, .reader)").all():
            assert word.evaluate(CONTRAST) >= 4.5
            weights.add(word.evaluate("node => node.style.getPropertyValue('--addressed')"))
    assert max(map(float, weights)) > 0.7, "a strong tint was among them"


def test_pin_reaches_python_and_stays_until_escape(visit) -> None:
    page = visit("grid=no")
    chosen(page, "word None")
    word = page.locator(WORD)
    word.nth(4).click()
    chosen(page, "word 4")
    assert word.nth(4).get_attribute("aria-pressed") == "true"
    word.nth(7).hover()
    assert page.locator(WORDS).get_attribute("data-shown") == "4", "a pin stays while the pointer wanders"
    word.nth(7).click()
    chosen(page, "word 7")
    assert word.nth(4).get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    chosen(page, "word None")
    word.nth(7).click()
    chosen(page, "word 7")
    word.nth(7).click()
    chosen(page, "word None")


def test_the_page_can_pin_and_the_same_nodes_stay(visit) -> None:
    page = visit("grid=no&echo=1")
    page.locator(WORD).nth(5).evaluate("node => { node.mark = 'mine' }")
    page.locator(WORD).nth(5).click()
    chosen(page, "word 5")
    page.get_by_text("Page chooses word 3").click()
    chosen(page, "word 3")
    page.locator(f"{WORDS}[data-shown='3']").wait_for()
    assert page.locator(WORD).nth(5).evaluate("node => node.mark") == "mine"
    page.locator(WORD).nth(5).click()
    chosen(page, "word 5")
    time.sleep(0.3)
    assert page.locator(WORDS).get_attribute("data-shown") == "5"


def test_a_word_in_a_card_leads_to_that_word(visit) -> None:
    page = visit("grid=no&pinned=8")
    target = expected(samples.links(13, seed=1), 8)[0][0]
    page.locator(f"{CARDS['remembers']} .link").first.click()
    chosen(page, f"word {target}")
    assert page.locator(WORDS).get_attribute("data-shown") == str(target)


def test_keyboard_walks_the_words(visit) -> None:
    page = visit("grid=no&text=poem")
    words = page.locator(WORD)
    assert words.evaluate_all("all => all.filter(one => one.tabIndex === 0).length") == 1
    words.first.focus()
    here = "document.activeElement.shadowRoot.activeElement.textContent"
    for key, text in [
        ("ArrowRight", "Tyger"),
        ("End", "[SEP]"),
        ("ArrowRight", "[SEP]"),
        ("ArrowUp", "eye"),
        ("Home", "[CLS]"),
        ("ArrowDown", "In"),
        ("ArrowRight", "the"),
        ("ArrowLeft", "In"),
    ]:
        page.keyboard.press(key)
        assert page.evaluate(here) == text, key
    assert "“In” looks most at “" in page.locator("[data-testid=memviz-words-spoken]").inner_text()
    page.keyboard.press("Enter")
    chosen(page, "word 6")
    page.keyboard.press("Escape")
    chosen(page, "word None")
    assert words.evaluate_all("all => all.filter(one => one.tabIndex === 0).length") == 1


def test_right_to_left_text_runs_right_to_left(visit) -> None:
    page = visit("grid=no&text=arabic")
    boxes = [page.locator(WORD).nth(i).bounding_box() for i in range(1, 8)]
    assert [box["x"] for box in boxes] == sorted((box["x"] for box in boxes), reverse=True)
    assert page.locator(WORD).first.bounding_box()["x"] > boxes[0]["x"], "[CLS] stands first, on the right"
    page.locator(WORD).nth(2).focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.dataset.index") == "3"


def test_chinese_has_no_spaces_between_words(visit) -> None:
    page = visit("grid=no&text=chinese&lang=zh")
    assert "猫坐在垫子上，因为它累了。" in page.locator(f"{WORDS} .text").evaluate("node => node.textContent")
    cat, sat = (page.locator(WORD).nth(i).evaluate("node => node.getBoundingClientRect().toJSON()") for i in (1, 2))
    assert sat["left"] - cat["right"] < 2
    page.locator(WORD).nth(1).hover()
    assert page.locator(f"{CARDS['remembers']} h3").inner_text() == "“猫” 记得"


def test_lines_stay_lines(visit) -> None:
    page = visit("grid=no&text=poem")
    lines = page.locator(f"{WORDS} .text p").all_inner_texts()
    assert lines == [
        "[CLS]Tyger Tyger, burning bright,",
        "In the forests of the night;",
        "",
        "What immortal hand or eye,",
        "Could frame thy fearful symmetry?[SEP]",
    ]


def test_markup_is_only_text(visit) -> None:
    page = visit("grid=no&text=markup")
    texts = [word["text"] for word in samples.words("markup")]
    assert page.locator(WORD).all_inner_texts() == texts
    for i in range(len(texts)):
        page.locator(WORD).nth(i).hover()
    assert page.locator(f"{WORDS} :is(img, script, a)").count() == 0


@pytest.mark.parametrize(("text", "words"), [("odd", 9), ("emoji", 10), ("one", 1), ("empty", 0)])
def test_odd_texts_are_drawn(visit, text: str, words: int) -> None:
    page = visit(f"grid=no&text={text}")
    texts = page.locator(WORD).all_inner_texts()
    assert len(texts) == words
    assert all(one.strip() for one in texts), "every word can be seen"
    assert "�" not in "".join(texts)


def test_hover_asks_nobody_and_is_quick_in_8192_words(visit, record_property) -> None:
    page = visit("grid=no&text=long")
    assert page.locator(WORD).count() == 8_192
    page.evaluate("() => { window.sent = 0; const send = WebSocket.prototype.send;"
                  " WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); } }")
    times = page.locator(f"{WORDS} .text").evaluate(
        """(text) => [...text.querySelectorAll('[data-index]')].filter((_, i) => i % 97 === 0).map((word) => {
          const start = performance.now();
          word.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
          text.getRootNode().querySelector('.cards').getBoundingClientRect();
          return performance.now() - start;
        })"""
    )
    record_property("hover_ms_median", float(np.median(times)))
    record_property("hover_ms_worst", float(max(times)))
    print(f"hover in 8,192 words: median {np.median(times):.2f} ms, worst {max(times):.2f} ms")
    assert page.locator(WORDS).get_attribute("data-shown") == str(97 * (len(times) - 1))
    assert page.evaluate("window.sent") == 0


def test_a_phone_shows_words_large_enough(visit) -> None:
    for text in ("english", "markup", "long"):
        page = visit(f"grid=no&text={text}&pinned=2", width=390, height=844)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert float(page.locator(WORD).nth(2).evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) >= 18


# --- both -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["pinned=8", "text=arabic&grid=30x9", "text=markup&pinned=1", "text=empty&grid=32x32"])
def test_axe_finds_nothing(visit, query: str, scheme: str) -> None:
    page = visit(query, scheme=scheme)
    axe_finds_nothing(page)
    page.locator("[data-testid=memviz-grid-role]").first.click()
    page.locator("[data-testid=memviz-grid-order]").select_option(index=1)
    if page.locator(WORD).count():
        page.locator(WORD).nth(2).click()
    page.locator(VIEW).hover(position={"x": 60, "y": 60})
    axe_finds_nothing(page)
