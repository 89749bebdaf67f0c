"""Train: what the page says is what the trainings gave; who stops one keeps the classifier that was there."""

from __future__ import annotations

import base64
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from memviz import Reader, figures
from memviz.errors import TrainingError
from memviz.models import trained
from memviz.progress import Progress, no_progress
from memviz.serving import cache
from memviz.serving.gate import Wait, nobody_waits
from memviz.trace import ModelInfo
from memviz.training import classifier, examples, induction, small_model
from memviz.ui.parts import vocabulary
from memviz.ui.parts.training import classify
from memviz.ui.parts.training import induction as page
from memviz.ui.shell import runs, samples
from tests.reading.families import FAMILIES, tokenizer

STEPS = 30
LINES = "".join(f"the {word} sat on a mat {number},{word}\n" for number in range(12) for word in ("cat", "dog"))


@pytest.fixture(scope="module")
def births() -> dict[int, induction.Induction]:
    return {layers: induction.train(layers, 0, STEPS, every=10) for layers in (1, 2)}


@pytest.fixture(autouse=True)
def _small(births: dict[int, induction.Induction], monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    """Trainings of few steps, a tiny encoder, and a place of its own for what is kept."""
    reader = Reader(FAMILIES["bert"].build(), tokenizer("pair"), info=ModelInfo("minilm"), owned=True)
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    monkeypatch.setenv("MEMVIZ_CACHE", str(tmp_path))

    def train(layers: int, seed: int, steps: int, **told: object) -> induction.Induction:
        return births[layers]

    monkeypatch.setattr(induction, "train", train)
    cache.forget_everything()
    yield
    cache.forget_everything()


def plain(sentences: list[str]) -> str:
    return "\n".join(sentences).replace("\\", "").replace("**", "").replace("\u00a0", " ")


def test_a_birth_is_said_by_its_numbers(visit, births) -> None:
    here = visit("train")
    assert here.pictures == []
    assert "Start training" in plain(here.sentences)
    assert [payload["label"] for payload in here._payloads("copy_button")] == ["Copy link"]  # of the settings alone
    here.press("start_induction")
    assert here.errors == []
    assert str(births[2].statement(births[1])) in plain(here.sentences)
    assert here.pictures == ["chart"] * 3
    assert here.address["run"] == "1"


def test_a_link_to_a_birth_starts_it(visit, births) -> None:
    here = visit("train", run="1", seed="3")
    assert str(births[2].statement(births[1])) in plain(here.sentences)


def test_an_unplugged_head_is_said_by_its_numbers(visit, births) -> None:
    here = visit("train", run="1")
    here.app.multiselect(key="unplug_heads").set_value([(0, 1), (1, 2)])
    here._run()
    loss = births[2].unplug([(0, 1), (1, 2)])
    said = plain(here.sentences)
    assert f"Without L0.H1, L1.H2 the second copy costs {loss.after.second_copy_loss:.2f}" in said
    assert f"instead of {loss.before.second_copy_loss:.2f}" in said


def test_the_curves_and_patterns_of_a_training_are_drawn_while_it_runs(visit, births, monkeypatch) -> None:
    """Each picture of the curves ends at the checkpoint that was just measured; the patterns are of two layers."""
    drawn: list[dict[str, list[float]]] = []
    pictures: list[np.ndarray] = []
    curves, thumbnails = figures.learning_curves, figures.thumbnails_png

    def learning_curves(lines, **options: object) -> object:
        drawn.append({line.name: list(line.y) for line in lines})
        return curves(lines, **options)

    def thumbnails_png(values: np.ndarray) -> bytes:
        pictures.append(values)
        return thumbnails(values)

    def train(layers: int, seed: int, steps: int, *, on_checkpoint, progress) -> induction.Induction:
        done = births[layers]
        for row in range(len(done.steps)):
            values = (done.first_copy_loss, done.second_copy_loss, done.previous_token, done.induction, done.patterns)
            on_checkpoint(induction.Checkpoint(int(done.steps[row]), *(value[row] for value in values)))
        return done

    monkeypatch.setattr(figures, "learning_curves", learning_curves)
    monkeypatch.setattr(figures, "thumbnails_png", thumbnails_png)
    monkeypatch.setattr(induction, "train", train)
    monkeypatch.setattr(page, "OFTEN", 0.0)
    visit("train", run="1").nothing_broke()
    count = len(births[2].steps)
    for layers, live in ((2, drawn[:count]), (1, drawn[count : 2 * count])):
        name = "2 layers, second copy" if layers == 2 else "1 layer, second copy"
        expected = births[layers].second_copy_loss.tolist()
        assert [each[name] for each in live] == [expected[: number + 1] for number in range(count)]
    assert len(pictures) == count
    for number, picture in enumerate(pictures):
        assert np.abs(picture / 255 - np.sqrt(births[2].patterns[number])).max() < 0.5 / 255 + 1e-6


def test_whoever_scrubs_back_sees_every_head_as_it_was(visit, births) -> None:
    here = visit("train", run="1")
    born, number = births[2], 1
    assert "Every head after 30 steps" in plain(here.sentences)
    here.app.select_slider[0].set_value(int(born.steps[number]))
    here._run()
    assert "Every head after 10 steps" in plain(here.sentences)
    chart = json.loads(here.app.get("plotly_chart")[-1].proto.spec)
    for head, trace in enumerate(chart["data"]):
        weights = born.patterns[number].reshape(8, -1)[head]
        assert array(trace["z"]) ** 2 == pytest.approx(weights, abs=1e-5), "the colour scale is of its root"
    notes = [each["text"] for each in chart["layout"]["annotations"]]
    for layer, head in np.ndindex(2, 4):
        score = f"ind {born.induction[number, layer, head]:.2f}, prev {born.previous_token[number, layer, head]:.2f}"
        assert any(f"L{layer}.H{head}" in note and score in note for note in notes)


def array(values) -> np.ndarray:
    """Numbers of a chart, as they travel, in one row."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.array(values, dtype=np.float64).ravel()


def test_both_scores_of_every_head_stand_beside_what_they_are_without_a_head(visit, births, monkeypatch) -> None:
    loss = births[2].unplug([(0, 1)])
    scores = np.arange(32, dtype=np.float32).reshape(4, 2, 4) / 50  # of a training so short, all are alike
    before = replace(loss.before, induction=scores[0], previous_token=scores[2])
    after = replace(loss.after, induction=scores[1], previous_token=scores[3])
    monkeypatch.setattr(induction.Induction, "unplug", lambda *_, **__: replace(loss, before=before, after=after))
    here = visit("train", run="1")
    here.app.multiselect(key="unplug_heads").set_value([(0, 1)])
    here._run()
    (table,) = [each.value for each in here.app.dataframe if "Head" in each.value]
    assert table["Head"].tolist() == [f"L{layer}.H{head}" for layer in (0, 1) for head in range(4)]
    names = ("induction score", "previous-token score")
    columns = [name for each in names for name in (each, f"{each} without them")]
    for name, expected in zip(columns, scores, strict=True):
        assert table[name].tolist() == [f"{score:.2f}" for score in expected.flat]


def test_the_trained_model_is_opened_by_name(births) -> None:
    from memviz import load
    from memviz.models import Policy
    from memviz.models.location import clean_name

    name = trained.keep(births[2].name, births[2].save)
    assert trained.names() == (name,)
    assert clean_name(name, policy=Policy.server()) == name
    assert not cache.is_open(name), "asked as every page asks it before a model is opened"
    reader = load(name, policy=Policy.server())
    pattern = reader.read(births[2].text).memory("self").pattern(1, 3)
    assert pattern == pytest.approx(births[2].patterns[-1, 1, 3], abs=1e-5)
    assert reader.info.name == name


def test_the_button_takes_the_model_along(visit, births) -> None:
    here = visit("train", run="1")
    here.press("open_in_heads")
    assert here.errors == []
    assert here.state("model") == here.state("writer") == trained.names()[0]
    symbols = here.state("text").split()
    assert tuple(symbols) == births[2].sequence[: len(symbols)]
    assert 24 < len(symbols) < 48, "there is something to look up, and room for what comes next"


def test_what_other_pages_begin_with_are_symbols_that_a_trained_model_knows() -> None:
    name = f"{trained.PREFIX}anything"
    groups = (samples.samples(name), samples.prompts(name), samples.to_cover(name), samples.facts(name, "entities"))
    texts = {sample.text for group in (*groups, samples.two_texts(name)) for sample in group}
    assert texts
    assert all({*text.split()} <= {*small_model.SYMBOLS} for text in texts)
    first, second = samples.two_texts(name)
    assert first.word == second.word
    assert {first.word} <= {*first.text.split()} & {*second.text.split()}
    assert {symbol.strip() for symbol in vocabulary.SYMBOLS.split(",")} <= {*small_model.SYMBOLS}


@pytest.mark.parametrize("name", ["trained:nothing", "trained:../../etc", "trained:"])
def test_what_was_not_trained_here_is_not_found(name: str) -> None:
    from memviz.errors import UnknownModelError

    with pytest.raises(UnknownModelError, match="not trained on this machine"):
        trained.find(name)


def test_two_who_train_at_once_stand_in_a_queue_and_see_their_place(visit, births, monkeypatch) -> None:
    """Somebody else is inside a training until the page was told how many are before it; then both end."""
    inside, told = threading.Event(), threading.Event()
    shown: list[str] = []
    line = runs.wait_line

    def long_training(_: Progress) -> str:
        inside.set()
        assert told.wait(60), "the page is told to wait"
        return "trained"

    def wait_line(wait: Wait) -> str:
        told.set()
        shown.append(line(wait))
        return shown[-1]

    monkeypatch.setattr(runs, "wait_line", wait_line)
    first: list[str] = []
    arguments = ("induction 2", (9, 600), 600, long_training)
    train = partial(cache.train, *arguments, on_wait=nobody_waits, progress=no_progress)
    thread = threading.Thread(target=lambda: first.append(train()))
    thread.start()
    try:
        assert inside.wait(60)
        here = visit("train", run="1", seed="2")
    finally:
        told.set()
        thread.join(60)
    assert first == ["trained"]
    assert shown, "the page stood in the queue"
    assert all("Readings before you: 1" in item for item in shown)
    assert here.errors == []
    assert str(births[2].statement(births[1])) in plain(here.sentences)


def test_a_classifier_from_pasted_lines(visit) -> None:
    here = visit("train", training="classifier", lines_from="paste")
    here.app.text_area(key="train_lines").set_value(LINES)
    here._run()
    assert "24 lines. cat: 12, dog: 12." in plain(here.sentences)
    assert here._payloads("address_bar")[0]["texts"]["train_lines"] == LINES, (
        "the tab keeps them when it is loaded again"
    )
    here.press("start_classifier")
    assert here.errors == []
    result = cache.trained(classify.NAME, here.state(classify.SHOWN))
    assert isinstance(result, classifier.Classifier)
    assert plain([str(result.statement())]) in plain(here.sentences)
    assert here.pictures == ["chart"] * 2
    assert "opened here again; the other pages read with models that have no label" in plain(here.sentences)
    here.app.text_input(key="probe").set_value("the dog sat")
    here._run()
    row = result.predict("the dog sat").iloc[0]
    assert f"{row['prediction']}, with probability" in plain(here.sentences)
    layout = json.loads(here.app.get("plotly_chart")[-1].proto.spec)["layout"]
    assert layout["meta"]["caption"] == "L2.H0 · raw weights"
    assert "annotations" not in layout, "it is said below the picture alone"
    assert here.pictures == ["chart"] * 3


def test_whoever_leaves_in_the_middle_keeps_the_classifier_that_was_there(visit, monkeypatch) -> None:
    here = visit("train", training="classifier", lines_from="paste")
    here.app.text_area(key="train_lines").set_value(LINES)
    here._run()
    here.press("start_classifier")
    before = here.state(classify.SHOWN)

    def refuse(*_: object, **__: object) -> None:
        raise TrainingError("It was stopped.", todo="Start again.")

    monkeypatch.setattr(classifier, "train", refuse)
    here.app.selectbox(key="seed").set_value(5)
    here.press("start_classifier")
    assert any("It was stopped" in error for error in here.errors)
    assert here.state(classify.SHOWN) == before
    assert plain([str(cache.trained(classify.NAME, before).statement())]) in plain(here.sentences)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("only one,a\n", "one row"),
        ("a line,x\nanother,x\n", "same label"),
        ("no labels here\nnone at all\n", "No line has a label"),
    ],
)
def test_lines_from_which_nothing_is_learnt_are_answered(visit, lines: str, what: str) -> None:
    here = visit("train", training="classifier", lines_from="paste")
    here.app.text_area(key="train_lines").set_value(lines)
    here._run()
    assert any(what in error for error in here.errors)
    assert here.app.button(key="start_classifier").disabled


def test_a_saved_classifier_is_opened_again_and_other_files_are_refused(visit) -> None:
    rows = examples.parse(LINES)
    settings = classify.Settings("tiny", rows.texts, rows.labels, 0, 3, 0)
    reader = cache.open_reader("tiny")
    result = classifier.train(rows.texts, rows.labels, reader, 0, epochs=3)
    cache.put_trained(classify.NAME, settings, result)
    content = classify._zip(settings)
    again = classify._opened(content)
    assert again.predict("the dog").equals(result.predict("the dog"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../classifier.json", "{}")
    for other in (b"no zip", out.getvalue(), content[:200]):
        with pytest.raises(TrainingError, match="no classifier"):
            classify._opened(other)


def test_the_code_and_the_files_of_a_birth(visit, births) -> None:
    from memviz.ui import share
    from memviz.ui.parts.training.induction import InductionView

    table = births[2].table()
    view = InductionView("said", table, (4.0, 0.2), (4.1, 2.3), (), 0, STEPS, ((1, 2),), births[2].name)
    shared = share.Training(view)
    compile(shared.code(), "code", "exec")
    assert f"steps={STEPS}" in shared.code()
    assert shared.png().startswith(b"\x89PNG")
    assert "said" in shared.svg()
    arrays = np.load(io.BytesIO(shared.npz()), allow_pickle=False)
    assert arrays["second_copy_loss"].tolist() == births[2].second_copy_loss.tolist()
    assert shared.table()[1]["unplugged"] == "L1.H2"
