"""Cross-attention as a heatmap: what was read from what, also a step later, when the word is entered."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from memviz import figures, measures
from memviz.errors import MeasureError
from memviz.figures.data.cells import BLOCK
from tests.memories import memory_of, tokens, trace_of, words_of

WRITTEN = tokens(["O", "ga", "##to", "pre", "##to", "</s>"], special=(5,))
READ = tokens(["The", "bl", "##ack", "cat", "</s>"], special=(4,))
MEMORY, TRUTH = memory_of(WRITTEN, READ)
SIDES = words_of(WRITTEN), words_of(READ)
BY_WORD = {"query_words": SIDES[0], "key_words": SIDES[1]}


def cells(figure) -> np.ndarray:
    return np.asarray(figure.data[0].z)


def test_a_shifted_row_is_the_row_of_the_next_step() -> None:
    values = cells(figures.pattern(MEMORY, 1, 2, shift=1))
    np.testing.assert_allclose(values[:-1], TRUTH[1, 2][1:], atol=1e-6)
    assert np.isnan(values[-1]).all(), "after the last token nothing is entered"
    np.testing.assert_array_equal(figures.weights(MEMORY, 1, 2, shift=1), values)
    mean = cells(figures.pattern(MEMORY, 1, None, shift=1))
    np.testing.assert_allclose(mean[:-1], TRUTH[1].mean(0)[1:], atol=1e-6)


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("block", [1, BLOCK])
def test_between_words_it_is_the_measure(monkeypatch: pytest.MonkeyPatch, shift: int, block: int) -> None:
    monkeypatch.setattr("memviz.figures.data.cells.BLOCK", block)
    expected = measures.word_weights(MEMORY, SIDES, layer=0, head=1, shift=shift)
    np.testing.assert_allclose(cells(figures.pattern(MEMORY, 0, 1, shift=shift, **BY_WORD)), expected, atol=1e-6)
    cut = cells(figures.pattern(MEMORY, 0, 1, shift=shift, **BY_WORD, window=(slice(1, 3), slice(0, 2))))
    np.testing.assert_allclose(cut, expected[1:3, :2], atol=1e-6)


def test_the_last_word_is_the_mean_of_those_of_its_tokens_that_have_a_step() -> None:
    made = tokens(["O", "ga", "##to"])
    memory, truth = memory_of(made, READ)
    sides = words_of(made), SIDES[1]
    values = cells(figures.pattern(memory, 0, 0, shift=1, query_words=sides[0]))
    np.testing.assert_allclose(values[1], truth[0, 0, 2], atol=1e-6)
    np.testing.assert_allclose(
        measures.word_weights(memory, sides, layer=0, head=0, shift=1)[1][0], values[1][0], atol=1e-6
    )


def test_it_says_that_it_is_shifted() -> None:
    figure = figures.pattern(MEMORY, 0, 1, shift=1, **BY_WORD)
    assert "shifted by 1: the weights are those of a later step" in figure.layout.meta["caption"]
    said = figures.provenance(trace_of(MEMORY), **figures.provenance_fields(figure))
    assert said["shift"] == "weights of 1 step later"
    assert "words · weights of 1 step later" in figures.caption(said)
    assert figures.provenance(trace_of(MEMORY), shift=2)["shift"] == "weights of 2 steps later"
    plain = figures.pattern(MEMORY, 0, 1)
    assert "shift" not in figures.provenance_fields(plain)
    assert "shift" not in figures.provenance(trace_of(MEMORY), shift=0)
    assert "shifted" not in plain.layout.meta["caption"]


def test_a_written_word_was_read_from_a_source_word() -> None:
    figure = figures.pattern(MEMORY, 0, 1, **BY_WORD)
    assert figure.data[0].hovertemplate.startswith("“%{y}” was read from “%{x}”<br>")
    said = figures.alt(figure)
    assert said.startswith("Heatmap of cross-attention, L0.H1: 4 rows (target), 4 columns (source); ")
    row, col = np.unravel_index(cells(figure).argmax(), (4, 4))
    assert f"Strongest: “{SIDES[0][row].text}” was read from “{SIDES[1][col].text}”" in said
    looking = figures.pattern(memory_of(READ)[0], 0, 1)
    assert "attends to" in looking.data[0].hovertemplate
    assert "attends to" in figures.alt(looking)


def test_the_png_is_shifted_too() -> None:
    plain, shifted = (
        np.asarray(Image.open(io.BytesIO(figures.pattern_png(MEMORY, 0, 1, shift=shift, provenance={}, title=""))))
        for shift in (0, 1)
    )
    cell, top = 34 * 2, _top(plain)
    assert top == _top(shifted)
    fields = [shown[top : top + 6 * cell].reshape(6, cell, -1)[:, cell // 4 : cell // 2] for shown in (plain, shifted)]
    left = plain.shape[1] // 4 * 3  # beyond the labels of the rows, which do not move
    np.testing.assert_array_equal(fields[1][:-1, :, left:], fields[0][1:, :, left:])
    assert (fields[0][0, :, left:] != fields[0][1, :, left:]).any()


def _top(shown: np.ndarray) -> int:
    """The first row of the cells: the first that is not paper for the width of a cell, letters are not so wide."""
    filled = (shown != 255).any(axis=2)
    wide = np.lib.stride_tricks.sliding_window_view(filled, 60, axis=1).all(axis=2)
    return int(np.flatnonzero(wide.any(axis=1))[0])


def test_only_cross_attention_can_be_shifted() -> None:
    memory, _ = memory_of(READ)
    for call in (figures.pattern, figures.weights):
        with pytest.raises(MeasureError, match="this memory is of the kind self"):
            call(memory, 0, 0, shift=1)
