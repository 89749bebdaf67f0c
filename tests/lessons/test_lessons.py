"""Every number of a lesson, once more: by the model's own eager attention or probabilities, or by what is published.

Those that train a model are tested where one is trained: in tests/training.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memviz.lessons import COURSE, LESSONS, Finding
from memviz.lessons.registry import FILED, place_of
from memviz.measures import sink_positions
from memviz.progress import no_progress

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def measured(minilm, smollm2) -> dict[str, Finding]:
    """The finding of every lesson on its own text."""
    import memviz

    readers = {"minilm": minilm, "smollm2": smollm2, "firefox-en-pt": memviz.load("firefox-en-pt")}
    return {
        name: lesson.measure(readers[lesson.model], lesson.text, no_progress)
        for name, lesson in LESSONS.items()
        if not lesson.trained
    }


def values(finding: Finding) -> list[float]:
    return [row.value for row in finding.rows]


def next_probabilities(smollm2, text: str) -> torch.Tensor:
    """What the model itself says of the next token."""
    with torch.inference_mode():
        logits = smollm2.model(**smollm2.tokenizer(text, return_tensors="pt")).logits[0, -1]
    return logits.double().softmax(-1)


def test_every_lesson_that_is_filed_has_a_place_in_the_course() -> None:
    assert set(FILED) == set(COURSE)
    assert len(set(COURSE)) == len(COURSE)


def test_a_stretch_begins_at_its_bound() -> None:
    assert [place_of(value, (0.1, 0.5)) for value in (0.0, 0.1, 0.3, 0.5, 1.0)] == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", [name for name in COURSE if not LESSONS[name].trained])
def test_a_finding_fills_its_sentence_and_names_an_answer(measured, name: str) -> None:
    finding = measured[name]
    assert 0 <= finding.answer < len(LESSONS[name].options)
    assert "{" not in str(finding.statement)
    assert np.isfinite(values(finding)).all()


def test_one_word_becomes_two(measured, minilm) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    _, *texts = LESSONS["words"].text.split("\n")
    bank = tokenizer.convert_tokens_to_ids("bank")
    states = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**inputs, output_hidden_states=True).hidden_states
        states.append([layer[0, inputs["input_ids"][0].tolist().index(bank)] for layer in hidden])
    cosine = torch.nn.functional.cosine_similarity
    own = [cosine(states[0][layer], states[other][layer], dim=0).item() for layer, other in ((0, 1), (-1, 1), (-1, 2))]
    assert values(measured["words"]) == pytest.approx(own, abs=1e-4)
    assert own[1] <= 0.8
    assert own[2] >= 0.85
    assert measured["words"].answer == 1


def test_the_mean_over_heads_is_that_of_the_eager_weights(measured, smollm2) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("smollm2"), attn_implementation="eager")
    inputs = tokenizer(LESSONS["heads"].text, return_tensors="pt")
    with torch.inference_mode():
        weights = torch.stack(model(**inputs, output_attentions=True).attentions)[:, 0, :, -1].double()
    tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    mean = weights.mean(dim=(0, 1))
    the, mary = tokens.index("Ġthe"), tokens.index("ĠMary")
    assert values(measured["heads"]) == pytest.approx([float(mean[the]), float(mean[mary])], abs=1e-5)
    assert measured["heads"].answer == 1


def test_what_attention_sinks_get_is_that_of_the_eager_weights(measured) -> None:
    from memviz.models import locate, open_model

    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    with torch.inference_mode():
        weights = model(**tokenizer(LESSONS["sinks"].text, return_tensors="pt"), output_attentions=True).attentions
    share = float(torch.cat(weights)[..., [0, -1]].sum(-1).mean())
    looked, written = values(measured["sinks"])
    assert looked == pytest.approx(share, abs=1e-5)
    assert written < looked / 2
    assert measured["sinks"].answer == 1


@pytest.mark.parametrize(("name", "answer"), [("induction", "ley"), ("password", " dragon"), ("two_memories", " Rome")])
def test_what_is_likely_with_nothing_covered_is_the_models_own(measured, smollm2, name: str, answer: str) -> None:
    (token,) = smollm2.tokenizer(answer, add_special_tokens=False)["input_ids"]
    probability = float(next_probabilities(smollm2, LESSONS[name].text)[token])
    assert values(measured[name])[0] == pytest.approx(probability, rel=1e-3)


def test_the_password_is_lost_and_the_learned_answer_comes_through(measured) -> None:
    before, after, control = values(measured["password"])
    assert (before, control) == (pytest.approx(0.52, abs=0.05), pytest.approx(0.52, abs=0.05))
    assert after < 0.01
    assert measured["password"].answer == 0
    rome, covered, low, high = values(measured["two_memories"])
    assert (rome, high) == (pytest.approx(0.81, abs=0.05), pytest.approx(0.74, abs=0.05))
    assert covered < low < high
    assert measured["two_memories"].answer == 1


def test_the_surprise_of_two_lines_is_the_models_own_loss(measured, smollm2) -> None:
    losses = []
    for line in LESSONS["recital"].text.split("\n"):
        ids = smollm2.tokenizer(line, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            losses.append(float(smollm2.model(input_ids=ids, labels=ids).loss))
    assert values(measured["recital"]) == pytest.approx(losses, abs=1e-3)
    assert measured["recital"].answer == 0


def test_a_small_cache_needs_the_first_token(measured, smollm2) -> None:
    assert 0 in sink_positions(smollm2.read(LESSONS["first_token"].text).memory()), "as the lesson says of it"
    full, window, first = values(measured["first_token"])
    assert full < first < window
    assert measured["first_token"].answer == 0


def test_the_decoder_goes_back_and_its_recurrent_state_fades(measured) -> None:
    assert values(measured["alignment"]) == [2, 7]  # preto before gato's noun, frio before leite's
    assert sum(values(measured["recurrence"])) == pytest.approx(1, abs=1e-4)
    newest, first, *_ = values(measured["recurrence"])
    assert 0.73 - 0.05 < newest < 0.77 + 0.05
    assert first < 0.01
