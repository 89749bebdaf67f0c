"""From which layer on does the model know what it will say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.reading import Reader
from memviz.reading.questions import Question


@dataclass(frozen=True, eq=False)
class LogitLens:
    """What every layer would say at every position: arrays [layer + 1, position], row 0 before the first layer.

    question        what was asked; ``question.tokens`` are the positions
    answer          the text whose first token is followed
    probabilities   float64, 0..1: of that token; the last row is the model's own
    ranks           int64, from 1: of that token among all
    choices         what each layer would say, as text
    confidences     float64, 0..1: how likely it finds that

    A position says what comes next, in a masked language model what stands there.
    """

    question: Question
    answer: str
    probabilities: np.ndarray
    ranks: np.ndarray
    choices: tuple[tuple[str, ...], ...]
    confidences: np.ndarray

    @property
    def position(self) -> int:
        """Where the answer is made."""
        return (self.question.queries or (len(self.question.tokens) - 1,))[0]

    @property
    def first_layer(self) -> int | None:
        """From which layer on is the answer the likeliest, where it is made, and stays so? ``None``: never."""
        behind = np.flatnonzero(self.ranks[:, self.position] != 1)
        first = int(behind[-1]) + 1 if len(behind) else 0
        return first if first < len(self.ranks) else None

    def table(self) -> pd.DataFrame:
        """One row a layer and position: layer, position, token, probability, rank, choice, confidence."""
        layers, positions = self.ranks.shape
        texts = [token.text for token in self.question.tokens]
        return pd.DataFrame(
            {
                "layer": np.repeat(np.arange(layers), positions),
                "position": np.tile(np.arange(positions), layers),
                "token": texts * layers,
                "probability": self.probabilities.ravel(),
                "rank": self.ranks.ravel(),
                "choice": [choice for row in self.choices for choice in row],
                "confidence": self.confidences.ravel(),
            }
        )


@experiment(
    "Logit lens",
    cost="1, and the model's head once a layer",
    source="nostalgebraist 2020, Interpreting GPT: the Logit Lens",
    caveat="Early layers need not use the last layer's code: a low rank there does not mean that nothing is known yet.",
)
def logit_lens(reader: Reader, text: str, answer: str | None = None) -> LogitLens:
    """What would the model say if it stopped after this layer?

    ``answer`` as in `Reader.ask`: without one, the model's own first choice after the text, or in its mask. Of an
    answer of several tokens the first is followed.

    softmax(W_U · norm(h_l)), by the model's own final norm and head; the last layer's states are normed already. Raises
    `ReadingError` for a model that predicts no words (an encoder without a head) or is an encoder-decoder, and as
    `Reader.ask` does.
    """
    if reader.info.kind == "encoder-decoder":
        raise ReadingError(
            "{model} is an encoder-decoder: its layers cannot be asked for a word of the text that they read.",
            todo="Choose a language model such as smollm2.",
            model=reader.info.name,
        )
    question = reader.ask(text, answer)
    lens = reader.look_through(question)
    decode = reader.tokenizer.decode
    texts = {int(token): str(decode([int(token)])) for token in np.unique(lens.choices)}
    return LogitLens(
        question=question,
        answer=str(decode([question.answers[0]])),
        probabilities=lens.probabilities,
        ranks=lens.ranks,
        choices=tuple(tuple(texts[int(token)] for token in row) for row in lens.choices),
        confidences=lens.confidences,
    )
