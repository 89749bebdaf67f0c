"""Whatever is pasted: a picture or a clear message, never a stack trace, and the text stays in its box."""

from __future__ import annotations

import json
import re

import pytest

from memviz.ui.parts.heads.choices import LARGEST
from memviz.ui.shell.markdown import LONGEST
from memviz.ui.shell.samples import samples
from tests.pages.odd_texts import NOTHING, ODD

pytestmark = pytest.mark.models

MODELS = ("minilm", "smollm2")
PICTURES = {
    "home": ["words_view"],
    "heads": ["heads_grid", "chart", "cross_view"],
    "recall": ["words_view", "chart", "chart"],
}
OFFERED = {"minilm": "encoder-only", "smollm2": "decoder-only"}


def everywhere(visit, text: str, *, model: str, pair: str = "") -> None:
    """The text is read on every page that reads, its second word chosen."""
    here = visit("home", text=text, pair=pair, model=model, word="1")
    for page, pictures in PICTURES.items():
        here = here if page == "home" else here.go(page)
        here.nothing_broke()
        assert here.errors == [], page
        drawn = [picture for picture in pictures if picture != "cross_view" or len(text.split()) <= LARGEST]
        assert sorted(here.pictures) == sorted(drawn), page
        assert here.input == text, page
        assert not any(re.search(r"\bnan\b", line) for line in here.sentences), page


@pytest.mark.parametrize(
    ("model", "number"), [(model, number) for model in MODELS for number in range(len(samples(model)))]
)
def test_every_sample_is_read_on_every_page(visit, model: str, number: int) -> None:
    sample = samples(model)[number]
    everywhere(visit, sample.text, model=model, pair=sample.pair or "")


@pytest.mark.parametrize(
    ("model", "name"), [("minilm", name) for name in ODD] + [("smollm2", name) for name in [*ODD][::2]]
)
def test_odd_texts_are_read_on_every_page(visit, model: str, name: str) -> None:
    everywhere(visit, ODD[name], model=model)


@pytest.mark.parametrize("page", PICTURES)
@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_read_the_page_says_what_to_do(visit, page: str, name: str) -> None:
    here = visit(page, text=NOTHING[name])
    assert here.pictures == []
    assert here.errors == []
    assert here.notes == ["Paste a text above, or choose a sample, and see what the model remembers of it."]
    assert here.input == NOTHING[name]


def test_a_lone_surrogate_in_a_link_is_read_as_a_replacement(visit) -> None:
    here = visit("home", link={"text": b"a \xed\xa0\x80 b"})
    assert here.input == "a \ufffd\ufffd\ufffd b"
    assert here.pictures == ["words_view"]
    assert here.errors == []


@pytest.mark.parametrize("page", PICTURES)
def test_tokens_that_the_model_has_never_seen_are_told(visit, page: str) -> None:
    here = visit(page, text=ODD["long word"], model="minilm")
    assert here.notes[0] == (
        "Unknown tokens ([UNK]): 1 of 1. These words or characters are not in the vocabulary of this model."
    )
    here.read("It was tired.")
    assert not any("Unknown tokens" in note for note in here.notes)


def test_they_are_told_in_the_readers_language(visit) -> None:
    here = visit("home", text="It was " + ODD["long word"], lang="zh", model="minilm")
    assert here.notes == ["3 个词元中有 1 个是未知词元（[UNK]）：这个模型的词表里没有这些词或字。"]


def test_a_sample_says_what_there_is_to_see_in_it(visit) -> None:
    here = visit("home", model="minilm")
    first, second = samples("minilm")[:2]
    assert any(first.hint in line for line in here.sentences)
    here.press("sample_1")
    assert any(second.hint in line for line in here.sentences)
    here.read("A text of my own.")
    assert not any(sample.hint in line for sample in samples("minilm") for line in here.sentences)


def test_a_sample_fills_both_boxes(visit) -> None:
    here = visit("home")
    assert here.input == samples("minilm")[0].text
    number, sample = next((number, sample) for number, sample in enumerate(samples("minilm")) if sample.pair)
    here.press(f"sample_{number}")
    assert here.input == sample.text
    assert here.state("pair") == sample.pair
    here.press("sample_1")
    assert here.state("pair") == ""


@pytest.mark.parametrize("page", ["home", "recall", "heads", "formula"])
def test_a_word_of_thousands_of_letters_has_its_two_ends_in_what_is_said_of_it(visit, page: str) -> None:
    """It would fill the page: a button, a heading and a sentence of it each."""
    here = visit(page, text="x" * 4_000 + " cat", model="minilm", word="1")
    labels = [item.label for kind in ("button", "expander") for item in here.app.get(kind)]
    names = re.findall("x{8,}…x{8,}", " ".join(map(str, here.sentences + labels)))
    assert names
    assert not any("x" * LONGEST in line for line in [*here.sentences, *labels])
    if page == "recall":
        (ranking,) = (table for table in here.app.dataframe if "x" * LONGEST in str(table.value.values))
        assert json.loads(ranking.proto.columns)["word"]["width"] == "medium", "the other columns stay in sight"
