"""What the page Translate shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.figures import provenance
from memviz.figures.style import phrases
from memviz.tokens import Word, right_to_left
from memviz.trace import Trace
from memviz.ui.components.cross import Pin
from memviz.ui.parts import translation
from memviz.ui.parts.translation.graph import graph_labels, graph_payload
from memviz.ui.share import export
from memviz.ui.share.reading_code import saving
from memviz.ui.shell.i18n import t


class SheetOptions(TypedDict):
    """What the sheets of a view are drawn with."""

    keep: float
    right_to_left: tuple[bool, bool]
    title: str
    provenance: Mapping[str, str]
    translate: phrases.Translate


@dataclass(frozen=True)
class Translate:
    """Two rows of words and the links between them."""

    trace: Trace  # of the whole text
    view: translation.TranslationView  # of one sentence
    job: translation.TranslationJob
    pinned: Pin | None = None
    covered_run: translation.CoveredRun | None = None
    name: str = "translate"

    def provenance_fields(self, *, cumulative: float = 1.0) -> dict[str, str]:
        """Where it comes from, and what it shows; ``cumulative``: up to which share weights are kept."""
        view, choices = self.view, self.job.options
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
        if choices.target is not None and view.part.output == choices.target:
            fields["written by"] = "a person: it was given, not chosen by the model"
        if choices.languages:
            fields["languages"] = " → ".join(choices.languages)
        if choices.task:
            fields["task"] = choices.task
        if self._is_whole:
            fields["read as"] = "one sentence"
        if self.number is not None:
            fields["sentence"] = f"{self.number + 1} of {len(self.trace.parts)}"
        return fields

    @property
    def number(self) -> int | None:
        """Which sentence of the text this is, from 0; ``None`` where it has only one."""
        return next((n for n, part in enumerate(self.trace.parts) if part is self.first), None)

    @property
    def _is_whole(self) -> bool:
        """Was the text read as one sentence because somebody chose so? With a translation given it always is."""
        return self.job.options.whole and self.job.options.target is None

    @property
    def first(self) -> Trace:
        """The sentence as it was translated before a word of it was covered."""
        return self.view.part if self.covered_run is None else self.covered_run.before

    def others(self) -> dict[str, Translate]:
        """The view, and beside it the same with a word covered: by their titles."""
        if self.covered_run is None:
            return {}
        before, after = self.covered_run.titles()
        first, second = (
            replace(self, view=replace(self.view, part=part))
            for part in (self.covered_run.before, self.covered_run.part)
        )
        return {before: first, after: second}

    def texts(self) -> dict[str, str]:
        """What was typed, by the name of its box: the text without its task, what is to be written, an alignment."""
        return {
            "text": self.job.text,
            "target": self.job.options.target or "",
            "gold": translation.gold_of(self.view.part),
        }

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        return tables.weights_table(self.view.weights, self.view.sides), self.provenance_fields()

    def alignment_files(self) -> dict[str, str]:
        """Which word was read from which, in the Pharaoh format, and the words that it counts; none between tokens."""
        view = self.view
        if not view.by_word:
            return {}
        return tables.alignment_files(view.memory, view.sides, layer=view.layer, head=view.head, shift=view.shift)

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
        return export.cross_page(
            **graph_payload(self.view), labels=graph_labels(self.view), pinned=self.pinned, provenance=fields
        )

    def _graph(self) -> tuple[Sequence[Word], Sequence[Word], np.ndarray]:
        targets, sources = self.view.sides
        return sources, targets, self.view.weights

    def _options(self) -> SheetOptions:
        part = self.view.part
        return {
            "keep": self.view.keep,
            "right_to_left": (right_to_left(part.text), right_to_left(part.output or "")),
            "title": t("What did the decoder read to write this word?"),
            "provenance": self.provenance_fields(cumulative=self.view.keep),
            "translate": t,
        }

    def code(self) -> str:
        view, choices = self.view, self.job.options
        options = "".join(
            f", {name}={value!r}"
            for name, value in (("target", choices.target), ("languages", choices.languages), ("task", choices.task))
            if value is not None
        )
        options += ", split=False" if self._is_whole else ""
        where = (
            "" if view.layer is None else f", layer={view.layer}" + ("" if view.head is None else f", head={view.head}")
        )
        shift = ", shift=1" if view.shift else ""
        sentence = "" if self.number is None else f"trace = trace.parts[{self.number}]  # each has its own memory\n"
        if not view.by_word:
            return self._tokens(options, sentence, where) + self._covered_code()
        picture = saving(
            "memviz-translate.png",
            "memviz.figures.cross_png",
            "sides[1], sides[0], weights",
            f"keep={view.keep}",
            f"right_to_left={self._options()['right_to_left']}",
            f"provenance=memviz.figures.provenance(trace, memory{where}{shift}, by_word=True)",
        )
        return f"""import memviz

trace = memviz.translate({self.job.text!r}, model={self.job.model!r}{options})
{sentence}memory, sides = trace.memory("cross"), trace.sides("cross")
print(trace.output)

weights = memviz.measures.word_weights(memory, sides{where}{shift})  # [target word, source word]
found = memviz.measures.alignment(memory, sides{where}{shift})
for word, source, weight in zip(sides[0], found.source, found.weight):
    if source >= 0:
        print(f"{{word.text}} <- {{sides[1][source].text}}  {{weight:.3f}}")
{picture}{self._covered_code()}"""

    def _tokens(self, options: str, sentence: str, where: str) -> str:
        """The code of a view between tokens."""
        view = self.view
        exact = f"memory.mean({view.layer})"
        if view.layer is not None and view.head is not None:
            exact = f"memory.pattern({view.layer}, {view.head})"
        later = (
            "weights = weights[1:]  # shifted: each token shows the step after it was written\n" if view.shift else ""
        )
        later_steps = f", shift={view.shift}" if view.shift else ""
        figure = f"memviz.figures.pattern(memory{where}, cumulative={view.keep}{later_steps})"
        return f"""import memviz

trace = memviz.translate({self.job.text!r}, model={self.job.model!r}{options})
{sentence}memory = trace.memory("cross")
print(trace.output)

weights = {exact}  # [target token, source token]
{later}for token, row in zip(memory.queries, weights):
    print(f"{{token.text}} <- {{memory.keys[row.argmax()].text}}  {{row.max():.3f}}")

{figure}.write_html("memviz-translate.html")
"""

    def _covered_code(self) -> str:
        if self.covered_run is None:
            return ""
        keys = translation.edges_to_forget(self.first, self.covered_run.word, self.covered_run.way).keys
        languages = self.job.options.languages
        options = "" if languages is None else f", languages={languages!r}"
        return f"""
reader = memviz.load({self.job.model!r})
forget = memviz.Forget(keys={tuple(keys)!r})
again = reader.translate({self.view.part.text!r}, forget=forget{options}, split=False)
print(again.output)
"""
