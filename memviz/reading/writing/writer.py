"""What every encoder-decoder can be asked for, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from memviz.memory import Interventions, Kind, Memory, Recurrent
from memviz.progress import Progress
from memviz.reading.engine.predictions import Step
from memviz.reading.writing.languages import Languages
from memviz.reading.writing.request import TranslationRequest
from memviz.sources import Units
from memviz.tokens import Token


@dataclass(frozen=True, eq=False)
class Source:
    """A text as a model takes it.

    text      with the task in front, where there is one
    tokens    what is read instead of it
    inputs    what the model takes
    language  the language to write, where it can be chosen
    encoded   what the encoder made of it, where that is known already, and
    memories  what was recorded on the way
    """

    text: str
    tokens: Units
    inputs: Mapping[str, Any]
    language: TargetLanguage | None = None
    encoded: Any = None
    memories: Mapping[Kind, Memory] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the tokens; none of a sound, where nothing stands twice."""
        return tuple(unit.id for unit in self.tokens if isinstance(unit, Token))


@dataclass(frozen=True)
class TargetLanguage:
    """A language to write, and the token that stands for it."""

    languages: Languages
    token: int


@dataclass(frozen=True)
class Output:
    """What was written.

    ids         the tokens, the end token last
    text        what they say
    targets     the same tokens, with their places in the text
    start       the token that the decoder read before anything was written; ``None`` where it reads nothing
    unfinished  the limit came before the end
    repeating   it was stopped because it did nothing but repeat itself
    steps       what else could have been written at each step, where that is known already
    """

    ids: tuple[int, ...]
    text: str
    targets: tuple[Token, ...]
    start: int | None = None
    unfinished: bool = False
    repeating: bool = False
    steps: tuple[Step, ...] | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What one pass with the whole output left.

    memories    of the encoder, the decoder, and between them
    steps       of writing it
    recurrent   what a recurrent decoder kept
    opening     the log-probabilities [token of the vocabulary] before anything is written, where they are known
    """

    memories: dict[Kind, Memory]
    steps: tuple[Step, ...]
    recurrent: Recurrent | None = None
    opening: Tensor | None = None


class Writer(Protocol):
    """How one kind of encoder-decoder reads a text and writes another.

    by_sentence        it was trained on single sentences, so a text is split into them
    encoding           share of the work that is done when a source is made
    unknown            the ids that stand for what its two vocabularies do not know: (source, target)
    languages          from which language into which, when none are asked for; ``None`` where nothing is said of them
    language_codes     the languages that can be chosen, and their tokens
    tasks              what may be put in front of a text, by name
    """

    by_sentence: bool
    encoding: float

    @property
    def unknown(self) -> tuple[int | None, int | None]: ...

    @property
    def languages(self) -> tuple[str, str | None] | None: ...

    @property
    def language_codes(self) -> Mapping[str, int]: ...

    @property
    def tasks(self) -> Mapping[str, str]: ...

    def source(self, text: str, request: TranslationRequest, *, progress: Progress | None = None) -> Source:
        """The text as the model takes it. Raises, before anything is written, for what cannot be had."""

    def write(self, source: Source, request: TranslationRequest, *, progress: Progress) -> Output:
        """What the model writes for it. What is changed is changed while it writes."""

    def write_all(self, sources: Sequence[Source], request: TranslationRequest, *, progress: Progress) -> list[Output]:
        """The same for each of several sources, whose texts have nothing to do with each other."""

    def prepared(self) -> AbstractContextManager[None]:
        """Around all that is done for one text, so that what every pass needs is made ready once."""

    def force(self, source: Source, target: str) -> Output:
        """The same for a text that the model is made to write (teacher forcing)."""

    def read(self, source: Source, output: Output, interventions: Interventions, *, progress: Progress) -> Reading:
        """One pass with the whole output, recorded."""

    def was_cut(self, output: Output, reading: Reading) -> bool:
        """Did the limit stop it before the model came to an end?"""

    def token_text(self, token: int) -> str:
        """What one token of the output looks like: its characters, a space in front where it begins a word."""
