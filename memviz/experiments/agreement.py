"""Is attention an explanation of this answer? What each word does when it is taken away, and who says so beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from memviz import measures
from memviz.errors import MemVizError
from memviz.experiments.cover import forget_words
from memviz.experiments.registry import experiment
from memviz.experiments.words import sinks_of, tokens_of_words, words_of
from memviz.memory import Memory, read_only
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.tokens import Word, distinct_texts

FEW = 8  # words below which a rank correlation says nothing
PERMUTATIONS = 200
SHARES = (0.1, 0.2, 0.5)  # of the words that are taken away, or alone left
RANDOM = 5  # random rankings to compare with
MOST_TOKENS = 512  # of a text whose words are ranked


@dataclass(frozen=True, eq=False)
class Blank:
    """What each word does when it is taken away, alone, in two ways.

    question    what was asked
    words       the words of the text
    numbers     those that were taken away: neither special, nor a sink, nor where the answer is made
    attention   float64 [number]: the effect where no other token may look at it
    embedding   float64 [number]: the effect where its embedding is the mean of all; NaN for an encoder-decoder

    Effects are how much less likely the answer became, in nats; for a vector 1 − cosine.
    """

    question: Question
    words: tuple[Word, ...]
    numbers: tuple[int, ...]
    attention: np.ndarray
    embedding: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row a word: word, its first token, both effects."""
        names = distinct_texts(self.words)
        return pd.DataFrame(
            {
                "word": [names[number] for number in self.numbers],
                "token": [self.words[number].tokens[0] for number in self.numbers],
                "attention": self.attention,
                "embedding": self.embedding,
            }
        )


@experiment(
    "Leave one out",
    cost="2 for every word",
    source="Erasure: Li et al. 2016, Understanding Neural Networks through Representation Erasure",
    caveat="A text without a word is one the model never met in training, and words can stand in for each other.",
)
def blank(reader: Reader, text: str, answer: str | None = None, *, progress: Progress | None = None) -> Blank:
    """What does each word do for the answer? Each is taken away, alone: from sight, or from the text.

    ``answer`` as in `Reader.ask`, ``progress`` as in `Reader.read`. Two ways, because they need not agree: no other
    token may look at the word; or its embedding is replaced by the mean of all embeddings.
    """
    question = reader.ask(text, answer)
    words = words_of(question)
    sinks = sinks_of(reader, question)
    made = set(question.queries or ())
    numbers = tuple(
        number for number, word in enumerate(words) if not word.special and not (sinks | made).intersection(word.tokens)
    )
    changes = [Change.of(forget_words(question, words, [number], queries="all")) for number in numbers]
    if question.memory == "self":  # both ways at once, so that what they share is computed once
        changes += [Change(blanks=tokens_of_words(words, [number])) for number in numbers]
    effects = reader.predict(question, [Change(), *changes], progress=progress_within(progress, 0.1, 1)).effects[1:]
    hidden, embedding = effects[: len(numbers)], effects[len(numbers) :]
    if question.memory == "cross":
        embedding = np.full(len(numbers), np.nan)
    return Blank(question, words, numbers, read_only(hidden.copy()), read_only(embedding.copy()))


@dataclass(frozen=True, eq=False)
class Ranking:
    """How far one way of ranking the words agrees with taking them away.

    name       such as "attention"
    scores     float64 [number]: what it gives each word
    spearman   rank correlation with the size of the effect of taking each word away, −1..1
    low, high  between which 95 % of random orders of the same scores lie
    comprehensiveness   p − p without its strongest words, mean over shares: large is good
    sufficiency         p − p with its strongest words alone, mean over shares: small is good
    """

    name: str
    scores: np.ndarray
    spearman: float
    low: float
    high: float
    comprehensiveness: float
    sufficiency: float

    @property
    def verdict(self) -> Literal["beyond", "within"]:
        """Does it agree more, or less, than a random order would?"""
        return "within" if self.low <= self.spearman <= self.high else "beyond"


@dataclass(frozen=True, eq=False)
class Agreement:
    """Which rankings of the words agree with what the words do.

    blank      what each word does when it is taken away
    rankings   "attention", "last layer", "value norm", "gradient × input", "Chefer", "rollout" (encoders), "hidden
               from sight": as many as this model allows
    random     (comprehensiveness, sufficiency) of random orders, each float64 [draw]
    seed       of the random orders
    """

    blank: Blank
    rankings: tuple[Ranking, ...]
    random: tuple[np.ndarray, np.ndarray]
    seed: int

    @property
    def enough(self) -> bool:
        """Are there so many words that a rank correlation can say something?"""
        return len(self.blank.numbers) >= FEW

    def ranking(self, name: str) -> Ranking:
        """The ranking of that ``name``. Raises `KeyError` for one that there is not."""
        return {ranking.name: ranking for ranking in self.rankings}[name]

    def table(self) -> pd.DataFrame:
        """One row a ranking, and one a random order."""
        rows = [(r.name, r.spearman, r.low, r.high, r.comprehensiveness, r.sufficiency) for r in self.rankings]
        rows += [("random", np.nan, np.nan, np.nan, float(c), float(s)) for c, s in zip(*self.random, strict=True)]
        names = ["ranking", "spearman", "low", "high", "comprehensiveness", "sufficiency"]
        return pd.DataFrame(rows, columns=names)


@experiment(
    "Agreement of rankings",
    cost="2 for every word, 1 backwards, and 6 for every ranking",
    source="DeYoung et al. 2020 (ERASER); Neely et al. 2022, A Song of (Dis)agreement; Jain and Wallace 2019",
    caveat="About this text and this answer only. Faithful is not the same as plausible (Wiegreffe and Pinter 2019).",
)
def agree(
    reader: Reader, text: str, answer: str | None = None, *, seed: int = 0, progress: Progress | None = None
) -> Agreement:
    """Is attention an explanation of this answer? Rankings of the words, against what happens without each word.

    ``answer`` as in `Reader.ask`. Every ranking is compared, by Spearman's rank correlation, with the size of the
    effect of blanking each word's embedding (of an encoder-decoder: of hiding it from sight), beside the band in which
    95 % of 200 random orders lie, by the ``seed``. Comprehensiveness and sufficiency take away, or leave alone, the
    strongest 10, 20 and 50 % of the words, beside 5 random orders. ``progress`` as in `Reader.read`.

    Raises `TextTooLongError` for a text of more than 512 tokens, and as `Reader.ask` does.
    """
    found = blank(reader, text, answer, progress=progress_within(progress, 0, 0.5))
    generator = np.random.default_rng(seed)
    truth = np.abs(found.attention if np.isnan(found.embedding).all() else found.embedding)
    scores = _scores(reader, found)
    orders = {name: np.argsort(-values, kind="stable") for name, values in scores.items()}
    draws = [generator.permutation(len(truth)) for _ in range(RANDOM)]
    erased = _erased(reader, found, [*orders.values(), *draws], progress_within(progress, 0.6, 1))
    rankings, true_ranks = [], _ranks(truth)
    for (name, values), (comprehensiveness, sufficiency) in zip(scores.items(), erased, strict=False):
        ranks = _ranks(values)  # those of the same values in another order are the same in that order
        band = [_correlation(generator.permutation(ranks), true_ranks) for _ in range(PERMUTATIONS)]
        low, high = (float(np.nanquantile(band, q)) if len(truth) > 1 else np.nan for q in (0.025, 0.975))
        rankings.append(
            Ranking(name, read_only(values), spearman(values, truth), low, high, comprehensiveness, sufficiency)
        )
    random = np.array(erased[len(scores) :]).reshape(-1, 2).T
    return Agreement(found, tuple(rankings), (read_only(random[0].copy()), read_only(random[1].copy())), seed)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two lists, ties at their mean rank; NaN where one of them does not vary."""
    return _correlation(_ranks(first), _ranks(second))


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(pd.Series(values).rank())


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's; NaN where one of them does not vary."""
    if len(first) < 2 or any(np.ptp(values) == 0 for values in (first, second)):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _scores(reader: Reader, found: Blank) -> Mapping[str, np.ndarray]:
    """What each ranking gives every word that was taken away."""
    question = found.question
    memory, queries = _memory(reader, question)
    weights = np.stack([memory.row(query) for query in queries]).mean(axis=0, dtype=np.float64)  # [layer, head, key]
    tokens = {"attention": weights.mean(axis=(0, 1)), "last layer": weights[-1].mean(axis=0)}
    try:
        tokens["value norm"] = (weights * measures.value_norms(memory)).mean(axis=(0, 1))
    except MemVizError:
        pass  # the output projections of this model are not known
    if memory.kind == "self" and not memory.causal:
        tokens["rollout"] = measures.rollout(memory)[list(queries)].mean(axis=0)
    if question.kind in ("continuation", "mask") and not reader.engine.plan.dense:
        relevance = reader.relevance(question)
        tokens |= {"gradient × input": relevance.gradient_input, "Chefer": relevance.chefer}
    sums = {
        name: np.array([values[list(found.words[number].tokens)].sum() for number in found.numbers], dtype=np.float64)
        for name, values in tokens.items()
    }
    if not np.isnan(found.embedding).all():
        sums["hidden from sight"] = np.abs(found.attention)
    return sums


def _memory(reader: Reader, question: Question) -> tuple[Memory, Sequence[int]]:
    """(the attention that is ranked, the queries at which the answer is made)."""
    if question.kind == "translation":
        memory = reader.translate(question.text, question.answer, split=False).memory("cross")
    elif question.kind in ("continuation", "mask"):
        memory = reader.read_ids(question.ids).memory("self")
    else:
        memory = reader.read(question.text).memory("self")
    return memory, question.queries or range(len(memory.queries))


def _erased(
    reader: Reader, found: Blank, orders: Sequence[np.ndarray], progress: Progress
) -> list[tuple[float, float]]:
    """(comprehensiveness, sufficiency) of each order of the words."""
    question, count = found.question, len(found.numbers)
    sizes = sorted({max(1, round(share * count)) for share in SHARES}) if count else []
    changes = [Change()]
    for order in orders:
        for size in sizes:
            changes += [_taken_away(found, order[:size]), _taken_away(found, order[size:])]
    values = reader.predict(question, changes, progress=progress).values
    losses = (
        (values[0] - values[1:]).reshape(len(orders), len(sizes), 2).mean(axis=1)
        if sizes
        else np.zeros((len(orders), 2))
    )
    return [(float(row[0]), float(row[1])) for row in losses]


def _taken_away(found: Blank, places: np.ndarray) -> Change:
    """The change that takes away the words at these ``places`` among those that were tried."""
    if not len(places):
        return Change()
    numbers = [found.numbers[place] for place in places]
    if found.question.memory == "cross":
        return Change.of(forget_words(found.question, found.words, numbers, queries="all"))
    return Change(blanks=tokens_of_words(found.words, numbers))
