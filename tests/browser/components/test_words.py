"""Does the text as words show the numbers it was given, and report what was pinned?"""

from __future__ import annotations

import time

import component_samples as samples
import numpy as np
import pytest
from component_page import CARDS, WORD, WORDS, wait_for_text

pytestmark = pytest.mark.browser

CONTRAST = """(word) => {
  const parse = (text) => text.match(/[\\d.]+/g).map((part) => Number(part) / (text.startsWith('rgb') ? 255 : 1));
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const style = getComputedStyle(word);
  const [a, b] = [style.color, style.backgroundColor].map((c) => luminance(parse(c))).sort((x, y) => y - x);
  return (a + .05) / (b + .05);
}"""


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


def test_cards_show_exactly_the_numbers_given(visit) -> None:
    page = visit("grid=no")
    text = samples.words("english")
    names = [word["text"] + f" #{place}" * (word["text"] == "the") for place, word in enumerate(text)]
    tables = {"remembers": samples.links(len(text), seed=1), "remembered_by": samples.links(len(text), seed=2)}
    for word in (0, 3, 8, 12):
        page.locator(WORD).nth(word).hover()
        for name, links in tables.items():
            assert f"“{names[word]}”" in page.locator(f"{CARDS[name]} h2").inner_text()
            shown, expected_names = rows(page, name), expected(links, word)
            assert len(shown) == len(expected_names) >= 6
            for row, (index, weight, lift, head) in zip(shown, expected_names, strict=True):
                assert (int(row["index"]), row["head"], row["text"][4]) == (index, head, head)
                assert row["text"][0] == names[index]
                assert float(row["weight"]) == weight
                assert row["text"][2] == (f"{100 * weight:.0f} %" if weight >= 0.0095 else row["text"][2])
                assert row["text"][3] == ("–" if np.isnan(lift) else f"{lift:.{1 if lift < 9.95 else 0}f} ×")
                assert np.isnan(lift) or float(row["lift"]) == lift


def test_the_card_says_its_order_and_what_its_columns_mean_without_being_pointed_at(visit) -> None:
    page = visit("grid=no")
    assert page.locator(f"{CARDS['remembers']} .order").inner_text() == "Largest weight first."
    entries = page.locator("[data-testid=memviz-words-terms] > div")
    assert [entry.locator("dt").inner_text() for entry in entries.all()] == ["weight", "lift", "head", "#7"]
    assert all(entry.locator("dd").is_visible() for entry in entries.all())
    assert page.locator(f"{WORDS} [role=columnheader][title]").count() == 0, "nothing is told on hover alone"


@pytest.mark.parametrize("text", ["medium", "wall"])
def test_the_cards_stay_beside_the_words_of_a_long_text(visit, text: str) -> None:
    """Long by its words, or by the letters of one of them."""
    page = visit(f"grid=no&text={text}", width=1080, height=800)
    last = page.locator(WORD).last
    last.evaluate("word => word.scrollIntoView({ block: 'end' })")
    last.hover()
    for card in CARDS.values():
        box = page.locator(card).bounding_box()
        assert 0 <= box["y"], card
        assert box["y"] + box["height"] <= 800, card
        assert box["x"] > last.bounding_box()["x"]


def test_what_was_written_is_in_sight_below_a_long_prompt(visit) -> None:
    page = visit("grid=no&text=long&written=30")
    box = page.locator(f"{WORDS} .text").bounding_box()
    for written in (page.locator(f"{WORD}.written").nth(place).bounding_box() for place in (0, 9)):
        assert box["y"] <= written["y"] <= box["y"] + box["height"] - written["height"]
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0, "the page stays at its top"


def test_bars_are_as_long_as_the_weights(visit) -> None:
    page = visit("grid=no&pinned=8")
    for row in page.locator(f"{CARDS['remembers']} [data-testid=memviz-row]").all():
        bar, track = row.locator(".bar").bounding_box(), row.locator(".track").bounding_box()
        share = float(row.get_attribute("data-weight"))
        assert bar["width"] == pytest.approx(max(4, share * track["width"]), abs=0.6)


def test_sources_are_blue_readers_orange_and_both_both(visit) -> None:
    page = visit("grid=no&pinned=8")
    count = len(samples.words("english"))
    sources, readers = ({index for index, *_ in expected(samples.links(count, seed=seed), 8)} for seed in (1, 2))
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
    wait_for_text(page, "word None")
    word = page.locator(WORD)
    word.nth(4).click()
    wait_for_text(page, "word 4")
    assert word.nth(4).get_attribute("aria-pressed") == "true"
    word.nth(7).hover()
    assert page.locator(WORDS).get_attribute("data-shown") == "4", "a pin stays while the pointer wanders"
    word.nth(7).click()
    wait_for_text(page, "word 7")
    assert word.nth(4).get_attribute("aria-pressed") == "false"
    page.keyboard.press("Escape")
    wait_for_text(page, "word None")
    word.nth(7).click()
    wait_for_text(page, "word 7")
    word.nth(7).click()
    wait_for_text(page, "word None")


def test_the_page_can_pin_and_the_same_nodes_stay(visit) -> None:
    page = visit("grid=no")
    page.locator(WORD).nth(5).evaluate("node => { node.mark = 'mine' }")
    page.locator(WORD).nth(5).click()
    wait_for_text(page, "word 5")
    page.get_by_text("Page chooses word 3").click()
    wait_for_text(page, "word 3")
    page.locator(f"{WORDS}[data-shown='3']").wait_for()
    assert page.locator(WORD).nth(5).evaluate("node => node.mark") == "mine"
    page.locator(WORD).nth(5).click()
    wait_for_text(page, "word 5")
    time.sleep(0.3)
    assert page.locator(WORDS).get_attribute("data-shown") == "5"


def test_a_pin_outlives_a_change_of_theme(visit) -> None:
    page = visit("grid=no&pinned=8")
    page.locator(WORD).nth(5).click()
    wait_for_text(page, "word 5")
    paper = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    before = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => {paper} !== before", arg=before)
    page.wait_for_timeout(500)
    assert page.locator(WORDS).get_attribute("data-shown") == "5"
    assert page.locator(f"{WORD}[aria-pressed=true]").count() == 1


def test_a_word_in_a_card_leads_to_that_word(visit) -> None:
    page = visit("grid=no&pinned=8")
    target = expected(samples.links(13, seed=1), 8)[0][0]
    page.locator(f"{CARDS['remembers']} .link").first.click()
    wait_for_text(page, f"word {target}")
    assert page.locator(WORDS).get_attribute("data-shown") == str(target)
    focused = "document.activeElement.shadowRoot?.activeElement?.dataset.index"
    assert page.evaluate(focused) == str(target), "the keyboard goes on from there"


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
        ("ArrowUp", ","),
        ("Home", "[CLS]"),
        ("ArrowDown", "In"),
        ("ArrowRight", "the"),
        ("ArrowLeft", "In"),
    ]:
        page.keyboard.press(key)
        assert page.evaluate(here) == text, key
    assert "“In” attends most to “" in page.locator("[data-testid=memviz-words-spoken]").inner_text()
    page.keyboard.press("Enter")
    wait_for_text(page, "word 7")
    page.keyboard.press("Escape")
    wait_for_text(page, "word None")
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
    assert page.locator(f"{CARDS['remembers']} h2").inner_text() == "“猫” 记得"


def test_lines_stay_lines(visit) -> None:
    page = visit("grid=no&text=poem")
    lines = page.locator(f"{WORDS} .text p").all_inner_texts()
    assert lines == [
        "[CLS] Tyger Tyger, burning bright,",
        "In the forests of the night;",
        "",
        "What immortal hand or eye,",
        "Could frame thy fearful symmetry?[SEP]",
    ]
    page = visit("grid=no&text=code")
    lines = page.locator(f"{WORDS} .text p")
    assert lines.all_inner_texts() == ["if tired:", "sleep on"]
    left = [lines.nth(n).locator(WORD).first.bounding_box()["x"] for n in range(2)]
    assert left[1] - left[0] > 4 * 5, "four columns further right"


def test_markup_is_only_text(visit) -> None:
    page = visit("grid=no&text=markup")
    texts = [word["text"] for word in samples.words("markup")]
    assert page.locator(WORD).all_inner_texts() == texts
    for i in range(len(texts)):
        page.locator(WORD).nth(i).hover()
    assert page.locator(f"{WORDS} :is(img, script, a)").count() == 0


@pytest.mark.parametrize(("text", "words"), [("odd", 9), ("emoji", 11), ("one", 1), ("empty", 0)])
def test_odd_texts_are_drawn(visit, text: str, words: int) -> None:
    page = visit(f"grid=no&text={text}")
    texts = page.locator(WORD).all_inner_texts()
    assert len(texts) == words
    assert all(item.strip() for item in texts), "every word can be seen"
    assert "�" not in "".join(texts)


def test_hover_asks_nobody_and_is_quick_in_8192_words(visit, record_property) -> None:
    page = visit("grid=no&text=long")
    assert page.locator(WORD).count() == 8_192
    page.evaluate(
        "() => { window.sent = 0; const send = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (...all) { window.sent += 1; return send.apply(this, all); } }"
    )
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


def test_on_a_phone_a_tap_leads_to_the_card_of_the_word(visit) -> None:
    page = visit("grid=no&text=medium", width=390, height=420, touch=True)
    card, word = page.locator(CARDS["remembers"]), page.locator(WORD).nth(2)
    word.scroll_into_view_if_needed()
    assert card.bounding_box()["y"] > 420, "the card stands below what is seen"
    word.tap()
    sight = "card => { const { top } = card.getBoundingClientRect(); return top >= 0 && top < innerHeight - 40; }"
    for _ in range(50):
        if card.evaluate(sight):
            break
        page.wait_for_timeout(100)
    assert card.evaluate(sight)


def test_a_phone_shows_words_large_enough(visit) -> None:
    for text in ("english", "markup", "long"):
        page = visit(f"grid=no&text={text}&pinned=2", width=390, height=844)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert float(page.locator(WORD).nth(2).evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) >= 18
