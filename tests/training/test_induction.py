"""An induction head is born in two layers, and in one it is not; the trained model is a model like any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memviz
from memviz import Ablate
from memviz.errors import ReadingError, TraceError, TrainingError
from memviz.lessons import LESSONS
from memviz.progress import no_progress
from memviz.training import induction, small_model

STEPS = 600


@pytest.fixture(scope="module")
def born() -> induction.Induction:
    """Two layers, trained until an induction head is there."""
    return induction.train(layers=2, seed=0, steps=STEPS, every=100)


@pytest.fixture(scope="module")
def control() -> induction.Induction:
    return induction.train(layers=1, seed=0, steps=STEPS, every=300)


def test_two_layers_learn_the_second_copy_and_one_layer_cannot(
    born: induction.Induction, control: induction.Induction
) -> None:
    """Measured for 2,000 steps by `python -m benchmarks.training`; see decision 026."""
    assert born.second_copy_loss[0] > 3.5  # at the start nothing is known: ln 48 = 3.87
    assert born.second_copy_loss[-1] <= 0.3
    assert born.first_copy_loss[-1] > 3.5
    assert born.born is not None
    assert born.born <= STEPS
    assert control.second_copy_loss.min() >= 1.5
    assert control.born is None


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_learn_it_too_and_one_layer_cannot(seed: int) -> None:
    two = induction.train(layers=2, seed=seed, steps=STEPS, every=STEPS // 2)
    one = induction.train(layers=1, seed=seed, steps=STEPS, every=STEPS // 2)
    assert two.second_copy_loss[-1] <= 0.3
    assert one.second_copy_loss.min() >= 1.5
    assert two.induction.max() > 0.6 > 0.2 > one.induction.max()


def test_a_head_of_the_second_layer_looks_up_what_came_next(
    born: induction.Induction, control: induction.Induction
) -> None:
    assert born.best_head()[0] == 1
    assert born.best_head()[2] > 0.6
    assert born.best_head("previous_token")[0] == 0
    assert born.best_head("previous_token")[2] > 0.3
    assert born.induction[0].max() < 0.1
    assert control.induction.max() < 0.2


def test_the_scores_are_those_of_patterns_that_are_summed_by_hand(born: induction.Induction) -> None:
    weights, ids = born._weights(-1), induction.held_out_sequences()
    previous, after = np.zeros((2, 4)), np.zeros((2, 4))
    with torch.inference_mode():
        patterns = small_model.forward(weights, ids, patterns=True).patterns
    for layer, head in np.ndindex(2, 4):
        weight = patterns[layer][:, head].double().numpy()
        previous[layer, head] = np.mean([weight[:, query, query - 1].mean() for query in range(1, 48)])
        after[layer, head] = np.mean([weight[:, query, query - 23].mean() for query in range(24, 48)])
    assert born.previous_token[-1] == pytest.approx(previous, abs=1e-6)
    assert born.induction[-1] == pytest.approx(after, abs=1e-6)


def test_a_reader_sees_the_patterns_that_the_training_measured(born: induction.Induction) -> None:
    trace = born.reader().read(born.text)
    assert tuple(token.text for token in trace.tokens) == born.sequence
    for layer, head in np.ndindex(2, 4):
        assert trace.memory("self").pattern(layer, head) == pytest.approx(born.patterns[-1, layer, head], abs=1e-5)
    assert trace.model.method == "recorded"


def test_the_losses_are_those_of_the_reader(born: induction.Induction) -> None:
    reader, first, second = born.reader(), [], []
    for row in induction.held_out_sequences()[:8].tolist():
        logprobs = reader.read_ids(row).logprobs
        first.append(-np.mean(logprobs[1:24]))
        second.append(-np.mean(logprobs[25:]))
    with torch.inference_mode():
        ids = induction.held_out_sequences()[:8]
        logits = small_model.forward(born._weights(-1), ids).logits[:, :-1].transpose(1, 2)
    losses = torch.nn.functional.cross_entropy(logits, ids[:, 1:], reduction="none").numpy()
    assert np.mean(first) == pytest.approx(losses[:, :23].mean(), abs=1e-4)
    assert np.mean(second) == pytest.approx(losses[:, 24:].mean(), abs=1e-4)


def test_the_lesson_says_what_the_models_do_by_transformers_own_forward_pass(
    born: induction.Induction, control: induction.Induction
) -> None:
    lesson = LESSONS["birth"]
    finding = lesson.measure((born, control), lesson.text, no_progress)
    assert finding.answer == 1
    assert lesson.options[1] == "Only that of two layers"
    ids, losses, scores, sure = induction.held_out_sequences(), {}, [], []
    symbols = [small_model.SYMBOLS.index(symbol) for symbol in lesson.text.split()]
    assert symbols[-1] == symbols[6], "what comes next stood behind it before"
    for model in (born, control):
        own = model.model.eval()
        own.set_attn_implementation("eager")
        with torch.inference_mode():
            output = own(ids, output_attentions=True)
            follows = own(torch.tensor([symbols])).logits[0, -1].double().softmax(-1)
        each = torch.nn.functional.cross_entropy(output.logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        losses[model.layers] = float(each[:, 24:].mean()), float(each[:, :23].mean())
        weights = torch.stack(output.attentions)  # [layer, sequence, head, query, key]
        diagonal = weights.diagonal(offset=-23, dim1=-2, dim2=-1)[..., 1:]  # the queries of the second copy
        scores.append(float(diagonal.mean(dim=(1, 3)).max()))
        sure.append(float(follows[symbols[7]]))
    expected = [losses[2][0], losses[1][0], losses[2][1], losses[1][1]]
    assert [row.value for row in finding.rows] == pytest.approx(expected, abs=1e-4)
    assert finding.beside is not None
    assert [row.value for row in finding.beside.rows] == pytest.approx([*sure, *scores], abs=1e-4)
    assert sure[0] > 0.5 > sure[1]
    assert "L1.H" in str(finding.statement)


@pytest.mark.parametrize(
    ("text", "what"),
    [("A B C", "nothing to look up"), ("A cat A", "“cat” is none"), (" ", "2 to 47"), ("A " * 48, "2 to 47")],
)
def test_a_text_that_the_lesson_cannot_go_on_with(text: str, what: str) -> None:
    with pytest.raises(ReadingError, match=what):
        LESSONS["birth"].measure((), text, no_progress)


def test_the_saved_model_is_opened_like_any_other(born: induction.Induction, tmp_path) -> None:
    folder = born.save(tmp_path / "model")
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    reader = memviz.load(str(folder))
    pattern = reader.read(born.text).memory("self").pattern(1, 0)
    assert pattern == pytest.approx(born.patterns[-1, 1, 0], abs=1e-5)
    written = reader.generate("A B C D E F G H I A B C D", max_new_tokens=3)
    assert written.text == "A B C D E F G H I A B C D E F G"
    assert [word.text for word in written.words[-4:]] == ["D", "E", "F", "G"], "each can be clicked"


def test_unplugging_here_is_what_ablate_does_to_a_reader(born: induction.Induction) -> None:
    heads = [(1, head) for head in range(4)]
    loss = born.unplug(heads)
    assert loss.before.second_copy_loss == pytest.approx(born.second_copy_loss[-1])
    assert loss.after.second_copy_loss > loss.before.second_copy_loss + 2
    reader, losses = born.reader(), []
    ids = induction.held_out_sequences()[:6]
    for row in ids.tolist():
        losses.append(reader.read_ids(row, ablate=[Ablate(*head) for head in heads]).logprobs[25:])
    with torch.inference_mode():
        logits = small_model.forward(born._weights(-1), ids, unplugged=heads).logits
    mine = logits.log_softmax(-1)[:, :-1].gather(2, ids[:, 1:, None])[:, 24:, 0].numpy()
    assert np.stack(losses) == pytest.approx(mine, abs=1e-4)
    with pytest.raises(TraceError, match="no layer 2"):
        born.unplug([(2, 0)])
    with pytest.raises(TrainingError, match="zero"):
        born.unplug([Ablate(0, 0, by="mean")])


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second, other = (induction.train(1, seed, 6, every=3) for seed in (5, 5, 6))
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.second_copy_loss, second.second_copy_loss)
    assert not np.array_equal(first.weights, other.weights)
    assert first.steps.tolist() == [0, 3, 6]


def test_each_checkpoint_is_told_at_once_and_whoever_is_told_may_stop() -> None:
    class LeftError(Exception):
        pass

    steps: list[int] = []

    def watch(checkpoint: induction.Checkpoint) -> None:
        steps.append(checkpoint.step)
        if checkpoint.step == 4:
            raise LeftError

    fractions: list[float] = []
    with pytest.raises(LeftError):
        induction.train(
            1, 0, 100, every=2, on_checkpoint=watch, progress=lambda fraction, label: fractions.append(fraction)
        )
    assert steps == [0, 2, 4]
    assert fractions == [0.0, 0.02]


def test_the_statement_is_made_of_the_numbers(born: induction.Induction, control: induction.Induction) -> None:
    said = str(born.statement(control))
    layer, head, score = born.best_head()
    assert f"After {born.born} steps" in said
    assert f"{born.second_copy_loss[-1]:.2f} nats" in said
    assert f"L{layer}.H{head}" in said
    assert f"{score:.2f}" in said
    assert f"control of 1 layer stands at {control.second_copy_loss[-1]:.2f}" in said
    assert f"{control.second_copy_loss[-1]:.2f}" in str(control.statement())
    assert "no head" in str(control.statement())


def test_the_table_has_a_row_for_each_checkpoint(born: induction.Induction) -> None:
    table = born.table()
    assert table["step"].tolist() == born.steps.tolist()
    assert table["induction L1.H2"].tolist() == born.induction[:, 1, 2].tolist()


def test_the_patterns_of_every_checkpoint_are_there(born: induction.Induction) -> None:
    assert born.patterns.shape == (len(born.steps), 2, 4, 48, 48)
    assert born.patterns.sum(-1) == pytest.approx(np.ones((len(born.steps), 2, 4, 48)), abs=1e-5)
    early = born.reader(checkpoint=1).read(born.text).memory("self").pattern(0, 1)
    assert early == pytest.approx(born.patterns[1, 0, 1], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"layers": 0}, "layers"),
        ({"layers": 5}, "layers"),
        ({"layers": 1.5}, "layers"),
        ({"steps": 0}, "steps"),
        ({"steps": 10**6}, "steps"),
        ({"seed": -1}, "seed"),
        ({"steps": True}, "steps"),
        ({"steps": 2000, "every": 1}, "every=5"),
    ],
)
def test_what_is_not_trained_here_is_refused(options: dict, what: str) -> None:
    with pytest.raises(TrainingError, match=what):
        induction.train(**options)
