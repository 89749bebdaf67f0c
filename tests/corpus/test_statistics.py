"""Intervals that hold what they promise, and p-values that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from memviz.corpus import adjusted, bootstrap, permutation_test


def blocks(values: np.ndarray, size: int = 7) -> list[np.ndarray]:
    """The same numbers a few texts at a time."""
    return [values[start : start + size] for start in range(0, len(values), size)]


@pytest.mark.parametrize("texts", [12, 60])
def test_the_interval_covers_the_mean_that_the_corpora_were_drawn_from(texts: int) -> None:
    """Two thousand corpora of skewed numbers around a known mean, drawn side by side as if they were heads."""
    corpora = np.random.default_rng(1).gamma(16, 1 / 16, size=(texts, 2000))
    interval = bootstrap(blocks(corpora), texts, draws=500)
    covered = (interval.low <= 1) & (interval.high >= 1)
    assert 0.93 <= covered.mean() <= 0.97
    assert np.allclose(interval.mean, corpora.mean(axis=0))
    assert (interval.count == texts).all()


def test_texts_are_drawn_and_not_their_halves() -> None:
    """Twice the same text is no more evidence: heads that go together keep their interval, whatever the blocks."""
    values = np.random.default_rng(2).normal(size=(40, 3))
    whole, parts = (bootstrap(each, 40, draws=4000) for each in ([values], blocks(values, 3)))
    expected = 2.0227 * values.std(axis=0, ddof=1) / np.sqrt(40)  # of Student's t with 39 degrees of freedom
    for interval in (whole, parts):
        assert np.allclose((interval.high - interval.low) / 2, expected, rtol=0.1)


def test_a_text_without_the_number_is_left_out_and_one_text_has_no_interval() -> None:
    values = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [np.nan, 7.0, 4.0]])
    interval = bootstrap([values], 3, draws=400)
    assert interval.mean.tolist() == [1.5, 6.0, 4.0]
    assert interval.count.tolist() == [2, 2, 1]
    assert np.isnan(interval.low[2])
    assert np.isfinite(interval.low[:2]).all()


def test_p_values_are_uniform_where_the_labels_mean_nothing() -> None:
    """Kolmogorov–Smirnov, by hand: 400 heads of independent numbers in two corpora of the same kind."""
    values = np.random.default_rng(3).exponential(size=(50, 400))
    found = permutation_test(blocks(values[:20]), blocks(values[20:]), (20, 30), draws=999)
    ordered = np.sort(found.p)
    steps = np.arange(1, 401) / 400
    distance = max((steps - ordered).max(), (ordered - steps + 1 / 400).max())
    assert distance < 1.36 / np.sqrt(400)  # the 5 % bound
    assert (found.adjusted >= found.p).all()


def test_a_true_difference_is_found_and_named_by_its_sign() -> None:
    draw = np.random.default_rng(4)
    first, second = draw.normal(size=(40, 2)), draw.normal(size=(50, 2)) + np.array([0, -1.5])
    found = permutation_test(blocks(first), blocks(second), (40, 50), draws=1999)
    assert np.allclose(found.difference, second.mean(axis=0) - first.mean(axis=0))
    assert found.p[1] == 1 / 2000
    assert found.p[0] > 0.01


def test_the_permutation_test_agrees_with_every_relabelling() -> None:
    """The exact test on six texts: all twenty ways to choose three of them."""
    from itertools import combinations

    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    true = abs(values[3:].mean() - values[:3].mean())
    ways = [abs(values[list(w)].mean() - np.delete(values, w).mean()) for w in combinations(range(6), 3)]
    exact = np.mean(np.array(ways) >= true - 1e-9)
    found = permutation_test([values[:3, None]], [values[3:, None]], (3, 3), draws=8000)
    assert found.p[0] == pytest.approx(exact, abs=0.02)


def test_the_corrections_are_those_of_the_papers() -> None:
    p = np.array([0.01, 0.04, 0.03, np.nan, 0.005])
    assert adjusted(p, "holm")[[0, 1, 2, 4]].tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted(p, "bh")[[0, 1, 2, 4]].tolist() == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert np.isnan(adjusted(p, "holm")[3])
