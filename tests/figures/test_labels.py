"""Labels: escaped, short enough, few enough."""

from __future__ import annotations

import numpy as np
import pytest

from memviz.figures.style.labels import escape, isolated, shorten, ticks, width, wrap


def test_what_plotly_would_read_is_escaped() -> None:
    assert escape("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;"
    assert escape("$x$ %{y}\n") == "&#36;x&#36; %&#123;y}⏎"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("cat", "cat"),
        ("Donaudampfschifffahrt", "Donaudampf…fahrt"),
        ("一二三四五六七八九十", "一二三四五…九十"),
        ("👩‍🚀" * 20, "👩‍🚀" * 5 + "…" + "👩‍🚀" * 2),
        ("e\u0301" * 16, "e\u0301" * 16),
    ],
)
def test_long_labels_lose_their_middle(text: str, short: str) -> None:
    assert shorten(text) == short
    assert width(short) <= 16


def test_a_hundred_thousand_letters_are_shortened_at_once() -> None:
    assert shorten("a" * 100_000) == "a" * 10 + "…" + "a" * 5


def test_only_text_from_right_to_left_is_isolated() -> None:
    assert isolated("cat") == "cat"
    assert isolated("مرحبا") == "\u2068مرحبا\u2069"


@pytest.mark.parametrize("count", [1, 40, 41, 97, 256])
def test_ticks_are_few_and_even(count: int) -> None:
    found = ticks(count)
    assert len(found) <= 40
    assert found[0] == 0
    assert len(set(np.diff(found).tolist())) <= 1


def test_ticks_that_are_kept_push_the_others_aside() -> None:
    found = ticks(200, keep=[17, 18, 150])
    assert {17, 18, 150} <= set(found.tolist())
    assert not {12, 16, 19, 149, 151} & set(found.tolist())  # too close to a kept one to read both
    assert 15 < len(found) <= 27
    assert len(ticks(1000, keep=range(500))) <= 25
    assert len(ticks(200, keep=[17, 18, 150], room=40)) > 30


def test_lines_break_between_words_and_between_chinese_signs() -> None:
    lines = wrap("weights of the whole row, renormalised", 16)
    assert lines == ["weights of the", "whole row,", "renormalised"]
    chinese = wrap("注意力权重的平方根按整条记录的范围着色", 16)
    assert "".join(chinese) == "注意力权重的平方根按整条记录的范围着色"
    assert all(width(line) <= 16 for line in chinese)
    assert wrap("", 10) == []
    for columns in range(6, 30):
        signs = wrap("各步写入的内容，加上“初始状态”。没有", columns)
        assert "".join(signs) == "各步写入的内容，加上“初始状态”。没有"
        assert not [line for line in signs if line[0] in "，。”"]
