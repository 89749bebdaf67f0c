"""Names, dates and places as memory: which of them do later words look back at, more than at other words?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.experiments.words import EDGES, MOST
from memviz.measures import sink_positions
from memviz.memory import read_only
from memviz.progress import Progress
from memviz.reading import Reader
from memviz.reading.writing.sentences import split_sentences
from memviz.tokens import Word

EntityKind = Literal["name", "place", "date"]
NEAR = 5  # words behind a span that do not count: neighbours are looked at whatever they are
LATER = 3  # words behind those, without which nothing can be said

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_YEAR = re.compile(r"(1\d|20)\d\d")
_DAY = re.compile(r"\d{1,2}(st|nd|rd|th)?")
_CHINESE_DATE = re.compile(r"\d+[年月日号]|[年月日号]")
_PLACE_AFTER = frozenset("in at from to near of towards toward into through between".split())
_TITLES = frozenset("Mr Mrs Ms Miss Dr Doctor Prof Professor Sir Lady Lord King Queen Prince Princess Saint".split())
_NEVER = frozenset("I I'm I'll I've The A An Mr Mrs Ms Dr He She It They We You This That".split())


@dataclass(frozen=True)
class Entity:
    """A span of words that names something: its ``kind``, and its words by number."""

    kind: EntityKind
    numbers: tuple[int, ...]
    text: str


@dataclass(frozen=True, eq=False)
class Entities:
    """Who is looked back at by later words, beside all other words.

    words      the words of the text
    entities   the spans that name something, in reading order
    lifts      float64 [entity]: how hard later words look at it, a token, over an even look at all they see; NaN where
               fewer than eight words follow
    others     the words that name nothing, by number, with as many words behind them
    controls   float64 [other]: the same of each of them
    """

    words: tuple[Word, ...]
    entities: tuple[Entity, ...]
    lifts: np.ndarray
    others: tuple[int, ...]
    controls: np.ndarray

    @property
    def control(self) -> float:
        """The median of the other words; NaN where there is none."""
        return float(np.median(self.controls)) if len(self.controls) else float("nan")

    def table(self) -> pd.DataFrame:
        """One row a span, then one for each other word: role ("name", "place", "date", "control"), words, lift."""
        rows: list[tuple[str, str, float]] = [
            (entity.kind, entity.text, float(lift)) for entity, lift in zip(self.entities, self.lifts, strict=True)
        ]
        rows += [
            ("control", self.words[number].text, float(value))
            for number, value in zip(self.others, self.controls, strict=True)
        ]
        return pd.DataFrame(rows, columns=["role", "words", "lift"])


@experiment(
    "Entities as memory",
    cost="1",
    source="Entities found by their spelling; attention received, over an even look",
    caveat="Spelling proves no name and attention no use: cover the word to see whether an answer needs it.",
)
def entities(reader: Reader, text: str, *, progress: Progress | None = None) -> Entities:
    """Which names, dates and places do later words look back at, and more than at other words?

    Found by spelling: a **name** is a run of words with capitals, at the beginning of a sentence only where it stands
    elsewhere with one too; a **place** is such a run behind “in”, “at”, “from”, “to” and the like, where
    no title (Doctor, Queen) stands before it; a **date** is a year, a month or a weekday with the numbers beside it,
    and in Chinese 年, 月 and 日 with theirs.

    The lift of a span is the mean attention to one of its tokens, over all layers and heads, of the words that come
    more than five words later, times the number of tokens that each sees, sinks left out of both: 1 is an even look.
    The controls are all other words. ``progress`` as in `Reader.read`; of an encoder-decoder the encoder is shown.

    Raises `ReadingError` where no name, date or place is found, and as any reading does.
    """
    trace = reader.read(text, progress=progress)
    memory = trace.memory("encoder" if "encoder" in trace.memories else "self")
    spans = find_entities(trace.words, trace.text)
    if not spans:
        raise ReadingError(
            "No name, date or place was found in this text by its spelling.",
            todo="Use a text with names in capitals, such as “In 1871 Ingrid Dahl came from Bergen.”",
        )
    sinks = list(sink_positions(memory))
    shares = memory.mean().astype(np.float64)
    seen = np.tril(np.ones_like(shares)) if "self" in reader.plan.causal_kinds and memory.kind == "self" else None
    seen = np.ones_like(shares) if seen is None else seen
    shares[:, sinks], seen[:, sinks] = 0, 0
    with np.errstate(invalid="ignore", divide="ignore"):
        lift = shares / shares.sum(axis=1, keepdims=True) * seen.sum(axis=1, keepdims=True)
    within = {number for entity in spans for number in entity.numbers}
    others = tuple(
        n
        for n, word in enumerate(trace.words)
        if n not in within and not word.special and not set(word.tokens) & set(sinks) and word.text.strip(EDGES)
    )
    lifts = [_lift(trace.words, lift, entity.numbers) for entity in spans]
    controls = {number: _lift(trace.words, lift, (number,)) for number in others[:MOST]}
    controls = {number: value for number, value in controls.items() if np.isfinite(value)}
    return Entities(
        trace.words, spans, read_only(np.array(lifts)), tuple(controls), read_only(np.array(list(controls.values())))
    )


def _lift(words: tuple[Word, ...], lift: np.ndarray, numbers: tuple[int, ...]) -> float:
    """The mean lift that words farther behind give a token of these."""
    keys = [token for number in numbers for token in words[number].tokens]
    later = [token for word in words[numbers[-1] + 1 + NEAR :] if not word.special for token in word.tokens]
    return float(np.nanmean(lift[np.ix_(later, keys)])) if len(later) >= LATER else float("nan")


def find_entities(words: tuple[Word, ...], text: str) -> tuple[Entity, ...]:
    """The spans of a text that name something, by their spelling."""
    starts = {start for start, _ in split_sentences(text)}
    bare = [word.text.strip(EDGES) for word in words]
    first = [word.start in starts or not any(not w.special for w in words[:n]) for n, word in enumerate(words)]
    inside = {name for name, begins in zip(bare, first, strict=True) if not begins and _capital(name)}
    found: list[Entity] = []
    number = 0
    while number < len(words):
        kind, count = _span(words, bare, first, inside, number)
        if kind is None:
            number += 1
            continue
        numbers = tuple(range(number, number + count))
        span = text[words[numbers[0]].start : words[numbers[-1]].end].strip(EDGES)
        found.append(Entity(kind, numbers, span))
        number += count
    return tuple(found)


def _span(
    words: tuple[Word, ...], bare: list[str], first: list[bool], inside: set[str], number: int
) -> tuple[EntityKind | None, int]:
    """(what begins at this word, over how many words it goes); (None, 1) for nothing."""
    if words[number].special:
        return None, 1
    count = 0
    while number + count < len(words) and _date(bare, number, count):
        count += 1
        if _ends(words[number + count - 1]):
            break
    if count and any(_date_word(name) for name in bare[number : number + count]):
        return "date", count
    count = 0
    while number + count < len(words) and _capital(bare[number + count]) and not words[number + count].special:
        if first[number + count] and (count or bare[number] not in inside):
            break
        count += 1
        if _ends(words[number + count - 1]):
            break
    if not count:
        return None, 1
    before = bare[number - 1] if number else ""
    titled = not _TITLES.isdisjoint((before, bare[number]))
    return ("place" if before.lower() in _PLACE_AFTER and not titled else "name"), count


def _ends(word: Word) -> bool:
    """Does a sign end the span behind this word? “Mr.” ends none."""
    return word.text[-1:] in ",;:!?)" or (word.text[-1:] == "." and len(word.text) > 3)


def _capital(name: str) -> bool:
    return len(name) > 1 and name[0].isupper() and name not in _NEVER and not _date_word(name)


def _date(bare: list[str], number: int, count: int) -> bool:
    """Can this word be part of a date?"""
    name = bare[number + count]
    return _date_word(name) or bool(_DAY.fullmatch(name))


def _date_word(name: str) -> bool:
    return bool(_YEAR.fullmatch(name)) or name in _MONTHS or name in _DAYS or bool(_CHINESE_DATE.fullmatch(name))
