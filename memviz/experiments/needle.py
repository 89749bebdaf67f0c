"""Does a model find one sentence in a long text, wherever it stands?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import ask_to_continue
from memviz.memory import read_only
from memviz.progress import Progress, no_progress
from memviz.reading import Reader
from memviz.reading.questions import Change, Question
from memviz.tokens import clean

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
LENGTHS = (64, 128, 256, 512, 1024)


@dataclass(frozen=True, eq=False)
class Needle:
    """How likely is the answer, by how long the text is and where in it the needle stands?

    needle     the sentence that holds the answer
    question   what is asked behind the text
    answer     what is looked for
    lengths    about how many tokens of filler there are
    depths     where the needle stands in them: 0 at the beginning, 1 just before the question
    tokens     int [length, depth]: how many tokens the whole text has
    values     float64 [length, depth]: exp of the mean log p of the answer's tokens, 0..1
    exact      bool [length, depth]: every token of the answer was the likeliest
    controls   float64 [length]: the same as ``values`` for the text without the needle
    repeated   the filler was shorter than the longest text, and was repeated
    """

    needle: str
    question: str
    answer: str
    lengths: tuple[int, ...]
    depths: tuple[float, ...]
    tokens: np.ndarray
    values: np.ndarray
    exact: np.ndarray
    controls: np.ndarray
    repeated: bool

    def table(self) -> pd.DataFrame:
        """One row a text: length, depth (empty for the control without the needle), tokens, value, exact."""
        rows = []
        for i, length in enumerate(self.lengths):
            rows.append((length, np.nan, np.nan, float(self.controls[i]), False))
            for j, depth in enumerate(self.depths):
                value, exact = float(self.values[i, j]), bool(self.exact[i, j])
                rows.append((length, depth, float(self.tokens[i, j]), value, exact))
        return pd.DataFrame(rows, columns=["length", "depth", "tokens", "value", "exact"])


@experiment(
    "Needle in a haystack",
    cost="1 for every length and depth, and 1 for every length without the needle",
    source="Kamradt 2023, Needle in a Haystack; Liu et al. 2024, Lost in the Middle",
    caveat="One needle, one question and one filler; a small model need not show the U-shape of large ones.",
)
def needle(
    reader: Reader,
    needle: str,
    question: str,
    answer: str,
    filler: str,
    *,
    lengths: Sequence[int] = LENGTHS,
    depths: Sequence[float] = DEPTHS,
    progress: Progress | None = None,
) -> Needle:
    """Does the model find this sentence in a long text, wherever it stands?

    The text is so many tokens of ``filler`` (``lengths``; repeated where it is too short), the ``needle`` between two
    of its sentences at each of ``depths`` (0..1), and the ``question`` behind it; the ``answer`` is what should follow.
    The control is the same text without the needle. ``progress`` as in `Reader.read`.

    Raises `ReadingError` for a model that does not continue texts, depths outside 0..1, and as `Reader.ask` does.
    """
    progress = progress or no_progress
    if not filler.split() or not needle.strip() or not question.strip():
        raise ReadingError("The needle, the question and the filler must have words.", todo="Write all three.")
    if not lengths or not depths or any(not 0 <= depth <= 1 for depth in depths):
        raise ReadingError("A needle stands at a depth from 0 to 1.", todo="Give depths such as 0, 0.5 and 1.")
    ask_to_continue(reader, question)
    lengths, depths = tuple(sorted({int(length) for length in lengths})), tuple(sorted({float(d) for d in depths}))
    words, repeated = _filler(reader, clean(filler), max(lengths))
    tokens, values = np.zeros((len(lengths), len(depths)), dtype=np.int64), np.zeros((len(lengths), len(depths)))
    exact, controls = np.zeros(values.shape, dtype=bool), np.zeros(len(lengths))
    done, every = 0, values.size + len(lengths)
    for i, length in enumerate(lengths):
        part = _first_tokens(reader, words, length)
        for j, depth in enumerate((None, *depths)):
            asked = reader.ask(_text(part, needle, question, depth), answer)
            value, right = _answered(reader, asked)
            if j == 0:
                controls[i] = value
            else:
                tokens[i, j - 1], values[i, j - 1], exact[i, j - 1] = len(asked.tokens), value, right
            done += 1
            progress(done / every, "Asking again")
    return Needle(
        needle.strip(),
        question.strip(),
        answer,
        lengths,
        depths,
        read_only(tokens),
        read_only(values),
        read_only(exact),
        read_only(controls),
        repeated,
    )


def _answered(reader: Reader, question: Question) -> tuple[float, bool]:
    """(exp of the mean log p of the answer's tokens, every one of them was the likeliest)."""
    found = reader.predict(question, [Change()])
    return float(np.exp(found.logprobs[0].mean())), bool(found.exact[0])


def _filler(reader: Reader, filler: str, tokens: int) -> tuple[list[str], bool]:
    """(the words of the filler, again and again until it has so many tokens; it was repeated)."""
    words = filler.split()
    count = max(1, reader.count(filler))
    times = -(-tokens // count)
    return words * times, times > 1


def _first_tokens(reader: Reader, words: Sequence[str], tokens: int) -> list[str]:
    """The first words, with about so many tokens: as many as fit."""
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if reader.count(" ".join(words[:middle])) <= tokens:
            low = middle
        else:
            high = middle - 1
    return list(words[:low])


def _text(words: Sequence[str], needle: str, question: str, depth: float | None) -> str:
    """The filler with the needle at that depth, after a whole sentence where one ends near, and the question."""
    if depth is None:
        return " ".join([*words, question.strip()])
    place = round(depth * len(words))
    ends = [i for i in range(len(words) + 1) if i in (0, len(words)) or words[i - 1].endswith((".", "!", "?", "。"))]
    place = min(ends, key=lambda end: abs(end - place))
    return " ".join([*words[:place], needle.strip(), *words[place:], question.strip()])
