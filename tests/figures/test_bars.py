"""One bar a word, against sums over the weights themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memviz import figures
from memviz.errors import TraceError
from memviz.figures.charts.bar_chart import LARGEST, Kind, bar_chart, bar_texts
from memviz.figures.charts.layout import percent_ticks
from memviz.figures.style import colours, phrases
from tests.memories import NASTY, memory_of, memory_with, tokens, words_of

TEXTS = tokens(["[CLS]", "the", "un", "##believ", "##able", "cat"], special=(0,))
WORDS = words_of(TEXTS)


def bars(figure) -> np.ndarray:
    return np.asarray(figure.data[0].y, dtype=float)


@pytest.mark.parametrize("causal", [False, True])
def test_a_bar_is_the_mean_weight_from_those_who_can_see(causal: bool) -> None:
    memory, truth = memory_of(TEXTS, causal=causal)
    seen = [len(TEXTS) - key if causal else len(TEXTS) for key in range(len(TEXTS))]
    received = truth.sum(2) / seen
    expected = [[received[1, 0, list(word.tokens)].sum() for word in WORDS]]
    np.testing.assert_allclose(bars(figures.received_bars(memory, WORDS, layer=1, head=0)), expected[0], rtol=1e-5)
    mean = received.mean((0, 1))
    expected = [mean[list(word.tokens)].sum() for word in WORDS]
    np.testing.assert_allclose(bars(figures.received_bars(memory, WORDS)), expected, rtol=1e-5)


def test_keys_taken_out_have_no_bar_and_change_no_other() -> None:
    memory, truth = memory_of(TEXTS)
    whole = bars(figures.received_bars(memory, WORDS, layer=0, head=0))
    figure = figures.received_bars(memory, WORDS, layer=0, head=0, without=(0, 3))
    got = bars(figure)
    assert np.isnan(got[0])
    np.testing.assert_allclose(got[2], truth[0, 0][:, [2, 4]].sum() / len(TEXTS), rtol=1e-5)
    np.testing.assert_allclose(got[[1, 3]], whole[[1, 3]])
    assert "taken out: “[CLS]”, “believ”; the others keep their share" in figure.layout.meta["caption"]


def test_effective_slots_are_the_exponent_of_the_entropy() -> None:
    memory, truth = memory_of(TEXTS)
    slots = np.exp(-(truth * np.log(truth)).sum(-1))
    expected = [slots[0, 2, list(word.tokens)].mean() for word in WORDS]
    figure = figures.slots_bars(memory, WORDS, layer=0, head=2)
    np.testing.assert_allclose(bars(figure), expected, rtol=1e-4)
    assert figure.layout.yaxis.title.text == "tokens that attention spreads over"


@pytest.mark.parametrize("draw", [figures.received_bars, figures.slots_bars])
def test_heads_compare_and_so_do_means(draw) -> None:
    memory, _ = memory_of(TEXTS)
    heads = [draw(memory, WORDS, layer=layer, head=head) for layer in range(2) for head in range(3)]
    tops = {figure.layout.yaxis.range[1] for figure in heads}
    assert len(tops) == 1
    assert tops.pop() == pytest.approx(1.05 * max(bars(figure).max() for figure in heads))
    assert len({draw(memory, WORDS, layer=layer).layout.yaxis.range for layer in range(2)}) == 1


def test_sinks_are_grey_and_the_scale_is_that_of_the_others() -> None:
    memory, _ = memory_of(TEXTS)
    whole = bars(figures.received_bars(memory, WORDS, layer=1, head=0))
    most = int(whole.argmax())
    figure = figures.received_bars(memory, WORDS, layer=1, head=0, sinks=WORDS[most].tokens[:1], fitted=True)
    np.testing.assert_array_equal(bars(figure), whole)
    assert [place for place, colour in enumerate(figure.data[0].marker.color) if colour == colours.GREY] == [most]
    others = np.delete(whole, most)
    assert figure.layout.yaxis.range[1] == pytest.approx(1.05 * others.max())
    best = [word.text for place, word in enumerate(WORDS) if place != most][int(others.argmax())]
    assert f"Most: “{best}” {figures.percent(others.max())}" in figures.alt(figure)
    told = f"not ranked: attention sinks “{WORDS[most].text}” {figures.percent(whole[most])}"
    assert told in figure.layout.meta["caption"]


@pytest.mark.parametrize(("sink", "cut"), [(0, True), (2, False)])
def test_a_bar_is_said_to_be_cut_off_where_one_is(sink: int, cut: bool) -> None:
    made = tokens(["a", "b", "c"])
    memory, words = memory_with(np.tile([0.7, 0.2, 0.1], (3, 1)), made, made), words_of(made)
    charts = [
        figures.received_bars(memory, words, sinks=[sink], fitted=True),
        figures.look_bars(memory, words, 1, layer=0, head=0, sinks=[sink], top=0.2 if cut else None),
    ]
    for chart in charts:
        assert (max(bars(chart)) > chart.layout.yaxis.range[1]) == cut
        assert (phrases.CUT_OFF in chart.layout.meta["caption"]) == cut


@pytest.mark.parametrize(
    ("end", "form"), [(1.0, ".0%"), (0.066, ".0%"), (0.04, ".1%"), (0.006, ".1%"), (0.0049, ".2%"), (1e-9, None)]
)
def test_numbers_beside_an_axis_are_written_as_in_the_tables(end: float, form: str | None) -> None:
    assert percent_ticks(end) == form
    made = tokens(["a", "b"])
    memory = memory_of(made, layers=1, heads=1)[0]
    mass = np.array([[[end, end / 2]]], dtype=np.float32) * 2 / 1.05  # of two that look; the scale ends above the bars
    chart = figures.received_bars(replace(memory, summary=replace(memory.summary, mass=mass)), words_of(made))
    assert chart.layout.yaxis.tickformat == form


def test_a_sink_shares_no_bar_with_other_words() -> None:
    made = tokens([f"w{n}" for n in range(600)])
    memory, truth = memory_of(made, layers=1, heads=1)
    received = truth[0, 0].mean(0)
    most = int(received.argmax())
    figure = figures.received_bars(memory, words_of(made), layer=0, head=0, sinks=[most], fitted=True)
    expected = np.where(np.arange(600) == most, 0, received).reshape(200, 3).max(axis=1)
    np.testing.assert_allclose(bars(figure), expected, rtol=1e-5)
    assert f"left out: attention sinks “w{most}” {figures.percent(received[most])}" in figure.layout.meta["caption"]


def test_many_words_share_bars() -> None:
    made = tokens([f"w{n}" for n in range(600)])
    memory, truth = memory_of(made, layers=1, heads=1)
    figure = figures.received_bars(memory, words_of(made), layer=0, head=0)
    received = truth[0, 0].mean(0)
    np.testing.assert_allclose(bars(figure), [received[n : n + 3].max() for n in range(0, 600, 3)], rtol=1e-5)
    assert "one bar = 3 words" in figure.layout.meta["caption"]
    assert "each of 600 words" in figures.alt(figure)
    assert figure.layout.xaxis.labelalias["1"] == "3 w3…"


def test_words_are_text_and_named() -> None:
    made = tokens(NASTY)
    figure = figures.received_bars(memory_of(made)[0], words_of(made), title="<b>", caption="<i>")
    assert figure.layout.xaxis.labelalias["0"] == "&lt;b&gt;bold&lt;/b&gt;"
    assert figure.layout.title.text == "&lt;b&gt;"
    assert figure.layout.annotations[0].text.endswith("&lt;i&gt;")
    assert "%{text}" in figure.data[0].hovertemplate


def test_what_is_not_nothing_is_never_written_as_nothing() -> None:
    made = tokens(["a", "b", "c", "d"])
    memory, _ = memory_of(made, layers=1, heads=1)
    mass = np.array([[[3.0, 0.0012, 0.0, 0.00001]]], dtype=np.float32)
    faint = replace(memory, summary=replace(memory.summary, mass=mass))
    bar = figures.received_bars(faint, words_of(made)).data[0]
    assert [text.replace("\u00a0", " ") for text in bar.text] == ["75.0 %", "0.03 %", "0.0 %", "<0.01 %"]
    assert bar.textposition == "none"
    kind = Kind(phrases.COVERAGE, phrases.COVERAGE_UNIT, phrases.COVERAGE_HOVER, share=False)
    few = np.array([0.02, 0.0, 1.26])
    plain = {"notes": [], "alt": "", "fields": {}, "title": "", "caption": "", "translate": str}
    chart = bar_chart(kind, few, ["a", "b", "c"], top=2, **plain)
    assert list(chart.data[0].text) == ["<0.1", "0.0", "1.3"]
    assert bar_texts(kind, few, ["a", "b", "c"], [0, 1, 2]) == "“a” <0.1, “b” 0.0, “c” 1.3"


def test_the_text_alternative_names_the_most_and_the_mean() -> None:
    memory, _ = memory_of(TEXTS)
    figure = figures.received_bars(memory, WORDS)
    best = WORDS[int(bars(figure).argmax())].text
    assert f"Most: “{best}” {figures.percent(bars(figure).max())}" in figures.alt(figure)
    assert "mean of all 8 heads in 2 layers" in figures.alt(figure)


def test_words_of_another_text_are_refused() -> None:
    with pytest.raises(TraceError, match="2 words are not made of the 6 tokens"):
        figures.received_bars(memory_of(TEXTS)[0], words_of(tokens(["a", "b"])))


def test_a_bar_of_several_words_is_grey_when_all_of_them_are() -> None:
    texts = [f"w{number}" for number in range(2 * LARGEST)]
    muted = [number < 3 for number in range(len(texts))]
    kind = Kind(phrases.RECEIVED, phrases.RECEIVED_UNIT, phrases.RECEIVED_HOVER, share=True)
    figure = bar_chart(
        kind,
        np.linspace(0, 1, len(texts)),
        texts,
        top=1.0,
        notes=[],
        alt="",
        fields={},
        muted=muted,
        title="",
        caption="",
        translate=str,
    )
    assert list(figure.data[0].marker.color[:3]) == [colours.GREY, colours.BLUE, colours.BLUE]


def test_a_sink_shares_no_bar_of_what_a_word_looks_at_either() -> None:
    made = tokens(["[CLS]", *[f"w{number}" for number in range(LARGEST + 9)]], special=(0,))
    words = words_of(made)
    memory, truth = memory_of(made, layers=1, heads=1)
    word = int((truth[0, 0, :, 0] - truth[0, 0, :, 1]).argmax())  # it looks more at the sink than beside it
    chart = figures.look_bars(memory, words, word, layer=0, head=0, sinks=(0,))
    assert bars(chart)[0] == pytest.approx(truth[0, 0, word, 1], rel=1e-4), "the word beside it, and not the sink"
    assert "left out: attention sinks “[CLS]”" in chart.layout.meta["caption"]
    assert "grey" not in chart.layout.meta["caption"]
    drawing = figures.look_svg([(memory, words, word)], layer=0, head=0, provenance={})
    assert "left out: attention sinks “[CLS]”" in " ".join(drawing.split())
    assert "grey" not in drawing
