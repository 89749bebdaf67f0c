"""In which layers do the feed-forward networks (MLPs) at a word matter? Some are unplugged at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import Words, find_words, sinks_of, tokens_of_words, words_of
from memviz.memory import read_only
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.tokens import Word


@dataclass(frozen=True, eq=False)
class UnplugFeedForwards:
    """What unplugging the networks at a word did, a window of layers at a time, beside the same at other words.

    question   what was asked
    words      the words of the text
    numbers    those whose networks were unplugged
    others     the words of the controls, each alone
    starts     the first layer of each window
    window     how many layers each has, the last perhaps fewer
    layers     how many the model has
    before     the answer's number with nothing unplugged
    values     float64 [window]
    effects    float64 [window]: how much less likely the answer became, in nats
    controls   float64 [window, other]: the answer's number with the networks at another word unplugged
    """

    question: Question
    words: tuple[Word, ...]
    numbers: tuple[int, ...]
    others: tuple[int, ...]
    starts: tuple[int, ...]
    window: int
    layers: int
    before: float
    values: np.ndarray
    effects: np.ndarray
    controls: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row a window: first, last, value, effect, and the least, median and largest of the controls."""
        last = [min(start + self.window, self.layers) - 1 for start in self.starts]
        frame = pd.DataFrame({"first": self.starts, "last": last, "value": self.values, "effect": self.effects})
        none = np.full(len(self.starts), np.nan)
        for name, at in (("low", np.min), ("control", np.median), ("high", np.max)):
            frame[name] = at(self.controls, axis=1) if self.others else none
        return frame


@experiment(
    "Unplug MLPs, layer by layer",
    cost="one a window of layers, for the word and for every other",
    source="Geva et al. 2021, Transformer Feed-Forward Layers Are Key-Value Memories; Meng et al. 2022",
    caveat="Layers behind never met a state without what was unplugged: a large effect is not yet an address.",
)
def unplug_feedforwards(
    reader: Reader,
    text: str,
    word: Words,
    answer: str | None = None,
    *,
    window: int = 5,
    progress: Progress | None = None,
) -> UnplugFeedForwards:
    """In which layers does the model need its feed-forward networks (MLPs) at this word for the answer?

    At the tokens of ``word`` (by how it is written, or by number) the networks of ``window`` layers at a time write
    nothing: h ← h + 0 in the place of h + FF(h). The controls do the same at every other word, without sinks and the
    word where the answer is made. ``answer`` as in `Reader.ask`, ``progress`` as in `Reader.read`.

    Raises `TraceError` for a word that is not there, `MeasureError` for a model whose networks cannot be told apart
    (experts), and `ReadingError` for an encoder-decoder.
    """
    question = reader.ask(text, answer) if reader.info.kind != "encoder-decoder" else None
    if question is None:
        raise ReadingError(
            "The feed-forward networks of {model} cannot be unplugged here.",
            todo="Choose a language model such as smollm2.",
            model=reader.info.name,
        )
    every = words_of(question)
    numbers = find_words(every, word)
    without = {*sinks_of(reader, question), *(question.queries or ())}
    others = tuple(n for n, each in enumerate(every) if n not in numbers and not without.intersection(each.tokens))
    total = reader.engine.plan.layers["self"]
    window = max(1, min(int(window), total))
    starts = tuple(range(0, total, window))
    subjects = [tokens_of_words(every, numbers), *(every[other].tokens for other in others)]
    changes = [
        Change(
            feedforwards=tuple((layer, token) for layer in range(start, min(start + window, total)) for token in tokens)
        )
        for tokens in subjects
        for start in starts
    ]
    found = reader.predict(question, [Change(), *changes], progress=progress_within(progress, 0.1, 1))
    values = found.values[1:].reshape(len(subjects), len(starts))
    return UnplugFeedForwards(
        question=question,
        words=every,
        numbers=numbers,
        others=others,
        starts=starts,
        window=window,
        layers=total,
        before=float(found.values[0]),
        values=read_only(values[0]),
        effects=read_only(found.effects[1 : len(starts) + 1]),
        controls=read_only(values[1:].T),
    )
