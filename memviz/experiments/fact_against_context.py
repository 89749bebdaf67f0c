"""What it read, or what it learned? A text says one thing, the weights another, and one edge is cut between them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from memviz.experiments.cover import Cover, cover
from memviz.experiments.registry import experiment
from memviz.experiments.words import ask_to_continue
from memviz.progress import Progress, progress_within
from memviz.reading import Reader


@dataclass(frozen=True, eq=False)
class FactAgainstContext:
    """How likely are the word of the text and the word of the weights, with and without the edge to the former?

    context   `Cover` of the text's word, with that word as the answer
    fact      the same cover, with the word of the weights as the answer
    """

    context: Cover
    fact: Cover

    @property
    def switched(self) -> bool:
        """Did the text win, and the weights once the text's word could not be looked at?"""
        return self.context.before > self.fact.before and self.context.after < self.fact.after

    def table(self) -> pd.DataFrame:
        """One row for nothing covered, for the word covered, for each control: role, words, context, fact."""
        frame, other = self.context.table(), self.fact.table()
        return pd.DataFrame(
            {"role": frame["role"], "words": frame["words"], "context": frame["value"], "fact": other["value"]}
        )


@experiment(
    "Fact against context",
    cost="2 for the text, and a small part of one for every other word",
    source="Ortu et al. 2024, Competition of Mechanisms; attention knockout: Geva et al. 2023",
    caveat="It depends on the wording: the same model can follow the weights in one template and the text in another.",
)
def fact_against_context(
    reader: Reader, text: str, word: str, fact: str, *, progress: Progress | None = None
) -> FactAgainstContext:
    """Does the model follow what it read or what it learned, and what if it cannot look at what it read?

    ``word`` is what the ``text`` says, and stands in it; ``fact`` is what the weights say. Both are rated as what comes
    next, with nothing covered, with ``word`` covered from the last token in all layers, and with every other run of
    words of that size covered instead (`cover`). ``progress`` as in `Reader.read`.

    Raises `TraceError` where the word does not stand in the text, and `ReadingError` for a model that does not
    continue texts.
    """
    ask_to_continue(reader, text, word)
    context = cover(reader, text, word, word, progress=progress_within(progress, 0, 0.5))
    return FactAgainstContext(context, cover(reader, text, word, fact, progress=progress_within(progress, 0.5, 1)))
