"""What a reading shows on the command line: as lines, as a table, as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

import memviz
from memviz.generation import STOPS
from memviz.tokens import printable, right_to_left
from memviz.trace import Trace

if TYPE_CHECKING:
    import pandas as pd

    from memviz.measures import Links
    from memviz.memory import Memory
    from memviz.tokens import Word

WITHIN = (
    "Links between the words of the text, in the encoder; "
    "python -m memviz translate lists what each written word was read from."
)


class View(Protocol):
    """A reading, and which part of it is shown."""

    @property
    def trace(self) -> Trace: ...
    @property
    def name(self) -> str: ...
    def opening(self) -> str: ...
    def rows(self) -> list[tuple[str, ...]]: ...
    def listing(self) -> pd.DataFrame: ...
    def table(self) -> pd.DataFrame: ...
    def provenance(self) -> dict[str, str]: ...
    def png(self) -> bytes: ...
    def svg(self) -> str: ...
    def charts(self) -> list[Any]: ...


class _WordsOptions(TypedDict):
    """What a sheet of words is drawn with."""

    word: int | None
    provenance: Mapping[str, str]
    tint: Literal["weight", "excess"]


class _HeadOptions(TypedDict):
    """What a sheet of one head is drawn with."""

    query_words: Sequence[Word]
    key_words: Sequence[Word]
    provenance: Mapping[str, str]


@dataclass(frozen=True)
class TextView:
    """The links between the words of a text, strongest first: over all heads, or in one of them.

    trace         the reading
    layer, head   of the head; both ``None`` for all of them
    top           how many links are listed
    part          which part of the text was read; "" for all of it
    """

    trace: Trace
    layer: int | None = None
    head: int | None = None
    top: int = 5
    part: str = ""
    name: str = field(default="links", init=False)

    def __post_init__(self) -> None:
        if self.layer is not None and self.head is not None:
            self.memory.require_head(self.layer, self.head)

    @property
    def memory(self) -> Memory:
        """How the text itself was read."""
        return self.trace.memory()

    def opening(self) -> str:
        """What stands above the rows."""
        written = "" if self.trace.output is None else f"written: {self.trace.output}\n{WITHIN}\n"
        return f"{self.trace!r}\n{written}"

    def rows(self) -> list[tuple[str, ...]]:
        """The listing, as texts below their headings."""
        rows: list[tuple[str, ...]] = [("WORD", "REMEMBERS", "WEIGHT", "LIFT", "HEAD")]
        for row in self.listing().itertuples():
            numbers = _number(row.weight), f"{_number(row.lift, digits=1)}x", f"L{row.layer}.H{row.head}"
            rows.append((str(row.word_text), str(row.other_text), *numbers))
        return rows

    def listing(self) -> pd.DataFrame:
        """The strongest links between words of the text, special tokens left out, see `tables.links_table`."""
        words, others = self.trace.sides(self.memory.kind)
        frame = memviz.tables.links_table(self._links()[0], words, others)
        inside = [
            not (words[word].special or others[other].special)
            for word, other in zip(frame["word"], frame["other"], strict=True)
        ]
        by = "excess" if self.layer is None else "weight"
        return frame[inside].sort_values(by, ascending=False, kind="stable").head(self.top)

    def table(self) -> pd.DataFrame:
        """All links, or the exact weights of the one head, between tokens."""
        if self.layer is None or self.head is None:
            return memviz.tables.links_table(self._links()[0], *self.trace.sides(self.memory.kind))
        return memviz.tables.pattern_table(self.memory, self.layer, self.head, name="weight")

    def provenance(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        choices: dict[str, Any] = {"layer": self.layer, "head": self.head, "view": "weight"}
        if self.layer is None:
            choices["view"] = "links most special to two words"
        if self.part:
            choices["part"] = self.part
        return memviz.figures.provenance(self.trace, self.memory, **choices)

    def png(self) -> bytes:
        """The head as a picture; over all heads, the text with what the word of the strongest link remembers."""
        if self.layer is None or self.head is None:
            return memviz.figures.words_png(self.trace.words, *self._links(), **self._words_options())
        return memviz.figures.pattern_png(self.memory, self.layer, self.head, **self._head_options())

    def svg(self) -> str:
        """The picture of `png`."""
        if self.layer is None or self.head is None:
            return memviz.figures.words_svg(self.trace.words, *self._links(), **self._words_options())
        return memviz.figures.pattern_svg(self.memory, self.layer, self.head, **self._head_options())

    def charts(self) -> list[Any]:
        """The head, which words are looked at most, and how far back it looks."""
        memory, layer, head = self.memory, self.layer, self.head
        queries, keys = self.trace.sides(memory.kind)
        charts = [
            memviz.figures.received_bars(memory, keys, layer=layer, head=head),
            memviz.figures.by_distance(memory, layer=layer, head=head),
        ]
        if layer is None:
            return charts
        return [memviz.figures.pattern(memory, layer, head, query_words=queries, key_words=keys), *charts]

    def _links(self) -> tuple[Links, Links]:
        sides = self.trace.sides(self.memory.kind)
        return memviz.measures.links(self.memory, *sides, layer=self.layer, head=self.head)

    def _words_options(self) -> _WordsOptions:
        strongest = self.listing()["word"].tolist()
        return {
            "word": strongest[0] if strongest else None,
            "provenance": self.provenance(),
            "tint": "excess" if self.layer is None else "weight",
        }

    def _head_options(self) -> _HeadOptions:
        queries, keys = self.trace.sides(self.memory.kind)
        return {"query_words": queries, "key_words": keys, "provenance": self.provenance()}


@dataclass(frozen=True)
class TranslationView:
    """What each written word was read from: in one head, else the one that was taught to align, else the surest.

    trace         the translation
    layer, head   of the head; both ``None`` for the one that aligns
    taught        the layer whose first head was taught to align, ``None`` where none was
    sentence      which sentence of several is shown, from 1; ``None`` for all of them
    part          which part of the text was read; "" for all of it
    """

    trace: Trace
    layer: int | None = None
    head: int | None = None
    taught: int | None = None
    sentence: int | None = None
    part: str = ""
    name: str = field(default="alignment", init=False)

    @property
    def sentences(self) -> tuple[Trace, ...]:
        """The translations of the sentences that are shown."""
        parts = self.trace.parts or (self.trace,)
        return parts if self.sentence is None else parts[self.sentence - 1 : self.sentence]

    def opening(self) -> str:
        """What stands above the rows."""
        return f"{self._shown.output}\n\n"

    def rows(self) -> list[tuple[str, ...]]:
        """The listing, as texts below their headings."""
        rows: list[tuple[str, ...]] = [("WRITTEN", "READ MOST FROM", "WEIGHT", "PROBABILITY", "HEAD")]
        for row in self.listing().itertuples():
            source = row.source_word if isinstance(row.source_word, str) else "–"
            numbers = _number(row.weight), _number(row.probability), f"L{row.layer}.H{row.head}"
            rows.append((str(row.target_word), source, *numbers))
        return rows

    def listing(self) -> pd.DataFrame:
        """The rows of `table` that are words of the translation."""
        inside = [not word.special for sentence in self.sentences for word in sentence.target_words]
        return self.table()[inside]

    def table(self) -> pd.DataFrame:
        """A row for each written word, special tokens included: `tables.alignment_table` with its sentence and head."""
        import pandas as pd

        return pd.concat(self._tables(), ignore_index=True)

    def provenance(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        choices: dict[str, Any] = {"by_word": True}
        if len(self.sentences) == 1:
            layer, head = self._where(self.sentences[0])
            choices |= {"layer": layer, "head": head}
        else:
            choices["tokens"] = f"{len(self.trace.targets)} × {len(self.trace.tokens)}"
        if self.trace.parts and self.sentence is not None:
            choices["sentence"] = f"{self.sentence} of {len(self.trace.parts)}"
        if self.part:
            choices["part"] = self.part
        choices["translation"] = self._shown.output or ""
        return memviz.figures.provenance(self.sentences[0], self.sentences[0].memory("cross"), **choices)

    def png(self) -> bytes:
        """The words of both texts, joined by what was read from what."""
        return memviz.figures.cross_png(*self._graph(), **self._options())

    def svg(self) -> str:
        """The picture of `png`."""
        return memviz.figures.cross_svg(*self._graph(), **self._options())

    def charts(self) -> list[Any]:
        """The head, how many target tokens each source word was read for, and how sure each step was."""
        memory, sides = self._single.memory("cross"), self._single.sides("cross")
        layer, head = self._where(self._single)
        return [
            memviz.figures.pattern(memory, layer, head, query_words=sides[0], key_words=sides[1]),
            memviz.figures.coverage_bars(memory, sides, layer=layer, head=head),
            memviz.figures.probability_bars(self._single),
        ]

    @property
    def _shown(self) -> Trace:
        return self.trace if self.sentence is None else self.sentences[0]

    @property
    def _single(self) -> Trace:
        """The one sentence that a picture shows. Raises `TraceError` where there are several."""
        self._shown.memory("cross")
        return self.sentences[0]

    def _where(self, sentence: Trace) -> tuple[int, int]:
        if self.layer is not None and self.head is not None:
            return self.layer, self.head
        if self.taught is not None:
            return self.taught, 0
        return memviz.measures.best_head(sentence.memory("cross"), sentence.sides("cross"))

    def _tables(self) -> Iterator[pd.DataFrame]:
        for number, sentence in enumerate(self.sentences, start=self.sentence or 1):
            layer, head = self._where(sentence)
            memory, sides = sentence.memory("cross"), sentence.sides("cross")
            frame = memviz.tables.alignment_table(memory, sides, layer=layer, head=head, logprobs=sentence.logprobs)
            frame.insert(0, "sentence", number)
            yield frame.assign(layer=layer, head=head)

    def _graph(self) -> tuple[Sequence[Word], Sequence[Word], Any]:
        targets, sources = sides = self._single.sides("cross")
        layer, head = self._where(self._single)
        weights = memviz.measures.word_weights(self._single.memory("cross"), sides, layer=layer, head=head)
        return sources, targets, weights

    def _options(self) -> dict[str, Any]:
        texts = self._single.text, self._single.output or ""
        return {"right_to_left": tuple(map(right_to_left, texts)), "provenance": self.provenance()}


@dataclass(frozen=True)
class GenerationView:
    """What a language model wrote, token by token, and how sure it was.

    trace   the prompt with what was written after it
    """

    trace: Trace
    name: str = field(default="written", init=False)

    def opening(self) -> str:
        """What stands above the rows, after the text, which was shown while it was written."""
        made = self.trace.generation
        assert made is not None
        count, seconds = len(self.trace.steps), self.trace.seconds["writing"]
        lines = [f"{STOPS[made.stop]} {count} tokens, {count / max(seconds, 1e-9):.1f} a second."]
        if made.cache is not None:
            lines.append(
                f"The cache holds {made.cache.tokens} tokens: {made.cache.bytes / 1e6:.2f} MB, "
                f"{made.cache.bytes_per_token / 1e3:.1f} kB a token."
            )
        return "\n\n" + "\n".join(lines) + "\n\n"

    def rows(self) -> list[tuple[str, ...]]:
        """The listing, as texts below their headings."""
        rows: list[tuple[str, ...]] = [("TOKEN", "PROBABILITY", "RANK", "CHOICES", "INSTEAD")]
        for row in self.listing().itertuples():
            other = getattr(row, "alternative_1", None)
            instead = f"{_token(other)} {_number(row.alternative_1_probability)}" if isinstance(other, str) else ""
            rows.append(
                (_token(row.token), _number(row.probability), str(row.rank), f"{math.exp(row.entropy):.1f}", instead)
            )
        return rows

    def listing(self) -> pd.DataFrame:
        """A row for each token that was written, see `tables.written_table`."""
        return memviz.tables.written_table(self.trace)

    def table(self) -> pd.DataFrame:
        """The same."""
        return self.listing()

    def provenance(self) -> dict[str, str]:
        """Where it comes from, and how it was written."""
        made = self.trace.generation
        assert made is not None
        choices: dict[str, Any] = {
            "written": f"{len(self.trace.steps)} tokens, from position {made.first} on",
            "temperature": f"{made.temperature:g}",
            "top-k": str(made.top_k or ""),
            "top-p": "" if made.top_p is None else f"{made.top_p:g}",
            "seed": str(made.seed) if made.temperature else "",
            "stop": ", ".join(made.stops),
            "stopped": made.stop,
        }
        return memviz.figures.provenance(self.trace, **choices)

    def png(self) -> bytes:
        """The text as words, those that were written tinted by their surprise."""
        return memviz.figures.words_png(*self._words(), **self._options())

    def svg(self) -> str:
        """The picture of `png`."""
        return memviz.figures.words_svg(*self._words(), **self._options())

    def charts(self) -> list[Any]:
        """What the cache takes, which words are looked at most, and how far back the model looks."""
        memory = self.trace.memory()
        cache = [] if self.trace.cache is None else [memviz.figures.cache_lines(self.trace)]
        return [
            *cache,
            memviz.figures.received_bars(memory, self.trace.words),
            memviz.figures.by_distance(memory),
        ]

    def _words(self) -> tuple[Sequence[Word], Links, Links]:
        words = self.trace.words
        return words, *memviz.measures.writing_links(self.trace.memory(), words)

    def _options(self) -> dict[str, Any]:
        surprise = memviz.measures.word_surprise(self.trace)
        return {"word": None, "surprise": surprise, "provenance": self.provenance()}


def _token(text: str) -> str:
    """A token on one line, without the space in front of it that most tokens have."""
    return printable(text[1:] if text.startswith(" ") and text.strip() else text)


def _number(value: float, *, digits: int = 2) -> str:
    return memviz.figures.decimal(float(value), digits=digits)
