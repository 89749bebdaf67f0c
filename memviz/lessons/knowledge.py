"""Lessons on what was read, and what was learned before."""

from __future__ import annotations

import numpy as np

from memviz.errors import ReadingError
from memviz.experiments import cover
from memviz.experiments.memorisation import read_surprisal
from memviz.figures.style.numbers import decimal, percent
from memviz.lessons.registry import Finding, Row, lesson, place_of
from memviz.note import Note
from memviz.progress import Progress, progress_within
from memviz.reading import Reader


@lesson(
    "What it read, and what it learned",
    task="On the page Forget, cover “Rome”: the text is the same, and the model can no longer look it up.",
    text="In this story, the capital of France is Rome. Question: In this story, what is the capital of France? "
    "Answer: In this story, the capital of France is",
    model="smollm2",
    question="The story says one thing, and what the model learned in training is another. What does it answer when it "
    "cannot look at the word in the story?",
    options=("What the story says, all the same", "Something else: what it learned comes through"),
    caveat="One fact in one sentence: how strongly a text outweighs what was learned differs from fact to fact.",
    page="forget",
)
def two_memories(reader: Reader, text: str, progress: Progress) -> Finding:
    """A language model has two memories: the weights, written in training, and the text in front of it. When they
    disagree, one can see which of them is used, by taking one word of the text away.
    """
    answer = (reader.ask(text).answer or "").strip()
    found = cover(reader, text, answer, answer, progress=progress_within(progress, 0, 0.6))
    other = next((each.text.strip() for each in found.candidates[1] if each.text.strip() != answer), "")
    learned = cover(reader, text, answer, other, progress=progress_within(progress, 0.6, 1))
    return Finding(
        rows=(
            Row(Note("“{word}”, nothing covered", {"word": answer}), found.before),
            Row(Note("“{word}”, covered in the text", {"word": answer}), found.after),
            Row(Note("“{word}”, nothing covered", {"word": other}), learned.before),
            Row(Note("“{word}”, “{other}” covered", {"word": other, "other": answer}), learned.after),
        ),
        unit=found.question.unit,
        answer=int(found.after < learned.after),
        statement=Note(
            "The text makes “{answer}” {before} likely. With that word covered it is {after}, and “{other}” goes from "
            "{low} to {high}; with another word covered “{answer}” has {control}.",
            {
                "answer": answer,
                "before": percent(found.before),
                "after": percent(found.after),
                "other": other,
                "low": percent(learned.before),
                "high": percent(learned.after),
                "control": percent(found.control),
            },
        ),
    )


@lesson(
    "Memory that should worry you",
    task="On the page Generate, begin a famous text: how surprised is the model by what follows?",
    text="We hold these truths to be self-evident, that all men are created equal.\n"
    "We find these rivers to be slow and shallow, that most boats are built small.",
    model="smollm2",
    question="The first line is famous, the second was made up for this lesson. How surprised is the model by the "
    "famous one, compared with the other?",
    options=("Less than half as surprised", "Less surprised, but half as much or more", "As surprised, or more"),
    caveat="A low surprise is a hint that a text was in the training data, no proof: common phrases are expected too.",
    page="generate",
    opens="We hold these truths to be self-evident, that all men",
)
def recital(reader: Reader, text: str, progress: Progress) -> Finding:
    """What stood often in the training data can be recited word for word, whether it was meant to be learned or not:
    a poem, a law, or somebody's address. One trace of it is surprise: what was memorised is expected.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) != 2:
        raise ReadingError(
            "This lesson compares two lines, and the text has {count}.",
            todo="Write one text on the first line and one on the second.",
            count=len(lines),
        )
    surprises = []
    for number, line in enumerate(lines):
        told = progress_within(progress, number / 2, (number + 1) / 2)
        surprises.append(float(np.nanmean(read_surprisal(reader, line, progress=told)[1])))
    first, second = surprises
    return Finding(
        rows=(Row(Note("first line"), first), Row(Note("second line"), second)),
        unit=Note("surprise: nats a token, mean over the line (−log p)"),
        is_share=False,
        answer=place_of(first / second, (0.5, 1.0)),
        statement=Note(
            "The first line surprises the model by {first} nats a token, the second by {second}.",
            {"first": decimal(first, digits=2), "second": decimal(second, digits=2)},
        ),
    )
