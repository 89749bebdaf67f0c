"""Compare: one word, one head, two texts; every bar is the weight of the model, and both pictures have one scale."""

from __future__ import annotations

import base64
import io
import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import memviz
from memviz import figures, measures, tables
from memviz.figures.style.colours import THEMES, hexadecimal
from memviz.ui import share
from memviz.ui.parts.compare import Comparison
from memviz.ui.shell.samples import two_texts

pytestmark = pytest.mark.models

DOG = "The dog ran because it was happy."
RIVER, MONEY = (sample.text for sample in two_texts())


def charts(here) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in here.app.get("plotly_chart")]


def heights(chart: dict) -> np.ndarray:
    values = chart["data"][0]["y"]
    if isinstance(values, dict):
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


def field_of(chart: dict) -> np.ndarray:
    """The numbers of a heatmap."""
    values = chart["data"][0]["z"]
    if isinstance(values, dict):
        flat = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
        return flat.reshape([int(size) for size in values["shape"].split(",")])
    return np.asarray(values, dtype=float)


def test_two_texts_by_the_head_that_changed_most(visit) -> None:
    texts = "The fisherman sat on the bank of the river.", "The clerk counted the money in the bank."
    here = visit("compare", model="minilm", comparison="texts", link=dict(zip(("text", "other"), texts, strict=True)))
    first, second = (memviz.read(text, model="minilm") for text in texts)
    words = [[word.text for word in trace.words] for trace in (first, second)]
    common = ["[CLS]", "The", "the", "bank", ".", "[SEP]"]
    places = [[own.index(word) for word in common] for own in words]
    for own, place in zip(words, places, strict=True):
        place[2] = own.index("bank") - 1
    patterns = [
        np.array([[trace.memory().pattern(layer, head)[np.ix_(own, own)] for head in range(12)] for layer in range(6)])
        for trace, own in zip((first, second), places, strict=True)
    ]
    apart = np.abs(patterns[1] - patterns[0]).sum(axis=3).mean(axis=2) / 2
    layer, head = np.unravel_index(apart.argmax(), apart.shape)
    assert here.app.selectbox(key="difference_layer").value == layer
    assert here.app.selectbox(key="difference_head").value == head
    np.testing.assert_allclose(field_of(charts(here)[0]), (patterns[1] - patterns[0])[layer, head], atol=1e-5)
    np.testing.assert_allclose(field_of(charts(here)[1]), apart, atol=1e-5)
    said = " ".join(here.sentences)
    assert f"**L{layer}.H{head}** {figures.percent(float(apart.max()))}" in said
    here.app.selectbox(key="difference_layer").set_value(4)
    here.choose("difference_head", 2)
    np.testing.assert_allclose(field_of(charts(here)[0]), (patterns[1] - patterns[0])[4, 2], atol=1e-5)


def test_two_heads_of_one_text_are_told_in_one_sentence(visit) -> None:
    query = {"first_layer": "5", "first_head": "11", "second_layer": "1", "second_head": "0"}
    here = visit(
        "compare", model="minilm", comparison="heads", link={"text": "The dog ran because it was happy."}, **query
    )
    trace = memviz.read("The dog ran because it was happy.", model="minilm")
    one, other = (trace.memory().pattern(*head) for head in ((5, 11), (1, 0)))
    np.testing.assert_allclose(field_of(charts(here)[0]), other - one, atol=1e-5)
    [header] = [item.value for item in here.app.header]
    row, col = np.unravel_index(np.abs(other - one).argmax(), one.shape)
    names = [word.text for word in trace.words]
    assert f"“{names[row].strip('[]')}" in header.replace("\\[", "")
    assert f"with {figures.percent(float(one[row, col]))} in the first head (L5.H11)" in header
    assert f"{figures.percent(float(other[row, col]))} in the second head (L1.H0)" in header
    whole, _ = here.links
    assert "comparison=heads" in whole
    assert "second_layer=1" in whole


def test_two_models_are_compared_over_the_words_of_the_text(visit) -> None:
    query = {"first_layer": "5", "first_head": "11", "second_layer": "3", "second_head": "1", "other_model": "smollm2"}
    here = visit("compare", model="minilm", comparison="models", link={"text": DOG}, **query)
    first, second = (memviz.read(DOG, model=name) for name in ("minilm", "smollm2"))
    names = [[word.text for word in trace.words] for trace in (first, second)]
    assert [name for name in names[0] if name in names[1]] == [
        "The",
        "dog",
        "ran",
        "because",
        "it",
        "was",
        "happy",
        ".",
    ]
    one = first.memory().pattern(5, 11)[1:9, 1:9]
    other = second.memory().pattern(3, 1)[:8, :8]
    np.testing.assert_allclose(field_of(charts(here)[0]), other - one, atol=1e-5)


def test_hidden_sinks_are_left_out_of_everything_that_is_said(visit) -> None:
    texts = "The fisherman sat on the bank of the river.", "The clerk counted the money in the bank."
    here = visit("compare", model="minilm", comparison="texts", link=dict(zip(("text", "other"), texts, strict=True)))
    assert field_of(charts(here)[0]).shape == (6, 6), "[CLS] and [SEP] are common words, too"
    here.app.toggle(key="sinkless").set_value(True)
    here._run()
    sides = []
    for text in texts:
        trace = memviz.read(text, model="minilm")
        sinks, names = measures.sink_positions(trace.memory()), [word.text for word in trace.words]
        assert [names[place] for place in sinks] == ["[CLS]", "[SEP]"]
        own = [names.index("The"), names.index("bank") - 1, names.index("bank"), names.index(".")]
        weights = np.array([[trace.memory().pattern(layer, head) for head in range(12)] for layer in range(6)], float)
        weights[..., list(sinks)] = 0
        weights /= weights.sum(axis=-1, keepdims=True)
        sides.append(weights[:, :, own][..., own])
    apart = np.abs(sides[1] - sides[0]).sum(axis=3).mean(axis=2) / 2
    layer, head = np.unravel_index(apart.argmax(), apart.shape)
    boxes = [here.app.selectbox(key=f"difference_{name}").value for name in ("layer", "head")]
    assert boxes == [layer, head]
    first, second = (side[layer, head] for side in sides)
    np.testing.assert_allclose(field_of(charts(here)[0]), second - first, atol=1e-5)
    np.testing.assert_allclose(field_of(charts(here)[1]), apart, atol=2e-3)  # little is left of some rows
    row, col = np.unravel_index(np.abs(second - first).argmax(), first.shape)
    [header] = [item.value for item in here.app.header]
    assert f"with {figures.percent(float(first[row, col]))} in the first text" in header
    assert f"{figures.percent(float(apart.max()))} apart" in header
    assert "Attention sinks are left out" in " ".join(here.sentences)
    assert "sinkless=true" in here.links[0]


def test_the_second_model_is_named_as_people_call_it_and_the_hint_is_of_the_comparison(visit) -> None:
    here = visit("compare", model="minilm", comparison="models")
    box = here.app.selectbox(key="other_model")
    assert "SmolLM2-135M-Instruct" in box.options
    assert "smollm2" not in box.options
    assert any("Two models read the same text" in item for item in here.sentences)


@pytest.fixture(scope="module")
def view() -> share.Compare:
    """The word bank in both samples, through L4.H2."""
    first, second = (memviz.read(text, model="minilm") for text in (RIVER, MONEY))
    return share.Compare(first, second, view=Comparison("bank", 4, 2))


def weights(trace) -> np.ndarray:
    """What bank looks at through L4.H2, each word being a token."""
    return trace.memory().pattern(4, 2)[[word.text for word in trace.words].index("bank")]


def test_the_table_and_the_arrays_hold_the_weights_of_both_texts(view) -> None:
    frame, fields = view.table()
    back = pd.read_csv(io.StringIO(tables.csv(frame)))
    with np.load(io.BytesIO(view.npz())) as archive:
        for number, trace in enumerate(view.traces, start=1):
            part = back[back["reading"] == number]
            np.testing.assert_allclose(part["weight"], weights(trace), atol=1e-6)
            np.testing.assert_allclose(archive[f"weights_{number}"], weights(trace), atol=1e-6)
            rest = measures.sink_positions(trace.memory())
            assert list(np.flatnonzero(part["sink"])) == list(rest)
            assert trace.words[int(archive[f"word_{number}"])].text == "bank"
    assert (fields["layer"], fields["head"], fields["model"]) == ("4", "2", "minilm")
    assert "bank" not in " ".join(fields.values()), "where it comes from does not tell the text"


def test_both_pictures_have_one_scale_and_a_higher_bar_of_a_sink_is_cut_off(view) -> None:
    drawing = ElementTree.fromstring(view.svg())
    boxes = [box for box in drawing.findall("{*}rect") if float(box.get("width", "0")) < 200]
    rows = [weights(trace) for trace in view.traces]
    muted = [
        np.isin(np.arange(len(row)), measures.sink_positions(trace.memory()))
        for row, trace in zip(rows, view.traces, strict=True)
    ]
    top = max(float(row[~grey].max()) for row, grey in zip(rows, muted, strict=True))
    values, greys = np.concatenate(rows), np.concatenate(muted)
    assert (values > top).any(), "there is a bar to cut off"
    heights = np.array([float(box.attrib["height"]) for box in boxes])
    np.testing.assert_allclose(heights / heights.max(), np.minimum(values / top, 1), atol=0.01)
    assert [box.get("fill") == hexadecimal(THEMES["light"].muted) for box in boxes] == greys.tolist()
    texts = [text.text for text in drawing.findall(".//{*}text")]
    assert "is cut off" in " ".join(map(str, texts))
    assert texts.count("What “bank” attends to") == 2
    with Image.open(io.BytesIO(view.png())) as picture:
        assert (picture.info["model"], picture.info["head"]) == ("minilm", "2")
        assert picture.size == (2 * int(drawing.get("width")), 2 * int(drawing.get("height")))


def test_the_page_of_both_has_their_charts_and_their_numbers(view) -> None:
    made = view.html()
    for number, trace in enumerate(view.traces, start=1):
        assert f"What “bank” attends to: text {number}" in made
        strongest = figures.percent(float(weights(trace).max()))
        assert f"<td><bdi>{strongest}</bdi></td>" in made
    assert made.count("<figure>") == 2


def test_the_python_of_the_page_prints_the_numbers_and_saves_the_picture(view, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    exec(view.code(), {})
    printed = capsys.readouterr().out
    assert f"{weights(view.trace).max():.6f}"[:6] in printed
    with Image.open("memviz-compare.png") as picture:
        assert picture.info["model"] == "minilm"
