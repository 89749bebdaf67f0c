"""Compare: one word, one head, two texts; every bar is the weight of the model, and both pictures have one scale."""

from __future__ import annotations

import json

import numpy as np
import pytest

import memviz
from memviz import measures
from memviz.ui.shell.samples import two_texts

pytestmark = pytest.mark.models

RIVER, MONEY = (sample.text for sample in two_texts())


def charts(here) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in here.app.get("plotly_chart")]


def heights(chart: dict) -> np.ndarray:
    values = chart["data"][0]["y"]
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.asarray(values, dtype=float)


def test_river_and_money_are_there_and_every_bar_is_a_weight_of_the_model(visit) -> None:
    here = visit("compare", model="minilm", compare_layer="4", compare_head="2")
    assert (here.input, here.app.text_area(key="other").value) == (RIVER, MONEY)
    assert here.app.selectbox(key="compare_word").value == "bank"
    largest = 0.0
    for text, chart in zip((RIVER, MONEY), charts(here), strict=True):
        trace = memviz.read(text, model="minilm")
        words, memory = [word.text for word in trace.words], trace.memory()
        row = memory.pattern(4, 2)[words.index("bank")]
        assert len(words) == len(row), "each word is a token here"
        np.testing.assert_allclose(heights(chart), row, atol=1e-5)
        rest = measures.sink_positions(memory)
        largest = max(largest, *(weight for place, weight in enumerate(row) if place not in rest))
    assert [chart["layout"]["yaxis"]["range"][1] for chart in charts(here)] == [pytest.approx(1.05 * largest)] * 2


def test_any_two_texts_and_a_link_that_restores_them(visit) -> None:
    first, second = "The cat saw the dog.", "A dog barked at the moon and the dog slept."
    here = visit("compare", model="minilm", link={"text": first, "other": second})
    assert here.app.selectbox(key="compare_word").options == ["the", "dog"]
    assert here.app.selectbox(key="compare_word").value == "the"
    here.choose("compare_word", "dog")
    trace = memviz.read(second, model="minilm")
    places = [place for place, word in enumerate(trace.words) if word.text == "dog"]
    assert len(places) == 2
    layer, head = (here.app.selectbox(key=f"compare_{name}").value for name in ("layer", "head"))
    np.testing.assert_allclose(heights(charts(here)[1]), trace.memory().pattern(layer, head)[places[-1]], atol=1e-5)
    whole, bare = here.links
    assert "other=A+dog+barked" in whole
    assert "compare_word=dog" in whole
    assert "barked" not in bare


def test_texts_without_a_word_in_common_are_told_apart_in_one_sentence(visit) -> None:
    here = visit("compare", model="minilm", link={"text": "Cats sleep.", "other": "Dogs bark."})
    assert here.notes == ["These two texts have no word in common."]
    assert here.pictures == []
