"""Words made of tokens, and attention between words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.errors import TraceError
from memviz.tokens import Token, Word, align, distinct_texts, dropped_characters, merge, tokenise, words


def sequence(*numbers: int) -> tuple[Token, ...]:
    return tuple(Token("x", 0, place, place + 1, number, special=False) for place, number in enumerate(numbers))


def summary(found: tuple[Word, ...]) -> list[tuple[str, tuple[int, ...]]]:
    return [(word.text, word.tokens) for word in found]


def test_words_hold_their_pieces(word_piece: Any) -> None:
    text = "the zebra didn't sit"
    tokens, _ = tokenise(word_piece, text)
    found = words(tokens, text)
    assert [word.text for word in found] == ["[CLS]", "the", "zebra", "didn't", "sit", "[SEP]"]
    assert len(found[3].tokens) >= 3
    assert [word.special for word in found] == [True, False, False, False, False, True]
    assert [text[word.start : word.end] for word in found] == ["", "the", "zebra", "didn't", "sit", ""]


def test_words_that_are_written_alike_carry_their_place(word_piece: Any) -> None:
    text = "the zebra sat, the cat"
    names = distinct_texts(words(tokenise(word_piece, text)[0], text))
    assert names == ("[CLS]", "the #1", "zebra", "sat", ",", "the #5", "cat", "[SEP]")


def test_a_token_over_two_words_joins_them(merged: Any) -> None:
    text = "The cat 天気 x"
    tokens, _ = tokenise(merged, text)
    found = summary(words(tokens, text))
    assert found[1][0] == "The cat"
    assert found[2][0] == "天気"


@pytest.mark.parametrize(
    ("text", "seen", "lost"),
    [
        ("\0the \u200b cat\ufeff", ["the", "cat"], "\0\u200b\ufeff"),
        ("the \ufffd cat", ["the", "cat"], "\ufffd"),
        ("the \ufffdcat", ["the", "cat"], "\ufffd"),
        ("the\ufffd cat", ["the", "cat"], "\ufffd"),
        ("the\ufffd\ufffd \x07 cat\ufffd", ["the", "cat"], "\ufffd\ufffd\x07\ufffd"),
        ("the c\ufffdat", ["the", "c\ufffdat"], ""),  # a token lies over it
        ("the  cat\n", ["the", "cat"], ""),
    ],
)
def test_dropped_characters_are_in_no_word(text: str, seen: list[str], lost: str, word_piece: Any) -> None:
    tokens = tokenise(word_piece, text)[0]
    found = [word for word in words(tokens, text) if not word.special]
    assert [word.text for word in found] == seen
    assert [(word.space, word.newline) for word in found] == [(False, False), (True, False)]
    assert dropped_characters(tokens, text) == lost
    tokens = tokenise(word_piece, "cat", text)[0]
    assert [word.text for word in words(tokens, "cat", text) if not word.special] == ["cat", *seen]
    assert dropped_characters(tokens, "cat", text) == lost


def test_a_line_break_beside_a_dropped_character_still_breaks_the_line(word_piece: Any) -> None:
    for text in ("the \ufffd\ncat", "the\n\ufffdcat", "the\n\ufffd cat"):
        cat = [word for word in words(tokenise(word_piece, text)[0], text) if not word.special][1]
        assert (cat.text, cat.space, cat.newline) == ("cat", True, True)


def test_breaks_and_spaces_before_words(byte_level: Any) -> None:
    text = "The cat\n\nsat。\r\nHello"
    found = words(tokenise(byte_level, text)[0], text)
    flags = {word.text: (word.space, word.newline) for word in found}
    assert flags["The"] == (False, False)
    assert flags["cat"] == (True, False)
    assert flags["sat"] == (True, True)
    assert flags["。"] == (False, False)
    assert flags["Hello"] == (True, True)
    assert "⏎" in flags


def test_added_tokens_have_no_white_space_before_them(word_piece: Any) -> None:
    last = words(tokenise(word_piece, "cat \n")[0], "cat \n")[-1]
    assert (last.text, last.start, last.space, last.newline) == ("[SEP]", 5, False, False)


def test_words_of_a_pair(word_piece: Any) -> None:
    tokens, _ = tokenise(word_piece, "the cat", "the\ndog")
    found = words(tokens, "the cat", "the\ndog")
    assert [(word.text, word.segment) for word in found] == [
        ("[CLS]", 0), ("the", 0), ("cat", 0), ("[SEP]", 0), ("the", 1), ("dog", 1), ("[SEP]", 1)
    ]  # fmt: skip
    assert found[5].newline


def test_merging_sums_to_a_word_and_averages_from_it() -> None:
    pattern = np.array(
        [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]], dtype=np.float32
    )
    before = pattern.copy()
    both = merge(pattern, sequence(0, 1, 1, 2), sequence(0, 0, 1, 2))
    expected = [[0.3, 0.3, 0.4], [(0.7 + 0.5) / 2, (0.2 + 0.25) / 2, (0.1 + 0.25) / 2], [0.8, 0.1, 0.1]]
    np.testing.assert_allclose(both, expected, atol=1e-7)
    assert both.dtype == np.float32
    np.testing.assert_array_equal(pattern, before)
    assert not np.shares_memory(both, pattern)


def test_leading_axes_and_rectangles() -> None:
    pattern = np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 3, 4)).astype(np.float32)  # [2, 3, 4, 5]
    queries, keys = sequence(0, 1, 1, 2), sequence(3, 3, 4, 5, 5)
    both = merge(pattern, queries, keys)
    assert both.shape == (2, 3, 3, 3)
    np.testing.assert_allclose(both[1, 2], merge(pattern[1, 2], queries, keys), atol=0)


def test_words_whose_tokens_are_apart() -> None:
    pattern = np.random.default_rng(1).dirichlet(np.ones(4), size=4)
    order = [0, 2, 1, 3]
    apart = merge(pattern[np.ix_(order, order)], sequence(0, 1, 0, 1), sequence(0, 1, 0, 1))
    together = merge(pattern, sequence(0, 0, 1, 1), sequence(0, 0, 1, 1))
    np.testing.assert_allclose(apart, together, atol=1e-12)
    assert apart.dtype == np.float64


def test_joined_sequences_keep_their_words_apart(unigram: Any) -> None:
    """A decoder reads its start token and then what it wrote; both sequences count their words from zero."""
    ids = tokenise(unigram, "cat")[1]["input_ids"]
    entered = align(unigram, [1], "") + align(unigram, ids, "cat")
    rows = merge(np.eye(len(entered), dtype=np.float32), entered, entered)
    found = words(entered, "cat")
    assert [word.text for word in found] == ["</s>", "cat", "</s>"]
    assert rows.shape == (len(found), len(found))
    assert len(found[0].tokens) == 1


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=24).map(sorted),
    st.lists(st.integers(0, 6), min_size=1, max_size=24),
    st.integers(0, 2**32 - 1),
)
def test_rows_still_sum_to_one(queries: list[int], keys: list[int], seed: int) -> None:
    pattern = np.random.default_rng(seed).dirichlet(np.ones(len(keys)), size=len(queries)).astype(np.float32)
    both = merge(pattern, sequence(*queries), sequence(*keys))
    assert both.shape == (len(set(queries)), len(set(keys)))
    np.testing.assert_allclose(both.sum(-1), 1, atol=1e-6)


def test_one_word_of_many_tokens_stays_exact() -> None:
    pattern = np.random.default_rng(3).dirichlet(np.ones(2000), size=2000).astype(np.float32)
    one, many = sequence(*[0] * 2000), sequence(*range(2000))
    assert abs(merge(pattern, one, one) - 1).max() <= 1e-6
    assert abs(merge(pattern, one, many).sum() - 1) <= 1e-6


def test_whole_numbers_and_nothing_at_all() -> None:
    counts = np.array([[1, 2], [3, 4]])
    assert merge(counts, sequence(0, 0), sequence(0, 1)).tolist() == [[2.0, 3.0]]
    assert merge(np.zeros((0, 0), dtype=np.float32), (), ()).shape == (0, 0)


def test_a_pattern_of_other_tokens_is_refused() -> None:
    with pytest.raises(TraceError, match="The pattern is 2 × 3, but there are 2 querying and 2 read tokens"):
        merge(np.zeros((2, 3)), sequence(0, 1), sequence(0, 1))
