"""What Recall shows, as a sheet: bars, list and curve hold the numbers of the memory."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures, tables
from memviz.figures.sheets import recall_sheet
from memviz.figures.style.colours import THEMES, hexadecimal
from tests.memories import memory_of, memory_with, tokens, words_of

TEXT = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat", "sat", "down", "[SEP]"], special=(0, 8))
MEMORY, TRUTH = memory_of(TEXT, heads=3)
WORDS = words_of(TEXT)


def sheet(**options) -> ElementTree.Element:
    links = measures.links(MEMORY, WORDS, WORDS)
    return ElementTree.fromstring(figures.recall_svg(MEMORY, WORDS, links, word=2, provenance={}, **options))


def received(layer: int | None, head: int | None) -> np.ndarray:
    """What each word receives, worked out apart from the measure: [word]."""
    weights = TRUTH if layer is None else TRUTH[layer : layer + 1]
    weights = weights if head is None else weights[:, head : head + 1]
    tokens_received = weights.mean(axis=(0, 1, 2))
    return np.array([tokens_received[list(word.tokens)].sum() for word in WORDS])


@pytest.mark.parametrize(("layer", "head"), [(None, None), (1, None), (0, 2)])
def test_the_table_of_what_is_looked_at(layer: int | None, head: int | None) -> None:
    frame = tables.received_table(MEMORY, WORDS, layer=layer, head=head)
    expected = received(layer, head)
    np.testing.assert_allclose(frame.received, expected, atol=1e-5)
    assert frame.text.tolist() == ["[CLS]", "the", "unbelievable", "cat", "sat", "down", "[SEP]"]
    assert frame["rank"].isna().tolist() == [True, *[False] * 5, True], "where attention rests is not ranked"
    order = frame.dropna().sort_values("rank").word.tolist()
    assert order == [place for place in np.argsort(-expected) if place not in (0, 6)]


def test_a_split_first_word_where_attention_rests_is_ranked_nowhere() -> None:
    """Its bar is grey; then it is not the word that receives most."""
    made = tokens(["un", "##likely", "that", "the", "cat", "sat"])
    weights = np.tile([0.9, *[0.02] * 5], (6, 1))
    memory, words = memory_with(weights, made, made), words_of(made)
    assert measures.sink_positions(memory) == (0,)
    frame = tables.received_table(memory, words)
    assert frame["rank"].isna().tolist() == [True, False, False, False, False]
    chart = figures.received_bars(memory, words, sinks=measures.sink_positions(memory))
    colours = list(chart.data[0].marker.color)
    assert [colour != colours[-1] for colour in colours] == frame["rank"].isna().tolist()


def test_keys_that_are_taken_out_have_a_gap() -> None:
    frame = tables.received_table(MEMORY, WORDS, without=(0, 5))
    assert np.isnan(frame.received[[0, 3]]).all()
    assert frame["rank"].max() == 4


@pytest.mark.parametrize(("layer", "head"), [(None, None), (0, 2)])
def test_bars_and_list_hold_the_numbers(layer: int | None, head: int | None) -> None:
    drawing = sheet(layer=layer, head=head, title="Recall")
    expected, theme = received(layer, head), THEMES["light"]
    boxes = [box for box in drawing.findall(".//{*}rect") if "rx" not in box.attrib and box.get("fill") != "#ffffff"]
    bars = [box for box in boxes if float(box.get("width", "0")) < 200]
    assert len(bars) == len(WORDS)
    heights = np.array([float(box.attrib["height"]) for box in bars])
    top = max(expected[1:6])  # of the words that are ranked: a higher bar of a sink is cut off
    np.testing.assert_allclose(heights / heights.max(), np.minimum(expected / top, 1), atol=0.01)
    greys = [box.get("fill") == hexadecimal(theme.muted) for box in bars]
    assert greys == [True, *[False] * 5, True]
    texts = [text.text for text in drawing.findall(".//{*}text")]
    assert ("is cut off" in " ".join(map(str, texts))) == (max(expected) > top)
    order = [place for place in np.argsort(-expected) if place not in (0, 6)]
    start = texts.index("1.")
    for rank, place in enumerate(order):
        listed = texts[start + 4 * rank : start + 4 * rank + 4]
        assert listed == [f"{rank + 1}.", WORDS[place].text, str(place), figures.percent(expected[place], digits=1)]
    assert texts.count("Recall") == 1
    assert drawing.find("{*}title").text == "Recall"


def test_the_curve_is_attention_by_distance() -> None:
    drawing = sheet(layer=1, head=0)
    curve = [path for path in drawing.findall(".//{*}path") if path.get("stroke-width") == "3"][-1]
    points = [tuple(map(float, point.split())) for point in curve.attrib["d"].replace("M", "L").split("L")[1:]]
    ratios = measures.distance(MEMORY)[1, 0, 1:]
    down = np.array([y for _, y in points])
    logs = np.log10(ratios[: len(down)])
    slope = (down[1] - down[0]) / (logs[1] - logs[0])
    np.testing.assert_allclose(down - down[0], slope * (logs - logs[0]), atol=0.1)
    assert slope < 0, "more is higher"


@pytest.mark.parametrize("size", [1, 2, 300])
def test_short_and_long_texts_are_drawn(size: int) -> None:
    memory, _ = memory_of(tokens([f"w{n}" for n in range(size)]), layers=1, heads=1)
    words = words_of(tokens([f"w{n}" for n in range(size)]))
    links = measures.links(memory, words, words)
    png = figures.recall_png(memory, words, links, word=None, provenance={"model": "tiny"})
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.info["model"] == "tiny"
        assert picture.size[0] == 2 * recall_sheet.WIDTH
