"""A head as lines between two columns, as a sheet: every line is a weight of the memory, every word stands there."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from memviz import figures
from memviz.errors import MeasureError
from memviz.figures.style.colours import HEADS, THEMES, hexadecimal
from tests.memories import memory_of, tokens, words_of

TEXT = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat", "sat", "[SEP]"], special=(0, 7))
MEMORY, TRUTH = memory_of(TEXT, heads=3)
WORDS = words_of(TEXT)


def sheet(heads=((1, 2),), **options) -> ElementTree.Element:
    return ElementTree.fromstring(figures.lines_svg(MEMORY, heads, provenance={"model": "tiny"}, **options))


def lines(drawing: ElementTree.Element) -> list[ElementTree.Element]:
    return [path for path in drawing.iter("{http://www.w3.org/2000/svg}path") if path.get("data-weight")]


def weights(drawing: ElementTree.Element, *, head: int = 0, shape: tuple[int, int]) -> np.ndarray:
    """What the lines of a head say: [query, key]."""
    back = np.zeros(shape)
    for line in lines(drawing):
        if int(line.attrib["data-head"]) == head:
            back[int(line.attrib["data-query"]), int(line.attrib["data-key"])] = float(line.attrib["data-weight"])
    return back


def column(drawing: ElementTree.Element, name: str) -> list[tuple[str, float]]:
    """The words of a side, and where each stands across."""
    texts = drawing.findall(f".//{{*}}g[@class='{name}']/{{*}}text")
    return [(text.text, float(text.attrib["x"])) for text in texts]


def test_every_line_is_a_weight_between_tokens_and_between_words() -> None:
    np.testing.assert_allclose(weights(sheet(), shape=(8, 8)), TRUTH[1, 2], atol=1e-6)
    merged = sheet(query_words=WORDS, key_words=WORDS)
    rows = np.stack([TRUTH[1, 2][list(word.tokens)].mean(axis=0) for word in WORDS])
    expected = np.stack([rows[:, list(word.tokens)].sum(axis=1) for word in WORDS], axis=1)
    np.testing.assert_allclose(weights(merged, shape=(6, 6)), expected, atol=1e-6)
    for line in lines(merged):
        assert float(line.attrib["stroke-width"]) == pytest.approx(10 * float(line.attrib["data-weight"]), rel=1e-3)


def test_queries_stand_on_the_left_keys_on_the_right_and_both_columns_are_named() -> None:
    drawing = sheet(query_words=WORDS, key_words=WORDS)
    queries, keys = column(drawing, "queries"), column(drawing, "keys")
    names = [word.text for word in WORDS]
    assert [text for text, _ in queries] == [text for text, _ in keys] == names
    assert max(x for _, x in queries) < min(x for _, x in keys)
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"query (looks)", "key (is looked at)", "L1.H2"} <= set(texts)


def test_several_heads_have_their_lines_and_their_colours() -> None:
    heads = ((1, 2), (0, 0), (0, 1))
    drawing = sheet(heads)
    for place, (layer, head) in enumerate(heads):
        np.testing.assert_allclose(weights(drawing, head=place, shape=(8, 8)), TRUTH[layer, head], atol=1e-6)
        texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert f"L{layer}.H{head}" in texts, "the legend names it"
        assert HEADS[place][0] in {box.get("fill") for box in drawing.iter("{http://www.w3.org/2000/svg}rect")}
    with pytest.raises(MeasureError, match="5 heads cannot be told apart"):
        sheet([(0, 0)] * 5)


def darkness(line: ElementTree.Element) -> float:
    """How far a line is from the paper."""
    code = line.attrib["stroke"]
    return float(np.abs(np.array([int(code[place : place + 2], 16) for place in (1, 3, 5)]) - 255.0).sum())


def test_lines_of_other_words_than_the_marked_one_are_faint() -> None:
    whole = {(line.get("data-query"), line.get("data-key")): darkness(line) for line in lines(sheet())}
    for mark, side, place in ((((3,), (3,)), "data-query", "3"), (((), (5,)), "data-key", "5")):
        drawing = sheet(mark=mark)
        for line in lines(drawing):
            before = whole[line.get("data-query"), line.get("data-key")]
            assert (darkness(line) == before) == (line.get(side) == place)
        bold = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text") if text.get("font-weight")}
        assert TEXT[int(place)].text in bold


def test_special_tokens_are_grey_and_windows_and_thresholds_leave_out_what_they_say() -> None:
    theme = THEMES["light"]
    texts = {text.text: text.get("fill") for text in sheet().findall(".//{*}g[@class='keys']/{*}text")}
    assert [word for word, fill in texts.items() if fill == hexadecimal(theme.muted)] == ["[CLS]", "[SEP]"]
    part = sheet(window=(slice(2, 6), slice(1, 7)))
    expected = np.zeros((8, 8))
    expected[2:6, 1:7] = TRUTH[1, 2, 2:6, 1:7]
    np.testing.assert_allclose(weights(part, shape=(8, 8)), expected, atol=1e-6)
    strongest = weights(sheet(cumulative=0.5), shape=(8, 8))
    for row, exact in zip(strongest, TRUTH[1, 2], strict=True):
        assert exact.max() in row.astype(np.float32) or np.isclose(row.max(), exact.max())
        assert np.count_nonzero(row) < np.count_nonzero(exact)


def test_the_heatmap_of_the_first_head_stands_beside_the_lines() -> None:
    alone, both = sheet(), sheet(heatmap=True)
    assert len(lines(both)) == len(lines(alone)) > 0
    assert both.findall("{*}image"), "the cells"
    heatmap = ElementTree.fromstring(figures.pattern_svg(MEMORY, 1, 2, provenance={"model": "tiny"}))
    assert float(both.get("width")) == float(heatmap.get("width")) + float(alone.get("width"))
    png = figures.lines_png(MEMORY, [(1, 2)], provenance={"model": "tiny"}, heatmap=True)
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.info["model"] == "tiny"
        assert picture.size == (2 * int(both.get("width")), 2 * int(both.get("height")))
