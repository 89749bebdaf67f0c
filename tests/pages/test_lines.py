"""Heads as lines between words: exact weights, several heads at once, one marked word for the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from memviz.ui import share
from memviz.ui.components.cross import overlay_links
from memviz.ui.parts.heads import HeadsView, lines_payload
from tests.conftest import CAT

pytestmark = pytest.mark.models

SPLIT = "The zookeepers were unhappy."


def payload(here) -> dict:
    """What the lines on the page are drawn from, its arrays left out."""
    items = [item.proto for item in here.app.get("bidi_component")]
    (mixed,) = (item.mixed for item in items if item.component_name == "memviz.cross_view")
    return json.loads(mixed.json)


def merged(weights: np.ndarray, words) -> np.ndarray:
    """Weights between words, the slow way: sums to a split word, means from it."""
    rows = np.stack([weights[list(word.tokens)].mean(axis=0) for word in words])
    return np.stack([rows[:, list(word.tokens)].sum(axis=1) for word in words], axis=1)


def test_lines_are_the_exact_weights_between_words_and_between_tokens(minilm) -> None:
    trace = minilm.read(SPLIT)
    view = HeadsView(trace.memory(), 2, 4)
    exact = trace.memory().pattern(2, 4)
    drawn = lines_payload(trace, view)
    np.testing.assert_allclose(drawn["weights"], merged(exact, trace.words), atol=1e-6)
    assert [word["text"] for word in drawn["targets"]] == [word.text for word in trace.words]
    np.testing.assert_array_equal(lines_payload(trace, replace(view, by_word=False))["weights"], exact)
    window = replace(view, by_word=False, window=(slice(1, 4), slice(2, 7)))
    np.testing.assert_allclose(lines_payload(trace, window)["weights"], exact[1:4, 2:7], atol=1e-6)
    assert [word["text"] for word in lines_payload(trace, window)["sources"]] == [t.text for t in trace.tokens[2:7]]


def test_several_heads_are_laid_over_each_other_exactly(smollm2) -> None:
    trace = smollm2.read(CAT)
    heads = [(3, 1), (17, 5), (0, 0)]
    drawn = lines_payload(trace, HeadsView(trace.memory(), 3, 1, beside=tuple(heads[1:])))
    assert drawn["heads"] == ["L3.H1", "L17.H5", "L0.H0"]
    for weights, head in zip(drawn["weights"], heads, strict=True):
        np.testing.assert_allclose(weights, merged(trace.memory().pattern(*head), trace.words), atol=1e-6)
    links = overlay_links(drawn["weights"])
    assert links["weight"].max() == drawn["weights"].max()


def test_the_address_holds_the_lines_and_the_heads_beside(visit) -> None:
    here = visit(
        "heads", text=CAT, model="minilm", layer="3", head="1", picture="lines", beside="L5.H11,L9.H1,L0.H2,x", word="8"
    )
    assert payload(here)["heads"] == ["L3.H1", "L5.H11", "L0.H2"], "a head that is not there is left out"
    assert payload(here)["pinned"] == {"side": "target", "index": 8}
    assert (here.address["picture"], here.address["beside"]) == ("lines", "L5.H11,L0.H2")
    here.app.multiselect(key="beside_box").set_value([(1, 1)])
    here._run()
    assert here.address["beside"] == "L1.H1"
    assert payload(here)["heads"] == ["L3.H1", "L1.H1"]
    assert "chart" not in here.pictures
    here.app.session_state["lines"] = {"word": {"side": "source", "index": 2, "click": 7}}
    here._run()
    assert here.address["word"] == "2", "the word that is kept is the word of the page"
    assert any(":orange[**cat**]" in sentence for sentence in here.sentences)


def test_what_lines_cannot_show_is_said(visit) -> None:
    here = visit("heads", text=CAT, model="minilm", picture="lines", values="value norm")
    assert any("Lines show weights" in note for note in here.notes)
    long = " ".join(f"Lamp {number} burned along the river." for number in range(40))
    here = visit("heads", text=long, model="smollm2", picture="lines")
    assert any("too long for lines" in note for note in here.notes)
    here = visit("heads", text=long, model="smollm2", picture="lines", zoom="true", zoom_rows="150", zoom_cols="90")
    assert len(payload(here)["targets"]) == 128
    assert payload(here)["pinned"] is None


@pytest.mark.parametrize("picture", ["lines", "both", "heatmap"])
def test_the_drawing_to_take_along_is_what_the_page_shows(minilm, picture: str) -> None:
    trace = minilm.read(CAT)
    beside = ((5, 11),) if picture == "lines" else ()
    view = share.Heads(trace, HeadsView(trace.memory(), 3, 1, word=8, picture=picture, beside=beside))
    drawing = view.svg()
    weights = [float(weight) for weight in re.findall(r'data-query="8" data-key="2" data-weight="(.*?)"', drawing)]
    heads = [] if picture == "heatmap" else [(3, 1), *beside]
    np.testing.assert_allclose(weights, [trace.memory().pattern(*head)[8, 2] for head in heads], atol=1e-6)
    assert ("<image" in drawing) == (picture != "lines"), "the cells of a heatmap"
    assert ("memviz.figures.lines_png(" in view.code()) == (picture != "heatmap")
    if picture == "both":
        made = view.html()
        assert made.count("<figure>") == 1
        assert 'data-query="8" data-key="2"' in made


def test_both_stand_on_the_page_to_begin_with_and_one_alone_for_whoever_wants_it(visit) -> None:
    here = visit("heads", text=CAT, model="minilm")
    assert {"cross_view", "chart"} <= set(here.pictures)
    here = visit("heads", text=CAT, model="minilm", picture="heatmap")
    assert "cross_view" not in here.pictures
    assert "chart" in here.pictures
