"""Two sentences joined by lines, as PNG: the same picture as the SVG, pixel for pixel where it matters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from memviz import figures
from memviz.figures.sheets.lettering import SCALE
from tests.figures.drawn_crossings import Drawn, sides_of, weights_of
from tests.memories import NASTY

ENGLISH = "The black cat drinks cold milk . </s>".split()
PORTUGUESE = "O gato preto bebe leite frio . </s>".split()
PROVENANCE = {"model": "tiny 模型", "note": "x" * 300}


def drawn(sources: list[str], targets: list[str], weights: np.ndarray, **options) -> tuple[Drawn, np.ndarray]:
    """(where everything stands, the pixels of the PNG)."""
    sides = sides_of(sources, targets)
    picture = Drawn(figures.cross_svg(*sides, weights, **options))
    return picture, picture.pixels(figures.cross_png(*sides, weights, **options)).astype(int)


def at(shown: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The colour at a point of the page."""
    across, down = (point * SCALE).astype(int)
    return shown[down, across]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("count", [8, 40])
def test_every_line_that_can_be_seen_has_its_colour(theme: str, count: int) -> None:
    words = [f"{word}{n}" for n, word in zip(range(count), ENGLISH * 5, strict=False)]
    picture, shown = drawn(words, words[::-1], weights_of(count, count), theme=theme)
    wide = [line for line in picture.lines if line.width >= 1.5]
    assert len(wide) > count / 2
    for line in wide:
        colours = np.array([at(shown, line.along(share)) for share in np.linspace(0.02, 0.98, 60)])
        assert (np.abs(colours - line.colour).max(axis=1) <= 2).any(), (line.source, line.target)


def test_where_lines_cross_the_stronger_one_is_above() -> None:
    weights = np.array([[0.4, 0.6], [0.9, 0.1]], dtype=np.float32)
    picture, shown = drawn(["black", "cat"], ["gato", "preto"], weights)
    by_weight = {line.weight: line for line in picture.lines}
    strong, weak = by_weight[float(np.float32(0.9))], by_weight[float(np.float32(0.6))]
    share = np.linspace(0, 1, 400)
    apart = np.abs([strong.along(one) - weak.along(one) for one in share]).sum(axis=1)
    crossing = strong.along(share[apart.argmin()])
    assert apart.min() < 2
    np.testing.assert_allclose(at(shown, crossing), strong.colour, atol=2)
    curve = np.array([strong.along(one) for one in share])
    below = np.array([weak.along(one) for one in share])
    away = np.linalg.norm(below[:, None] - curve, axis=2).min(axis=1) - strong.width / 2
    margin = below[(away > 0.5) & (away < 1.0)]
    assert len(margin)
    assert (np.array([at(shown, point) for point in margin]) > 250).all(), "a margin of paper keeps them apart"
    for line in (strong, weak):
        np.testing.assert_allclose(at(shown, line.along(0.03)), line.colour, atol=2)


@pytest.mark.parametrize("weight", [1.0, 0.6, 0.3, 0.1, 0.02])
def test_the_ink_of_a_line_is_its_weight(weight: float) -> None:
    """However thin: the colour summed across the line is its width times its colour."""
    picture, shown = drawn(["cat"], ["gato"], np.array([[weight]], dtype=np.float32))
    [line] = picture.lines
    row = shown[int(line.along(0.5)[1] * SCALE)]
    ink = (255 - row[:, 0]).sum() / (255 - line.colour[0])
    assert ink / SCALE == pytest.approx(10 * weight, rel=0.06)


def test_a_row_of_nan_leaves_no_ink() -> None:
    picture, shown = drawn(["a", "b"], ["c", "d"], np.full((2, 2), np.nan))
    ends = drawn(["a", "b"], ["c", "d"], np.eye(2))[0].lines[0].points
    field = shown[int(ends[0][1] * SCALE) : int(ends[-1][1] * SCALE)]
    assert (field == 255).all()
    assert not picture.lines


LISTS = {"rows": ENGLISH, "columns": ENGLISH * 6, "nasty": list(NASTY), "Arabic": ["القطة", "تشرب"]}


@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS)
def test_every_word_is_written_at_its_place(words: list[str]) -> None:
    picture, shown = drawn(words, words, weights_of(len(words), len(words)), right_to_left=(words[0] > "z",) * 2)
    for name, spots in (("sources", picture.sources), ("targets", picture.targets)):
        for element, (text, (x, base)) in zip(picture.words(name), spots, strict=True):
            leftwards = {"start": 0, "middle": 5, "end": 10}[element.get("text-anchor")]
            if element.get("direction") == "rtl":
                leftwards = 10 - leftwards
            left, right = int((x - leftwards) * SCALE), int((x - leftwards + 10) * SCALE)
            box = shown[int((base - 12) * SCALE) : int((base + 6) * SCALE), left:right]
            assert (box != 255).any(), text


def test_a_side_that_is_missing_a_word_is_another_picture() -> None:
    weights = weights_of(3, 3)
    whole, other = (drawn(["a", word, "c"], ["x", "y", "z"], weights)[1] for word in ("b", "B"))
    assert whole.shape[0] == other.shape[0]
    assert whole.shape != other.shape or (whole != other).any()


def test_the_provenance_is_inside() -> None:
    image = Image.open(io.BytesIO(figures.cross_png(*sides_of(["a"], ["b"]), np.ones((1, 1)), provenance=PROVENANCE)))
    assert image.text == PROVENANCE
    assert image.size == (920, pytest.approx(900, abs=200))


def test_what_no_font_has_is_named() -> None:
    heard: list[str] = []
    for draw in (figures.cross_png, figures.cross_svg):
        draw(*sides_of(["\ue123"], ["b"]), np.ones((1, 1)), translate=lambda text: heard.append(text) or text)
    assert sum(text.startswith("Drawn as boxes") for text in heard) == 1, "a browser has its own fonts"
