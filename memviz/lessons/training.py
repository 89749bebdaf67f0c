"""Lessons on how a memory is written: into a model that is there already, and into one that knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memviz.errors import ReadingError
from memviz.figures.style.numbers import decimal, head_name, percent
from memviz.lessons.registry import Beside, Finding, Row, lesson
from memviz.note import Note
from memviz.progress import Progress, progress_within
from memviz.reading import Reader, load
from memviz.reading.questions import Change
from memviz.training import classifier, examples, induction
from memviz.training.small_model import CONTEXT, SYMBOLS

if TYPE_CHECKING:
    from memviz.memory import Memory

LAYERS, EPOCHS = 1, 3  # of the classifier
STEPS = 600  # of the birth
SEED = 0
Tuned = tuple[Reader, classifier.Classifier]
Born = tuple[induction.Induction, induction.Induction]


def tune(progress: Progress) -> Tuned:
    """MiniLM as it is, and a classifier on it whose last layer learnt with its head from the English sample."""
    reader, lines = load("minilm", progress=progress_within(progress, 0, 0.1)), examples.sample()
    told = progress_within(progress, 0.1, 1)
    trained = classifier.train(lines.texts, lines.labels, reader, LAYERS, epochs=EPOCHS, seed=SEED, progress=told)
    return reader, trained


def give_birth(progress: Progress) -> Born:
    """A model of two layers and its control of one, both trained from nothing."""
    born = induction.train(2, SEED, STEPS, progress=progress_within(progress, 0, 0.6))
    return born, induction.train(1, SEED, STEPS, progress=progress_within(progress, 0.6, 1))


@lesson(
    "To train is to rewrite a memory",
    task="On the page Train, press “Train”: it learns from the lines of the sample. Then look at what training "
    "changed, layer by layer.",
    text="I waited for an hour, and nobody came to help me.",
    model="minilm",
    question="A head and the last of six layers learn to tell complaints, praise and questions apart; the layers below "
    "are frozen. The text is read before and after. Where has the attention changed?",
    options=("In all layers", "In the last layer alone", "Nowhere: only the head has learnt"),
    caveat="Lines of the same kind were held out; other texts may fare worse. A changed attention need not be the "
    "cause of an answer: the head alone learns much of it.",
    page="train",
    settings={"model": "minilm", "training": "classifier", "sample": "en", "tuned": "1", "epochs": "3"},
    trained="classifier",
    train=tune,
)
def fine_tuning(subject: Tuned, text: str, progress: Progress) -> Finding:
    """A model that is trained already is a memory of what it read. To fine-tune it is to write into that memory: what
    is frozen stays as it was, bit for bit, and what may learn moves. Whether anything was learnt is shown by lines that
    it never saw, beside what one gets by always saying the most frequent label.
    """
    reader, trained = subject
    before = reader.read(text, progress=progress_within(progress, 0, 0.5)).memory()
    after = trained.read(text, progress=progress_within(progress, 0.5, 1)).memory()
    changes = attention_changes(before, after)
    frozen, last = changes[: len(changes) - trained.layers], changes[-1]
    low, high = trained.interval
    return Finding(
        rows=tuple(Row(Note("layer L{layer}", {"layer": layer}), value) for layer, value in enumerate(changes)),
        unit=Note("share of the attention that lies elsewhere after training, mean over heads"),
        answer=2 if not last else int(not any(frozen)),
        statement=Note(
            "Of the attention to the text {last} lies elsewhere in the last layer, and {frozen} in the frozen ones. Of "
            "{count} lines that it never saw, {correct} are right: {accuracy} (95 % interval {low} to {high}); always "
            "saying “{label}” would be right on {majority}.",
            {
                "frozen": percent(max(frozen, default=0.0), digits=1) if any(frozen) else Note("exactly nothing"),
                "last": percent(last, digits=1),
                "count": len(trained.held_out),
                "correct": trained.correct,
                "accuracy": percent(trained.accuracy),
                "low": percent(low),
                "high": percent(high),
                "label": trained.majority_label,
                "majority": percent(trained.majority),
            },
        ),
        beside=Beside(
            rows=(
                Row(Note("classifier"), trained.accuracy),
                Row(Note("majority class"), trained.majority),
                Row(Note("classifier, lower end of the 95 % interval"), low),
                Row(Note("classifier, upper end"), high),
            ),
            unit=Note("share of the held-out lines that are right"),
        ),
    )


def attention_changes(before: Memory, after: Memory) -> list[float]:
    """How much of the attention lies elsewhere in the second reading of a text, layer by layer: 0..1.

    Half the sum of |after − before| over the keys, mean over queries and heads; exactly 0 for what is the same.
    """
    changes = []
    for layer in range(before.layers):
        apart = [
            np.abs(after.pattern(layer, head).astype(np.float64) - before.pattern(layer, head)).sum(axis=1).mean() / 2
            for head in range(before.heads)
        ]
        changes.append(float(np.mean(apart)))
    return changes


@lesson(
    "An induction head is born",
    task="On the page Train, drag the checkpoint back to the beginning, and see the stripe of the induction head "
    "appear; then unplug that head.",
    text="Q 7 M B X K 2 T Q 7 M B X K 2",
    model="",
    question="Two models that know nothing see random symbols that repeat, and learn for 600 steps to say the next "
    "one. One has two layers of attention, the other a single one. Which can go on with a part that it has seen "
    "before?",
    options=("Both", "Only that of two layers", "Only that of one layer", "Neither of them"),
    caveat="A toy on random symbols, with one seed. That such heads form early in large models too was found elsewhere "
    "(Olsson et al. 2022); this does not show it.",
    page="train",
    settings={"training": "induction", "run": "1", "seed": "0", "steps": "600"},
    trained="induction",
    train=give_birth,
)
def birth(subject: Born, text: str, progress: Progress) -> Finding:
    """To go on with what came before takes two heads, one above the other: the first writes into each symbol which one
    stood before it, the second looks for the place behind the same symbol. Nobody builds them: they are born in
    training, within a few hundred steps, and the loss on what repeats falls with them.
    """
    models, symbols = subject, text.split()
    answer = _what_came_next(symbols)
    probabilities = []
    for number, model in enumerate(models):
        reader = model.reader()
        question = reader.ask(" ".join(symbols), answer)
        probabilities.append(float(reader.predict(question, [Change()]).values[0]))
        progress((number + 1) / len(models), "Ready")
    born, control = models
    able = tuple(model.born is not None for model in models)
    layer, head, score = born.best_head()
    before, previous, look = born.best_head("previous_token")
    return Finding(
        rows=(
            Row(Note("two layers, second copy"), float(born.second_copy_loss[-1])),
            Row(Note("one layer, second copy"), float(control.second_copy_loss[-1])),
            Row(Note("two layers, first copy"), float(born.first_copy_loss[-1])),
            Row(Note("one layer, first copy"), float(control.first_copy_loss[-1])),
        ),
        unit=Note("loss after {steps} steps, in nats a symbol", {"steps": int(born.steps[-1])}),
        is_share=False,
        answer=((True, True), (True, False), (False, True), (False, False)).index(able),
        statement=Note(
            "On the second copy the loss is {second} nats with two layers, {control} with one. After the text the "
            "first says “{answer}” with {sure}, the other with {unsure}. {head} looks up what came next (score "
            "{score}), {before} looks at the symbol before (score {look}).",
            {
                "second": decimal(float(born.second_copy_loss[-1]), digits=2),
                "control": decimal(float(control.second_copy_loss[-1]), digits=2),
                "answer": answer,
                "sure": percent(probabilities[0], digits=1),
                "unsure": percent(probabilities[1], digits=1),
                "head": head_name(layer, head),
                "score": decimal(score, digits=2),
                "before": head_name(before, previous),
                "look": decimal(look, digits=2),
            },
        ),
        beside=Beside(
            rows=(
                Row(Note("two layers: probability of “{answer}”", {"answer": answer}), probabilities[0]),
                Row(Note("one layer: probability of “{answer}”", {"answer": answer}), probabilities[1]),
                Row(Note("two layers: highest induction score"), score),
                Row(Note("one layer: highest induction score"), control.best_head()[2]),
            ),
            unit=Note("share: a probability, or the mean weight on the symbol that came next"),
        ),
    )


def _what_came_next(symbols: list[str]) -> str:
    """What stood behind the last symbol before. Raises `ReadingError` for what these models cannot go on with."""
    unknown = [symbol for symbol in symbols if symbol not in {*SYMBOLS}]
    if unknown or not 0 < len(symbols) < CONTEXT:
        raise ReadingError(
            "These small models read 2 to {most} symbols, with spaces between; “{symbol}” is none of theirs."
            if unknown
            else "These small models read 2 to {most} symbols, with spaces between.",
            todo="Write some of these, such as Q 7 M Q: {symbols}",
            most=CONTEXT - 1,
            symbol=unknown[0][:20] if unknown else "",
            symbols=SYMBOLS,
        )
    places = [place for place, symbol in enumerate(symbols[:-1]) if symbol == symbols[-1]]
    if not places:
        raise ReadingError(
            "The last symbol, “{symbol}”, did not stand in the text before: there is nothing to look up.",
            todo="End with a symbol that stood there before, such as Q 7 M Q.",
            symbol=symbols[-1],
        )
    return symbols[places[-1] + 1]
