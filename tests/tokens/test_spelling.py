"""Which characters hold together, and what a person sees of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.errors import EmptyTextError, ReadingError
from memviz.tokens import clean, printable, require_text, right_to_left, word_spans
from memviz.tokens.spelling import WHITE, SpanUnion, trim, with_accents


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I didn't re-read 3.14 of x_1.", ["I", "didn't", "re", "-", "read", "3.14", "of", "x_1", "."]),
        ("l’homme 'quoted' a.b 1,000", ["l’homme", "'", "quoted", "'", "a", ".", "b", "1,000"]),
        ("天気。」ABC", ["天", "気", "。", "」", "ABC"]),
        ("コーヒーを飲む", list("コーヒーを飲む")),
        ("한국어 단어", ["한국어", "단어"]),
        ("मैं हिन्दी क्‍षमा", ["मैं", "हिन्दी", "क्‍षमा"]),
        ("مرحبا بِكَ می‌خواهم", ["مرحبا", "بِكَ", "می‌خواهم"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("👩‍👩‍👧🇫🇷1️⃣👍🏽", ["👩‍👩‍👧", "🇫🇷", "1️⃣", "👍🏽"]),
        ("e\u0301te\u0301 \u0301", ["e\u0301te\u0301", "\u0301"]),
        ("a\0b \ufeffc\u200b", ["a", "\0", "b", "\ufeff", "c", "\u200b"]),
        ("$$ :red[x]", ["$", "$", ":", "red", "[", "x", "]"]),
        ("", []),
        (" \n\t\u3000", []),
    ],
)
def test_words_follow_the_writing_system(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(st.text())
def test_words_cover_all_but_white_space_once(text: str) -> None:
    spans = word_spans(text)
    assert all(a < b for a, b in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    covered = {place for start, end in spans for place in range(start, end)}
    assert {place for place, char in enumerate(text) if char not in WHITE} <= covered


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("cat", "cat"),
        ("猫", "猫"),
        ("\n\n", "⏎⏎"),
        ("\r\n", "⏎"),
        (" \t", "␣⇥"),
        (" " * 12, "␣×12"),
        ("\0", "␀"),
        ("a\x07b\x7f", "a␇b␡"),
        ("\x1c", "␜"),
        ("\x85", "⏎"),
        ("\x9f", "⟨U+009F⟩"),
        ("\ufeff", "⟨BOM⟩"),
        ("\u200d", "⟨ZWJ⟩"),
        ("👩‍👧", "👩‍👧"),
        ("\ufe0f", "⟨VS16⟩"),
        ("\u0301", "◌\u0301"),
        ("a\u202eb", "a⟨RLO⟩b"),
        ("\ue000", "⟨U+E000⟩"),
        ("\ufffd", "\ufffd"),
        ("", ""),
    ],
)
def test_nothing_stays_invisible(text: str, seen: str) -> None:
    assert printable(text) == seen


@given(st.text(min_size=1))
def test_visible_never_empties_a_text_nor_invents_a_replacement(text: str) -> None:
    seen = printable(text)
    assert seen.strip()
    assert ("\ufffd" in seen) == ("\ufffd" in text)
    assert not any(ord(char) < 32 or "\u202a" <= char <= "\u202e" for char in seen)


def test_halves_of_a_character_are_joined_or_named() -> None:
    assert clean("ok \ud83d\ude00") == "ok 😀"
    assert clean("\0\x07") == "\0\x07"
    with pytest.raises(ReadingError) as refusal:
        clean("ab\ud83dc")
    assert str(refusal.value).startswith("Character 3 of the text is only half a character (U+D83D).")
    assert "Delete it" in str(refusal.value)
    with pytest.raises(ReadingError, match="this is bytes"):
        clean(b"text")


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), (" \n\u3000", r"spaces and line breaks \(3 char")])
def test_nothing_to_read(text: str, message: str) -> None:
    with pytest.raises(EmptyTextError, match=message):
        require_text(text)


def test_something_to_read() -> None:
    assert require_text(" a\ud83d\ude00") == " a😀"
    assert require_text("\x1c") == "\x1c"  # a control character is shown, so it is something


def test_spans_lose_white_space_and_gain_their_marks() -> None:
    assert trim("  a b\n", (0, 6)) == (2, 5)
    assert trim("  a", (0, 2)) == (0, 2)
    assert with_accents("e\u0301\u0323t", [(0, 1), (3, 4)]) == [(0, 3), (3, 4)]
    assert with_accents("e\u0301\u0323t", [(0, 1), (2, 3), (3, 4)]) == [(0, 2), (2, 3), (3, 4)]


def test_lost_characters_are_in_no_word() -> None:
    text = "\0 ab \0 cd"
    assert SpanUnion.words(text, [(2, 4), (7, 9)]).spans == [(2, 4), (7, 9)]
    assert SpanUnion.words(text, [(2, 4), (7, 9)]).around(5) == -1
    assert SpanUnion.words(text, [(3, 4), (7, 8)]).spans == [(2, 4), (7, 9)]  # a part of a word holds all of it
    assert SpanUnion.words(text, []).spans == []
    assert SpanUnion.joined([(3, 5), (0, 2), (1, 3)]).spans == [(0, 3), (3, 5)]
    assert SpanUnion.joined([(3, 5)]).around(5) == -1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("שלום", True), ("مرحبا", True), ("2 + 2 שלום", True), ("cat שלום", False), ("12 %", False), ("", False)],
)
def test_the_first_letter_says_where_a_text_runs(text: str, expected: bool) -> None:
    assert right_to_left(text) is expected
