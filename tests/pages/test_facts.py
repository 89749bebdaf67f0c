"""Facts: what the page says of every experiment is what the experiment, or the model itself, gives."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
import torch

import memviz
from memviz import Reader, experiments
from memviz.figures import decimal, percent, times
from memviz.figures.style.statements import value_text
from memviz.tokens import distinct_texts, printable
from memviz.ui import share
from tests.pages.visiting import Visit, plain, unmarked
from tests.reading.cases import fresh
from tests.reading.cases import opened as tiny
from tests.reading.families import words

pytestmark = pytest.mark.usefixtures("every_model_is_tiny")

TEXT = words(14)
NAMES = (
    "The lighthouse was built in 1871. Its keeper, Ingrid Dahl, kept bees. Mr. Berg came from Bergen on 3 May 1902, "
    "and then he went home and he was tired and he slept."
)
WORD = next(word for word in TEXT.split()[3:-1] if TEXT.split().count(word) == 1)
VIEWS = ["lens", "conflict", "heart", "mlps", "entities"]


@pytest.fixture(params=["llama"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return tiny(request.param)


def said_on(here: Visit) -> str:
    return plain(here.sentences)


def test_the_lens_says_what_the_model_itself_says_after_its_last_layer(visit, reader) -> None:
    here = visit("facts", text=TEXT)
    assert here.errors == []
    found = experiments.logit_lens(reader, TEXT)
    with torch.no_grad():
        outputs = fresh("llama")(input_ids=torch.tensor([found.question.ids]), output_hidden_states=True)
    own = outputs.logits[0].double().softmax(-1)
    answer = int(own[-1].argmax())
    ending = unmarked(percent(float(own[-1, answer]), digits=1))
    is_last = found.first_layer == len(found.ranks) - 1
    said = f"is it the likeliest, with {ending}" if is_last else f"after the last it has {ending}"
    assert said in said_on(here), "the likeliest is the model's own"
    with torch.no_grad():
        logits = fresh("llama").lm_head(fresh("llama").model.norm(outputs.hidden_states[0][0, -1]))
    rank = 1 + int((logits > logits[answer]).sum())
    assert f"has rank {rank:,} before the first layer" in said_on(here)
    frame = next(item.value for item in here.app.dataframe if "rank" in item.value)
    assert list(frame["rank"]) == found.ranks[:, -1].tolist()
    assert here.pictures.count("chart") == 3
    here.choose("position", 4)
    assert here.address["position"] == "4"
    frame = next(item.value for item in here.app.dataframe if "rank" in item.value)
    np.testing.assert_allclose(frame["probability"], found.probabilities[:, 4])


def test_an_answer_can_be_chosen(visit, reader) -> None:
    here = visit("facts", text=TEXT, by="probability", link={"answer": "stone"})
    found = experiments.logit_lens(reader, TEXT, "stone")
    assert found.first_layer is None, "a model with random weights does not say it"
    first, last = found.ranks[[0, -1], -1].tolist()
    said = f"“stone” has rank {first:,} before the first layer and rank {last:,} after the last"
    assert said in said_on(here)
    assert "answer=stone" in here.links[0]
    assert "answer=" not in here.links[1]


def test_the_word_of_the_text_is_covered_and_the_other_is_what_comes_through(visit, reader) -> None:
    word = WORD
    here = visit("facts", text=TEXT, facts="conflict", link={"context_word": word, "fact_word": "stone"})
    assert here.errors == []
    cover = experiments.cover(reader, TEXT, word, word)
    other = experiments.cover(reader, TEXT, word, "stone")
    said = said_on(here)
    before, after = (unmarked(value_text("continuation", value)) for value in (cover.before, cover.after))
    assert f"“{word}” from {before} to {after}" in said
    before, after = (unmarked(value_text("continuation", value)) for value in (other.before, other.after))
    assert f"“stone” went from {before} to {after}" in said
    low, high = (unmarked(value_text("continuation", value)) for value in cover.range)
    assert f"between {low} and {high}" in said
    assert ("not distinguishable from chance" in said) == (cover.verdict == "within")
    assert "fact_word=stone" in here.links[0]
    assert "fact_word" not in here.links[1]
    usual = visit("facts", text=TEXT, facts="conflict", link={"context_word": word})
    likeliest = [each.text.strip() for each in cover.candidates[1] if each.text.strip() not in ("", word)]
    assert f"“{likeliest[0]}” went from" in said_on(usual)


def test_a_text_is_compared_with_an_invented_one_when_that_is_asked_for(visit, reader) -> None:
    invented = words(14, seed=3)
    here = visit("facts", text=TEXT, facts="heart", link={"invented": invented})
    assert "chart" not in here.pictures
    here.press("recite_button")
    assert here.errors == []
    means = [-float(reader.read(text).logprobs[1:].mean(dtype=np.float64)) for text in (TEXT, invented)]
    known, other = (decimal(mean, digits=2) for mean in means)
    assert f"by {known} nats a token, the invented one by {other}" in said_on(here)
    output = reader.generate(" ".join(TEXT.split()[:7]), 7).output
    assert f"goes on: “{output.strip()}”" in said_on(here)


def test_networks_are_unplugged_beside_those_of_other_words(visit, reader) -> None:
    here = visit("facts", text=TEXT, facts="mlps", mlp_word="4", window="1")
    assert here.errors == []
    found = experiments.unplug_feedforwards(reader, TEXT, 4, window=1)
    lowest = int(found.values.argmin())
    before, after = (unmarked(value_text("continuation", value)) for value in (found.before, found.values[lowest]))
    said = said_on(here)
    assert f"Without the MLPs of L{lowest} at “{distinct_texts(found.words)[4]}”" in said
    assert f"goes from {before} to {after}, the lowest" in said
    within = found.values[lowest] >= found.controls[lowest].min()
    assert ("not distinguishable from chance there" in said) == within
    beyond = int((found.values < found.controls.min(axis=1)).sum())
    assert (f"in {beyond} of 3 windows" in said) == (beyond > 0)
    frame = next(item.value for item in here.app.dataframe if "first layer" in item.value)
    np.testing.assert_allclose(frame["other words, median"], np.median(found.controls, axis=1))


def test_names_are_marked_and_compared_with_all_other_words(visit, reader) -> None:
    here = visit("facts", text=NAMES, facts="entities")
    assert here.errors == []
    marked = next(line for line in here.sentences if ":blue[" in line and "Ingrid" in line)
    assert re.findall(r":(\w+)\[\*\*([^*]+)\*\*\]", marked.replace("\\", ""))[:3] == [
        *(("orange", "1871"), ("blue", "Ingrid"), ("blue", "Dahl")),
    ]
    found = experiments.entities(reader, NAMES)
    best = int(np.nanargmax(found.lifts))
    said = said_on(here)
    assert f"hardest at “{found.entities[best].text}”: {unmarked(times(float(found.lifts[best])))} an even look" in said
    within = np.nanmax(found.lifts) <= found.controls.max()
    assert ("not distinguishable from other words here" in said) == within
    above = int((found.lifts > np.median(found.controls)).sum())
    assert f"{above} of the {np.isfinite(found.lifts).sum()} lie above that middle" in said
    here.press("cover_entity")
    assert here.state("covered") == found.entities[best].numbers, "Forget opens with it covered"


@pytest.mark.parametrize("reader", ["bert", "marian"], indirect=True)
def test_models_that_cannot_be_asked_say_so_and_offer_others(visit, reader) -> None:
    for view in ["conflict", "heart"] if reader.info.kind == "encoder-only" else ["lens", "heart", "mlps"]:
        here = visit("facts", text=TEXT, facts=view, model="minilm")
        assert here.app.warning, view
        assert "Choose" in here.app.warning[0].value
        assert here.pictures.count("chart") == 0
        here.press("take_smollm2")
        assert here.state("model") == "smollm2", "and the text stays"
        assert here.input == TEXT
    entities = visit("facts", text=NAMES, facts="entities", model="minilm")
    assert entities.errors == []
    assert "Ingrid" in said_on(entities)


@pytest.mark.parametrize("reader", ["bert"], indirect=True)
def test_an_encoder_without_a_head_says_that_it_predicts_no_words(visit, reader) -> None:
    here = visit("facts", text=TEXT, model="minilm")
    assert any("predicts no next or masked word" in error for error in here.errors)
    assert "take_smollm2" in [button.key for button in here.app.button]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_can_be_taken_along_and_its_code_repeats_its_table(
    visit, reader, view: str, monkeypatch, tmp_path
) -> None:
    views: list = []
    bar = share.bar
    monkeypatch.setattr(share, "bar", lambda shared: (views.append(shared), bar(shared)))
    link = {"context_word": WORD, "invented": words(14, seed=3)}
    here = visit("facts", text=NAMES if view == "entities" else TEXT, facts=view, mlp_word="4", window="1", link=link)
    if view == "heart":
        here.press("recite_button")
    assert here.errors == []
    shared = views[-1]
    frame, fields = shared.table()
    assert fields["experiment"] in experiments.EXPERIMENTS
    assert shared.png().startswith(b"\x89PNG")
    assert "<svg" in shared.svg()
    assert shared.view.statement()[:20] in shared.html()
    assert "shows" in np.load(io.BytesIO(shared.npz()), allow_pickle=False)["provenance"].item()
    monkeypatch.setattr(memviz, "load", lambda name: reader)
    monkeypatch.chdir(tmp_path)
    exec(next(block.value for block in here.app.code if "memviz.load" in block.value), {})
    again = pd.read_csv(tmp_path / "memviz-facts.csv")
    assert len(again) == len(frame)
    number = {"lens": "probability", "conflict": "fact", "heart": "surprisal", "mlps": "control", "entities": "lift"}
    np.testing.assert_allclose(again[number[view]], frame[number[view]], rtol=1e-4, atol=1e-6)


def test_without_a_word_of_the_text_the_page_asks_for_one(visit, reader) -> None:
    own = reader.read(TEXT).next_tokens[0].text.strip()
    text = " ".join(word for word in TEXT.split() if own not in word)
    own = reader.read(text).next_tokens[0].text.strip()
    assert own not in text
    here = visit("facts", text=text, facts="conflict")
    assert here.errors == []
    assert any(f"goes on with “{printable(own)}”" in note.replace("\\", "") for note in here.notes)
    assert "chart" not in here.pictures
