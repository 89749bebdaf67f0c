"""Does the model know this text by heart? Beside a sentence that nobody can have learned."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import ask_to_continue
from memviz.memory import read_only
from memviz.progress import Progress, progress_within
from memviz.reading import Reader
from memviz.tokens import Token, clean
from memviz.trace import Trace

BEGINNING = 0.5  # of the words, after which the model goes on by itself


@dataclass(frozen=True, eq=False)
class Recital:
    """How a model reads a text, and how it goes on with it.

    text          what was read
    tokens        its tokens
    surprisal     float64 [token]: −ln p, in nats; NaN for the first
    prompt        the beginning that the model was given
    output        what it wrote behind that, the likeliest token at every step
    same          how many words of the text that output repeats, from its beginning
    words         how many words of the text were left to repeat
    zlib_bytes    what zlib makes of the text: how little there is to know in it
    """

    text: str
    tokens: tuple[Token, ...]
    surprisal: np.ndarray
    prompt: str
    output: str
    same: int
    words: int
    zlib_bytes: int

    @property
    def mean(self) -> float:
        """The mean surprisal of a token, in nats."""
        return float(np.nanmean(self.surprisal))

    @property
    def ratio(self) -> float:
        """All surprisal, in nats, over the bytes of zlib: low where a text is known better than it can be guessed."""
        return float(np.nansum(self.surprisal)) / self.zlib_bytes


@dataclass(frozen=True, eq=False)
class Memorisation:
    """A text that may be known by heart, and an invented one."""

    known: Recital
    invented: Recital

    def table(self) -> pd.DataFrame:
        """One row a token of each text: text ("known", "invented"), position, token, surprisal."""
        sides = [("known", self.known), ("invented", self.invented)]
        rows = [
            (name, place, token.text, float(value))
            for name, side in sides
            for place, (token, value) in enumerate(zip(side.tokens, side.surprisal, strict=True))
        ]
        return pd.DataFrame(rows, columns=["text", "position", "token", "surprisal"])


@experiment(
    "Known by heart",
    cost="2 readings, and half of each text written",
    source="Carlini et al. 2021, Extracting Training Data from Large Language Models",
    caveat="Two texts prove little, and a small model leaks less than a large one: finding nothing proves nothing.",
)
def memorisation(reader: Reader, text: str, invented: str, *, progress: Progress | None = None) -> Memorisation:
    """Does the model know this text by heart? It is read, and continued from its middle, beside an invented one.

    Surprisal −ln p of every token; and after the first half of the words, how many of the others the model writes by
    itself, the likeliest token at every step. Low surprisal alone may only be an easy text: the ratio to the bytes of
    zlib, and the ``invented`` text of the same kind and length, are there to compare with. ``progress`` as in
    `Reader.read`.

    Raises `ReadingError` for a model that does not continue texts and a text of fewer than four words.
    """
    known = _recital(reader, text, progress_within(progress, 0, 0.5))
    return Memorisation(known, _recital(reader, invented, progress_within(progress, 0.5, 1)))


def read_surprisal(reader: Reader, text: str, *, progress: Progress | None = None) -> tuple[Trace, np.ndarray]:
    """How surprising is each token of a text? (its reading, float64 [token]: −ln p, in nats; NaN for the first)

    Raises `ReadingError` for a model that does not continue texts, and as any reading does.
    """
    trace = reader.read(text, progress=progress)
    if trace.logprobs is None or not len(trace.logprobs):
        raise ReadingError(
            "{model} does not predict the next token.",
            todo="Choose a language model such as smollm2.",
            model=reader.info.name,
        )
    return trace, read_only(-trace.logprobs.astype(np.float64))


def _recital(reader: Reader, text: str, progress: Progress) -> Recital:
    text = clean(text).strip()
    words = text.split(" ")
    if len(words) < 4:
        raise ReadingError("“{text}” is too short to be recited.", todo="Give four words or more.", text=text[:80])
    half = round(len(words) * BEGINNING)
    prompt = " ".join(words[:half])
    ask_to_continue(reader, prompt)
    trace, surprisal = read_surprisal(reader, text, progress=progress)
    rest = max(1, len(trace.tokens) - reader.count(prompt))
    output = reader.generate(prompt, rest).output or ""
    written = output.strip().split()
    same = next(
        (n for n, (a, b) in enumerate(zip(written, words[half:], strict=False)) if a != b),
        min(len(written), len(words) - half),
    )
    return Recital(
        text=trace.text,
        tokens=trace.tokens,
        surprisal=surprisal,
        prompt=prompt,
        output=output,
        same=same,
        words=len(words) - half,
        zlib_bytes=len(zlib.compress(text.encode())),
    )
