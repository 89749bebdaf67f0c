"""Scores and weights, the logit lens, surprisal, and lines by layer: what is drawn is what was given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from memviz import figures
from memviz.figures.charts.lens_map import layer_names

LABELS = ["the", "cat", "sat", "<b>"]


def test_scores_stand_above_the_weights_that_softmax_makes_of_them() -> None:
    scores = np.array([1.0, 3.0, -2.0, -np.inf])
    weights = np.exp(scores) / np.exp(scores).sum()
    figure = figures.softmax_bars(LABELS, scores, weights)
    above, below = figure.data
    np.testing.assert_array_equal(above.y, [1, 3, -2, np.nan])
    np.testing.assert_allclose(below.y, weights)
    assert (above.yaxis, below.yaxis) == ("y", "y2")
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]
    assert figure.layout.xaxis2.labelalias["3"] == "&lt;b&gt;", "names are text"
    assert "“cat”: 88" in figures.alt(figure)
    assert "4 keys" in figures.alt(figure)
    said = [figures.softmax_bars(LABELS, scores, weights, visible=count).layout.meta["caption"] for count in (4, 40)]
    assert said == ["", "the 4 keys with most weight, of 40 that may be seen, in reading order"]


LENS = SimpleNamespace(
    ranks=np.array([[400, 30, 90], [12, 7, 3], [1, 2, 1]]),
    probabilities=np.array([[0.0, 0.01, 0.02], [0.1, 0.1, 0.2], [0.5, 0.3, 0.9]]),
    choices=(("a", "b", "c"), ("d", "<i>", "f"), ("g", "h", "i")),
    confidences=np.full((3, 3), 0.25),
    answer=" Paris",
)


@pytest.mark.parametrize("value", ["rank", "probability"])
def test_a_lens_has_a_cell_for_every_layer_and_position(value: str) -> None:
    figure = figures.lens_map(LENS, LABELS[:3], value=value, mark=2)
    (field,) = figure.data
    expected = -np.log10(LENS.ranks) if value == "rank" else LENS.probabilities
    np.testing.assert_allclose(field.z, expected, rtol=1e-6)
    assert (field.zmin, field.zmax) == ((-3, 0) if value == "rank" else (0, 1))
    assert list(figure.layout.yaxis.labelalias.values()) == ["before", "L0", "L1"] == layer_names(3)
    assert figure.layout.xaxis.labelalias["2"] == "<b>sat</b>"
    assert "&lt;i&gt;" in field.customdata[1][1]
    assert "rank <b>7</b>" in field.customdata[1][1]
    assert "90 before the first layer and 1 after the last" in figures.alt(figure)
    if value == "rank":
        assert list(field.colorbar.ticktext) == ["1", "10", "100", "1,000"]


def test_texts_are_drawn_on_one_scale_with_their_means() -> None:
    first, second = np.array([np.nan, 1.0, 3.0]), np.array([np.nan, 6.0])
    figure = figures.surprisal_bars({"known": (LABELS[:3], first), "invented": (LABELS[:2], second)})
    np.testing.assert_array_equal(figure.data[0].y, first)
    np.testing.assert_array_equal(figure.data[1].y, second)
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range == (0, 6 * 1.08)
    assert [shape.y0 for shape in figure.layout.shapes] == [2.0, 6.0]
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]
    assert "known: 2.00, invented: 6.00" in figures.alt(figure)


@pytest.mark.parametrize("count", [5, 50, 1125])
def test_the_layers_of_a_long_text_can_be_told_apart(count: int) -> None:
    lens = SimpleNamespace(
        ranks=np.ones((31, count), dtype=np.int64),
        probabilities=np.ones((31, count)),
        choices=(("a",) * count,) * 31,
        confidences=np.ones((31, count)),
        answer="a",
    )
    layout = figures.lens_map(lens, ["word"] * count, title="", caption="").layout
    assert layout.height - layout.margin.t - layout.margin.b >= 31 * 12
    assert (layout.yaxis.scaleanchor == "x", "beside" in layout.meta["narrow"]) == ((count == 5),) * 2


@pytest.mark.parametrize("count", [6, 12, 13, 31, 49])
def test_a_line_over_many_layers_fits_a_phone_and_names_its_ends(count: int) -> None:
    names = ["before", *(f"L{layer}" for layer in range(count - 1))]
    options = {"unit": "u", "across": "a", "alt": "b"}
    figure = figures.value_lines(names, {"rank": np.arange(1.0, count + 1)}, logarithmic=True, **options)
    axis = figure.layout.xaxis
    assert figure.layout.meta["narrow"]["least"] <= 350
    assert [axis.labelalias[str(place)] for place in range(count)] == names, "a hover names every layer"
    if count > 12:
        assert {0, count - 1} <= set(axis.tickvals)
        assert 6 <= len(axis.tickvals) <= 12
    else:
        assert (axis.tickmode, axis.dtick) == ("linear", 1)
    assert figure.layout.yaxis.tickformat == ","
    bars = figures.value_lines(names, {"rank": np.ones(count)}, bars=True, **options)
    assert bars.layout.meta["narrow"]["least"] == min(620, 24 * count + 110), "of words each has its label"


@pytest.mark.parametrize(
    ("values", "share", "texts"),
    [
        ((0.0, 0.0177), True, ["0 %", "1.8 %"]),
        ((0.141, 0.033), True, ["14.1 %", "3.3 %"]),
        ((0.52, 0.0002, 0.515), True, ["52 %", "<0.1 %", "52 %"]),
        ((23.71, 0.221, 7.0), False, ["23.7", "0.22", "7"]),
    ],
)
def test_a_number_at_a_bar_is_as_fine_as_its_scale(values: tuple[float, ...], share: bool, texts: list[str]) -> None:
    figure = figures.number_bars(["n"] * len(values), values, unit="what it is", share=share, title="", caption="")
    assert [text.replace("\u00a0", " ") for text in figure.data[0].text] == texts
    assert figure.layout.meta["caption"] == "what it is"
    assert figure.layout.xaxis.title.text is None, "a long unit would not fit below the bars of a phone"


def test_for_a_class_letters_and_bars_grow_together() -> None:
    options = {"unit": "u", "share": True, "title": "", "caption": ""}
    plain, large = (figures.number_bars(["a", "b"], [0.4, 0.2], scale=scale, **options) for scale in (1.0, 1.5))
    for sizes in (
        [figure.data[0].textfont.size for figure in (plain, large)],
        [figure.layout.xaxis.tickfont.size for figure in (plain, large)],
        [figure.layout.yaxis.tickfont.size for figure in (plain, large)],
        [figure.layout.height - figure.layout.margin.t - figure.layout.margin.b for figure in (plain, large)],
        [figure.layout.margin.b for figure in (plain, large)],
    ):
        assert sizes[1] == pytest.approx(1.5 * sizes[0], abs=1)
    room = [figure.layout.xaxis.range[1] / 0.4 - 1 for figure in (plain, large)]
    assert room[1] == pytest.approx(1.5 * room[0]), "a number at the longest bar has room behind it"


def test_what_is_compared_with_is_grey_and_ranks_go_down() -> None:
    series = {"at a word": np.array([1.0, 2.0]), "elsewhere": np.array([3.0, 4.0])}
    options = {"unit": "u", "across": "a", "alt": "b"}
    plain = figures.value_lines(["L0", "L1"], series, **options)
    figure = figures.value_lines(["L0", "L1"], series, controls=["elsewhere"], logarithmic=True, **options)
    colours = [[trace.line.color for trace in each.data] for each in (plain, figure)]
    assert colours[0][0] == colours[1][0]
    assert colours[0][1] != colours[1][1] == "#7f8a95"
    assert (figure.layout.yaxis.type, figure.layout.yaxis.autorange) == ("log", "reversed")
