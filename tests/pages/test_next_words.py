"""The likeliest next words on a page are the model's, and only a model that predicts has any."""

from __future__ import annotations

import html
import io
import re

import numpy as np
import pandas as pd
import pytest
import torch

import memviz
from memviz.trace import Candidate
from memviz.ui import share
from memviz.ui.parts import next_words
from memviz.ui.parts.heads import HeadsView
from memviz.ui.share import actions

LIST = '<ol class="memviz-next">'
FRANCE = "The capital of France is"
ROW = re.compile(r"<li><bdi>(.*?)</bdi>.*?width: ([\d.]+)%.*?<b>(.*?)</b></li>")


def rows(here) -> list[tuple[str, float, str]]:
    """(word, length of its bar in %, number) of the list on this page."""
    (body,) = (item.proto.body for item in here.app.get("html") if LIST in item.proto.body)
    return [(html.unescape(word), float(length), number) for word, length, number in ROW.findall(body)]


@pytest.mark.models
@pytest.mark.parametrize("page", ["home", "heads"])
def test_a_page_shows_the_likeliest_next_words_of_a_model_that_predicts(visit, smollm2, page: str) -> None:
    here = visit(page, text=FRANCE, model="smollm2")
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
    here = visit("home", text=FRANCE, model="minilm")
    assert not any(LIST in item.proto.body for item in here.app.get("html"))
    assert "Which word would come next?" not in here.sentences


@pytest.mark.models
@pytest.mark.parametrize("page", ["home", "heads", "lines"])
def test_the_next_words_of_a_page_are_in_its_files(smollm2, page: str) -> None:
    trace = smollm2.read(FRANCE)
    view = share.Home(trace, word=None)
    if page != "home":
        view = share.Heads(trace, HeadsView(trace.memory(), 3, 1, picture="lines" if page == "lines" else "heatmap"))
    made = view.html()
    top = trace.next_tokens[: next_words.COUNT]
    cells = re.findall(r"<td><bdi>(.*?)</bdi></td>", made)
    assert list(zip(cells[::2], cells[1::2], strict=True)) == [
        (candidate.text.strip(), memviz.figures.percent(candidate.probability)) for candidate in top
    ]
    assert "<h2>Which word would come next?</h2>" in made
    table = pd.read_csv(io.StringIO(actions._next_words(view)))
    np.testing.assert_allclose(table["probability"], [candidate.probability for candidate in trace.next_tokens])
    assert table["text"][0] == "' Paris", "with its space, which has an apostrophe before it"
    assert set(table["model"]) == {"smollm2"}
    with np.load(io.BytesIO(view.npz())) as archive:
        assert list(archive["next_ids"]) == [candidate.id for candidate in trace.next_tokens]
    assert "next_tokens_table(trace)" in view.code()


def test_words_that_look_alike_are_told_apart_and_none_is_empty() -> None:
    texts = [" the", "the", " cat", "\n", " ", "", "<b>"]
    candidates = [Candidate(text, number, 0.1) for number, text in enumerate(texts)]
    assert next_words.labels(candidates) == ["␣the", "the", "cat", "⏎", "␣", "␣", "<b>"]
