"""The two views of a notebook: which words, links and numbers they draw, as widgets and as plain pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from memviz import figures, measures
from memviz.extras import require
from memviz.figures.live import cross_drawing, word_drawing
from memviz.figures.sheets.crossing_sheet import cross_sheet
from memviz.figures.sheets.drawing import Drawing
from memviz.figures.sheets.words_sheet import words_sheet
from memviz.measures import Links
from memviz.notebook.language import t
from memviz.tokens import right_to_left
from memviz.trace import Trace

if TYPE_CHECKING:
    from memviz.notebook.widgets import CrossWidget, WordsWidget

Payload = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class WordsView:
    """The words of a text with their links, of one head or over all.

    trace         the reading
    layer, head   of the head; both ``None`` for all of them
    """

    trace: Trace
    layer: int | None = None
    head: int | None = None

    @cached_property
    def links(self) -> tuple[Links, Links]:
        """What each word attends to, and what attends to it."""
        return measures.links(self.trace.memory(), *self.trace.sides(), layer=self.layer, head=self.head)

    @property
    def tint(self) -> word_drawing.Tint:
        """What colours a word: over all heads how distinctive the link is, in one head its weight."""
        return "excess" if self.layer is None else "weight"

    def first(self) -> int | None:
        """The word with the most distinctive link to another, attention sinks and punctuation left out."""
        places = measures.most_distinctive(self.links[0], self.trace.words, self.trace.memory())
        return int(places[0, 0]) if len(places) else None

    def payload(self) -> Payload:
        """What the script draws: (plain values, arrays)."""
        plain, arrays = word_drawing.drawing(
            word_drawing.payload(self.trace.words, self.trace.text, self.trace.pair),
            remembers=self.links[0],
            remembered_by=self.links[1],
            labels={name: t(label) for name, label in word_drawing.LABELS.items()},
            note=figures.caption(self.provenance()),
            tint=self.tint,
        )
        return plain | {"first": self.first(), "opens": False, "covered": None, "cover_turn": 0}, arrays

    def sheet(self) -> Drawing:
        """The same without a script, with the links of the `first` word."""
        provenance = self.provenance()
        return words_sheet(
            self.trace.words, *self.links, word=self.first(), provenance=provenance, tint=self.tint, translate=t
        )

    def provenance(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        shows = "weight" if self.layer is not None else "links most special to two words"
        return figures.provenance(self.trace, self.trace.memory(), layer=self.layer, head=self.head, view=shows)


@dataclass(frozen=True, eq=False)
class CrossView:
    """A sentence and its translation, joined by what one head read to write each word.

    trace         the reading of one sentence
    layer, head   of cross-attention; both ``None`` for the head that is most confident
    """

    trace: Trace
    layer: int | None = None
    head: int | None = None

    @cached_property
    def where(self) -> tuple[int, int]:
        """(layer, head) of the head."""
        memory, sides = self.trace.memory("cross"), self.trace.sides("cross")
        if self.layer is None or self.head is None:
            return measures.best_head(memory, sides)
        memory.require_head(self.layer, self.head)
        return self.layer, self.head

    @cached_property
    def weights(self) -> np.ndarray:
        """float [target word, source word]"""
        layer, head = self.where
        return measures.word_weights(self.trace.memory("cross"), self.trace.sides("cross"), layer=layer, head=head)

    def payload(self) -> Payload:
        """What the script draws: (plain values, arrays)."""
        targets, sources = self.trace.sides("cross")
        return cross_drawing.drawing(
            [{"text": word.text, "special": word.special} for word in sources],
            [
                {"text": word.text, "special": word.special, "steps": cross_drawing.token_steps(self.trace, word)}
                for word in targets
            ],
            self.weights,
            labels={name: t(label) for name, label in cross_drawing.LABELS.items()},
            right_to_left=self._directions,
            note=figures.caption(self.provenance()),
        )

    def sheet(self) -> Drawing:
        """The same without a script."""
        targets, sources = self.trace.sides("cross")
        return cross_sheet(
            sources,
            targets,
            self.weights,
            right_to_left=self._directions,
            provenance=self.provenance(),
            translate=t,
        )

    def provenance(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        layer, head = self.where
        return figures.provenance(self.trace, self.trace.memory("cross"), layer=layer, head=head, by_word=True)

    @property
    def _directions(self) -> tuple[bool, bool]:
        return right_to_left(self.trace.text), right_to_left(self.trace.output or "")


def words(trace: Trace, layer: int | None = None, head: int | None = None) -> WordsWidget:
    """What does each word attend to, and what attends to it? The text as a widget, of one head or over all.

    ``trace`` is a text that was read; with ``layer`` and ``head``, the links of that head alone. The widget's
    ``pinned`` is the word that is kept, which may be set, read and observed.

    Raises `MissingPackageError` without anywidget, `TraceError` for a head that is not there.
    """
    require("anywidget", extra="notebook")
    from memviz.notebook.widgets import WordsWidget

    return WordsWidget.of(WordsView(trace, layer, head).payload())


def cross(trace: Trace, layer: int | None = None, head: int | None = None) -> CrossWidget:
    """From which source words was each word of a translation read? Both sentences as a widget, joined by links.

    ``trace`` is the translation of one sentence. Without ``layer`` and ``head``, the head that is most confident.
    The widget's ``pinned`` is {"side": "source" or "target", "index": number}, or ``None``.

    Raises `MissingPackageError` without anywidget, `TraceError` for what was not translated and several sentences.
    """
    require("anywidget", extra="notebook")
    from memviz.notebook.widgets import CrossWidget

    return CrossWidget.of(CrossView(trace, layer, head).payload())
