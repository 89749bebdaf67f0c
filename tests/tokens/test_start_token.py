"""A text that already begins with the start token is read with one of them, and what follows is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from families import FAMILIES, tokenizer

from memviz.reading import Reader
from memviz.tokens import dropped_characters, start_token_end, tokenise, words

STARTS = {"pair": "[CLS]", "bos": "<s>"}


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize(
    "text", ["{start}the cat sat", "{start} the cat", "  {start} a dog", "{start}{start} the", "{start}\nthe"]
)
def test_one_start_token(kind: str, text: str) -> None:
    tok, text = tokenizer(kind), text.format(start=STARTS[kind])
    tokens, inputs = tokenise(tok, text)
    bare = tok(text, add_special_tokens=False).input_ids
    expected = [
        *bare[bare.index(tok.convert_tokens_to_ids(STARTS[kind])) :],
        *([tok.sep_token_id] if kind == "pair" else []),
    ]
    assert inputs["input_ids"] == expected == [token.id for token in tokens]
    assert {len(values) for values in inputs.values()} == {len(tokens)}
    first = tokens[0]
    assert (first.text, first.special, first.start, first.end) == (STARTS[kind], True, 0, 0)
    assert start_token_end(tokens, text) == text.index(STARTS[kind]) + len(STARTS[kind])
    assert dropped_characters(tokens, text) == ""
    for word in words(tokens, text):
        assert word.special or text[word.start : word.end] == word.text.replace("⏎", "\n")


def test_the_second_text_and_what_stands_inside_are_left_alone() -> None:
    tok = tokenizer("pair")
    for text, pair in (("the [CLS] cat", None), ("the cat", "[CLS] a dog"), ("the cat [SEP]", None), ("[SEP] a", None)):
        tokens, inputs = tokenise(tok, text, pair)
        assert inputs["input_ids"] == tok(text, pair).input_ids
        assert start_token_end(tokens, text) == 0
    tokens, inputs = tokenise(tok, "[CLS] the cat", "[CLS] a dog")
    assert inputs["input_ids"] == tok("[CLS] the cat", "[CLS] a dog").input_ids[1:]


def test_nothing_but_a_start_token_is_a_text() -> None:
    tok = tokenizer("pair")
    assert tokenise(tok, "[CLS]")[1]["input_ids"] == tok("[CLS]").input_ids


def test_a_tokenizer_that_adds_none_reads_the_one_that_is_typed() -> None:
    tok = tokenizer("plain")
    tokens, inputs = tokenise(tok, "<s> the cat")
    assert inputs["input_ids"] == tok("<s> the cat").input_ids
    assert (tokens[0].special, start_token_end(tokens, "<s> the cat")) == (False, 0)


def test_a_language_that_a_translator_adds(m2m: Any) -> None:
    code = m2m.convert_ids_to_tokens(m2m("the cat").input_ids)[0]
    tokens, inputs = tokenise(m2m, f"{code} the cat")
    typed = tokenise(m2m, "the cat")[1]["input_ids"]
    assert inputs["input_ids"].count(typed[0]) == 1
    assert tokens[0].special


@pytest.mark.parametrize(("family", "kind"), [("llama", "bos"), ("bert", "pair")])
def test_the_reading_is_that_of_these_ids_and_says_so(family: str, kind: str) -> None:
    reader = Reader(FAMILIES[family].build(), tokenizer(kind))
    trace = reader.read(f"{STARTS[kind]} the cat sat")
    assert [note.code for note in trace.notes] == ["start-once"]
    assert STARTS[kind] in str(trace.notes[0])
    plain = reader.read_ids([token.id for token in trace.tokens])
    assert np.array_equal(trace.memory().pattern(1, 1), plain.memory().pattern(1, 1))
    assert reader.read("the cat sat").notes == ()
    assert reader.count(f"{STARTS[kind]} the cat sat") == len(trace.tokens)
