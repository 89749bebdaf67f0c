"""What the page Translate shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz import figures, tables
from memviz.figures import provenance
from memviz.tokens import right_to_left
from memviz.trace import Trace
from memviz.ui import export, translation
from memviz.ui.components.cross import Pin
from memviz.ui.i18n import t
from memviz.ui.translation.graph import drawn


@dataclass(frozen=True)
class Translate:
    """Two rows of words and the links between them."""

    trace: Trace  # of the whole text
    view: translation.View  # of one sentence
    asked: translation.Asked
    pinned: Pin | None = None
    covered: translation.Again | None = None
    name: str = "translate"

    def said(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        view = self.view
        said = provenance(
            view.part,
            view.memory,
            layer=view.layer,
            head=view.head,
            by_word=view.by_word,
            cumulative=view.keep,
            shift=view.shift,
        )
        wish = self.asked.wish
        said["translation"] = view.part.output or ""
        said |= {"written by": "the reader"} if wish.target is not None else {}
        said |= {"languages": " → ".join(wish.languages)} if wish.languages else {}
        return said

    def typed(self) -> dict[str, str]:
        """What was typed, by the name of its box: the text without its task, what is to be written, an alignment."""
        return {
            "text": self.asked.text,
            "target": self.asked.wish.target or "",
            "gold": translation.gold_of(self.view.part),
        }

    def csv(self) -> str:
        return tables.csv(tables.weights_table(self.view.weights, self.view.sides), self.said())

    def npz(self) -> bytes:
        view = self.view
        targets, sources = view.sides
        arrays = {
            "weights": view.weights,
            "cross": np.stack(
                [
                    [view.memory.pattern(layer, head) for head in range(view.memory.heads)]
                    for layer in range(view.memory.layers)
                ]
            ),
            "targets": np.array([word.text for word in targets]),
            "sources": np.array([word.text for word in sources]),
            "target_tokens": np.array([token.text for token in view.memory.queries]),
            "source_tokens": np.array([token.text for token in view.memory.keys]),
            "logprobs": view.part.logprobs,
        }
        return tables.npz(arrays, self.said())

    def png(self) -> bytes:
        return figures.cross_png(*self._graph(), **self._options())

    def svg(self) -> str:
        return figures.cross_svg(*self._graph(), **self._options())

    def html(self) -> str:
        return export.cross_page(**drawn(self.view), pinned=self.pinned, provenance=self.said())

    def _graph(self) -> tuple:
        targets, sources = self.view.sides
        return sources, targets, self.view.weights

    def _options(self) -> dict:
        part = self.view.part
        return {
            "keep": self.view.keep,
            "right_to_left": (right_to_left(part.text), right_to_left(part.output or "")),
            "title": t("What did the decoder read to write this word?"),
            "provenance": self.said(),
            "translate": t,
        }

    def code(self) -> str:
        view, wish = self.view, self.asked.wish
        options = "".join(
            f", {name}={value!r}"
            for name, value in (("target", wish.target), ("languages", wish.languages), ("task", wish.task))
            if value is not None
        )
        where = (
            "" if view.layer is None else f", layer={view.layer}" + ("" if view.head is None else f", head={view.head}")
        )
        shift = ", shift=1" if view.shift else ""
        number = next((n for n, part in enumerate(self.trace.parts) if part is view.part), None)
        sentence = "" if number is None else f"trace = trace.parts[{number}]  # each sentence has its own memory\n"
        return f"""import memviz

trace = memviz.translate({self.asked.text!r}, model={self.asked.model!r}{options})
{sentence}memory, sides = trace.memory("cross"), trace.sides("cross")
print(trace.output)

weights = memviz.measures.word_weights(memory, sides{where}{shift})  # [target word, source word]
found = memviz.measures.alignment(memory, sides{where}{shift})
for word, source, weight in zip(sides[0], found.source, found.weight):
    if source >= 0:
        print(f"{{word.text}} <- {{sides[1][source].text}}  {{weight:.3f}}")
{self._again()}"""

    def _again(self) -> str:
        if self.covered is None:
            return ""
        keys = translation.forgotten(self.view.part, self.covered.word, self.covered.way).keys
        languages = self.asked.wish.languages
        call = "read" if languages is None else "translate"
        told = "" if languages is None else f", languages={languages!r}"
        return f"""
reader = memviz.load({self.asked.model!r})
again = reader.{call}({self.view.part.text!r}, forget=memviz.Forget(keys={tuple(keys)!r}){told})
print(again.output)
"""
