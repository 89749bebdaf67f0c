"""What the page Compare shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

from memviz import figures, measures, tables
from memviz.figures import provenance
from memviz.figures.sheets.look_sheet import Look
from memviz.figures.style.phrases import Translate
from memviz.trace import Trace
from memviz.ui.parts import compare
from memviz.ui.share.reading_code import saving
from memviz.ui.shell.i18n import language_tag, t

HEADING = "What “{word}” attends to: text {number}"


class SheetOptions(TypedDict):
    """What the sheets of a view are drawn with."""

    layer: int
    head: int
    provenance: Mapping[str, str]
    title: str
    translate: Translate


@dataclass(frozen=True)
class Compare:
    """Two texts side by side: what the same word looks at in each, through one head."""

    trace: Trace
    second: Trace
    view: compare.Comparison
    name: str = "compare"

    @property
    def traces(self) -> tuple[Trace, Trace]:
        """Both readings, in the order of the page."""
        return self.trace, self.second

    def texts(self) -> dict[str, str]:
        """What stands in the two boxes."""
        return {"text": self.trace.text, "other": self.second.text}

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        first, second = map(str, self._places())
        return provenance(
            self.trace,
            layer=self.view.layer,
            head=self.view.head,
            view="what one word looks at in two texts, on one scale",
            by_word=True,
        ) | {
            "word": f"place {first} of the first text, {second} of the second",
            "tokens of the second text": str(len(self.second.tokens)),
        }

    def _places(self) -> tuple[int, int]:
        """Where the word stands in each text."""
        return self.view.place(self.trace), self.view.place(self.second)

    def _looks(self) -> list[Look]:
        places = zip(self.traces, self._places(), strict=True)
        return [(trace.memory(), trace.words, place) for trace, place in places]

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        """The bars of both pictures, one below the other; ``reading`` is 1 for the first text, 2 for the second."""
        frames = [tables.look_table(*look, layer=self.view.layer, head=self.view.head) for look in self._looks()]
        for number, frame in enumerate(frames, start=1):
            frame.insert(0, "reading", number)
        return pd.concat(frames, ignore_index=True), self.provenance_fields()

    def npz(self) -> bytes:
        head = {"layer": self.view.layer, "head": self.view.head}
        arrays = {}
        for number, (memory, words, place) in enumerate(self._looks(), start=1):
            arrays[f"weights_{number}"] = measures.word_row(memory, words, place, **head)
            arrays[f"words_{number}"] = np.array([word.text for word in words])
            arrays[f"word_{number}"] = np.array(place)
        return tables.npz(arrays, self.provenance_fields())

    def png(self) -> bytes:
        return figures.look_png(self._looks(), **self._options())

    def svg(self) -> str:
        return figures.look_svg(self._looks(), **self._options())

    def _options(self) -> SheetOptions:
        return {
            "layer": self.view.layer,
            "head": self.view.head,
            "provenance": self.provenance_fields(),
            "title": t("What does the same word look at in two texts?"),
            "translate": t,
        }

    def html(self) -> str:
        return figures.html(
            compare.charts(self.trace, self.second, self.view, titled=True),
            title=t("What does the same word look at in two texts?"),
            provenance=self.provenance_fields(),
            tables=self._numbers(),
            language=language_tag(),
            translate=t,
        )

    def _numbers(self) -> dict[str, pd.DataFrame]:
        """The tables of the page, by their headings."""
        frames = compare.tables_of(self.trace, self.second, self.view)
        word = self.view.word
        return {t(HEADING, word=word, number=n): frame for n, frame in enumerate(frames, start=1)}

    def code(self) -> str:
        where = f"layer={self.view.layer}, head={self.view.head}"
        picture = saving(
            "memviz-compare.png",
            "memviz.figures.look_png",
            "looks",
            where,
            f"provenance=memviz.figures.provenance(traces[0], {where})",
        )
        return f"""import memviz

texts = [
    {self.trace.text!r},
    {self.second.text!r},
]
places = {self._places()}  # of the word {self.view.word!r} among the words of each text
traces = [memviz.read(text, model={self.trace.model.name!r}) for text in texts]
looks = [(trace.memory(), trace.words, place) for trace, place in zip(traces, places)]
for look in looks:
    print(memviz.tables.look_table(*look, {where}))
{picture}"""
