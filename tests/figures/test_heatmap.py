"""The Plotly heatmap: the numbers in it, the range, the labels, and what it says about itself."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from memviz import figures
from memviz.figures.style import colours
from memviz.figures.style.labels import escape
from tests.memories import NASTY, memory_of, tokens, trace_of, words_of

TEXTS = ["[CLS]", "the", "un", "##believ", "##able", "cat", "[SEP]", "it", "sat", "[SEP]"]
PAIR = tokens(TEXTS, second=7, special=(0, 6, 9))
RISKY = re.compile(r"<(?!/?(b|br|extra)>)")  # a tag that is not one of ours


def one_text(count: int = 6):
    return tokens([f"w{n}" for n in range(count)])


@pytest.mark.parametrize("layer", [0, 1])
def test_the_cells_are_the_weights(layer: int) -> None:
    memory, truth = memory_of(one_text())
    [heat] = figures.pattern(memory, layer, 1).data
    np.testing.assert_array_equal(heat.z, memory.pattern(layer, 1))
    np.testing.assert_allclose(heat.z, truth[layer, 1], atol=1e-6)
    assert (heat.x0, heat.dx, heat.y0, heat.dy) == (0, 1, 0, 1)


def test_two_pictures_compare() -> None:
    memory, _ = memory_of(one_text())
    ranges = {(p.data[0].zmin, p.data[0].zmax) for p in (figures.pattern(memory, 0, 0), figures.pattern(memory))}
    assert ranges == {(0, 1)}
    norms = {figures.pattern(memory, 0, head, view="value norm").data[0].zmax for head in range(3)}
    assert len(norms) == 1
    assert norms != {1}
    assert "0 to 1" in figures.pattern(memory, 0, 0).data[0].colorbar.title.text


def test_on_a_logarithmic_scale_hovering_still_tells_the_weight() -> None:
    memory, truth = memory_of(one_text(), sharp=9.0)
    [heat] = figures.pattern(memory, 0, 2, view="log").data
    np.testing.assert_allclose(heat.customdata, truth[0, 2], atol=1e-6)
    np.testing.assert_allclose(heat.z, np.log10(np.maximum(truth[0, 2], 1e-4)), atol=1e-2)
    assert (heat.zmin, heat.zmax) == (-4, 0)
    assert "%{customdata" in heat.hovertemplate
    assert truth[0, 2].min() < 1e-4, "the fixture must have a weight below the floor"


def test_every_place_has_its_word_and_none_is_markup() -> None:
    made = tokens(NASTY)
    figure = figures.pattern(memory_of(made)[0], 0, 0, find="b")
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        labels = [axis.labelalias[str(place)] for place in range(len(NASTY))]
        assert [re.sub("</?b>", "", label) for label in labels] == [
            escape(f"\u2068{text}\u2069" if text == "مرحبا" else text) for text in NASTY
        ]
    assert figure.layout.xaxis.labelalias["0"] == "<b>&lt;b&gt;bold&lt;/b&gt;</b>"
    for text in _texts(figure):
        assert not RISKY.search(text), text
        assert "$x$" not in text


def _texts(figure) -> list[str]:
    """Everything that Plotly would read as markup."""
    layout = figure.layout
    out = [layout.title.text or "", *(note.text for note in layout.annotations)]
    out += [label for axis in (layout.xaxis, layout.yaxis) for label in (axis.labelalias or {}).values()]
    for trace in figure.data:
        out += [trace.hovertemplate or "", trace.name or ""]
    return out


def test_rows_run_downwards_and_cells_are_square() -> None:
    layout = figures.pattern(memory_of(one_text())[0], 0, 0).layout
    assert list(layout.yaxis.range) == [5.5, -0.5]
    assert list(layout.xaxis.range) == [-0.5, 5.5]
    assert layout.yaxis.scaleanchor == "x"
    assert layout.xaxis.side == "top"
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert layout.font.color is None


@pytest.mark.parametrize(
    ("layer", "head", "title"),
    [
        (1, 2, "L1.H2"),
        (1, None, "mean of the 4 heads of layer 1"),
        (None, 2, "mean of head 2 over 2 layers"),
        (None, None, "mean of all 8 heads in 2 layers"),
    ],
)
def test_a_mean_says_that_it_is_one(layer: int | None, head: int | None, title: str) -> None:
    figure = figures.pattern(memory_of(one_text())[0], layer, head)
    assert figure.layout.title.text == title
    assert title in figures.alt(figure)
    untitled = figures.pattern(memory_of(one_text())[0], layer, head, title="")
    assert untitled.layout.title.text is None
    assert title in untitled.layout.annotations[0].text


def test_the_notes_say_what_was_done() -> None:
    made = tokens([f"w{n}" if n % 4 else f"##w{n}" for n in range(1, 60)])
    memory, _ = memory_of(made)
    words = words_of(made)
    figure = figures.pattern(
        memory, 0, 1, query_words=words, key_words=words, without=(0, 1), cumulative=0.9, largest=16, find="w3"
    )
    said = figure.layout.meta["caption"]
    for part in (
        "L0.H1",
        "subwords merged: summed over keys, averaged over queries",
        "taken out: “w1”, “w2”; the rest of each row is renormalised to 100 %",
        "up to 90\u00a0% of it",
        "max-pooled, one cell = 3 × 3 words",
        "labels contain “w3”",
    ):
        assert part in said
    assert " ".join(figure.layout.annotations[-1].text.replace("<br>", " ").split()) == " ".join(escape(said).split())
    window = figures.pattern(memory, 0, 1, window=(slice(10, 20), slice(0, 5)))
    assert "rows 11–20 of 59, columns 1–5 of 59" in window.layout.meta["caption"]
    assert window.data[0].y0 == 10
    assert window.layout.yaxis.labelalias["10"] == "w11"


def test_without_a_caption_the_notes_are_only_in_meta() -> None:
    memory, _ = memory_of(one_text())
    assert not figures.pattern(memory, 0, 0, caption="").layout.annotations
    assert "raw weights" in figures.pattern(memory, 0, 0, caption="").layout.meta["caption"]
    assert figures.pattern(memory, 0, 0, caption="tiny <i>").layout.annotations[-1].text.endswith("tiny &lt;i&gt;")


def test_a_sentence_pair_has_lines_and_shares() -> None:
    memory, truth = memory_of(PAIR)
    figure = figures.pattern(memory, 0, 0)
    lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert {line.y0 for line in lines} & {6.5}
    assert {line.x0 for line in lines} & {6.5}
    share = figures.percent(float(truth[0, 0][:7, 7:].sum() / 7))
    assert figure.layout.annotations[0].text.split("<br>")[1] == f"A→B <b>{share}</b>"
    assert figure.layout.annotations[1].text.startswith("B→A <b>")
    assert "A is the first text" in figure.layout.meta["caption"]


def test_a_word_that_is_looked_for_is_bold_and_framed() -> None:
    memory, _ = memory_of(tokens(["the", "Cat", "sat", "on", "mats"]))
    figure = figures.pattern(memory, 0, 0, find="cat")
    assert figure.layout.xaxis.labelalias["1"] == "<b>Cat</b>"
    assert figure.layout.xaxis.labelalias["2"] == "sat"
    rows = [(s.y0, s.y1) for s in figure.layout.shapes if s.xref == "x domain"]
    assert rows == [(0.5, 1.5)]
    many = figures.pattern(memory_of(one_text(30))[0], 0, 0, find="w")
    assert not many.layout.shapes


def test_in_a_long_text_a_found_word_keeps_its_label() -> None:
    made = tokens([f"w{n}" for n in range(97)] + ["needle", "x", "y"])
    axis = figures.pattern(memory_of(made)[0], 0, 0, find="needle").layout.xaxis
    assert 97 in axis.tickvals
    assert len(axis.tickvals) <= 26
    plain = figures.pattern(memory_of(made)[0], 0, 0).layout.xaxis
    assert (plain.tickmode, plain.nticks) == ("auto", 24)
    assert plain.labelalias["96"] == "w96"


@pytest.mark.parametrize(("count", "drawn"), [(3, 3), (12, 12), (40, 40), (41, 24), (700, 24)])
def test_a_page_with_less_room_knows_how_narrow_a_picture_may_get(count: int, drawn: int) -> None:
    """12 pixels for a label, beside the same labels and margins as in the whole picture."""
    figure = figures.pattern(memory_of(tokens([f"w{n}" for n in range(count)]), layers=1, heads=1)[0], 0, 0)
    narrow = figure.layout.meta["narrow"]
    assert narrow["least"] - narrow["beside"] == 12 * drawn
    cells = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    assert narrow["cells"] == cells
    assert figure.layout.width - narrow["beside"] == max(cells, 300)


@pytest.mark.parametrize("view", ["weight", "value norm", "log"])
def test_a_thousand_tokens_stay_below_a_megabyte(view: str) -> None:
    memory, truth = memory_of(tokens([f"word{n}" for n in range(1024)]), layers=1, heads=1, causal=True)
    figure = figures.pattern(memory, 0, 0, view=view, find="word7")
    text = figure.to_json()
    assert len(text) < 1_000_000
    assert np.shape(figure.data[0].z) == (256, 256)
    assert "one cell = 4 × 4 tokens" in figure.layout.meta["caption"]
    assert "the strongest of 4 × 4" in figure.data[0].hovertemplate
    assert figure.layout.xaxis.labelalias["255"] == "1020 word1020…"
    if view == "weight":
        assert figure.data[0].z[200, 3] == pytest.approx(truth[0, 0][800:804, 12:16].max(), abs=1e-6)
    json.loads(text)


def test_a_window_of_a_long_text_is_exact() -> None:
    memory, truth = memory_of(tokens([f"word{n}" for n in range(600)]), layers=1, heads=1)
    figure = figures.pattern(memory, 0, 0, window=(slice(300, 556), slice(10, 266)))
    np.testing.assert_allclose(figure.data[0].z, truth[0, 0][300:556, 10:266], atol=1e-6)
    assert "max-pooled" not in figure.layout.meta["caption"]


def test_the_figure_can_say_where_it_comes_from() -> None:
    memory, _ = memory_of(PAIR)
    figure = figures.pattern(memory, 1, None, view="log", without=(0,))
    said = figures.provenance(trace_of(memory), memory, **figures.provenance_fields(figure))
    assert said["layer"] == "1"
    assert said["head"] == "mean over 4 heads"
    assert said["shows"] == "raw weights, logarithmic scale"
    assert said["taken out"] == "1 of the keys (positions 0)"
    assert not any("unbeliev" in value for value in said.values())


def test_every_word_of_the_page_can_be_translated() -> None:
    memory, _ = memory_of(PAIR)
    figure = figures.pattern(
        memory, None, None, without=(0,), cumulative=0.9, find="it", translate=lambda text: f"«{text}»"
    )
    assert figure.layout.title.text.startswith("«mean of all 8 heads")
    assert all(part.startswith("«") for part in figure.layout.meta["caption"].split(" · "))
    assert figure.data[0].hovertemplate.count("«") == 2
    assert figures.alt(figure).startswith("«Heatmap")
    assert figure.data[0].colorbar.title.text.startswith("«")


def test_one_token_is_a_picture_too() -> None:
    figure = figures.pattern(memory_of(tokens(["a"]))[0], 0, 0)
    assert np.asarray(figure.data[0].z).tolist() == [[1.0]]
    assert "“a” attends to “a” (100\u00a0%)" in figures.alt(figure)


def test_the_text_alternative_names_the_strongest_looks() -> None:
    memory, truth = memory_of(one_text())
    row, col = np.unravel_index(truth[0, 0].argmax(), truth[0, 0].shape)
    expected = f"Strongest: “w{row}” attends to “w{col}” ({figures.percent(float(truth[0, 0].max()))});"
    assert expected in figures.alt(figures.pattern(memory, 0, 0))


def test_marked_rows_and_columns_are_framed_and_bold_and_those_outside_the_window_are_not() -> None:
    memory = memory_of(one_text(12))[0]
    figure = figures.pattern(memory, 0, 0, mark=((1, 5), (3,)), window=(slice(4, 9), slice(2, 8)))
    frames = [
        (shape.y0, shape.y1) if "domain" in (shape.xref or "") else (shape.x0, shape.x1)
        for shape in figure.layout.shapes
    ]
    assert frames == [(4.5, 5.5), (2.5, 3.5)]
    assert [key for key, label in figure.layout.yaxis.labelalias.items() if "<b>" in label] == ["5"]
    assert [key for key, label in figure.layout.xaxis.labelalias.items() if "<b>" in label] == ["3"]


def test_on_hover_the_row_and_the_column_are_drawn_out() -> None:
    layout = figures.pattern(memory_of(one_text(4))[0], 0, 0).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert (axis.showspikes, axis.spikemode, axis.spikesnap) == (True, "across", "hovered data")


def test_the_sheet_has_the_same_frames() -> None:
    memory = memory_of(one_text(6))[0]
    orange = colours.hexadecimal(colours.THEMES["light"].orange)
    plain, marked = (figures.pattern_svg(memory, 0, 0, provenance={}, mark=mark) for mark in (((), ()), ((4,), (1, 2))))
    assert (plain.count(orange), marked.count(orange)) == (0, 3)


@pytest.mark.parametrize(("count", "cell"), [(3, 44), (10, 44), (13, 460 / 13), (16, 30), (20, 30), (60, 10)])
def test_small_pictures_have_large_cells(count: int, cell: float) -> None:
    made = tokens([f"w{place}" for place in range(count)])
    figure = figures.pattern(memory_of(made)[0], layer=0, head=0)
    margin = figure.layout.margin
    assert figure.layout.height - margin.t - margin.b == pytest.approx(cell * count, abs=1)
