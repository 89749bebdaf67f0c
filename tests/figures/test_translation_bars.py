"""Coverage and probability, one bar each: against sums and exponents worked out apart from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memviz import figures, measures
from memviz.errors import MeasureError, TraceError
from memviz.figures.style import colours
from memviz.trace import Candidate
from tests.memories import NASTY, memory_of, tokens, trace_of, words_of

WRITTEN = tokens(["O", "ga", "##to", "pre", "##to", "</s>"], special=(5,))
READ = tokens(["The", "bl", "##ack", "cat", "</s>"], special=(4,))
MEMORY, TRUTH = memory_of(WRITTEN, READ)
SIDES = words_of(WRITTEN), words_of(READ)
LOGPROBS = np.log(np.array([0.9, 0.5, 0.99, 0.25, 1.0, 0.75], dtype=np.float32))
OTHERS = Candidate("x<b>", 90, 0.5), Candidate("y", 91, 0.1)
STEPS = tuple((OTHERS[0], Candidate(written.text, written.id, 0.4), OTHERS[1]) for written in WRITTEN)
TRACE = replace(trace_of(MEMORY), output="O gato preto", targets=WRITTEN, logprobs=LOGPROBS, steps=STEPS)


def bars(figure) -> np.ndarray:
    return np.asarray(figure.data[0].y, dtype=float)


def test_a_bar_is_the_sum_over_all_target_tokens() -> None:
    figure = figures.coverage_bars(MEMORY, SIDES, layer=1, head=2)
    columns = TRUTH[1, 2].sum(axis=0)
    np.testing.assert_allclose(bars(figure), [columns[0], columns[[1, 2]].sum(), columns[3], columns[4]], rtol=1e-5)
    np.testing.assert_allclose(bars(figure), measures.word_coverage(MEMORY, SIDES, layer=1, head=2), rtol=1e-6)
    assert bars(figure).sum() == pytest.approx(6, abs=1e-4)
    assert "over all 4 source words the bars sum to the 6 target tokens" in figure.layout.meta["caption"]


@pytest.mark.parametrize(("layer", "head"), [(None, None), (1, None), (None, 2)])
def test_without_a_head_it_is_the_mean_that_it_says(layer: int | None, head: int | None) -> None:
    figure = figures.coverage_bars(MEMORY, SIDES, layer=layer, head=head)
    part = TRUTH[slice(None) if layer is None else [layer]][:, slice(None) if head is None else [head]]
    np.testing.assert_allclose(bars(figure)[2], part.mean(axis=(0, 1)).sum(axis=0)[3], rtol=1e-5)
    assert "mean of" in figure.layout.meta["caption"]
    assert figures.provenance_fields(figure)["head"] == ("mean over 4 heads" if head is None else "2")


def test_the_line_at_one_is_named_and_always_inside() -> None:
    for head in range(3):
        figure = figures.coverage_bars(MEMORY, SIDES, layer=0, head=head)
        [line] = figure.layout.shapes
        assert (line.y0, line.y1) == (1, 1)
        assert next(note.text for note in figure.layout.annotations if note.y == 1) == "read for one<br>token"
        assert figure.layout.yaxis.range[1] == pytest.approx(max(1.5, bars(figure).max() * 1.05))
    low = figures.coverage_bars(memory_of(WRITTEN[:1], READ)[0], (SIDES[0][:1], SIDES[1]))
    assert bars(low).max() < 1
    assert low.layout.yaxis.range == (0, 1.5)


def test_added_tokens_are_grey() -> None:
    assert list(figures.coverage_bars(MEMORY, SIDES).data[0].marker.color) == [colours.BLUE] * 3 + [colours.GREY]
    assert list(figures.probability_bars(TRACE).data[0].marker.color) == [colours.BLUE] * 5 + [colours.GREY]
    plain, _ = memory_of(WRITTEN[:5], READ[:4])
    figure = figures.coverage_bars(plain, (words_of(WRITTEN[:5]), words_of(READ[:4])))
    assert figure.data[0].marker.color == colours.BLUE
    assert "grey" not in figure.layout.meta["caption"]


def test_the_picture_of_coverage_in_words() -> None:
    said = figures.alt(figures.coverage_bars(MEMORY, SIDES, layer=0, head=1))
    shares = TRUTH[0, 1].sum(axis=0)
    assert said.startswith("Bars of how many target tokens each of 4 source words was read for, L0.H1. “The”")
    assert f"“black” {shares[[1, 2]].sum():.1f}, “cat” {shares[3]:.1f}" in said


def test_a_bar_is_the_probability_of_its_token() -> None:
    figure = figures.probability_bars(TRACE)
    np.testing.assert_allclose(bars(figure), [0.9, 0.5, 0.99, 0.25, 1.0, 0.75], rtol=1e-6)
    assert figure.layout.yaxis.range == (0, 1.05)
    assert "Least probable: “pre” 25\u00a0%, “ga” 50\u00a0%, “</s>” 75\u00a0%." in figures.alt(figure)


def test_hovering_names_what_else_could_have_been_written() -> None:
    figure = figures.probability_bars(TRACE)
    assert list(figure.data[0].customdata) == ["instead: “x&lt;b&gt;” 50\u00a0%, “y” 10\u00a0%"] * 6
    assert "%{customdata}" in figure.data[0].hovertemplate
    alone = replace(TRACE, steps=tuple((step[1],) for step in STEPS))
    assert set(figures.probability_bars(alone).data[0].customdata) == {"instead: nothing"}
    silent = figures.probability_bars(replace(TRACE, steps=()))
    assert silent.data[0].customdata is None
    assert "customdata" not in silent.data[0].hovertemplate


def test_of_many_tokens_the_least_sure_counts() -> None:
    made = tokens([f"w{n}" for n in range(600)])
    sure = np.random.default_rng(0).uniform(0.1, 1, 600).astype(np.float32)
    sure[7] = np.nan
    figure = figures.probability_bars(replace(TRACE, targets=made, logprobs=np.log(sure), steps=()))
    np.testing.assert_allclose(bars(figure), [np.nanmin(sure[n : n + 3]) for n in range(0, 600, 3)], rtol=1e-5)
    assert "one bar = 3 tokens, the least probable of them" in figure.layout.meta["caption"]
    assert figures.provenance_fields(figure)["pooled"] == "min over 3 words"


def test_words_are_text() -> None:
    made = tokens(NASTY)
    figure = figures.coverage_bars(memory_of(WRITTEN, made)[0], (SIDES[0], words_of(made)), title="<b>", caption="<i>")
    assert figure.layout.xaxis.labelalias["0"] == "&lt;b&gt;bold&lt;/b&gt;"
    assert figure.layout.title.text == "&lt;b&gt;"
    assert figure.layout.annotations[-1].text.endswith("&lt;i&gt;")


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(MeasureError, match="cross-attention"):
        figures.coverage_bars(memory_of(READ)[0], (SIDES[1], SIDES[1]))
    with pytest.raises(TraceError, match=r"no head L0\.H9"):
        figures.coverage_bars(MEMORY, SIDES, layer=0, head=9)
    with pytest.raises(TraceError, match="2 words are not made of the 5 tokens"):
        figures.coverage_bars(MEMORY, (SIDES[0], SIDES[1][:2]))
    with pytest.raises(TraceError, match="tiny wrote nothing here"):
        figures.probability_bars(trace_of(MEMORY))
