"""What the page Recall shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz import figures, measures, tables
from memviz.figures import provenance
from memviz.trace import Trace
from memviz.ui.parts import recall as recall_page
from memviz.ui.share.home import Home
from memviz.ui.shell.i18n import language_tag, t


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

    def csv(self) -> str:
        memory = self.trace.memory()
        return tables.csv(
            tables.tidy(measures.received(memory), ("layer", "head", "key"), memory, name="received"),
            provenance(self.trace, memory) | {"shows": "attention received by each token, in every head"},
        )

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
        return self._as_words.png()

    def svg(self) -> str:
        return self._as_words.svg()

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
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        return (
            self._as_words.code()
            + f"""
print(memviz.measures.received(memory).shape)  # [layer, head, key]
print(memviz.measures.span(memory))            # [layer, head], in tokens
memviz.figures.by_distance(
    memory, layer={self.view.layer}, head={self.view.head}, fitted=True
).write_html("memviz-recall.html")
"""
        )
