"""Home: the text as words. Every number on the cards is the library's, and the library's is the model's."""

from __future__ import annotations

import re

import numpy as np
import pytest

import memviz
from tests.conftest import CAT

pytestmark = [pytest.mark.browser, pytest.mark.models]

IT, CAT_WORD = 8, 2
SPLIT = "The zookeepers were unhappy because the hippopotamus escaped."


def rows_of(links, word: int) -> list[dict]:
    """The links of a word as the library gives them."""
    names = ("index", "weight", "lift", "layer", "head")
    return [
        {name: getattr(links, name)[word, rank].item() for name in names}
        for rank in range(links.index.shape[1])
        if links.index[word, rank] >= 0
    ]


def same_rows(shown: list[dict], expected: list[dict]) -> None:
    assert [(row["index"], row["layer"], row["head"]) for row in shown] == [
        (row["index"], row["layer"], row["head"]) for row in expected
    ]
    for name in ("weight", "lift"):
        values = [[row[name] for row in rows] for rows in (shown, expected)]
        np.testing.assert_allclose(*values, rtol=2e-5, atol=1e-6)


@pytest.fixture(scope="module")
def split(minilm):
    """A reading of a text with words of several tokens."""
    return minilm.read(SPLIT)


def test_paste_point_and_read_the_numbers_of_the_library(visit, split) -> None:
    here = visit().read(SPLIT)
    assert here.words() == [word.text for word in split.words]
    remembers, remembered_by = memviz.measures.links(split.memory(), *split.sides())
    for word in range(len(split.words)):
        here.hover(word)
        same_rows(here.rows("remembers"), rows_of(remembers, word))
        same_rows(here.rows("remembered_by"), rows_of(remembered_by, word))


def test_a_weight_on_a_card_is_the_models_own(visit, cat_eager) -> None:
    here = visit()
    for word in range(13):
        here.hover(word)
        for row in here.rows("remembers"):
            assert row["weight"] == pytest.approx(cat_eager[row["layer"], row["head"], word, row["index"]], abs=1e-5)
        for row in here.rows("remembered_by"):
            assert row["weight"] == pytest.approx(cat_eager[row["layer"], row["head"], row["index"], word], abs=1e-5)


def test_it_leads_to_the_cat_and_the_name_of_its_head_opens_it(visit, cat) -> None:
    here = visit().hover(IT)
    row = next(row for row in here.rows("remembers") if row["index"] == CAT_WORD)
    assert row["read"] == ["cat", "49 %", "3.7 ×", "L3.H1"]
    assert row["weight"] == pytest.approx(cat.memory().pattern(3, 1)[IT, CAT_WORD], abs=1e-6)
    here.page.locator("[data-testid=memviz-remembers] button.tag", has_text="L3.H1").click()
    here.drawn("heads")
    assert here.choice("Head") == "L3.H1"
    assert here.page.locator("[data-testid=memviz-grid]").get_attribute("data-selected") == "L3.H1"
    assert {"layer=3", "head=1"} <= set(here.query.split("&"))


def test_a_click_keeps_a_word_for_the_other_pages_and_the_address(visit) -> None:
    here = visit()
    here.page.locator("[data-testid=memviz-word]").nth(IT).click()
    here.wait_until(lambda: here.query == f"word={IT}", "the word is in the address")
    here.go("recall")
    assert here.page.locator("[data-testid=memviz-words]").get_attribute("data-shown") == str(IT)
    here.page.locator("[data-testid=memviz-word]").nth(IT).click()
    here.wait_until(lambda: here.query == "", "a second click lets it go")


def test_the_word_of_a_sample_is_there_to_begin_with(visit, cat) -> None:
    here = visit()
    words = here.page.locator("[data-testid=memviz-words]")
    assert words.get_attribute("data-shown") == str(IT)
    same_rows(here.rows("remembers"), rows_of(memviz.measures.links(cat.memory(), *cat.sides())[0], IT))
    here.read(SPLIT)
    sentences = here.page.locator("[data-testid=stMarkdown] p", has_text="of its attention on “")
    first = sentences.first.inner_text().split("“")[1]
    assert here.words()[int(words.get_attribute("data-shown"))] == first.split("”")[0], "the most special link"


def test_a_kept_word_belongs_to_its_text_and_model(visit) -> None:
    here = visit(word=IT)
    here.read(SPLIT)
    here.wait_until(lambda: "word=" not in here.query, "the word was of another text")
    here.page.locator("[data-testid=memviz-word]").nth(2).click()
    here.wait_until(lambda: "word=2" in here.query, "the word is in the address")
    here.choose("Model", "SmolLM2-135M-Instruct")
    here.wait_until(lambda: "word=" not in here.query, "the word was of another model")
    assert here.page.locator("[data-testid=memviz-word][aria-pressed=true]").count() == 0


def test_the_strongest_links_are_said_in_words_and_open_their_heads(visit, cat) -> None:
    here = visit()
    remembers, _ = memviz.measures.links(cat.memory(), *cat.sides())
    sentences = here.page.locator("[data-testid=stMarkdown] p", has_text="of its attention on “").all_inner_texts()
    named = [re.match(r"In (L\d+\.H\d+) ", entry).group(1) for entry in sentences]
    assert len(named) == len(set(named)) == 5, "five links, each in another head"
    first = sentences[0]
    line = first.replace("“", '"').replace("”", '"').split('"')
    names = [word.text for word in cat.words]
    query, key = names.index(line[1]), names.index(line[3])
    rank = list(remembers.index[query]).index(key)
    assert f"{remembers.weight[query, rank]:.0%}".replace("%", "") in first
    layer, head = remembers.layer[query, rank], remembers.head[query, rank]
    assert named[0] == f"L{layer}.H{head}"
    here.press(f"L{layer}.H{head}")
    here.drawn("heads")
    assert here.choice("Head") == f"L{layer}.H{head}"


def test_resting_places_can_be_hidden_and_the_page_says_what_that_does(visit, cat, cat_eager) -> None:
    here = visit()
    sinks = list(memviz.measures.sink_positions(cat.memory()))
    assert sinks == [0, 12]
    share = cat_eager[..., sinks].sum(-1).mean()
    here.says(f"{share * 100:.0f} % of all attention in this text goes to [CLS], [SEP].")
    here.toggle("Hide attention sinks")
    here.says("It is taken out here, and the rest of every row is renormalised to 100 %.")
    left = cat_eager.copy()
    left[..., sinks] = 0
    left /= left.sum(-1, keepdims=True)
    for word in (CAT_WORD, IT):
        here.hover(word)
        rows = here.rows("remembers")
        assert not {row["index"] for row in rows} & set(sinks)
        for row in rows:
            assert row["weight"] == pytest.approx(left[row["layer"], row["head"], word, row["index"]], abs=1e-5)
    assert "sinkless=true" in here.query


def test_a_sample_and_a_second_sentence(visit, minilm) -> None:
    here = visit().press("Two sentences")
    pair = minilm.read("The bank raised its interest rates.", "Borrowing money became more expensive.")
    here.wait_until(lambda: here.words() == [word.text for word in pair.words], "both sentences are there")


def test_nothing_pasted_and_pasted_again(visit) -> None:
    here = visit().read("")
    here.says("Paste a text above, or choose a sample")
    assert here.page.locator("[data-testid=memviz-word]").count() == 0
    here.read(CAT)
    assert len(here.words()) == 13
