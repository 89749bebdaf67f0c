"""Translate in a real browser: the links drawn are the library's weights, and the word that wrote `gato` is seen."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import memviz
from memviz.tables import read_csv
from tests.browser.app_page import AppPage
from tests.browser.test_phone import WIDE

pytestmark = [pytest.mark.browser, pytest.mark.models]

BLACK_CAT = "The black cat drinks cold milk."
GRAPH = "[data-testid=memviz-cross][data-drawn=true]"
LINK = "[data-testid=memviz-cross-link]"
CAT, GATO = 2, 1


@pytest.fixture(scope="module")
def reader():
    return memviz.load("firefox-en-pt")


@pytest.fixture(scope="module")
def black_cat(reader):
    return reader.translate(BLACK_CAT)


def drawn(here: AppPage, graph: int = 0) -> dict[tuple[int, int], float]:
    """The links on the page, every digit, by (target word, source word)."""
    result = here.page.locator(GRAPH).nth(graph).locator(LINK).evaluate_all("all => all.map(one => ({...one.dataset}))")
    return {(int(item["target"]), int(item["source"])): float(item["weight"]) for item in result}


def seen(here: AppPage) -> set[int]:
    """The target words whose links can be seen."""
    return set(
        here.page.locator(GRAPH)
        .first.locator(LINK)
        .evaluate_all(
            "all => all.filter(one => getComputedStyle(one).visibility === 'visible').map(one => +one.dataset.target)"
        )
    )


def same(result: dict[tuple[int, int], float], weights: np.ndarray, *, keep: float = 0.9) -> None:
    """Every link has the library's weight, and no weight that belongs is missing."""
    assert result
    for (target, source), weight in result.items():
        assert weight == pytest.approx(float(weights[target, source]), abs=1e-6)
    for target, row in enumerate(weights):
        there = sum(weight for (at, _), weight in result.items() if at == target)
        assert there >= keep * np.nansum(row) - 1e-5 or sum(at == target for at, _ in result) == 16


def weights(trace, *, layer: int | None = 1, head: int | None = 0, shift: int = 0) -> np.ndarray:
    return memviz.measures.word_weights(
        trace.memory("cross"), trace.sides("cross"), layer=layer, head=head, shift=shift
    )


def word(here: AppPage, side: str, index: int, graph: int = 0):
    """A word of the graph."""
    result = here.page.locator(GRAPH).nth(graph)
    return result.locator(f"[data-testid=memviz-cross-word][data-side={side}][data-index='{index}']")


def test_a_newcomer_finds_it_and_sees_which_word_wrote_gato(visit, black_cat) -> None:
    here = visit("").go("translate")
    assert here.page.locator("textarea").first.input_value() == BLACK_CAT
    result = drawn(here)
    same(result, weights(black_cat))
    strongest = max((pair for pair in result if pair[0] == GATO), key=result.get)
    assert strongest == (GATO, CAT)
    boxes = {side: [word(here, side, index).bounding_box()["x"] for index in (1, 2)] for side in ("source", "target")}
    assert boxes["source"][0] < boxes["source"][1]
    assert boxes["target"][0] < boxes["target"][1]
    assert max((pair for pair in result if pair[0] == 2), key=result.get) == (2, 1), "preto from black: they cross"


def test_layer_head_shift_and_means_change_the_links(visit, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT)
    here.choose("Layer", "L0").choose("Head", "H5")
    here.wait_until(lambda: drawn(here).get((1, 0), 0) > 0.3, "head 0.5 reads the word before")
    same(drawn(here), weights(black_cat, layer=0, head=5))
    here.open_popover("Options").toggle("Shift by one step").close_popover()
    shifted = weights(black_cat, layer=0, head=5, shift=1)
    here.wait_until(lambda: drawn(here).get((GATO, CAT), 0) > 0.5, "shifted, it reads the right word")
    same(drawn(here), shifted)
    here.open_popover("Options").toggle("Shift by one step").close_popover()
    here.choose("Show", "mean over all heads")
    mean = weights(black_cat, layer=None, head=None)
    here.wait_until(lambda: abs(drawn(here).get((GATO, CAT), 0) - mean[GATO, CAT]) < 1e-5, "the mean")
    same(drawn(here), mean)


def test_hover_pin_and_the_address(visit, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT)
    word(here, "target", GATO).hover()
    here.page.locator(f"{GRAPH}[data-shown='target {GATO}']").wait_for()
    card = here.page.get_by_test_id("memviz-cross-read").first.inner_text()
    assert f"{weights(black_cat)[GATO, CAT]:.0%}".rstrip("%") in card
    word(here, "target", GATO).click()
    here.wait_until(lambda: f"cross_word=t{GATO}" in here.query, "the word is in the address")
    again = visit("translate", text=BLACK_CAT, cross_word=f"t{GATO}")
    again.page.locator(f"{GRAPH}[data-shown='target {GATO}']").wait_for()


def test_steps_show_what_each_token_was_given(visit, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT)
    forward = here.page.locator("[data-testid=memviz-cross-steps] button[data-do=first]").first
    forward.click()
    here.page.locator(f"{GRAPH}[data-step='1']").wait_for()
    here.page.locator("[data-testid=memviz-cross-steps] button[data-do=forward]").first.click()
    here.page.locator(f"{GRAPH}[data-step='{GATO + 1}']").wait_for()
    shown = here.page.get_by_test_id("memviz-cross-written").first.inner_text()
    [place] = black_cat.target_words[GATO].tokens
    assert f"{np.exp(black_cat.logprobs[place]):.0%}".rstrip("%") in shown
    assert seen(here) == set(range(GATO + 1))


def test_the_keyboard_alone_reads_the_graph_and_pins_a_word(visit, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT)
    word(here, "target", 0).focus()
    here.page.keyboard.press("ArrowRight")
    here.page.locator(f"{GRAPH}[data-shown='target {GATO}']").wait_for()
    spoken = here.page.get_by_test_id("memviz-cross-spoken").first.inner_text()
    assert spoken == f"“gato” was read most from “cat”, {weights(black_cat)[GATO, CAT]:.0%}.".replace("%", " %")
    here.page.keyboard.press("Enter")
    here.wait_until(lambda: f"cross_word=t{GATO}" in here.query, "the word is in the address")
    here.page.keyboard.press("Escape")
    here.wait_until(lambda: "cross_word" not in here.query, "and out of it again")


def test_play_writes_the_sentence_word_by_word(visit, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT)
    here.page.locator(GRAPH).first.evaluate(
        """graph => {
            window.steps = [];
            const seen = () => [...graph.querySelectorAll("[data-testid=memviz-cross-link]")]
                .filter(link => getComputedStyle(link).visibility === "visible").map(link => +link.dataset.target);
            const note = () => window.steps.push([+graph.dataset.step || null, Math.max(...seen())]);
            new MutationObserver(note).observe(graph, { attributeFilter: ["data-step"] });
        }"""
    )
    here.page.locator("[data-testid=memviz-cross-steps] button[data-do=play]").first.click()
    here.page.wait_for_function("() => window.steps.at(-1)?.[0] === null")
    count = len(black_cat.target_words)
    steps = [[step, step - 1] for step in range(1, count + 1)]
    assert here.page.evaluate("window.steps") == [*steps, [None, count - 1]]
    same(drawn(here), weights(black_cat))


def test_a_row_of_arabic_runs_from_the_right(visit) -> None:
    here = visit("translate", text="القط الأسود يشرب الحليب")
    places = [word(here, "source", index).bounding_box() for index in range(4)]
    assert len({round(place["y"]) for place in places}) == 1, "one row"
    assert [place["x"] for place in places] == sorted((place["x"] for place in places), reverse=True)
    first, second = (word(here, "target", index).bounding_box()["x"] for index in (0, 1))
    assert first < second, "what is written runs from the left"


def test_a_covered_word_is_read_by_nobody(visit, reader, black_cat) -> None:
    here = visit("translate", text=BLACK_CAT, again="cover", again_word=1)
    covered = reader.translate(BLACK_CAT, forget=memviz.Forget(keys=black_cat.words[1].tokens))
    here.page.locator(GRAPH).nth(2).wait_for()
    same(drawn(here, 1), weights(black_cat))
    same(drawn(here, 2), weights(covered))
    assert all(source != 1 for _, source in drawn(here, 2))
    assert "forgotten" in word(here, "source", 1, graph=2).get_attribute("class")
    assert word(here, "source", 1, graph=2).get_attribute("aria-label") == "“black” is masked"
    assert here.page.locator(".forgotten").count() == 1
    here.says(covered.output)


def test_every_file_holds_the_weights(visit, black_cat, tmp_path) -> None:
    here = visit("translate", text=BLACK_CAT)
    exact = weights(black_cat)
    here.open_popover("Export")
    files = {}
    for kind in ("CSV", "npz", "PNG", "HTML", "SVG", "Metadata of the CSV", "Pharaoh"):
        with here.page.expect_download() as waiting:
            here.page.get_by_role("button", name=kind, exact=True).click()
        files[kind] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[kind])
    metadata = files["Metadata of the CSV"].read_text(encoding="utf-8")
    table, line = read_csv(files["CSV"].read_bytes().decode("utf-8-sig"), metadata)
    with zipfile.ZipFile(files["Pharaoh"]) as archive:
        lines = {name: archive.read(name).decode() for name in archive.namelist()}
    memory, sides = black_cat.memory("cross"), black_cat.sides("cross")
    assert lines == memviz.tables.alignment_files(memory, sides, layer=1, head=0)
    back = np.zeros_like(exact)
    back[table["target"], table["source"]] = table["weight"]
    np.testing.assert_allclose(back, exact, atol=1e-6)
    assert (line["model"], line["layer"], line["head"]) == ("firefox-en-pt", "1", "0")
    with np.load(files["npz"], allow_pickle=False) as archive:
        np.testing.assert_allclose(archive["weights"], exact, atol=1e-6)
        np.testing.assert_allclose(archive["cross"][1, 0], black_cat.memory("cross").pattern(1, 0), atol=1e-6)
        assert json.loads(str(archive["provenance"]))["model"] == "firefox-en-pt"
    svg = files["SVG"].read_text(encoding="utf-8")
    assert svg.startswith("<")
    assert "firefox-en-pt" in svg
    assert "gato" in svg
    assert "firefox-en-pt" in files["HTML"].read_text(encoding="utf-8")
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")


def test_the_page_file_opens_offline_and_shows_the_same_links(visit, browser, black_cat, tmp_path) -> None:
    here = visit("translate", text=BLACK_CAT).open_popover("Export")
    with here.page.expect_download() as waiting:
        here.page.get_by_role("button", name="HTML", exact=True).click()
    waiting.value.save_as(tmp_path / "page.html")
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(GRAPH).wait_for()
    result = page.locator(LINK).evaluate_all(
        "all => all.map(one => [one.dataset.target, one.dataset.source, one.dataset.weight].map(Number))"
    )
    same({(target, source): weight for target, source, weight in result}, weights(black_cat))
    context.close()


def test_hover_asks_nobody(visit) -> None:
    here = visit("translate", text=BLACK_CAT)
    here.at_rest()
    here.page.evaluate(
        "() => { window.sent = 0; const send = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); } }"
    )
    before = len(here.requests)
    for index in range(5):
        word(here, "target", index).hover()
    assert here.page.evaluate("window.sent") == 0
    assert len(here.requests) == before
    word(here, "target", GATO).click()
    here.wait_until(lambda: here.page.evaluate("window.sent") > 0, "a click is told, so the counter counts")


@pytest.mark.parametrize("text", ["<script>alert(1)</script> cat", "<img src=x onerror=alert(1)> :red[x] $$y$$"])
def test_markup_is_text(visit, text: str) -> None:
    here = visit("translate", text=text)
    assert drawn(here)
    assert here.page.locator("img[src=x]").count() == 0


def test_a_phone_shows_the_whole_sentence(visit) -> None:
    here = visit("translate", text=BLACK_CAT, width=390)
    assert drawn(here)
    assert here.page.evaluate(WIDE) == [0, 0]
    for side, last in (("source", 7), ("target", 7)):
        box = word(here, side, last).bounding_box()
        assert box["x"] + box["width"] <= 390


def test_the_chinese_page(visit) -> None:
    here = visit("translate", text=BLACK_CAT, lang="zh", again="cover", details="alignment")
    here.says("上面（或左侧）是原文")
    here.says("如果屏蔽一个词呢？")
    assert drawn(here)
