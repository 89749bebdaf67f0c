"""Where sentences end, in several languages, and how one that is too long is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from memviz.reading.writing.sentences import split_long, split_sentences
from tests.reading import held_out_sentences
from tests.reading.sentence_cases import ENGLISH, PORTUGUESE, cases

LANGUAGES = {
    "english": ["The cat sat.", "It was tired!", "Was it?", "Yes... maybe."],
    "quotes": ["“Go!” she said.", "“Why?”", "(He didn’t.)", "Then what?!"],
    "titles": ["Mr. Smith met Dr. J. K. Rowling in St. Ives.", "He left at 3.14 p.m. with No. 5."],
    "list": ["1. First thing.", "2. Second thing."],
    "portuguese": ["O Sr. Silva mora na Av. Paulista, n. 12.", "Ele trabalha.", "“Não!”"],
    "german": ["Das ist z. B. gut.", "Hr. Meier kam.", "Was?"],
    "chinese": ["我喜欢猫。", "你呢？", "“好！”", "他说了……再见"],
    "japanese": ["私は猫が好きです。", "「本当？」", "はい。"],
    "arabic": ["هل هذا صحيح؟", "نعم."],
    "hindi": ["यह बिल्ली है।", "वह सोती है।"],
    "spanish": ["¿Qué tal?", "¡Bien!", "Adiós."],
    "addresses": ["See example.com/a.b for more.", "Write to a.b@example.com.", "Now."],
    "I": ["I am I.", "You are you."],
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_sentences_come_apart_where_a_person_would_cut(name: str) -> None:
    expected = LANGUAGES[name]
    separator = "" if name in ("chinese", "japanese") else " "
    text = separator.join(expected)
    assert [text[start:end] for start, end in split_sentences(text)] == expected


@pytest.mark.parametrize("marked", [*cases(ENGLISH), *cases(PORTUGUESE)])
def test_abbreviations_and_initials_are_told_from_ends_of_sentences(marked: str) -> None:
    expected = marked.split(" | ")
    text = " ".join(expected)
    assert [text[start:end] for start, end in split_sentences(text)] == expected


def test_each_language_has_a_hundred_cases() -> None:
    assert min(len(set(cases(ENGLISH))), len(set(cases(PORTUGUESE)))) >= 100


@pytest.mark.parametrize("language", ["en", "pt"])
def test_sentences_that_the_rules_were_not_written_for(language: str) -> None:
    """Decision 005 says how many of these were right when they were first read, and which four were mended then."""
    held_out = held_out_sentences.cases(language)
    assert len(dict(held_out)) == len(held_out) >= 70
    wrong = [
        " | ".join(parts)
        for text, expected in held_out
        if (parts := [text[start:end] for start, end in split_sentences(text)]) != expected
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He wore a cap. Mary laughed.", 2),
        ("I counted to ten. Paul slept.", 2),
        ("Falou ao ten. Vasco Gonçalves ontem.", 1),
        ("Foi pelo cap. Otelo que soube.", 1),
        ("Era o cap. Depois saiu.", 2),
        ("A Construtora Lima Ltda. Abriu em 1990.", 2),
        ("A Construtora Lima Ltda. Abreu foi vendida.", 1),
        ("It works. iOS is next.", 2),
        ("The 3rd Inf. Regt. marched on.", 1),
    ],
)
def test_kinds_that_the_held_out_sentences_showed(text: str, count: int) -> None:
    assert len(split_sentences(text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "Das ist z. B. Unsinn, d. h. Er irrt.",
        "Er wohnt in der Nr. 5 bei Hr. Meier.",
        "M. Le Pen et Mme. Dupont sont là.",
        "El Sr. López y la Sra. Ruiz viven en EE. UU. desde ayer.",
        "Il prof. Rossi arriva.",
        "J. S. Bach und W. A. Mozart.",
    ],
)
def test_what_holds_together_in_other_languages_is_not_cut(text: str) -> None:
    assert split_sentences(text) == [(0, len(text))]


def test_what_the_simple_rule_gets_wrong_stays_known() -> None:
    def cut(text: str) -> list[str]:
        return [text[start:end] for start, end in split_sentences(text)]

    assert cut("Er kam am 3. Mai.") == ["Er kam am 3.", "Mai."]
    assert cut("Cats etc. The dog.") == ["Cats etc.", "The dog."]
    assert cut("Good! 😀 Next one.") == ["Good!", "😀 Next one."]


def test_a_line_break_ends_a_sentence() -> None:
    text = "  one line\nand another\r\n\r\n\n three \u2028 four  "
    assert [text[start:end] for start, end in split_sentences(text)] == ["one line", "and another", "three", "four"]


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\t \u3000"])
def test_nothing_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


@pytest.mark.parametrize("text", ["...", "?!", "。。。", ". . .", "!\n?", "<b>Hi.</b> You.", "x" * 5000, "a. " * 3000])
def test_nothing_is_lost_and_nothing_is_doubled(text: str) -> None:
    spans = split_sentences(text)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    kept = "".join(text[start:end] for start, end in spans)
    assert "".join(kept.split()) == "".join(text.split())


def tokens(text: str) -> list[int]:
    """Where the tokens begin, one a word."""
    starts, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        starts.append(at)
        at += len(word)
    return starts


def test_a_sentence_that_fits_is_not_cut() -> None:
    text = " ".join("word" for _ in range(128))
    assert split_long(text, tokens(text)) == [(0, len(text))]


def test_a_long_sentence_is_cut_after_a_pause_in_its_second_half() -> None:
    words = [f"w{number}" for number in range(20)]
    words[3] += ","
    words[6] += ","
    words[7] += ";"
    text = " ".join(words)
    cut = [text[start:end].split() for start, end in split_long(text, tokens(text), longest=10)]
    assert cut == [words[:8], words[8:18], words[18:]]


def test_without_spaces_it_is_cut_anywhere() -> None:
    text = "字" * 25
    assert split_long(text, range(25), longest=10) == [(0, 10), (10, 20), (20, 25)]
