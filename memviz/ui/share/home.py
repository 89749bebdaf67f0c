"""What the page Home shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.figures import provenance
from memviz.figures.style.phrases import Translate
from memviz.memory import Memory
from memviz.trace import Trace
from memviz.ui.parts import next_words, words
from memviz.ui.share import export
from memviz.ui.share.predictions import next_words_arrays, next_words_code, next_words_table
from memviz.ui.share.reading_code import reading, saving
from memviz.ui.shell.i18n import t


class SheetOptions(TypedDict):
    """What the sheets of a view are drawn with."""

    word: int | None
    provenance: Mapping[str, str]
    tint: Literal["weight", "excess"]
    title: str
    translate: Translate


@dataclass(frozen=True)
class Home:
    """The text as words, over all heads."""

    trace: Trace
    word: int | None
    without: Sequence[int] = ()
    layer: int | None = None
    head: int | None = None
    name: str = "home"

    @property
    def memory(self) -> Memory:
        return self.trace.memory()

    @property
    def tint(self) -> Literal["weight", "excess"]:
        """What the words are coloured by, as on the page."""
        return words.tint(self.layer)

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        return provenance(
            self.trace,
            self.memory,
            layer=self.layer,
            head=self.head,
            view="links most special to two words" if self.layer is None else "strongest links between words",
            without=self.without,
        )

    def links(self) -> words.LinkPair:
        return words.links_of(self.trace, without=self.without, layer=self.layer, head=self.head)

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return tables.links_table(self.links()[0], *self.trace.sides()), self.provenance_fields()

    def next_words(self) -> pd.DataFrame:
        """What would come next, with whose model says so."""
        return next_words_table(self.trace)

    def npz(self) -> bytes:
        remembers, remembered_by = self.links()
        arrays = {f"remembers.{name}": array for name, array in vars(remembers).items()}
        arrays |= {f"remembered_by.{name}": array for name, array in vars(remembered_by).items()}
        arrays["words"] = np.array([word.text for word in self.trace.words])
        return tables.npz(arrays | next_words_arrays(self.trace), self.provenance_fields())

    def png(self) -> bytes:
        return figures.words_png(self.trace.words, *self.links(), **self._options())

    def svg(self) -> str:
        return figures.words_svg(self.trace.words, *self.links(), **self._options())

    def _options(self) -> SheetOptions:
        return {
            "word": self.word,
            "provenance": self.provenance_fields(),
            "tint": self.tint,
            "title": t("Which words does the model's attention connect?"),
            "translate": t,
        }

    def html(self) -> str:
        remembers, remembered_by = self.links()
        return export.words_page(
            self.trace,
            remembers,
            remembered_by,
            word=self.word,
            provenance=self.provenance_fields(),
            tint=self.tint,
            without=self.without,
            tables=next_words.numbers(self.trace),
        )

    def code(self) -> str:
        head, without = self._choices()
        title = t("Which words does the model's attention connect?")
        picture = saving(
            f"memviz-{self.name}.png",
            "memviz.figures.words_png",
            "words, remembers, remembered_by",
            f"word={self.word}",
            f"tint={self.tint!r}",
            f"title={title!r}",
            f"provenance=memviz.figures.provenance(trace{head}{without})",
        )
        return self.links_code() + next_words_code(self.trace) + picture

    def _choices(self) -> tuple[str, str]:
        """The head, and what is taken out, as arguments."""
        head = "" if self.layer is None else f", layer={self.layer}, head={self.head}"
        return head, ", without=memviz.measures.sink_positions(memory)" if self.without else ""

    def links_code(self) -> str:
        """The code that reads the text again and lists the links of the word."""
        head, without = self._choices()
        return f"""{reading(self.trace)}
memory = trace.memory()
words = trace.words
remembers, remembered_by = memviz.measures.links(memory, *trace.sides(){head}{without})

word = {self.word or 0}
for other, weight, lift, layer, head in zip(
    remembers.index[word], remembers.weight[word], remembers.lift[word], remembers.layer[word], remembers.head[word]
):
    if other >= 0:
        print(f"{{words[word].text}} -> {{words[other].text}}  {{weight:.3g}}  lift {{lift:.3g}}  L{{layer}}.H{{head}}")
"""
