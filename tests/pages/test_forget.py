"""Forget: words are covered, and what the page says then is what the experiment gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memviz import Reader, experiments
from memviz.figures.style.statements import value_text
from memviz.serving import cache
from memviz.tokens import distinct_texts
from tests.reading.families import FAMILIES, tokenizer, words

TEXT = words(14)


@pytest.fixture(scope="module", params=["llama", "bert", "marian"])
def reader(request: pytest.FixtureRequest) -> Reader:
    """A tiny model with random weights, of each of the three families."""
    family = FAMILIES[request.param]
    return Reader(family.build(), tokenizer(family.tokenizer), owned=True)


@pytest.fixture(autouse=True)
def _opened(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every model is the tiny one."""
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    cache.forget_everything()
    yield
    cache.forget_everything()


def plain(sentences: list[str]) -> str:
    """All that a page says, without the marks that keep markdown away."""
    return "\n".join(sentences).replace("\\", "").replace("**", "").replace("\u00a0", " ")


def test_covering_a_word_says_what_the_experiment_gives(visit, reader) -> None:
    here = visit("forget", text=TEXT, covered="5")
    assert here.errors == []
    found = experiments.cover(reader, TEXT, 5)
    kind = found.question.kind
    said = plain(here.sentences)
    before, after, low, high = (plain([value_text(kind, value)]) for value in (found.before, found.after, *found.range))
    assert f"from {before} to {after}" in said or kind == "vector"
    assert after in said
    assert f"between {low} and {high}" in said
    assert f"“{distinct_texts(found.words)[5]}”" in said
    assert found.question.unit.render() in said
    assert "chart" in here.pictures


def test_nothing_is_covered_at_first_and_the_page_says_what_to_do(visit, reader) -> None:
    here = visit("forget", text=TEXT)
    assert here.errors == []
    assert here.pictures[0] == "words_view"
    assert "Tap a word" in plain(here.sentences)


def test_what_cannot_be_covered_is_said_and_the_text_stays(visit, reader) -> None:
    count = len(reader.read(TEXT).words) if reader.info.kind != "encoder-decoder" else len(TEXT.split())
    here = visit("forget", text=TEXT, covered=".".join(map(str, range(count))))
    assert here.input == TEXT
    assert any("nothing left to read" in error for error in here.errors)
