"""Which words of a text are meant, and which others are a fair comparison?"""

from __future__ import annotations

import operator
import random
from collections.abc import Sequence

from memviz.errors import ReadingError, TraceError
from memviz.measures import sink_positions
from memviz.reading import Reader
from memviz.reading.questions import Question
from memviz.tokens import Word
from memviz.tokens import words as words_of_tokens

MOST = 200  # controls, drawn by the seed where a long text has more
EDGES = " \t\n.,;:!?…\"'“”‘’«»()[]"  # around a word that is named without them

Words = str | int | Sequence[str | int]
"""Words of a text: by how they are written (each place where they stand), or by number among its words."""


def words_of(question: Question) -> tuple[Word, ...]:
    """The words of the text that is asked about."""
    return words_of_tokens(question.tokens, question.text, question.pair)


def find_words(words: Sequence[Word], wanted: Words) -> tuple[int, ...]:
    """Which of these ``words`` are ``wanted``? Their numbers, in reading order.

    Raises `TraceError` for a word that does not stand in the text, a number that no word has, and for none at all.
    """
    names = [wanted] if isinstance(wanted, str | int) or not hasattr(wanted, "__iter__") else list(wanted)
    numbers: set[int] = set()
    for name in names:
        numbers.update(_by_text(words, name) if isinstance(name, str) else [_by_number(words, name)])
    if not numbers:
        raise TraceError("No word is named.", todo="Name a word of the text, such as “{word}”.", word=words[-1].text)
    return tuple(sorted(numbers))


def _by_text(words: Sequence[Word], name: str) -> list[int]:
    same = [number for number, word in enumerate(words) if word.text == name.strip()]
    bare = [number for number, word in enumerate(words) if word.text.strip(EDGES) == name.strip(EDGES)]
    found = same or (bare if name.strip(EDGES) else [])
    if not found:
        raise TraceError(
            "There is no word “{word}” in this text.",
            todo="Its words are: {words}.",
            word=name.strip()[:80],
            words=", ".join(dict.fromkeys(word.text for word in words if not word.special))[:300],
        )
    return found


def _by_number(words: Sequence[Word], number: object) -> int:
    try:
        place = operator.index(number)  # type: ignore[arg-type]
    except TypeError:
        place = len(words)
    if not -len(words) <= place < len(words):
        raise TraceError(
            "There is no word {number}: this text has {count} of them.",
            todo="They are counted from 0 to {last}.",
            number=repr(number)[:80],
            count=len(words),
            last=len(words) - 1,
        )
    return place % len(words)


def tokens_of_words(words: Sequence[Word], numbers: Sequence[int]) -> tuple[int, ...]:
    """The tokens of some words, by position."""
    return tuple(sorted(token for number in numbers for token in words[number].tokens))


def not_in_text(part: str) -> ReadingError:
    """The refusal of a ``part`` that does not stand in the text."""
    return ReadingError(
        "“{fact}” does not stand in the text.", todo="Copy a sentence of the text.", fact=part.strip()[:80]
    )


def put_question(reader: Reader, text: str | Question, answer: str | None) -> Question:
    """The question about a ``text``, or the one that was put before. Raises as `Reader.ask` does."""
    if not isinstance(text, Question):
        return reader.ask(text, answer)
    if answer is not None:
        raise ReadingError("This question has its answer already.", todo="Give the answer to `ask` instead.")
    return text


def ask_to_continue(reader: Reader, text: str, answer: str | None = None) -> Question:
    """How likely does the ``answer`` follow the ``text``? Raises `ReadingError` for a model that continues no texts."""
    question = reader.ask(text, answer)
    if question.kind != "continuation":
        raise ReadingError(
            "{model} does not continue texts, so it recalls nothing after one.",
            todo="Choose a language model such as smollm2.",
            model=reader.info.name,
        )
    return question


def sinks_of(reader: Reader, question: Question) -> frozenset[int]:
    """The tokens where attention rests when there is nothing to look up, measured on this text."""
    special = frozenset(place for place, token in enumerate(question.tokens) if token.special)
    if question.memory == "cross":
        return special
    return special | frozenset(sink_positions(reader.read(question.text, question.pair).memory("self")))


def control_runs(
    words: Sequence[Word], numbers: Sequence[int], *, without: frozenset[int], seed: int
) -> tuple[tuple[int, ...], ...]:
    """Which other words can be covered for comparison? Each a run of words next to each other, by number.

    A run has as many tokens as the words ``numbers`` together, none of theirs, and none of the tokens ``without``. Of
    more than `MOST` runs so many are drawn by the ``seed``.
    """
    size = len(tokens_of_words(words, numbers))
    allowed = [not without.intersection(word.tokens) and number not in numbers for number, word in enumerate(words)]
    runs = []
    for first in range(len(words)):
        run: list[int] = []
        count = 0
        for number in range(first, len(words)):
            if count >= size or not allowed[number]:
                break
            run.append(number)
            count += len(words[number].tokens)
        if count == size:
            runs.append(tuple(run))
    return tuple(runs if len(runs) <= MOST else sorted(random.Random(seed).sample(runs, MOST)))
