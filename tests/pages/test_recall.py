"""Recall: what is looked at most, in order and without sinks; and numbers of the word that is shown."""

from __future__ import annotations

import numpy as np
import pytest

import memviz
from memviz import figures, measures
from tests.conftest import CAT

pytestmark = pytest.mark.models


@pytest.mark.parametrize("place", [None, (3, 1)])
def test_the_ten_words_looked_at_most_are_listed_and_sinks_are_not_ranked(visit, place: tuple[int, int] | None) -> None:
    address = {} if place is None else {"one_head": "true", "layer": str(place[0]), "head": str(place[1])}
    here = visit("recall", text=CAT, model="minilm", **address)
    trace = memviz.read(CAT, model="minilm")
    memory = trace.memory()
    assert len(trace.words) == len(memory.keys), "each word is a token here"
    patterns = np.stack([memory.pattern(*head) for head in np.ndindex(memory.layers, memory.heads)])
    received = patterns.mean(axis=(0, 1)) if place is None else memory.pattern(*place).mean(axis=0)
    sinks = measures.sink_positions(memory)
    order = [word for word in np.argsort(-received) if word not in sinks][:10]
    assert len(order) == 10
    (table,) = (item.value for item in here.app.dataframe if "position" in item.value)
    assert list(table["position"]) == order
    assert list(table["word"]) == [trace.words[word].text for word in order]
    assert list(table["attention received"]) == [figures.percent(received[word], digits=1) for word in order]
    shares = (f"“{trace.words[word].text}” {figures.percent(received[word])}" for word in sinks)
    told = " ".join(", ".join(shares).split())
    assert any(f"not ranked: attention sinks {told}" in line.replace("\\", "") for line in here.sentences)


def test_there_are_numbers_of_the_word_that_is_there_to_begin_with(visit) -> None:
    here = visit("recall", model="minilm")
    assert "“it” in numbers" in here.sentences
    assert len(here.app.metric) == 3
    assert here.notes == []
    assert "word" not in here.address, "nobody chose it"
