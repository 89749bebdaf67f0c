"""Recall and Glossary: the figures of a word, what is looked at, how far back; and what every figure means."""

from __future__ import annotations

import numpy as np
import pytest

import memviz
from memviz.figures import percent
from memviz.measures import MEASURES, ROLES
from tests.browser.test_home import rows_of, same_rows

pytestmark = [pytest.mark.browser, pytest.mark.models]

IT = 8
PASSWORD = (
    "The secret password of the castle is dragon. People walked slowly along the river. "
    "The secret password of the castle is"
)


def metrics(here) -> dict[str, str]:
    """The large figures of the page, by name; the last of them is that of the attention received."""
    here.says("Attention received").at_rest()
    return {
        item.locator("[data-testid=stMetricLabel]").inner_text(): item.locator(
            "[data-testid=stMetricValue]"
        ).inner_text()
        for item in here.page.locator("[data-testid=stMetric]").all()
    }


def bars(here, plot: int) -> list[float]:
    """The heights of a chart."""
    heights = "plot => Array.from(plot._fullData[0].y)"
    return here.page.locator(".js-plotly-plot").nth(plot).evaluate(heights)


def test_the_figures_of_a_word_are_the_librarys(visit, cat) -> None:
    here, memory = visit("recall", word=IT), cat.memory()
    result = metrics(here)
    assert result["Effective number of tokens"] == f"{memviz.measures.slots(memory)[:, :, IT].mean():.1f}"
    assert result["On the first token"] == percent(float(memory.summary.first[:, :, IT].mean()))
    assert result["Attention received"] == percent(float(memviz.measures.received(memory)[:, :, IT].mean()), digits=1)
    assert "Probability beforehand" not in result, "MiniLM expects nothing"
    expected = memviz.measures.received(memory).mean(axis=(0, 1))
    np.testing.assert_allclose(bars(here, 0), expected, atol=1e-5)
    for name in ("What “it” attends to, as a table", "What attends to “it”, as a table"):
        here.page.get_by_text(name).click()
    assert here.page.locator("[data-testid=stDataFrame]:visible").count() == 3, "two links' tables, and the ranking"


def test_one_head_shows_the_links_of_that_head_alone(visit, cat) -> None:
    here = visit("recall", word=IT, one_head="true", layer=3, head=1)
    remembers, remembered_by = memviz.measures.links(cat.memory(), *cat.sides(), layer=3, head=1)
    same_rows(here.rows("remembers"), rows_of(remembers, IT))
    same_rows(here.rows("remembered_by"), rows_of(remembered_by, IT))
    np.testing.assert_allclose(bars(here, 0), memviz.measures.received(cat.memory())[3, 1], atol=1e-5)
    here.choose("Head", "H2")
    remembers, _ = memviz.measures.links(cat.memory(), *cat.sides(), layer=3, head=2)
    here.wait_until(lambda: {row["head"] for row in here.rows("remembers")} == {2}, "the links of the other head")
    same_rows(here.rows("remembers"), rows_of(remembers, IT))


def test_the_head_that_is_shown_is_no_door_to_itself(visit) -> None:
    here = visit("recall", word=IT, one_head="true", layer=3, head=1)
    card = here.page.locator("[data-testid=memviz-remembers]")
    assert card.locator("span.tag", has_text="L3.H1").count() > 0
    assert card.locator("button.tag").count() == 0
    here.toggle("Single head")
    card.locator("button.tag").first.click()
    here.drawn("heads")


def test_a_decoder_tells_what_it_expected(visit, smollm2) -> None:
    trace = smollm2.read(PASSWORD)
    words = [word.text for word in trace.words]
    last = len(words) - 1
    here = visit("recall", model="smollm2", text=PASSWORD, word=last)
    cached = trace.logprobs[list(trace.words[last].tokens)]
    assert metrics(here)["Probability beforehand"] == percent(float(np.exp(cached.sum())), digits=1)
    remembers, _ = memviz.measures.links(trace.memory(), *trace.sides())
    same_rows(here.rows("remembers"), rows_of(remembers, last))
    half = np.nanmedian(memviz.measures.span(trace.memory(), 0.5))
    here.says("Half of the attention lies within")
    assert f"within {half:.0f} tokens" in here.page.locator("[data-testid=stMain]").inner_text()


def test_the_numbers_are_of_the_word_that_is_shown(visit) -> None:
    here = visit("recall")
    assert here.page.locator("[data-testid=memviz-words]").get_attribute("data-shown") == str(IT)
    here.says("“it” in numbers")
    here.says("Effective number of tokens")
    here.page.locator("[data-testid=memviz-word]").nth(2).click()
    here.says("“cat” in numbers")


def test_the_glossary_prints_every_measure_and_role(visit) -> None:
    here = visit("glossary")
    text = here.page.locator("[data-testid=stMain]").inner_text()
    for measure in MEASURES.values():
        for line in (measure.label, measure.question, measure.caveat, measure.source):
            assert line in text, (measure.name, line)
    assert here.page.locator(".katex-error").count() == 0
    assert here.page.locator(".katex-display").count() == len(MEASURES)
    for role, meaning in ROLES.items():
        assert role in text
        assert meaning in text
