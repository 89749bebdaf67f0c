"""Attention by distance: the curves against sums over the weights themselves."""

from __future__ import annotations

import numpy as np
import pytest

from memviz import figures, measures
from memviz.errors import MeasureError, TraceError
from memviz.figures.data.distances import FEW, pairs_by_distance
from memviz.memory import Forget
from tests.memories import memory_of, tokens


def text(count: int):
    return tokens([f"w{n}" for n in range(count)])


def ratio(weights: np.ndarray, seen: np.ndarray, apart: int) -> float:
    """Mean weight at a distance over the mean uniform weight there, the first key left out; NaN without pairs."""
    query, key = np.indices(weights.shape)
    pairs = seen & (np.abs(query - key) == apart) & (key > 0)
    uniform = np.broadcast_to(1 / seen.sum(1, keepdims=True), weights.shape)
    return weights[pairs].mean() / uniform[pairs].mean() if pairs.any() else np.nan


def visible(memory) -> np.ndarray:
    span = memory.visible(0)
    column = np.arange(len(memory.keys))
    return (column >= span[:, :1]) & (column < span[:, 1:])


def line(figure, name: str) -> np.ndarray:
    """The thick curve of a name with its dotted end put back."""
    parts = [np.asarray(trace.y, dtype=float) for trace in figure.data if trace.name == name]
    return np.fmax.reduce(parts)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 4])
def test_curves_are_ratios_of_means(causal: bool, window: int | None) -> None:
    memory, truth = memory_of(text(12), causal=causal, window=window)
    figure = figures.by_distance(memory, layer=1, head=2)
    seen = visible(memory)
    exact = np.array([[[ratio(truth[a, b], seen, d) for d in range(1, 12)] for b in range(4)] for a in range(2)])
    used = np.isfinite(exact[0, 0]).sum()
    np.testing.assert_allclose(line(figure, "L1.H2")[:used], exact[1, 2][:used], rtol=1e-4)
    np.testing.assert_allclose(line(figure, "mean of all heads")[:used], exact.mean((0, 1))[:used], rtol=1e-4)
    pairs = measures.pairs_by_distance(memory, 0)[1 : used + 1]
    layer = np.asarray(figure.data[1].y, dtype=float)
    assert figure.data[1].name == "mean of layer 0"
    np.testing.assert_allclose(layer[pairs >= FEW], exact[0].mean(0)[:used][pairs >= FEW], rtol=1e-4)
    assert np.asarray(figure.data[1].x).tolist() == list(range(1, used + 1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 3])
def test_pairs_are_counted(causal: bool, window: int | None) -> None:
    memory, _ = memory_of(text(9), causal=causal, window=window)
    query, key = np.indices((9, 9))
    seen = visible(memory) & (key > 0)
    assert measures.pairs_by_distance(memory, 0).tolist() == [
        int((seen & (abs(query - key) == d)).sum()) for d in range(9)
    ]


def test_few_pairs_are_dotted_and_the_ends_meet() -> None:
    memory, _ = memory_of(text(12), causal=True)
    solid, dotted = (trace for trace in figures.by_distance(memory).data if trace.name.startswith("mean of all"))
    pairs = measures.pairs_by_distance(memory, 0)[1:]
    assert np.isfinite(np.asarray(solid.y, dtype=float)).tolist() == (pairs[: len(solid.y)] >= FEW).tolist()
    assert dotted.line.dash == "dot"
    both = np.isfinite(np.asarray(solid.y, dtype=float)) & np.isfinite(np.asarray(dotted.y, dtype=float))
    assert both.sum() == 1
    assert f"fewer than {FEW} pairs" in figures.by_distance(memory).layout.meta["caption"]


def test_a_uniform_look_is_the_line_at_one() -> None:
    memory, _ = memory_of(text(20), causal=True, sharp=0.0)
    curve = line(figures.by_distance(memory), "mean of all 8 heads in 2 layers")
    np.testing.assert_allclose(curve, 1, rtol=1e-4)


def test_far_distances_share_points_weighted_by_their_pairs() -> None:
    memory, truth = memory_of(text(400), layers=1, heads=1, causal=True)
    [curve] = [trace for trace in figures.by_distance(memory, layer=0, head=0).data if trace.name == "L0.H0"][:1]
    at, values = np.asarray(curve.x), np.asarray(curve.y, dtype=float)
    assert at[:64].tolist() == list(range(1, 65))
    assert len(at) < 200
    seen = visible(memory)
    np.testing.assert_allclose(values[:64], [ratio(truth[0, 0], seen, d) for d in range(1, 65)], rtol=1e-3)
    edge = len(at) - 3  # a point that holds several distances
    spread = range(2 * at[edge] - at[edge + 1] + 1, at[edge] + 1)
    near = [ratio(truth[0, 0], seen, d) for d in spread]
    assert min(near) <= values[edge] <= max(near)
    assert "beyond 64 tokens" in figures.by_distance(memory).layout.meta["caption"]


def test_all_heads_have_one_scale() -> None:
    memory, _ = memory_of(text(30))
    ranges = {tuple(figures.by_distance(memory, layer=0, head=head).layout.yaxis.range) for head in range(3)}
    assert len(ranges | {tuple(figures.by_distance(memory).layout.yaxis.range)}) == 1


def test_a_fitted_scale_is_that_of_the_curves_that_are_drawn() -> None:
    memory, _ = memory_of(text(30))
    figure = figures.by_distance(memory, layer=0, head=1, fitted=True)
    curves = [np.asarray(trace.y, dtype=float) for trace in figure.data if len(trace.x) > 2]
    drawn = np.concatenate(curves)
    drawn = drawn[np.isfinite(drawn)]
    low, high = 10 ** np.asarray(figure.layout.yaxis.range)
    assert high == pytest.approx(max(2, 1.15 * drawn.max()), rel=1e-5)
    assert low == pytest.approx(min(0.5, 0.85 * drawn.min()), rel=1e-5)
    assert high < 10 ** figures.by_distance(memory, layer=0, head=1).layout.yaxis.range[1]


@pytest.mark.parametrize("count", [1, 2])
def test_a_text_that_is_too_short_says_so(count: int) -> None:
    figure = figures.by_distance(memory_of(text(count), causal=True)[0])
    assert any("too short" in note.text for note in figure.layout.annotations)
    assert "too short" in figures.alt(figure)


def test_two_texts_have_no_distance() -> None:
    with pytest.raises(MeasureError, match="two texts"):
        figures.by_distance(memory_of(text(3), text(4))[0])


def test_a_head_that_is_not_there() -> None:
    with pytest.raises(TraceError, match=r"no head L0\.H9"):
        figures.by_distance(memory_of(text(5))[0], head=9)


def test_many_layers_and_tokens_stay_below_a_megabyte() -> None:
    memory, _ = memory_of(text(300), layers=30, heads=2, causal=True)
    assert len(figures.by_distance(memory, layer=3, head=1).to_json()) < 200_000


def test_it_says_what_it_shows() -> None:
    memory, _ = memory_of(text(30))
    figure = figures.by_distance(memory, layer=1, head=0, translate=lambda text: f"«{text}»")
    assert figures.alt(figure).startswith("«Curve of attention")
    assert "L1.H0" in figures.alt(figure)
    assert figures.provenance_fields(figure)["view"] == "attention by distance over the uniform baseline"
    assert figure.layout.yaxis.title.text == "«attention ÷ uniform attention (×, logarithmic)»"


def test_pairs_are_those_of_the_head_that_forgot_least() -> None:
    plain, _ = memory_of(12, causal=True)
    forgetful, _ = memory_of(12, causal=True, forget=Forget(keys=range(1, 11), heads=[0]))
    assert pairs_by_distance(forgetful, None).tolist() == pairs_by_distance(plain, None).tolist()
    assert (pairs_by_distance(forgetful, 0) < pairs_by_distance(plain, 0)).any()
