"""Home says what MemViz is, and what it says of a word can be told from what it says of another."""

from __future__ import annotations

import re

import numpy as np
import pytest

import memviz
from memviz.figures.live.word_drawing import payload
from memviz.tokens import distinct_texts
from memviz.ui.shell.samples import samples

pytestmark = pytest.mark.models

TWICE = "The dog saw the cat because the cat saw the bird."


def test_home_says_in_one_sentence_what_memviz_is_and_calls_its_samples_examples(visit) -> None:
    here = visit("home")
    (introduction,) = (item.proto.body for item in here.app.get("html") if 'class="introduction"' in item.proto.body)
    assert re.search(r'<img src="data:image/png;base64,\w{80}', introduction)
    assert re.sub("<.*?>", "", introduction).count(".") == 1
    assert "<strong>MemViz</strong> shows where a Transformer language model looks" in introduction
    assert {"model", "attention"} <= set(re.findall(r"\w+", here.app.title[0].value))
    assert "Examples:" in here.sentences


def test_words_that_are_written_alike_are_told_apart_in_sentences_and_tables(visit) -> None:
    trace = memviz.read(TWICE, model="minilm")
    names = distinct_texts(trace.words)
    assert "cat #5" in names
    lines = [line.replace("\\", "") for line in visit("home", text=TWICE).sentences if line.startswith("In L")]
    said = [re.findall("“(.+?)”", line) for line in lines]
    assert len(said) == 5
    assert {word for pair in said for word in pair} <= set(names)
    tables = visit("recall", text=TWICE, word="5").app.dataframe
    for table, links in zip(tables[:2], memviz.measures.links(trace.memory(), *trace.sides()), strict=True):
        assert list(table.value["word"]) == [names[other] for other in links.index[5] if other >= 0]


def test_what_is_said_of_a_second_sentence_is_true_of_every_model(visit, minilm, smollm2) -> None:
    """BERT has a separator and looks both ways; a decoder has none, and looks back alone."""
    (told,) = (line for line in visit("home").sentences if line.startswith("The model reads both as one text"))
    pair, separated, looks_ahead = ("A cat sat.", "It slept."), {}, {}
    for name, reader in (("minilm", minilm), ("smollm2", smollm2)):
        trace = reader.read(*pair)
        second = next(place for place, token in enumerate(trace.tokens) if token.text.strip().lower() == "it")
        separated[name] = trace.tokens[second - 1].special
        weights = [trace.memory().pattern(*head) for head in np.ndindex(trace.memory().layers, trace.memory().heads)]
        looks_ahead[name] = max(float(each[:second, second:].max()) for each in weights) > 0
        assert max(float(each[second:, :second].max()) for each in weights) > 0.1
    assert separated == looks_ahead == {"minilm": True, "smollm2": False}
    assert "with its separator between them where it has one (BERT: [SEP])" in told
    assert "in a model that reads from left to right, only those of the second at those of the first" in told


CODE = "def f(x):\n    if x:\n        return 1\n\n\treturn 2\r\nf(3)"


def test_code_keeps_its_lines_and_its_indentation(minilm, smollm2) -> None:
    """Also where the white space is read as words of its own, which show what they are."""

    def drawn(trace) -> str:
        parts = (
            "\n" * word["newline"] + " " * (word["indent"] or (word["space"] and not word["newline"])) + word["text"]
            for word in payload(trace.words, trace.text, trace.pair)
            if not word["special"]
        )
        return "".join(parts)

    assert drawn(minilm.read(CODE)) == CODE.expandtabs(4).replace("\r", "")
    lines = drawn(smollm2.read("def f(x):\n    if x:\n        return 1\n\n\treturn 2")).split("\n")
    assert [re.sub("[⏎␣×7]+$", "", line) for line in lines] == [
        "def f(x):",
        "    if x:",
        "        return 1",
        "",
        "⇥ return 2",
    ]


def test_a_text_that_was_typed_stays_when_the_model_changes_though_it_says_what_a_sample_says(visit) -> None:
    typed = samples("minilm")[2].text
    here = visit("home", model="minilm").read(typed)
    here.choose("model", "smollm2")
    assert here.input == typed
