"""Generate: from a prompt to what each written word was read from; settings, branches and what is in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from memviz import Reader
from memviz.serving import cache
from tests.reading.families import FAMILIES, tokenizer, words

PROMPT = words(12)


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A tiny causal model with random weights."""
    return Reader(FAMILIES["llama"].build(), tokenizer(FAMILIES["llama"].tokenizer), owned=True)


@pytest.fixture(autouse=True)
def _opened(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every language model is the tiny one."""
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    cache.forget_everything()
    yield
    cache.forget_everything()


def plain(sentences: list[str]) -> str:
    """All that a page says, without the marks that keep markdown away."""
    return "\n".join(sentences).replace("\\", "")


def drawing(here) -> dict:
    """What the words are drawn from."""
    (item,) = (
        item.proto for item in here.app.get("bidi_component") if item.proto.component_name.endswith("words_view")
    )
    return json.loads(item.mixed.json)


def test_a_prompt_is_continued_and_the_page_says_how(visit, reader) -> None:
    here = visit("generate", text=PROMPT, tokens="6")
    trace = reader.generate(PROMPT, 6)
    assert here.errors == []
    assert here.pictures == ["words_view"]
    drawn = drawing(here)
    assert drawn["words"] == [word.text for word in trace.words]
    assert [len(steps) for steps in drawn["steps"]] == [
        sum(token >= trace.written.start for token in word.tokens) for word in trace.words
    ]
    assert "6 tokens written" in plain(here.sentences)
    assert "the likeliest token at every step" in plain(here.sentences)
