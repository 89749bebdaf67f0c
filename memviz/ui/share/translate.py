"""What the page Translate shows, to take along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memviz import figures, tables
from memviz.figures import provenance
from memviz.tokens import Word, right_to_left
from memviz.trace import Trace
from memviz.ui.components.cross import Pin
from memviz.ui.parts import translation
from memviz.ui.parts.translation.graph import drawn, labels
from memviz.ui.share import export
from memviz.ui.shell.i18n import t


@dataclass(frozen=True)
class Translate:
    """Two rows of words and the links between them."""

    trace: Trace  # of the whole text
    view: translation.View  # of one sentence
    asked: translation.Asked
    pinned: Pin | None = None
    covered: translation.Again | None = None
    name: str = "translate"

    def provenance_fields(self, *, cumulative: float = 1.0) -> dict[str, str]:
        """Where it comes from, and what it shows; ``cumulative``: up to which share weights are kept."""
        view, wish = self.view, self.asked.wish
        fields = provenance(
            view.part,
            view.memory,
            layer=view.layer,
            head=view.head,
            by_word=view.by_word,
            cumulative=cumulative,
            shift=view.shift,
        )
        fields["translation"] = view.part.output or ""
        if wish.target is not None and view.part.output == wish.target:
            fields["written by"] = "a person: it was given, not chosen by the model"
        if wish.languages:
            fields["languages"] = " → ".join(wish.languages)
        if wish.task:
            fields["task"] = wish.task
        if self.number is not None:
            fields["sentence"] = f"{self.number + 1} of {len(self.trace.parts)}"
        return fields

    @property
    def number(self) -> int | None:
        """Which sentence of the text this is, from 0; ``None`` where it has only one."""
        return next((n for n, part in enumerate(self.trace.parts) if part is self.first), None)

    @property
    def first(self) -> Trace:
        """The sentence as it was translated before a word of it was covered."""
        return self.view.part if self.covered is None else self.covered.before

    def others(self) -> dict[str, Translate]:
        """The view, and beside it the same with a word covered: by their titles."""
        if self.covered is None:
            return {}
        before, after = self.covered.titles()
        first, second = (
            replace(self, view=replace(self.view, part=part)) for part in (self.covered.before, self.covered.part)
        )
        return {before: first, after: second}

    def texts(self) -> dict[str, str]:
        """What was typed, by the name of its box: the text without its task, what is to be written, an alignment."""
        return {
            "text": self.asked.text,
            "target": self.asked.wish.target or "",
            "gold": translation.gold_of(self.view.part),
        }

    def csv(self) -> str:
        return tables.csv(tables.weights_table(self.view.weights, self.view.sides), self.provenance_fields())

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
        every = "attention of every head between tokens, [layer, head, target token, source token], not shifted"
        return tables.npz(arrays, self.provenance_fields() | {"cross": every})

    def png(self) -> bytes:
        return figures.cross_png(*self._graph(), **self._options())

    def svg(self) -> str:
        return figures.cross_svg(*self._graph(), **self._options())

    def html(self) -> str:
        fields = self.provenance_fields(cumulative=self.view.keep)
        return export.cross_page(**drawn(self.view), labels=labels(self.view), pinned=self.pinned, provenance=fields)

    def _graph(self) -> tuple[Sequence[Word], Sequence[Word], np.ndarray]:
        targets, sources = self.view.sides
        return sources, targets, self.view.weights

    def _options(self) -> dict[str, Any]:
        part = self.view.part
        return {
            "keep": self.view.keep,
            "right_to_left": (right_to_left(part.text), right_to_left(part.output or "")),
            "title": t("What did the decoder read to write this word?"),
            "provenance": self.provenance_fields(cumulative=self.view.keep),
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
        sentence = "" if self.number is None else f"trace = trace.parts[{self.number}]  # each has its own memory\n"
        if not view.by_word:
            return self._tokens(options, sentence, where) + self._covered_code()
        return f"""import memviz

trace = memviz.translate({self.asked.text!r}, model={self.asked.model!r}{options})
{sentence}memory, sides = trace.memory("cross"), trace.sides("cross")
print(trace.output)

weights = memviz.measures.word_weights(memory, sides{where}{shift})  # [target word, source word]
found = memviz.measures.alignment(memory, sides{where}{shift})
for word, source, weight in zip(sides[0], found.source, found.weight):
    if source >= 0:
        print(f"{{word.text}} <- {{sides[1][source].text}}  {{weight:.3f}}")
{self._covered_code()}"""

    def _tokens(self, options: str, sentence: str, where: str) -> str:
        """The code of a view between tokens."""
        view = self.view
        exact = f"memory.mean({view.layer})"
        if view.layer is not None and view.head is not None:
            exact = f"memory.pattern({view.layer}, {view.head})"
        later = (
            "weights = weights[1:]  # shifted: each token shows the step after it was written\n" if view.shift else ""
        )
        return f"""import memviz

trace = memviz.translate({self.asked.text!r}, model={self.asked.model!r}{options})
{sentence}memory = trace.memory("cross")
print(trace.output)

weights = {exact}  # [target token, source token]
{later}for token, row in zip(memory.queries, weights):
    print(f"{{token.text}} <- {{memory.keys[row.argmax()].text}}  {{row.max():.3f}}")
"""

    def _covered_code(self) -> str:
        if self.covered is None:
            return ""
        keys = translation.forgotten(self.first, self.covered.word, self.covered.way).keys
        languages = self.asked.wish.languages
        call = "read" if languages is None else "translate"
        language_option = "" if languages is None else f", languages={languages!r}"
        return f"""
reader = memviz.load({self.asked.model!r})
again = reader.{call}({self.view.part.text!r}, forget=memviz.Forget(keys={tuple(keys)!r}){language_option})
print(again.output)
"""
