"""A classifier is judged on lines that it never saw; what is frozen stays exactly as it was."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

import memviz
from memviz.errors import TrainingError
from memviz.lessons import LESSONS
from memviz.progress import no_progress
from memviz.training import Classifier, classifier, examples

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def head(minilm) -> Classifier:
    """The head alone, on the whole sample."""
    sample = examples.sample()
    return memviz.train(sample.texts, sample.labels, model=minilm, epochs=6)


@pytest.fixture(scope="module")
def tuned(minilm) -> Classifier:
    """The head and the last layer, on few lines."""
    sample = examples.sample()
    return memviz.train(sample.texts[:36], sample.labels[:36], model=minilm, layers=1, epochs=1, seed=3)


def test_the_sample_beats_the_majority_class(head: Classifier) -> None:
    assert len(head.held_out) == 54
    assert head.learnt_from == 156
    assert head.accuracy > head.majority
    assert head.p_value < 0.01
    low, high = head.interval
    assert low < head.accuracy < high
    assert low > head.majority
    assert "luck does not explain" in str(head.statement())


def test_the_chinese_sample_beats_it_too(minilm) -> None:
    sample = examples.sample("zh")
    result = memviz.train(sample.texts, sample.labels, model=minilm, epochs=4)
    assert result.p_value < 0.01
    assert result.unknown > 0.3  # MiniLM has few Chinese words, and says so


def test_the_numbers_are_those_of_the_rows(head: Classifier) -> None:
    rows = head.held_out
    right = sum(rows["label"] == rows["prediction"])
    assert head.accuracy == right / 54
    assert head.majority == sum(rows["label"] == head.majority_label) / 54
    assert head.confusion.to_numpy().sum() == 54
    assert np.trace(head.confusion.to_numpy()) == right
    assert head.confusion.loc["question"].sum() == 18
    assert len(head.wrong) == 54 - right
    assert head.wrong["probability"].is_monotonic_decreasing
    assert head.history["accuracy"].iloc[-1] == head.accuracy
    assert len(head.history) == 7


def test_what_is_held_out_is_not_learnt_from(head: Classifier) -> None:
    """The probabilities of the held-out rows are those that `predict` gives them."""
    again = head.predict(list(head.held_out["text"]))
    assert again["probability"].to_numpy() == pytest.approx(head.held_out["probability"].to_numpy(), abs=1e-5)
    assert list(again["prediction"]) == list(head.held_out["prediction"])
    assert again.filter(like="p(").sum(axis=1).to_numpy() == pytest.approx(np.ones(54))


def test_the_vector_is_the_mean_of_the_last_hidden_states(head: Classifier, minilm) -> None:
    text = "Where is the station?"
    inputs = minilm.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        states = minilm.model(**inputs).last_hidden_state[0].mean(0)
    logits = head.head["weight"] @ ((states - head.head["mean"]) / head.head["std"]) + head.head["bias"]
    expected = logits.double().softmax(-1).max().item()
    row = head.predict([text, "A much longer line, so that the first of the two has to be padded for the model."])
    assert row["prediction"][0] == "question"
    assert row["probability"][0] == pytest.approx(expected, abs=1e-5)


def test_frozen_layers_change_by_exactly_nothing(head: Classifier, tuned: Classifier, minilm) -> None:
    assert (head.attention_change == 0).all()
    assert (head.weight_change == 0).all()
    assert (tuned.attention_change[:-1] == 0).all()
    assert (tuned.weight_change[:-1] == 0).all()
    assert tuned.attention_change[-1] > 1e-6
    assert tuned.weight_change[-1] > 1e-4
    before, after = minilm.model.state_dict(), tuned.reader.model.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert all(name.startswith("encoder.layer.5.") for name in changed)


def test_the_change_of_attention_is_that_of_the_readings(tuned: Classifier, minilm) -> None:
    changes = []
    for text in tuned.compared:
        pairs = []
        for reader in (minilm, tuned.reader):
            memory = reader.read(text).memory("self")
            pairs.append(np.concatenate([memory.pattern(5, head).ravel() for head in range(12)]).astype(float))
        cosine = pairs[0] @ pairs[1] / np.linalg.norm(pairs[0]) / np.linalg.norm(pairs[1])
        changes.append(1 - cosine)
    assert tuned.attention_change[-1] == pytest.approx(np.mean(changes), rel=1e-3)


def test_the_lesson_says_what_the_eager_weights_say(tuned: Classifier, minilm) -> None:
    from memviz.models import locate, open_model

    lesson, weights = LESSONS["fine_tuning"], []
    finding = lesson.measure((minilm, tuned), lesson.text, no_progress)
    own, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    for state in (minilm.model.state_dict(), tuned.reader.model.state_dict()):
        own.load_state_dict(state)
        with torch.inference_mode():
            output = own(**tokenizer(lesson.text, return_tensors="pt"), output_attentions=True)
        weights.append(torch.cat(output.attentions).double())  # [layer, head, query, key]
    apart = (weights[1] - weights[0]).abs().sum(-1).mean(dim=(1, 2)) / 2
    changes = [row.value for row in finding.rows]
    assert changes == pytest.approx(apart.tolist(), abs=1e-6)
    assert changes[:5] == [0.0] * 5
    assert changes[5] > 1e-4
    assert finding.answer == 1
    assert lesson.options[1] == "In the last layer alone"
    assert finding.beside is not None
    rows, low_high = tuned.held_out, tuned.interval
    right = sum(rows["label"] == rows["prediction"]) / len(rows)
    most = sum(rows["label"] == tuned.majority_label) / len(rows)
    assert [row.value for row in finding.beside.rows] == [right, most, *low_high]
    assert "exactly nothing in the frozen ones" in str(finding.statement)


def test_the_lesson_sees_where_nothing_or_all_was_changed(tuned: Classifier, minilm) -> None:
    from dataclasses import replace

    lesson = LESSONS["fine_tuning"]
    assert lesson.measure((minilm, replace(tuned, reader=minilm)), lesson.text, no_progress).answer == 2
    copied = replace(tuned, reader=classifier._private_reader(minilm, no_progress))
    with torch.no_grad():
        copied.reader.model.encoder.layer[0].attention.self.query.weight.mul_(1.5)
    assert lesson.measure((minilm, copied), lesson.text, no_progress).answer == 0


def test_the_same_seed_gives_the_same_numbers(tuned: Classifier, minilm) -> None:
    sample = examples.sample()
    again = memviz.train(sample.texts[:36], sample.labels[:36], model=minilm, layers=1, epochs=1, seed=3)
    assert again.history.equals(tuned.history)
    assert again.held_out.equals(tuned.held_out)
    assert np.array_equal(again.attention_change, tuned.attention_change)


def test_the_trained_model_reads(tuned: Classifier) -> None:
    trace = tuned.read("The soup was cold.")
    weights = trace.memory("self").pattern(5, 0)
    assert weights.sum(-1) == pytest.approx(np.ones(len(trace.tokens)), abs=1e-5)


def test_saved_and_opened_again_it_says_the_same(tuned: Classifier, minilm, tmp_path) -> None:
    folder = tuned.save(tmp_path / "mine")
    assert sorted(file.name for file in folder.iterdir()) == [classifier.SETTINGS, classifier.WEIGHTS]
    again = Classifier.load(folder, model=minilm)
    lines = ["Where is the station?", "The lamp is broken."]
    assert again.predict(lines).equals(tuned.predict(lines))
    assert again.accuracy == tuned.accuracy
    assert again.confusion.equals(tuned.confusion)
    assert np.array_equal(again.attention_change, tuned.attention_change)
    minilm_change = minilm.model.encoder.layer[5].attention.self.query.weight
    assert not torch.equal(minilm_change, again.reader.model.encoder.layer[5].attention.self.query.weight)


def test_whoever_stops_it_leaves_everything_as_it_was(minilm) -> None:
    class LeftError(Exception):
        pass

    before = {name: value.clone() for name, value in minilm.model.state_dict().items()}
    sample, calls = examples.sample(), []

    def leave(fraction: float, label: str) -> None:
        calls.append(fraction)
        if fraction > 0.3:
            raise LeftError

    with pytest.raises(LeftError):
        memviz.train(sample.texts[:36], sample.labels[:36], model=minilm, layers=1, epochs=2, progress=leave)
    assert calls
    assert all(torch.equal(value, before[name]) for name, value in minilm.model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in minilm.model.parameters())


def test_broken_and_foreign_files_are_refused(head: Classifier, minilm, tmp_path) -> None:
    with pytest.raises(TrainingError, match="no classifier in"):
        Classifier.load(tmp_path)
    folder = head.save(tmp_path / "head")
    settings = json.loads((folder / classifier.SETTINGS).read_text(encoding="utf-8"))
    for change in ({"layout": 9}, {"labels": ["a"]}, {"layers": 2}, {"history": 3}):
        (folder / classifier.SETTINGS).write_text(json.dumps(settings | change), encoding="utf-8")
        with pytest.raises(TrainingError, match="broken"):
            Classifier.load(folder, model=minilm)
    (folder / classifier.SETTINGS).write_text(json.dumps(settings | {"revision": "other"}), encoding="utf-8")
    with pytest.raises(TrainingError, match="other weights"):
        Classifier.load(folder, model=minilm)
    (folder / classifier.SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
    (folder / classifier.WEIGHTS).write_bytes(b"not a file of weights")
    with pytest.raises(TrainingError, match="broken"):
        Classifier.load(folder, model=minilm)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"layers": 7}, "from 0 to 6"),
        ({"layers": -1}, "layers"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"seed": -1}, "seed"),
    ],
)
def test_numbers_that_it_does_not_have(options: dict, what: str, minilm) -> None:
    sample = examples.sample()
    with pytest.raises(TrainingError, match=what):
        memviz.train(sample.texts, sample.labels, model=minilm, **options)


def test_a_line_that_the_model_cannot_hold(minilm) -> None:
    sample = examples.sample()
    with pytest.raises(TrainingError, match="512"):
        memviz.train([*sample.texts[:20], "a b " * 480], [*sample.labels[:20], "praise"], model=minilm)


def test_a_result_that_luck_explains_is_said_to_be_one(head: Classifier) -> None:
    from dataclasses import replace

    rows = head.held_out.assign(prediction=head.majority_label)
    chance = replace(head, held_out=rows)
    assert chance.p_value > 0.01
    assert "not told apart from luck" in str(chance.statement())


def test_no_text_to_judge(head: Classifier) -> None:
    for texts in ([], [" "], ["a", ""], [3]):
        with pytest.raises(TrainingError, match="no text"):
            head.predict(texts)


def test_wilson_and_the_binomial_tail() -> None:
    """Against closed forms: Wilson's bounds solve (p̂ − p)² = z² p (1 − p) / n; the tail is a sum of few terms."""
    low, high = classifier.wilson(52, 54)
    for bound in (low, high):
        assert (52 / 54 - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / 54, rel=1e-5)
    assert classifier.wilson(0, 5)[0] == 0
    assert classifier.wilson(5, 5)[1] == pytest.approx(1)
    assert classifier.binomial_tail(3, 3, 0.5) == pytest.approx(0.125)
    assert classifier.binomial_tail(2, 3, 0.5) == pytest.approx(0.5)
    assert classifier.binomial_tail(0, 9, 0.3) == pytest.approx(1)
    assert math.isclose(classifier.binomial_tail(1, 10, 0.1), 1 - 0.9**10)
