"""Two sentences joined by lines, as SVG: every weight read back, where everything stands, text that stays text."""

from __future__ import annotations

import json
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from memviz import figures, measures
from memviz.errors import MeasureError, TraceError
from memviz.figures.sheets import crossing
from memviz.figures.style.colours import THEMES, hexadecimal
from tests.figures.drawn_crossings import SVG, Drawn, sides_of, weights_of
from tests.memories import NASTY, memory_of, tokens, words_of

ENGLISH = "The black cat drinks cold milk . </s>".split()
PORTUGUESE = "O gato preto bebe leite frio . </s>".split()
ARABIC = "القطة السوداء تشرب الحليب البارد .".split()
PROVENANCE = {"model": "tiny 模型", "layer": "1", "head": "0", "evil": "</metadata><script>1</script> \u2028 &amp;"}
PARTS = {"svg", "title", "desc", "metadata", "rect", "g", "path", "text"}


def drawn(sources: list[str], targets: list[str], weights: np.ndarray, **options) -> Drawn:
    """The picture of these words, their last ones special where they are </s>."""
    return Drawn(figures.cross_svg(*sides_of(sources, targets), weights, **options))


@pytest.mark.parametrize(("sources", "targets"), [(1, 1), (1, 3), (8, 7), (30, 25), (60, 60)])
def test_every_weight_can_be_read_back_with_every_digit(sources: int, targets: int) -> None:
    weights = weights_of(targets, sources)
    picture = drawn([f"w{n}" for n in range(sources)], [f"v{n}" for n in range(targets)], weights)
    np.testing.assert_array_equal(picture.weights(targets, sources), weights)


def test_the_numbers_are_those_of_the_measure() -> None:
    queries, keys = tokens(["O", "ga", "##to", "[EOS]"], special=(3,)), tokens(["The", "bl", "##ack", "cat"])
    memory, truth = memory_of(queries, keys)
    sides = words_of(queries), words_of(keys)
    weights = measures.word_weights(memory, sides, layer=1, head=2)
    picture = Drawn(figures.cross_svg(sides[1], sides[0], weights))
    np.testing.assert_array_equal(picture.weights(3, 3), weights)
    exact = truth[1, 2][[1, 2]][:, [1, 2]].sum(axis=1).mean()
    assert picture.weights(3, 3)[1, 1] == pytest.approx(exact, abs=1e-6)


def test_a_line_is_as_wide_as_its_weight_and_as_full_as_in_the_heatmaps() -> None:
    weights = weights_of(8, 8)
    theme = THEMES["light"]
    for line in drawn(ENGLISH, PORTUGUESE, weights).lines:
        assert line.width == pytest.approx(10 * line.weight, rel=1e-3)
        full = theme.muted if line.target == 7 else theme.blue
        mixed = np.array(theme.paper) + (np.array(full) - np.array(theme.paper)) * np.sqrt(line.weight)
        np.testing.assert_allclose(line.colour, mixed, atol=0.51)
    assert figures.cross_svg(*sides_of(ENGLISH, PORTUGUESE), weights, theme="dark").count(hexadecimal((15, 19, 24))) > 1


def test_lines_of_nothing_are_not_drawn() -> None:
    weights = weights_of(8, 8)
    weights[2], weights[4, 1] = np.nan, 0
    picture = drawn(ENGLISH, PORTUGUESE, weights)
    assert {line.target for line in picture.lines} == set(range(8)) - {2}
    assert (4, 1) not in {(line.target, line.source) for line in picture.lines}
    assert [text for text, _ in picture.targets] == PORTUGUESE
    assert not drawn(ENGLISH, PORTUGUESE, np.full((8, 8), np.nan)).lines
    assert not drawn(ENGLISH, [], np.zeros((0, 8))).lines


def test_at_its_word_a_line_stands_beside_the_others() -> None:
    picture = drawn(ENGLISH, PORTUGUESE, weights_of(8, 8))
    for side, words, end in (("target", picture.targets, -1), ("source", picture.sources, 0)):
        for place, (_, (middle, _)) in enumerate(words):
            lines = [line for line in picture.lines if getattr(line, side) == place]
            lines.sort(key=lambda line: line.points[end][0])
            at = np.array([line.points[end][0] for line in lines])
            half = np.array([line.width / 2 for line in lines])
            np.testing.assert_allclose((at + half)[:-1], (at - half)[1:], atol=0.02, err_msg="side by side")
            assert (at[0] - half[0] + at[-1] + half[-1]) / 2 == pytest.approx(middle, abs=0.02)


def test_a_crowded_word_keeps_its_lines_to_itself() -> None:
    weights = np.zeros((40, 3), dtype=np.float32)
    weights[:, 2] = 1
    picture = drawn(["a", "b", "[]"], ["written"] * 40, weights)
    ends = [line.points[0][1] for line in picture.lines]
    pitch = picture.sources[2][1][1] - picture.sources[1][1][1]
    assert len(set(ends)) == 40
    assert max(ends) - min(ends) < pitch


def test_of_too_many_lines_the_strongest_are_drawn_as_if_there_were_no_others(monkeypatch) -> None:
    monkeypatch.setattr(crossing, "MOST_LINKS", 20)
    whole = weights_of(8, 8)
    picture = drawn(ENGLISH, PORTUGUESE, whole)
    assert any("only the 20 strongest of 64 links" in text for text in picture.texts)
    left = picture.weights(8, 8)
    assert np.sort(left[left > 0]).tolist() == np.sort(whole.ravel())[-20:].tolist()
    alone = drawn(ENGLISH, PORTUGUESE, left)
    for line, same in zip(picture.lines, alone.lines, strict=True):
        np.testing.assert_allclose(line.points - picture.at, same.points - alone.at, atol=0.02)


def test_short_sentences_stand_in_rows_the_source_above() -> None:
    picture = drawn(ENGLISH, PORTUGUESE, weights_of(8, 8))
    assert [text for text, _ in picture.sources] == ENGLISH
    across = [[at[0] for _, at in words] for words in (picture.sources, picture.targets)]
    assert all(row == sorted(row) for row in across)
    assert max(at[1] for _, at in picture.sources) + 100 < min(at[1] for _, at in picture.targets)
    assert across[0][0] < across[1][0] + 40
    assert {line.points[0][1] for line in picture.lines} != {line.points[-1][1] for line in picture.lines}


def test_long_sentences_stand_in_columns_the_source_left() -> None:
    picture = drawn([f"Donaudampfschiff{n}" for n in range(30)], ["v"] * 20, weights_of(20, 30))
    assert len({at[0] for _, at in picture.sources}) == len({at[0] for _, at in picture.targets}) == 1
    assert picture.sources[0][1][0] + 250 < picture.targets[0][1][0]
    assert [at[1] for _, at in picture.sources] == sorted(at[1] for _, at in picture.sources)
    assert {element.get("text-anchor") for element in picture.words("sources")} == {"end"}


@pytest.mark.parametrize("count", [6, 40])
def test_what_runs_from_right_to_left_does_so(count: int) -> None:
    targets = [*ARABIC, "C++", "("] * (count // 6)
    picture = drawn(ENGLISH[:6], targets, weights_of(len(targets), 6), right_to_left=(False, True))
    words = dict(zip(targets, picture.words("targets"), strict=False))
    assert words["القطة"].get("direction") == words["("].get("direction") == words["."].get("direction") == "rtl"
    assert words["القطة"].get("unicode-bidi") == "isolate"
    assert words["C++"].get("direction") is None
    if count == 6:
        assert [at[0] for _, at in picture.targets] == sorted((at[0] for _, at in picture.targets), reverse=True)
        assert [at[0] for _, at in picture.sources] == sorted(at[0] for _, at in picture.sources)
    else:  # in a column the words stand against the lines: the end of a line of Arabic is on the left
        assert (words["القطة"].get("text-anchor"), words["C++"].get("text-anchor")) == ("end", "start")


def test_keep_leaves_the_strongest_of_each_row_and_says_so() -> None:
    weights = weights_of(8, 8)
    picture = drawn(ENGLISH, PORTUGUESE, weights, keep=0.7)
    left = picture.weights(8, 8)
    assert (left.sum(axis=1) >= 0.7 * weights.sum(axis=1) - 1e-6).all()
    for row, whole in zip(left, weights, strict=True):
        assert row[row > 0].sum() - row[row > 0].min() < 0.7 * whole.sum(), "one fewer would not do"
        assert row[row > 0].min() >= whole[row == 0].max()
    assert any("only the strongest links of each target word, up to 70\u00a0% of it" in text for text in picture.texts)


def test_text_is_text_wherever_it_stands() -> None:
    odd = [*NASTY, "a\x00b\ufffe", "]]>", "<!--"]
    picture = drawn(odd, odd[::-1], weights_of(len(odd), len(odd)), title=NASTY[0], provenance=PROVENANCE)
    assert {element.tag.removeprefix(SVG) for element in picture.root.iter()} == PARTS
    assert not [name for element in picture.root.iter() for name in element.attrib if name.startswith("on")]
    assert not [name for element in picture.root.iter() for name in element.attrib if "href" in name]
    shown = [text.replace("\x00", "\ufffd").replace("\ufffe", "\ufffd") for text in odd]
    assert [text for text, _ in picture.sources] == shown
    assert NASTY[0] in picture.texts
    assert picture.root.find(f"{SVG}title").text == NASTY[0]


def test_the_provenance_is_inside_and_below() -> None:
    picture = drawn(ENGLISH, PORTUGUESE, weights_of(8, 8), provenance=PROVENANCE)
    assert json.loads(picture.root.find(f"{SVG}metadata").text) == PROVENANCE
    assert "L1.H0 · tiny 模型" in picture.texts
    assert json.loads(drawn(["a"], ["b"], np.ones((1, 1))).root.find(f"{SVG}metadata").text) == {}


def test_the_picture_in_words_names_the_source_of_every_word() -> None:
    weights = weights_of(8, 8)
    weights[7] = np.nan
    picture = drawn(ENGLISH, PORTUGUESE, weights)
    said = picture.root.find(f"{SVG}desc").text
    for target, row in zip(PORTUGUESE[:7], weights, strict=False):
        assert f"“{target}” ← “{ENGLISH[int(row.argmax())]}” ({figures.percent(float(row.max()))})" in said
    assert "“</s>” ←" not in said
    line = picture.root.find(f".//{SVG}path[@data-source='2'][@data-target='1']")
    assert line.find(f"{SVG}title").text == f"“gato” was read from “cat” ({figures.percent(float(weights[1, 2]))})"
    assert picture.root.find(f"{SVG}title").text == "Which source word was each target word read from?"


@pytest.mark.parametrize(
    ("weights", "options", "error", "said"),
    [
        (np.zeros((8, 7)), {}, TraceError, "The weights are 8 × 7, but there are 8 target and 8 source words"),
        (np.full((8, 8), 2.5), {}, MeasureError, "these reach from 0 to 2.5|these reach from 2.5 to 2.5"),
        (np.full((8, 8), -0.5), {}, MeasureError, "0 to 1"),
        (np.zeros((8, 8)), {"keep": 0.0}, MeasureError, "cumulative share of 0.0"),
    ],
)
def test_what_cannot_be_drawn_is_said(weights, options, error, said) -> None:
    for draw in (figures.cross_svg, figures.cross_png):
        with pytest.raises(error, match=said):
            draw(*sides_of(ENGLISH, PORTUGUESE), weights, **options)


def test_tokens_serve_as_words_and_every_phrase_is_translated() -> None:
    heard: set[str] = set()
    made = tokens(["a", "##b", "c"])
    svg = figures.cross_svg(
        made, made, weights_of(3, 3), keep=0.9, translate=lambda said: heard.add(said) or "x" + said
    )
    assert [text for text, _ in Drawn(svg).sources] == ["a", "b", "c"]
    assert heard <= set(figures.PHRASES)
    assert "xsource words" in Drawn(svg).texts


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_draws_the_same_as_the_png(browser, theme: str) -> None:
    """Colours of the field between the words, on a grid of points, in Chromium and in the PNG."""
    options = {"theme": theme, "title": "猫 <b>", "provenance": PROVENANCE}
    sides, weights = sides_of(ENGLISH, PORTUGUESE), weights_of(8, 8)
    picture = Drawn(figures.cross_svg(*sides, weights, **options))
    page = browser.new_page(device_scale_factor=2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(f"<body style='margin:0'>{figures.cross_svg(*sides, weights, **options)}")
    shown = picture.pixels(page.locator("svg").screenshot())
    boxes = page.locator(".sources text").evaluate_all("all => all.map(e => e.getBoundingClientRect().toJSON())")
    page.close()
    drawn = picture.pixels(figures.cross_png(*sides, weights, **options))
    assert asked == []
    top, bottom = (int(2 * picture.lines[0].points[end][1]) for end in (0, -1))
    difference = np.abs(shown[top:bottom].astype(int) - drawn[top:bottom])
    assert (difference.max(axis=2) > 100).mean() < 0.001, "but for the edges, every pixel has the same colour"
    for left, right in pairwise(boxes):
        assert left["right"] < right["left"], "words do not touch"


def test_the_svg_is_one_element_and_reads_as_a_picture() -> None:
    root = ElementTree.fromstring(figures.cross_svg(*sides_of(ENGLISH, PORTUGUESE), weights_of(8, 8)))
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert 460 <= width < 900
    assert 300 < height < 600
    for generic in ("sans-serif", "CJK", "Arabic"):
        assert generic in root.get("font-family")


@pytest.mark.models
def test_the_picture_alone_says_which_word_wrote_gato() -> None:
    import memviz

    trace = memviz.translate("The black cat drinks cold milk.", model="firefox-en-pt")
    targets, sources = trace.sides("cross")
    weights = measures.word_weights(trace.memory("cross"), (targets, sources), layer=1, head=0)
    picture = Drawn(figures.cross_svg(sources, targets, weights))
    widest = {line.target: line for line in sorted(picture.lines, key=lambda line: line.width)}
    read = {picture.targets[place][0]: picture.sources[line.source][0] for place, line in widest.items()}
    assert {read["gato"], read["preto"], read["leite"], read["frio"]} == {"cat", "black", "milk", "cold"}
    assert (read["gato"], read["leite"]) == ("cat", "milk")


@pytest.mark.parametrize("keep", [1.0, 0.5])
def test_nothing_to_join_is_a_picture_too(keep: float) -> None:
    for sources, targets in ((0, 0), (0, 3), (3, 0)):
        picture = drawn(["a"] * sources, ["b"] * targets, np.zeros((targets, sources)), keep=keep)
        assert (len(picture.sources), len(picture.targets), picture.lines) == (sources, targets, [])
        assert picture.root.find(f"{SVG}desc").text.endswith("read most from: nothing.")
