"""The path through a sound is the heaviest that never goes back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from memviz import Trace, measures, tables
from memviz.errors import EmptyTextError, MeasureError
from memviz.measures import WordTime
from memviz.measures.word_times import token_starts
from tests.reading.senses import RATE, SAMPLES, hearing


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


def naive_heads(trace: Trace, count: int) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The heads by score and the matrix of the authors' code, in torch: scores, median, softmax, norms, mean."""
    frames = sum(not unit.special for unit in trace.source.units)
    memory = trace.memory("cross")
    weights = torch.stack(
        [torch.stack([torch.tensor(memory.pattern(i, j)) for j in range(memory.heads)]) for i in range(memory.layers)]
    ).double()
    scores = weights.log()[..., :frames]
    padded = torch.nn.functional.pad(scores, (1, 1, 0, 0), mode="reflect")
    attention = padded.unfold(-1, 3, 1).sort()[0][..., 1].softmax(dim=-1)
    rank = attention.norm(dim=-2).sum(-1) + attention.norm(dim=-1).sum(-1)
    order = rank.flatten().argsort(descending=True)[:count]
    heads = [(int(place) // memory.heads, int(place) % memory.heads) for place in order]
    chosen = torch.stack([attention[pair] for pair in heads])
    return heads, (chosen / chosen.norm(dim=-2, keepdim=True)).mean(0).numpy()


@pytest.mark.parametrize("count", [1, 3])
def test_heads_and_times_letter_by_letter_are_those_of_the_authors_code(count: int) -> None:
    trace = hearing().transcribe(SAMPLES, RATE, "the cat, sat!", by_character=True)
    assert trace.output == "the cat sat", "without its signs"
    heads, matrix = naive_heads(trace, count)
    assert list(measures.aligning_heads(trace, count)) == heads
    written = [place for place, target in enumerate(trace.targets) if not target.special]
    starts = token_starts(matrix[written[0] :])
    times = measures.character_times(trace, count)
    assert [word.text for word in times] == ["the", "cat", "sat"]
    for word in times:
        first = next(place for place in word.tokens if trace.targets[place].text.strip(" ␣"))
        assert word.start == pytest.approx(starts[first - written[0]] * 0.02)


def test_without_a_letter_nothing_can_be_spelled() -> None:
    with pytest.raises(EmptyTextError, match="no letter to spell"):
        hearing().transcribe(SAMPLES, RATE, "?!", by_character=True)


def test_subtitles_have_hours_and_thousandths() -> None:
    words = [WordTime("Hello", 0.5, 0.75, 0.6, (0,)), WordTime("world.", 3725.5, 3725.5, 3725.5, (1,))]
    assert tables.srt(words) == (
        "1\n00:00:00,500 --> 00:00:00,750\nHello\n\n2\n01:02:05,500 --> 01:02:05,510\nworld.\n"
    )
    table = tables.word_times_table(words, words)
    assert table["end by letters"].tolist() == [0.75, 3725.5]
    assert tables.word_times_table(words, words[:1]).columns.tolist() == ["word", "start", "end", "peak"]


@pytest.mark.models
def test_a_text_has_no_moments(cat) -> None:
    with pytest.raises(MeasureError, match=r"only in what was written for a sound\. Use `memviz.transcribe`"):
        measures.word_times(cat)
