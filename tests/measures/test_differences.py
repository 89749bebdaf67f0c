"""Differences of two patterns, against loops over hand-made memories and real words."""

from __future__ import annotations

import numpy as np
import pytest

from memviz import figures, measures, tables
from memviz.errors import MeasureError
from memviz.measures import PatternOf
from tests.memories import memory_of, words_of

TEXTS = "the light·house keeper slept", "a light·house tall keeper"
FIRST, SECOND = map(words_of, TEXTS)
MADE = [memory_of(text, layers=2, heads=3, seed=seed) for seed, text in enumerate(TEXTS)]
HEADS = (1, 2), (0, 1)


@pytest.fixture
def sides() -> tuple[PatternOf, PatternOf]:
    first, second = (
        PatternOf(memory, words, *head) for (memory, _), words, head in zip(MADE, (FIRST, SECOND), HEADS, strict=True)
    )
    return first, second


def by_loops(number: int, places: list[int]) -> np.ndarray:
    """Summed over the tokens of a key, averaged over those of a query, of the weights that were worked out apart."""
    weights, words = MADE[number][1][HEADS[number]], (FIRST, SECOND)[number]
    return np.array(
        [
            [
                np.mean([sum(weights[query, key] for key in words[j].tokens) for query in words[i].tokens])
                for j in places
            ]
            for i in places
        ]
    )


def test_words_in_common_are_paired_in_order() -> None:
    assert measures.common_words(FIRST, SECOND) == ((1, 1), (2, 3))
    assert measures.common_words(FIRST, FIRST) == ((0, 0), (1, 1), (2, 2), (3, 3))


def test_a_difference_is_of_the_words_that_both_have(sides) -> None:
    found = measures.difference(*sides)
    first, second = by_loops(0, [1, 2]), by_loops(1, [1, 3])
    np.testing.assert_allclose(found.first, first, atol=1e-6)
    np.testing.assert_allclose(found.second, second, atol=1e-6)
    np.testing.assert_allclose(found.values, second - first, atol=1e-6)
    rows = [sum(abs(second[i, j] - first[i, j]) for j in (0, 1)) / 2 for i in (0, 1)]
    assert found.size == pytest.approx(sum(rows) / 2, abs=1e-6)
    frame = tables.difference_table(found, FIRST)
    assert np.abs(frame["difference"]).is_monotonic_decreasing
    top = frame.iloc[0]
    assert (second - first)[[1, 2].index(top["query"]), [1, 2].index(top["key"])] == pytest.approx(top["difference"])
    assert set(frame["query_text"]) == {"lighthouse", "keeper"}


def test_sinks_that_are_taken_out_leave_rows_that_sum_to_one_and_words_that_are_no_sinks() -> None:
    """The first token of each text is a sink, and one piece of lighthouse in the second; what is left is worked out."""
    out = (0,), (0, 2)
    sides = [
        PatternOf(memory, words, *head, without)
        for (memory, _), words, head, without in zip(MADE, (FIRST, SECOND), HEADS, out, strict=True)
    ]
    found = measures.difference(*sides)
    assert found.places == ((1, 1), (2, 3)), "lighthouse has another piece"
    for number, values in enumerate((found.first, found.second)):
        weights, words = MADE[number][1][HEADS[number]].astype(np.float64).copy(), (FIRST, SECOND)[number]
        weights[:, list(out[number])] = 0
        weights /= weights.sum(axis=1, keepdims=True)
        rows = [
            [np.mean([weights[query, list(words[j].tokens)].sum() for query in words[i].tokens]) for j in places]
            for places in ([pair[number] for pair in found.places],)
            for i in places
        ]
        np.testing.assert_allclose(values, rows, atol=1e-6)
    plain = measures.difference(*(PatternOf(s.memory, s.words, s.layer, s.head) for s in sides))
    assert np.abs(found.values - plain.values).max() > 1e-3
    whole = tuple(range(len(MADE[0][0].keys)))
    with pytest.raises(MeasureError, match="no word in common"):
        measures.difference(PatternOf(MADE[0][0], FIRST, 0, 0, whole), sides[1])
    sizes = measures.head_differences(MADE[0][0], FIRST, MADE[0][0], FIRST, without=((0,), ()))
    alone = measures.difference(PatternOf(MADE[0][0], FIRST, 1, 2, (0,)), PatternOf(MADE[0][0], FIRST, 1, 2))
    assert sizes[1, 2] == alone.size > 0


def test_every_head_is_compared_with_itself(sides) -> None:
    one, other = (side.memory for side in sides)
    sizes = measures.head_differences(one, FIRST, other, SECOND)
    for layer, head in np.ndindex(2, 3):
        alone = measures.difference(PatternOf(one, FIRST, layer, head), PatternOf(other, SECOND, layer, head))
        assert sizes[layer, head] == alone.size
    assert (measures.head_differences(one, FIRST, one, FIRST) == 0).all()


def test_what_cannot_be_compared_is_refused(sides) -> None:
    with pytest.raises(MeasureError, match="no word in common"):
        measures.difference(sides[0], PatternOf(memory_of("x y")[0], words_of("x y"), 0, 0))
    with pytest.raises(MeasureError, match="2 × 3 and 1 × 3"):
        measures.head_differences(sides[0].memory, FIRST, memory_of(TEXTS[1], layers=1, heads=3)[0], SECOND)


def test_the_map_has_both_sides_on_one_scale(sides) -> None:
    found = measures.difference(*sides)
    chart = figures.difference_map(found.first, found.second, ["lighthouse", "<keeper>"])
    field = chart.data[0]
    np.testing.assert_allclose(np.array(field.z), found.values, atol=1e-6)
    assert field.zmax == -field.zmin == pytest.approx(np.abs(found.values).max())
    assert "<keeper>" not in str(field.customdata)
    assert figures.percent(float(found.first[1, 0]), digits=1) in field.customdata[1][0]
