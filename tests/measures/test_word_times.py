"""The path through a sound is the heaviest that never goes back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from memviz import measures
from memviz.errors import MeasureError
from memviz.measures.word_times import token_starts


def heaviest(matrix: np.ndarray) -> float:
    """The weight of the heaviest path from the first cell to the last, by trying all of them."""
    rows, columns = matrix.shape
    best = -np.inf
    for length in range(max(rows, columns), rows + columns):
        for steps in itertools.product(((1, 1), (1, 0), (0, 1)), repeat=length - 1):
            places = np.cumsum([(0, 0), *steps], axis=0)
            if (places[-1] == (rows - 1, columns - 1)).all():
                best = max(best, matrix[places[:, 0], places[:, 1]].sum())
    return best


def weight(matrix: np.ndarray, starts: list[int]) -> float:
    """The weight of the heaviest path whose rows begin at these columns."""
    rows, columns = matrix.shape
    total = 0.0
    for row, start in enumerate(starts):
        following = columns if row + 1 == rows else starts[row + 1]
        ends = [following - 1] if following > start else []
        if row + 1 < rows:
            ends.append(following)  # the next row begins below the last cell of this
        total += max(matrix[row, start : end + 1].sum() for end in ends if end >= start)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_the_path_is_the_heaviest(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32)
    starts = token_starts(matrix)
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert weight(matrix, starts) == pytest.approx(heaviest(matrix), abs=1e-5)


def test_blocks_are_found_where_they_begin() -> None:
    matrix = np.zeros((3, 12))
    for row, (start, end) in enumerate([(0, 3), (3, 8), (8, 12)]):
        matrix[row, start:end] = 1
    starts = token_starts(matrix - 0.1)  # a cell without weight costs something: the path cuts no corner
    assert weight(matrix, starts) == 12
    assert all(abs(start - wanted) <= 1 for start, wanted in zip(starts, [0, 3, 8], strict=True))


@pytest.mark.models
def test_a_text_has_no_moments(cat) -> None:
    with pytest.raises(MeasureError, match=r"only in what was written for a sound\. Use `memviz.transcribe`"):
        measures.word_times(cat)
