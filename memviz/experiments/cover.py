"""What changes when a word is covered, and what when another word is covered instead?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import (
    Words,
    control_runs,
    find_words,
    put_question,
    sinks_of,
    tokens_of_words,
    words_of,
)
from memviz.memory import Forget, read_only
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.tokens import Word, distinct_texts
from memviz.trace import Candidate

Queries = Literal["answer", "all"]
FEW = 5  # controls without which nothing can be said about chance


@dataclass(frozen=True, eq=False)
class Cover:
    """What covering some words did, beside what covering others of the same size did.

    question    what was asked, see `memviz.reading.questions.Question`
    words       the words of the text
    covered     the numbers of those that were covered
    queries     for whom: where the "answer" is made, or for "all" other words
    layers, heads   where; ``None``: everywhere
    before      the answer's number with nothing covered, in ``question.unit``
    after       with the words covered
    runs        the other words that were covered instead, by number: each a run with as many tokens
    controls    float64 [run]: the answer's number with each of them covered
    effect      how much less likely the answer became, in nats (log p before − log p after); for a vector 1 − cosine
    control_effects   float64 [run]: the same of each control
    candidates  the likeliest in place of the answer's first token, before and after; empty for a vector
    sinks       tokens that no control covers, because attention rests there
    seed        by which controls were drawn, where there were too many
    """

    question: Question
    words: tuple[Word, ...]
    covered: tuple[int, ...]
    queries: Queries
    layers: tuple[int, ...] | None
    heads: tuple[int, ...] | None
    before: float
    after: float
    runs: tuple[tuple[int, ...], ...]
    controls: np.ndarray
    effect: float
    control_effects: np.ndarray
    candidates: tuple[tuple[Candidate, ...], tuple[Candidate, ...]]
    sinks: frozenset[int]
    seed: int

    @property
    def answer(self) -> str | None:
        """The text that was asked for; ``None`` where a vector is the answer."""
        return self.question.answer

    @property
    def control(self) -> float:
        """The median of the controls; NaN where there is none."""
        return float(np.median(self.controls)) if len(self.controls) else float("nan")

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest of the controls; NaN where there is none."""
        if not len(self.controls):
            return float("nan"), float("nan")
        return float(self.controls.min()), float(self.controls.max())

    @property
    def verdict(self) -> Literal["beyond", "within", "few"]:
        """Is the effect larger than that of every control ("beyond")? "few": there are too few to say."""
        if len(self.controls) < FEW:
            return "few"
        return "beyond" if abs(self.effect) > np.abs(self.control_effects).max() else "within"

    def table(self) -> pd.DataFrame:
        """One row for what was covered, and one for each control: role, words, positions, value, effect."""
        names = distinct_texts(self.words)
        rows = [("nothing", (), self.before, 0.0), ("covered", self.covered, self.after, self.effect)]
        rows += [
            ("control", run, float(value), float(effect))
            for run, value, effect in zip(self.runs, self.controls, self.control_effects, strict=True)
        ]
        return pd.DataFrame(
            {
                "role": [row[0] for row in rows],
                "words": [" ".join(names[number] for number in row[1]) for row in rows],
                "tokens": [" ".join(map(str, tokens_of_words(self.words, row[1]))) for row in rows],
                "value": [row[2] for row in rows],
                "effect": [row[3] for row in rows],
            }
        )


@experiment(
    "Cover a word",
    cost="1 for the text, and a small part of one for every other word",
    source="Attention knockout: Geva et al. 2023, Dissecting Recall of Factual Associations",
    caveat="The model may have carried the word into other words' states before: no effect does not mean unused.",
)
def cover(
    reader: Reader,
    text: str | Question,
    words: Words,
    answer: str | None = None,
    *,
    queries: Queries = "answer",
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Cover:
    """What does the model answer when it cannot look at this word, and what when it cannot look at another?

    ``text``: or what `Reader.ask` made of one, of a sentence pair, or of a translation between named languages.
    ``words``: by how they are written, or by number; several are covered together. ``answer`` as in `Reader.ask`.
    ``queries``: "answer" covers them only where the answer is made (the last word of a text that is continued, the
    mask, every word of a translation), "all" for every other word too; a vector is made everywhere. ``layers`` and
    ``heads``: only there. The controls are all runs of other words with as many tokens (`control_runs`), none of them
    an attention sink; ``seed`` draws from them where there are more than 200. ``progress`` as in `Reader.read`.

    Cut edges get a score of −∞ before the softmax: a_ij = 0 for the covered keys j, and the rest sums to 1 as before.

    Raises `TraceError` for words, layers and heads that are not there, and `ReadingError` for an answer that the model
    cannot give.
    """
    question = put_question(reader, text, answer)
    every = words_of(question)
    covered = find_words(every, words)
    _require_rest(question, every, covered)
    sinks = sinks_of(reader, question)
    last = {place for place in question.queries or () if place < len(question.tokens)}
    runs = control_runs(every, covered, without=sinks | last if question.kind != "vector" else sinks, seed=seed)
    changes = [
        Change.of(forget_words(question, every, numbers, queries=queries, layers=layers, heads=heads))
        for numbers in (covered, *runs)
    ]
    found = reader.predict(question, [Change(), *changes], progress=progress_within(progress, 0.1, 1))
    return Cover(
        question=question,
        words=every,
        covered=covered,
        queries=queries,
        layers=None if layers is None else tuple(layers),
        heads=None if heads is None else tuple(heads),
        before=float(found.values[0]),
        after=float(found.values[1]),
        runs=runs,
        controls=read_only(found.values[2:]),
        effect=float(found.effects[1]),
        control_effects=read_only(found.effects[2:]),
        candidates=(found.candidates[0], found.candidates[1]) if found.candidates else ((), ()),
        sinks=sinks,
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class CoverByLayer:
    """What covering some words did in a few layers at a time.

    cover     the same in all layers, with its controls
    starts    the first layer of each window
    window    how many layers each has, the last perhaps fewer
    layers    how many the model has
    values    float64 [window]: the answer's number
    effects   float64 [window]
    """

    cover: Cover
    starts: tuple[int, ...]
    window: int
    layers: int
    values: np.ndarray
    effects: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row a window: its first layer, its last, value, effect."""
        last = [min(start + self.window, self.layers) - 1 for start in self.starts]
        return pd.DataFrame({"first": self.starts, "last": last, "value": self.values, "effect": self.effects})


@experiment(
    "Cover a word, layer by layer",
    cost="one a window of layers",
    source="Geva et al. 2023, Dissecting Recall of Factual Associations",
    caveat="A window without effect may only be one of several that can fetch the word.",
)
def cover_by_layer(
    reader: Reader,
    text: str | Question,
    words: Words,
    answer: str | None = None,
    *,
    window: int = 5,
    queries: Queries = "answer",
    seed: int = 0,
    progress: Progress | None = None,
) -> CoverByLayer:
    """In which layers does the model fetch this word? It is covered in a few layers at a time.

    ``window``: how many layers. ``text``, ``words``, ``answer``, ``queries``, ``seed`` and ``progress`` as in `cover`,
    which says what is raised.
    """
    whole = cover(reader, text, words, answer, queries=queries, seed=seed, progress=progress_within(progress, 0, 0.5))
    total = reader.engine.plan.layers[whole.question.memory]
    window = max(1, min(int(window), total))
    starts = tuple(range(0, total, window))
    changes = [
        Change.of(
            forget_words(
                whole.question,
                whole.words,
                whole.covered,
                queries=queries,
                layers=range(start, min(start + window, total)),
            )
        )
        for start in starts
    ]
    found = reader.predict(whole.question, [Change(), *changes], progress=progress_within(progress, 0.5, 1))
    return CoverByLayer(whole, starts, window, total, read_only(found.values[1:]), read_only(found.effects[1:]))


def forget_words(
    question: Question,
    words: Sequence[Word],
    numbers: Sequence[int],
    *,
    queries: Queries = "answer",
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Forget:
    """The edges to some ``words``, by number, from where the answer is made, or from all other words.

    ``question`` and ``words`` are the text's; ``layers`` and ``heads`` say where.
    """
    keys = tokens_of_words(words, numbers)
    looking: tuple[int, ...] | None = question.queries if queries == "answer" else None
    if question.memory == "self":
        if looking is None:
            looking = tuple(place for place in range(len(question.ids)) if place not in keys)
        first = min(keys) if question.kind == "continuation" else 0
        looking = tuple(place for place in looking if place >= first and place not in keys)
    return Forget(
        keys,
        queries=looking,
        layers=None if layers is None else tuple(layers),
        heads=None if heads is None else tuple(heads),
    )


def _require_rest(question: Question, words: Sequence[Word], covered: Sequence[int]) -> None:
    """Raises `ReadingError` where nothing is left to read, or the answer is made at the covered word itself."""
    rest = [number for number, word in enumerate(words) if number not in covered and not word.special]
    if not rest:
        raise ReadingError(
            "Every word of the text is covered: there is nothing left to read.", todo="Leave one word or more."
        )
    keys = tokens_of_words(words, covered)
    if question.queries is not None and set(question.queries) <= set(keys):
        raise ReadingError(
            "The answer is made at “{word}” itself, which cannot be covered from itself.",
            todo="Cover an earlier word, or write more text behind it.",
            word=words[covered[-1]].text,
        )
