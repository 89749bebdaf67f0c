"""What measures must say about attention whose answer is known: closed forms, and the same sums one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from memviz import measures
from memviz.errors import MeasureError, TraceError
from memviz.memory import Memory
from tests.memories import (
    LONG,
    PLAIN,
    REPEATED,
    memory_of,
    memory_of_kind,
    memory_with,
    shift,
    spans,
    uniform,
    weights_of,
)

CLOSE = {"rtol": 2e-5, "atol": 2e-6}
SQUARE = {
    "causal": {"queries": PLAIN, "causal": True},
    "grouped keys": {"queries": PLAIN, "causal": True, "heads": 6, "seed": 1},
    "window": {"queries": PLAIN, "causal": True, "window": (None, 4), "seed": 2},
    "narrow window": {"queries": PLAIN, "causal": True, "window": (None, 1), "seed": 3},
    "encoder": {"queries": LONG, "seed": 4},
    "encoder window": {"queries": LONG, "window": (None, 3), "seed": 5},
    "sinks": {"queries": PLAIN, "causal": True, "sink": True, "seed": 6},
    "decoder": {"queries": PLAIN, "causal": True, "kind": "decoder", "seed": 7},
    "two tokens": {"queries": "a b", "causal": True, "seed": 8},
}


@pytest.fixture(params=SQUARE)
def square(request: pytest.FixtureRequest) -> Memory:
    """Random memories whose queries and keys are positions of one text."""
    return memory_of(**SQUARE[request.param])[0]


def seen(memory: Memory, layer: int) -> np.ndarray:
    """Which keys each query may see, from the scores: bool [query, key]."""
    first, stop = memory.scores[layer].visible.T
    key = np.arange(len(memory.keys))
    return (key >= first[:, None]) & (key < stop[:, None])


# -- where it looks -----------------------------------------------------------------------------------


def test_received_of_a_uniform_causal_head() -> None:
    expected = [np.mean([1 / (i + 1) for i in range(j, 9)]) for j in range(9)]
    np.testing.assert_allclose(measures.received(memory_with(uniform(9)))[0, 0], expected, **CLOSE)


def test_received_is_the_mean_over_the_queries_that_see_the_key(square: Memory) -> None:
    weights = weights_of(square)
    for layer in range(square.layers):
        may = seen(square, layer)
        for key in range(len(square.keys)):
            expected = weights[layer][:, may[:, key], key].mean(axis=1) if may[:, key].any() else np.nan
            np.testing.assert_allclose(measures.received(square)[layer, :, key], expected, **CLOSE)


def test_a_key_that_nobody_can_see_received_nothing_that_could_be_compared() -> None:
    memory = memory_of("a b c", "a b c d", layers=1)[0]
    scores = replace(memory.scores[0], visible=np.array([[0, 3]] * 3))
    received = measures.received(replace(memory, scores=(scores,)))
    assert np.isnan(received[:, :, 3]).all()
    assert np.isfinite(received[:, :, :3]).all()


def test_entropy_and_slots_of_uniform_and_single_rows() -> None:
    memory = memory_with(np.stack([uniform(8), np.eye(8)]))
    np.testing.assert_allclose(measures.entropy(memory)[0, 0], np.log(np.arange(1, 9)), **CLOSE)
    np.testing.assert_allclose(measures.slots(memory)[0, 0], np.arange(1, 9), **CLOSE)
    np.testing.assert_allclose(measures.entropy(memory)[0, 1], 0, atol=1e-7)
    np.testing.assert_allclose(measures.slots(memory)[0, 1], 1, **CLOSE)


def slots_of(rows: np.ndarray) -> np.ndarray:
    """The perplexity of each row, renormalised; NaN for an empty one."""
    total = rows.astype(np.float64).sum(axis=-1, keepdims=True)
    share = np.divide(rows, total, out=np.full(rows.shape, np.nan), where=total > 1e-4)
    return np.exp(-(share * np.log(np.where(share > 0, share, 1))).sum(axis=-1))


def test_a_learned_sink_does_not_make_a_uniform_look_narrow() -> None:
    """gpt-oss: where most of a row goes to the sink, what is left may still be spread over all keys alike."""
    row = np.full(60, 0.129 / 60)
    memory = memory_with(np.tile(row, (60, 1)))
    np.testing.assert_allclose(measures.slots(memory)[0, 0], 60, rtol=1e-4)
    np.testing.assert_allclose(measures.entropy(memory)[0, 0], np.log(60), rtol=1e-4)
    sinking = memory_of(PLAIN, causal=True, sink=True, seed=4)[0]
    assert (weights_of(sinking).sum(axis=-1) < 0.9).any()
    np.testing.assert_allclose(measures.slots(sinking), slots_of(weights_of(sinking)), rtol=1e-4)


def test_slots_of_what_is_left(square: Memory) -> None:
    last = len(square.keys) - 1
    for without in ((0,), (0, -1), (1, 1, last)):
        rows = weights_of(square).copy()
        rows[..., list(without)] = 0
        slots, expected, much = measures.slots(square, without), slots_of(rows), rows.sum(axis=-1) > 0.01
        np.testing.assert_allclose(slots[much], expected[much], rtol=2e-3)
        np.testing.assert_allclose(slots, expected, rtol=5e-2)  # of a ten-thousandth, rounding is left
    np.testing.assert_array_equal(measures.slots(square, ()), measures.slots(square))
    everything = measures.slots(square, range(len(square.keys)))
    assert np.isnan(everything).all()


def test_a_head_that_rests_on_the_first_token() -> None:
    rest = np.zeros((7, 7))
    rest[:, 0] = 1
    memory = memory_with(np.stack([uniform(7), rest]))
    np.testing.assert_array_equal(measures.received(memory)[0, 1], [1, 0, 0, 0, 0, 0, 0])
    assert measures.first_token(memory)[0, 1] == 1
    assert measures.sink_share(memory)[0, 1] == 1
    mean = measures.received(memory).mean(axis=(0, 1))
    alone = measures.received(memory_with(uniform(7)))[0, 0]
    np.testing.assert_allclose(mean[1:], alone[1:] / 2, **CLOSE)
    assert mean[0] > alone[0] / 2 + 0.49
    np.testing.assert_allclose(measures.first_token(memory)[0, 0], np.mean([1 / n for n in range(2, 8)]), **CLOSE)


def resting(size: int, share: float, *, on: int = 0, causal: bool = True) -> np.ndarray:
    """Every query gives this share of its attention to one key, and spreads the rest evenly."""
    rows = (1 - share) * uniform(size, causal=causal)
    rows[:, on] += share
    return rows if not causal else np.tril(rows) / np.tril(rows).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", [2, 3, 12, 60])
def test_a_first_word_is_a_sink_only_where_it_collects_weight(size: int, causal: bool) -> None:
    for heads, sinks in [
        ([uniform(size, causal=causal)], ()),
        ([resting(size, 0.9, causal=causal)], (0,)),
        ([resting(size, 0.9, causal=causal), resting(size, 0.9, causal=causal), uniform(size, causal=causal)], (0,)),
        ([resting(size, 0.05, causal=causal)], ()),
        ([resting(size, 0.9, on=size - 1, causal=False)], ()),
        ([resting(size, 0.9, causal=causal), *[uniform(size, causal=causal)] * 9], ()),  # one head of ten
    ]:
        memory = memory_with(np.stack(heads))
        assert measures.sink_positions(memory) == sinks
        assert (measures.sink_share(memory) > 0).all() == bool(sinks)


def test_in_cross_attention_no_source_word_is_a_sink() -> None:
    memory = memory_of_kind("cross")
    special = tuple(place for place, token in enumerate(memory.keys) if token.special)
    first = replace(memory.summary, first=np.ones_like(memory.summary.first))
    on_first = replace(memory, summary=first)
    assert measures.sink_positions(memory) == measures.sink_positions(on_first) == special


def test_special_tokens_are_sinks_whatever_they_collect() -> None:
    memory = memory_of(LONG)[0]
    last = len(memory.keys) - 1
    assert measures.sink_positions(memory) == (0, last)
    assert measures.sink_positions(memory_of(PLAIN, causal=True)[0]) == ()
    share = weights_of(memory)[..., [0, last]].sum(axis=3).mean(axis=2)
    np.testing.assert_allclose(measures.sink_share(memory), share, **CLOSE)


def test_lift_is_one_where_every_row_is_the_same() -> None:
    row = np.random.default_rng(0).dirichlet(np.ones(6))
    np.testing.assert_allclose(measures.lift(memory_with(np.tile(row, (6, 1))), 0, 0), 1, rtol=1e-4)


def test_lift_is_the_weight_over_the_mean_of_the_other_queries_that_see_the_key(square: Memory) -> None:
    layer, head = square.layers - 1, 1
    weights, may = weights_of(square)[layer, head], seen(square, layer)
    found = measures.lift(square, layer, head)
    for query in range(len(square.queries)):
        for key in range(len(square.keys)):
            others = [weights[i, key] for i in range(len(square.queries)) if i != query and may[i, key]]
            if not may[query, key] or not others:
                assert np.isnan(found[query, key])
            else:
                np.testing.assert_allclose(found[query, key], weights[query, key] / np.mean(others), rtol=2e-3)


def test_lift_is_not_defined_where_the_others_look_at_nothing_to_speak_of() -> None:
    weights = np.full((4, 4), 0.25, dtype=np.float32)
    weights[:, 3] = 1e-7
    weights[3] = [0.05, 0.05, 0.0, 0.9]
    assert np.isnan(measures.lift(memory_with(weights), 0, 0)[3, 3])
    weights[0, 3] = 1e-3
    assert measures.lift(memory_with(weights), 0, 0)[3, 3] == pytest.approx(0.9 / ((1e-3 + 2e-7) / 3), rel=1e-4)


def test_lift_is_not_defined_where_no_other_query_looks() -> None:
    found = measures.lift(memory_with(uniform(5)), 0, 0)
    assert np.isnan(found[4, 4]), "only the last query sees the last key"
    assert np.isnan(found[np.triu_indices(5, 1)]).all(), "nothing is seen there"
    alone = np.eye(4) * 0.9 + 0.1 * uniform(4, causal=False) * [1, 1, 1, 0]
    alone /= alone.sum(1, keepdims=True)
    memory = memory_with(np.stack([alone, uniform(4, causal=False)]))  # the second head shows that all can be seen
    assert np.isnan(measures.lift(memory, 0, 0)[3, 3]), "the others see it, and do not look"
    assert measures.lift(memory, 0, 0)[0, 3] == 0


def test_rounding_is_not_taken_for_a_look() -> None:
    """A reading adds weights up in single precision: what is left when they are taken away again is not exactly 0."""
    rest = np.zeros((6, 6))
    rest[:, 0] = 1
    exact = memory_with(np.stack([rest, np.eye(6), uniform(6)]))
    mass, distance = exact.summary.mass * np.float32(1 + 3e-7), exact.summary.distance + np.float32(3e-7)
    rounded = replace(exact, summary=replace(exact.summary, mass=mass, distance=distance))
    for memory in (exact, rounded):
        assert np.isnan(measures.lift(memory, 0, 1)[np.diag_indices(6)]).all()
        assert np.isnan(measures.span(memory)[0, 0])
        assert (measures.distance(memory)[0, 0, :5] == 0).all()


def test_value_norm_is_the_weight_times_the_norm_of_what_it_would_write(square: Memory) -> None:
    expected = weights_of(square)[0, 2] * square.summary.value_norm[0, 2]
    np.testing.assert_allclose(measures.value_norm(square, 0, 2), expected, **CLOSE)
    np.testing.assert_array_equal(measures.value_norms(square), square.summary.value_norm)


def test_rollout() -> None:
    same = memory_with(np.stack([np.eye(6)] * 3)[:, None])
    with pytest.raises(MeasureError):
        measures.rollout(same)  # identity is causal: nobody looks ahead
    memory = memory_of(LONG, layers=3, heads=4)[0]
    rolled = measures.rollout(memory)
    expected = np.eye(len(memory.keys))
    for layer in weights_of(memory).mean(axis=1):
        expected = (layer / 2 + np.eye(len(memory.keys)) / 2) @ expected
    np.testing.assert_allclose(rolled, expected, **CLOSE)
    np.testing.assert_allclose(rolled.sum(axis=1), 1, rtol=1e-5)


def test_rollout_of_one_layer_and_of_nearly_nothing() -> None:
    ahead = uniform(5, causal=False)
    np.testing.assert_allclose(measures.rollout(memory_with(ahead)), (ahead + np.eye(5)) / 2, **CLOSE)
    still = np.stack([np.eye(5)] * 4)[:, None]
    still[0, 0, 0] = [1 - 1e-7, 0, 0, 0, 1e-7]  # one look ahead makes it an encoder
    np.testing.assert_allclose(measures.rollout(memory_with(still)), np.eye(5), atol=1e-6)


# -- which slot it fetches ----------------------------------------------------------------------------


def test_a_shift_is_a_previous_token_head() -> None:
    memory = memory_with(np.stack([shift(9, 1), shift(9, 0), shift(9, 1)[::-1, ::-1], shift(9, 2)]))
    np.testing.assert_array_equal(measures.previous_token(memory)[0], [1, 0, 0, np.float32(1 / 8)])
    np.testing.assert_array_equal(measures.self_attention(memory)[0], np.float32([1 / 9, 1, 1 / 9, 1 / 9]))
    np.testing.assert_array_equal(measures.next_token(memory)[0], [0, 0, 1, 0])


@pytest.mark.parametrize(("name", "by"), [("previous_token", 1), ("next_token", -1), ("self_attention", 0)])
def test_scores_at_a_distance_are_means_over_the_pairs(square: Memory, name: str, by: int) -> None:
    expected = np.diagonal(weights_of(square), -by, axis1=2, axis2=3).mean(axis=-1)
    np.testing.assert_allclose(measures.MEASURES[name].compute(square), expected, **CLOSE)


def test_first_token_leaves_the_first_query_out(square: Memory) -> None:
    np.testing.assert_allclose(measures.first_token(square), weights_of(square)[:, :, 1:, 0].mean(axis=2), **CLOSE)


@pytest.mark.parametrize("name", ["previous_token", "next_token", "first_token", "duplicate_token", "induction"])
def test_one_token_has_nothing_to_compare(name: str) -> None:
    assert np.isnan(measures.MEASURES[name].compute(memory_of("Hello", causal=True)[0])).all()
    assert (measures.self_attention(memory_of("Hello", causal=True)[0]) == 1).all()
    assert np.isnan(measures.distance(memory_of("Hello", causal=True)[0])).all()
    assert np.isnan(measures.span(memory_of("Hello", causal=True)[0])).all()
    assert (measures.mean_distance(memory_of("Hello", causal=True)[0]) == 0).all()


def test_perfect_stripes_on_a_repeated_text() -> None:
    period = len(REPEATED.split()) // 2
    stripe = memory_with(np.stack([shift(10, period - 1), shift(10, period), shift(10, 1), uniform(10)]), REPEATED)
    induction, duplicate = measures.induction(stripe)[0], measures.duplicate_token(stripe)[0]
    np.testing.assert_allclose(induction[:3], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(duplicate[:3], [0, 1, 0], atol=1e-6)
    chance = np.mean([1 / (query + 1) for query in range(5, 10)])
    np.testing.assert_allclose([induction[3], duplicate[3]], chance, **CLOSE)


def test_without_repeats_there_is_no_induction() -> None:
    memory = memory_of("a b c d e", causal=True)[0]
    assert np.isnan(measures.induction(memory)).all()
    assert np.isnan(measures.duplicate_token(memory)).all()


# -- how far back -------------------------------------------------------------------------------------


def test_a_uniform_head_looks_at_every_distance_as_chance_would() -> None:
    found = measures.distance(memory_with(uniform(9)))[0, 0]
    np.testing.assert_allclose(found[:8], 1, rtol=1e-5)
    assert np.isnan(found[8]), "only the first key is that far away"
    both = measures.distance(memory_with(uniform(9, causal=False)))[0, 0]
    np.testing.assert_allclose(both[:8], 1, rtol=1e-5)
    np.testing.assert_allclose(both[8], 1, rtol=1e-5)  # the first query still looks that far ahead


def test_a_shift_looks_at_one_distance_only() -> None:
    heads = memory_with(np.stack([shift(9, 1), uniform(9)]))  # the second head shows what may be seen
    found = measures.distance(heads)[0, 0]
    np.testing.assert_allclose(found[1], 7 / sum(1 / (query + 1) for query in range(2, 9)), rtol=1e-5)
    np.testing.assert_array_equal(found[[0, 2, 3, 4, 5, 6, 7]], 0)


def test_distance_against_its_sums_one_by_one(square: Memory) -> None:
    weights, size = weights_of(square), len(square.keys)
    found = measures.distance(square)
    for layer in range(square.layers):
        may = seen(square, layer)
        for away in range(size):
            pairs = [(i, j) for i in range(size) for j in range(1, size) if abs(i - j) == away and may[i, j]]
            chance = sum(1 / may[i].sum() for i, j in pairs)
            expected = sum(weights[layer, :, i, j] for i, j in pairs) / chance if pairs else np.nan
            np.testing.assert_allclose(found[layer, :, away], expected, rtol=1e-3, atol=1e-5)
            usual = chance / len(pairs) if pairs else np.nan
            np.testing.assert_allclose(measures.baseline(square, layer)[away], usual, rtol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [1, 2, 5, 40])
def test_the_baseline_of_a_window(causal: bool, window: int) -> None:
    size = 12
    memory = memory_of(" ".join("abcdefghijkl"), causal=causal, window=(None, window))[0]
    first, stop = spans(size, size, causal=causal, window=window).T
    for away in range(size):
        shares = [
            1 / (stop[i] - first[i])
            for i in range(size)
            for j in (i - away, i + away)[: 1 + (away > 0)]
            if max(first[i], 1) <= j < stop[i]
        ]
        expected = np.mean(shares) if shares else np.nan
        np.testing.assert_allclose(measures.baseline(memory, 1)[away], expected, rtol=1e-5)


def test_mean_distance_against_its_sum(square: Memory) -> None:
    size = len(square.keys)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    expected = (weights_of(square) * apart).sum(axis=(2, 3)) / size
    np.testing.assert_allclose(measures.mean_distance(square), expected, **CLOSE)


def test_mean_distance_of_known_heads() -> None:
    memory = memory_with(np.stack([np.eye(9), shift(9, 1), uniform(9)]))
    expected = [0, 8 / 9, np.mean([query / 2 for query in range(9)])]
    np.testing.assert_allclose(measures.mean_distance(memory)[0], expected, **CLOSE)


def test_span_of_a_shift_is_the_shift() -> None:
    memory = memory_with(np.stack([shift(12, by) for by in (0, 1, 3, 7)]))
    np.testing.assert_array_equal(measures.span(memory)[0], [0, 1, 3, 7])
    np.testing.assert_array_equal(measures.span(memory, 0.9)[0], [0, 1, 3, 7])


def test_span_of_a_uniform_look_both_ways() -> None:
    size = 9
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(1, size))).ravel()
    expected = next(d for d in range(size) if (apart <= d).sum() >= apart.size / 2)
    assert measures.span(memory_with(uniform(size, causal=False)))[0, 0] == expected
    everything = measures.span(memory_with(uniform(size, causal=False)), 1.0)
    assert everything[0, 0] == size - 1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_span_against_its_sums_one_by_one(square: Memory, share: float) -> None:
    weights, size = weights_of(square)[..., 1:], len(square.keys)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(1, size)))
    found = measures.span(square, share)
    for layer, head in np.ndindex(square.layers, square.heads):
        held = [weights[layer, head][apart <= away].sum() for away in range(size)]
        expected = next(away for away in range(size) if held[away] >= share * held[-1] - 1e-6)
        assert found[layer, head] == expected


def test_a_head_that_sees_nothing_but_the_first_token_has_no_span() -> None:
    rest = np.zeros((6, 6))
    rest[:, 0] = 1
    assert np.isnan(measures.span(memory_with(rest))[0, 0])
    assert not np.isnan(measures.span(memory_with(0.99 * rest + 0.01 * np.eye(6)))[0, 0])


def test_a_position_outside_the_text_is_refused() -> None:
    with pytest.raises(TraceError, match=r"L0\.H7"):
        measures.lift(memory_of(PLAIN, causal=True)[0], 0, 7)
    with pytest.raises(TraceError, match=r"L9\.H0"):
        measures.value_norm(memory_of(PLAIN, causal=True)[0], 9, 0)


def test_the_unit_of_entropy_is_nats() -> None:
    assert math.isclose(measures.entropy(memory_with(uniform(4)))[0, 0, 3], math.log(4), rel_tol=1e-6)
