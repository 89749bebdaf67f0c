"""Did it help that the model had read this?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import ask_to_continue, not_in_text
from memviz.memory import read_only
from memviz.progress import Progress, no_progress
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.reading.writing.sentences import split_sentences
from memviz.tokens import clean


@dataclass(frozen=True, eq=False)
class RecallGain:
    """How much likelier an answer is because one part of the text was read, beside what other parts do.

    fact        the part of the text
    question    what was asked of the whole text
    before      probability of the answer after the whole text
    after       after the text without the fact
    gain        log p before − log p after, in nats
    others      the other sentences, each left out in the fact's place
    controls    float64 [other]: the probability of the answer without each of them
    gains       float64 [other]: log p before − log p without it
    """

    fact: str
    question: Question
    before: float
    after: float
    gain: float
    others: tuple[str, ...]
    controls: np.ndarray
    gains: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row for the whole text, one for the fact left out, one for each other sentence left out."""
        rows = [("nothing", "", self.before, 0.0), ("fact", self.fact.strip(), self.after, self.gain)]
        rows += [
            ("control", other.strip(), float(value), float(gain))
            for other, value, gain in zip(self.others, self.controls, self.gains, strict=True)
        ]
        return pd.DataFrame(rows, columns=["role", "text", "value", "effect"])


@experiment(
    "Recall gain",
    cost="1 for the text, and 1 without each of its sentences",
    source="Log-probability with and without the fact in the context",
    caveat="A text without a sentence is another text: its places move, and it may read oddly.",
)
def recall_gain(
    reader: Reader, text: str, fact: str, answer: str | None = None, *, progress: Progress | None = None
) -> RecallGain:
    """How much more sure is the model because it read this? The text is read with and without it.

    ``fact`` is a part of the ``text``; ``answer`` as in `Reader.ask`, the model's own after the whole text where there
    is none. gain = log p(answer | text) − log p(answer | text without the fact), in nats. The controls leave out every
    other whole sentence instead. ``progress`` as in `Reader.read`.

    Raises `ReadingError` where the fact does not stand in the text or is all of it, and for a model that does not
    continue texts.
    """
    progress = progress or no_progress
    text, fact = clean(text), clean(fact)
    if not fact.strip() or fact not in text:
        raise not_in_text(fact)
    question = ask_to_continue(reader, text, answer)
    sentences = [text[start:end] for start, end in split_sentences(text)][:-1]  # the last is being continued
    others = tuple(other for other in sentences if fact.strip() not in other and other not in fact)
    logprobs = []
    for number, left_out in enumerate(("", fact, *others)):
        shorter = _without(text, left_out)
        if not shorter.strip():
            raise ReadingError("The fact is all of the text.", todo="Write a question behind it.")
        found = reader.predict(reader.ask(shorter, question.answer), [Change()])
        logprobs.append(float(found.logprobs.sum()))
        progress((number + 1) / (len(others) + 2), "Asking again")
    values = np.array(logprobs)
    return RecallGain(
        fact=fact,
        question=question,
        before=float(np.exp(values[0])),
        after=float(np.exp(values[1])),
        gain=float(values[0] - values[1]),
        others=others,
        controls=read_only(np.exp(values[2:])),
        gains=read_only(values[0] - values[2:]),
    )


def _without(text: str, part: str) -> str:
    """The text without a part of it, and without a second space where it stood."""
    if not part:
        return text
    before, after = text.split(part, 1)
    if before.endswith((" ", "\n")) or not before:
        after = after.lstrip(" ")
    return before + after
