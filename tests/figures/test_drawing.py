"""One drawing, two files: what every SVG holds, and that the PNG is made of it, in any script."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures
from memviz.figures.sheets import raster
from memviz.figures.sheets.drawing import Drawing
from memviz.figures.sheets.lettering import SCALE, measure
from memviz.figures.style.colours import THEMES
from tests.figures.drawn_crossings import SVG, sides_of, weights_of
from tests.memories import NASTY, memory_of, tokens, words_of

ODD = [*NASTY, "a\x00b\ufffe", "]]>", "<!--", "<script>1</script>"]
PROVENANCE = {"model": "tiny 模型", "evil": "</metadata><script>1</script> \u2028 &amp;"}
PARTS = {"svg", "title", "desc", "metadata", "rect", "g", "path", "text", "image"}


def sheets(texts: list[str], **options) -> dict[str, tuple[Callable[[], str], Callable[[], bytes]]]:
    """Every sheet of these words: how its SVG is made, and its PNG."""
    made = tokens(texts)
    memory, words = memory_of(made)[0], words_of(made)
    links = measures.links(memory, words, words)
    weights = weights_of(len(words), len(words))
    pairs = {
        "pattern": (figures.pattern_svg, figures.pattern_png, (memory, 0, 1), {}),
        "grid": (figures.grid_svg, figures.grid_png, (memory,), {}),
        "words": (figures.words_svg, figures.words_png, (words, *links), {"word": 1}),
        "cross": (figures.cross_svg, figures.cross_png, (words, words, weights), {}),
    }
    return {
        name: tuple((lambda draw=draw, args=args, more=more: draw(*args, **more, **options)) for draw in both)
        for name, (*both, args, more) in pairs.items()
    }


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", ["pattern", "grid", "words", "cross"])
def test_text_is_text_in_every_svg_and_nothing_is_loaded(name: str) -> None:
    root = ElementTree.fromstring(sheets(ODD, provenance=PROVENANCE)[name][0]())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= PARTS
    attributes = [(key, value) for element in root.iter() for key, value in element.attrib.items()]
    assert not [key for key, _ in attributes if key.startswith("on")]
    assert all(value.startswith("data:image/png;base64,") for key, value in attributes if "href" in key)
    assert not [value for _, value in attributes if "url(" in value or "http" in value]
    if name != "grid":
        written = [element.text for element in root.iter(f"{SVG}text")]
        assert {"<b>bold</b>", "&amp;", "a\ufffdb\ufffd"} <= set(written)
    assert json.loads(root.find(f"{SVG}metadata").text) == PROVENANCE
    assert root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text) > 20


def test_the_pictures_in_words_name_what_is_strongest() -> None:
    made = tokens(["the", "cat", "sat"])
    memory, truth = memory_of(made)
    words = words_of(made)
    links = measures.links(memory, words, words)
    row, col = np.unravel_index(truth[0, 1].argmax(), (3, 3))
    strongest = f"“{words[row].text}” attends to “{words[col].text}” ({figures.percent(truth[0, 1].max())})"
    root = ElementTree.fromstring(figures.pattern_svg(memory, 0, 1, provenance={}))
    assert strongest in root.find(f"{SVG}desc").text
    said = ElementTree.fromstring(figures.words_svg(words, *links, word=1, provenance={})).find(f"{SVG}desc").text
    best = words[links[0].index[1, 0]].text
    assert f"“cat” attends to: “{best}” {figures.percent(float(links[0].weight[1, 0]))}" in said
    assert "“cat” is attended to by: " in said


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["pattern", "grid", "words", "cross"])
def test_the_png_is_as_large_as_the_svg_and_on_its_paper(name: str, theme: str) -> None:
    svg, png = sheets(["the", "cat", "sat"], provenance={}, theme=theme)[name]
    root, image = ElementTree.fromstring(svg()), pixels(png())
    assert image.shape[:2] == (int(root.get("height")) * SCALE, int(root.get("width")) * SCALE)
    assert tuple(image[0, 0]) == tuple(image[-1, -1]) == THEMES[theme].paper


def test_both_files_take_the_same_options() -> None:
    for name in ("pattern", "grid", "words", "cross"):
        svg, png = (inspect.signature(getattr(figures, f"{name}_{kind}")) for kind in ("svg", "png"))
        assert svg.parameters == png.parameters
        assert len(svg.parameters) >= 6
        assert (svg.return_annotation, png.return_annotation) == ("str", "bytes")


def drawing() -> Drawing:
    return Drawing((600, 60), title="", alt_text="", provenance={}, theme="light", translate=str)


def ink(text: str, **style) -> np.ndarray:
    """Where does this text have ink? bool [row, column], of a sheet with the text at (300, 40)."""
    sheet = drawing()
    sheet.text((300, 40), text, size=30, **style)
    return (pixels(sheet.png())[: 60 * SCALE] != 255).any(axis=2)


@pytest.mark.parametrize("text", ["The quick fox", "猫坐在垫子上", "القطة تشرب", "हिन्दी", "a\ue123b", "😀x😀"])
@pytest.mark.parametrize("anchor", ["left", "middle", "right"])
def test_a_line_has_the_length_that_the_layout_reckons_with(text: str, anchor: str) -> None:
    columns = np.flatnonzero(ink(text, anchor=anchor).any(axis=0)) / SCALE
    length = measure(text, size=30)
    left = 300 - {"left": 0, "middle": 0.5, "right": 1}[anchor] * length
    assert columns[0] == pytest.approx(left, abs=5)
    assert columns[-1] == pytest.approx(left + length, abs=5)


def test_a_bracket_is_mirrored_where_the_row_runs_from_right_to_left() -> None:
    closing = ink(")", anchor="middle")
    turned = ink("(", anchor="middle", right_to_left=True)
    assert (closing == turned).mean() > 0.999
    assert (closing == ink("(", anchor="middle")).mean() < 0.999
    for anchor in ("left", "right"):
        assert (ink(")", anchor=anchor) == ink("(", anchor=anchor, right_to_left=True)).mean() > 0.998, anchor


def test_emoji_are_in_colour() -> None:
    sheet = drawing()
    sheet.text((150, 40), "😀", size=30, anchor="middle")
    shown = pixels(sheet.png())
    assert (np.ptp(shown, axis=2) > 80).sum() > 500


def test_lines_that_are_left_out_have_no_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_of(24, 24)
    sides = sides_of([f"w{n}" for n in range(24)], [f"v{n}" for n in range(24)])
    quick = figures.cross_png(*sides, weights)
    assert (weights < 0.002).sum() > 50
    monkeypatch.setattr(raster, "FAINTEST", 0.0)
    np.testing.assert_allclose(pixels(quick), pixels(figures.cross_png(*sides, weights)), atol=1)
    monkeypatch.setattr(raster, "FAINTEST", 0.2)
    assert np.abs(pixels(quick) - pixels(figures.cross_png(*sides, weights))).max() > 10


def test_the_drawing_is_as_it_was_after_its_png_was_made() -> None:
    sheet = drawing()
    sheet.text((10, 40), "猫 \ue123")
    before = sheet.svg()
    first, again = sheet.png(), sheet.png()
    assert sheet.svg() == before
    assert first == again
