"""The likeliest next words on a page are the model's, and only a model that predicts has any."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
import torch

import memviz
from memviz.trace import Candidate
from memviz.ui.parts import next_words

LIST = '<ol class="memviz-next">'
FRANCE = "The capital of France is"
ROW = re.compile(r"<li><bdi>(.*?)</bdi>.*?width: ([\d.]+)%.*?<b>(.*?)</b></li>")


def rows(here) -> list[tuple[str, float, str]]:
    """(word, length of its bar in %, number) of the list on this page."""
    (body,) = (item.proto.body for item in here.app.get("html") if LIST in item.proto.body)
    return [(html.unescape(word), float(length), number) for word, length, number in ROW.findall(body)]


@pytest.mark.models
def test_heads_shows_the_likeliest_next_words_of_a_model_that_predicts(visit, smollm2) -> None:
    here = visit("heads", text=FRANCE, model="smollm2")
    ids = smollm2.tokenizer(FRANCE, return_tensors="pt").input_ids
    with torch.inference_mode():
        chances = smollm2.model(ids).logits[0, -1].double().softmax(-1)
    top = chances.topk(next_words.COUNT)
    words, lengths, numbers = zip(*rows(here), strict=True)
    assert list(words) == [smollm2.tokenizer.decode([token]).strip() for token in top.indices.tolist()]
    assert words[0] == "Paris"
    np.testing.assert_allclose(lengths, 100 * top.values.numpy(), atol=0.02)
    assert numbers[0] == memviz.figures.percent(float(top.values[0]))
    assert "Which word would come next?" in here.sentences


@pytest.mark.models
def test_a_model_that_does_not_predict_has_no_next_words(visit) -> None:
    here = visit("heads", text=FRANCE, model="minilm")
    assert not any(LIST in item.proto.body for item in here.app.get("html"))
    assert "Which word would come next?" not in here.sentences


def test_words_that_look_alike_are_told_apart_and_none_is_empty() -> None:
    texts = [" the", "the", " cat", "\n", " ", "", "<b>"]
    candidates = [Candidate(text, number, 0.1) for number, text in enumerate(texts)]
    assert next_words.labels(candidates) == ["␣the", "the", "cat", "⏎", "␣", "␣", "<b>"]
