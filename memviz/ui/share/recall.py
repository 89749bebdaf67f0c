"""What the page Recall shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import pandas as pd

from memviz import figures, measures, tables
from memviz.figures import provenance
from memviz.figures.style.phrases import Translate
from memviz.memory import Memory
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts import recall as recall_page
from memviz.ui.parts import words
from memviz.ui.parts.recall import RECEIVED
from memviz.ui.share.home import Home
from memviz.ui.share.reading_code import saving
from memviz.ui.shell.i18n import language_tag, t


class SheetOptions(TypedDict):
    """What the sheets of a view are drawn with."""

    word: int | None
    provenance: Mapping[str, str]
    layer: int | None
    head: int | None
    without: Sequence[int]
    tint: Literal["weight", "excess"]
    title: str
    translate: Translate


@dataclass(frozen=True)
class Recall:
    """What a word remembers, what is looked at, and how far back."""

    trace: Trace
    view: recall_page.RecallView
    word: int | None
    name: str = "recall"

    @property
    def _as_words(self) -> Home:
        return Home(self.trace, self.word, self.view.without, self.view.layer, self.view.head, name="recall")

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        """The bars and the list of the page: every word with what it receives and its rank."""
        view = self.view
        frame = tables.received_table(
            self.trace.memory(), self.trace.words, layer=view.layer, head=view.head, without=view.without
        )
        return frame, self.provenance_fields() | {"shows": "attention received by each word, and its rank"}

    def npz(self) -> bytes:
        memory = self.trace.memory()
        arrays = {
            "received": measures.received(memory),
            "distance": measures.distance(memory),
            "span": measures.span(memory),
            "keys": np.array([token.text for token in memory.keys]),
        }
        shows = "attention received, attention by distance over the uniform baseline, and span, in every head"
        return tables.npz(arrays, provenance(self.trace, memory) | {"shows": shows})

    def png(self) -> bytes:
        return figures.recall_png(*self._picture(), **self._options())

    def svg(self) -> str:
        return figures.recall_svg(*self._picture(), **self._options())

    def _picture(self) -> tuple[Memory, Sequence[Word], words.LinkPair]:
        return self.trace.memory(), self.trace.words, self._as_words.links()

    def _options(self) -> SheetOptions:
        view = self.view
        return {
            "word": self.word,
            "provenance": self.provenance_fields(),
            "layer": view.layer,
            "head": view.head,
            "without": view.without,
            "tint": self._as_words.tint,
            "title": t("What does this word remember, and who remembers it?"),
            "translate": t,
        }

    def provenance_fields(self) -> dict[str, str]:
        """What the charts of the page show, over all heads or in one."""
        shows = "attention received by each word, and attention by distance over the uniform baseline"
        fields = provenance(
            self.trace, self.trace.memory(), layer=self.view.layer, head=self.view.head, without=self.view.without
        )
        bars_only = {"taken out": f"{fields['taken out']}; of the bars only"} if "taken out" in fields else {}
        return fields | {"shows": shows} | bars_only

    def html(self) -> str:
        memory, view = self.trace.memory(), self.view
        charts = [
            figures.received_bars(
                memory,
                self.trace.words,
                layer=view.layer,
                head=view.head,
                without=view.without,
                sinks=measures.sink_positions(memory),
                fitted=True,
                translate=t,
            ),
            figures.by_distance(memory, layer=view.layer, head=view.head, fitted=True, translate=t),
        ]
        return figures.html(
            charts,
            title=t("What does this word remember, and who remembers it?"),
            provenance=self.provenance_fields(),
            tables={t(RECEIVED): recall_page.most_received(self.trace, view)},
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        view = self.view
        without = ", without=memviz.measures.sink_positions(memory)" if view.without else ""
        where = f"layer={view.layer}, head={view.head}"
        picture = saving(
            "memviz-recall.png",
            "memviz.figures.recall_png",
            "memory, words, (remembers, remembered_by)",
            f"word={self.word}",
            f"{where}{without}",
            f"tint={self._as_words.tint!r}",
            f"provenance=memviz.figures.provenance(trace, {where}{without})",
        )
        return (
            self._as_words.links_code()
            + f"""
received = memviz.tables.received_table(memory, words, {where}{without})
print(received.sort_values("rank").head(10))  # the words looked at most
print(memviz.measures.span(memory))  # how far back each head looks: [layer, head], in tokens
{picture}"""
        )
