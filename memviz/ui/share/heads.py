"""What the page Heads shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.figures import provenance
from memviz.figures.data.view import Mark, Values
from memviz.figures.style.phrases import Translate
from memviz.memory import Memory
from memviz.tokens import Word, right_to_left
from memviz.trace import Trace
from memviz.ui.parts import heads as heads_page
from memviz.ui.parts import next_words
from memviz.ui.share import export
from memviz.ui.share.predictions import next_words_arrays, next_words_code, next_words_table
from memviz.ui.share.reading_code import reading, saving
from memviz.ui.shell import state
from memviz.ui.shell.i18n import language_tag, t

MOST_ROWS = 1_000_000  # of a CSV; a longer text is exported by its strongest weights, and the file says so


class SheetOptions(heads_page.PictureOptions):
    """What the sheets of a view are drawn with."""

    provenance: Mapping[str, str]
    translate: Translate


class LinesOptions(TypedDict):
    """What the sheets of lines are drawn with."""

    provenance: Mapping[str, str]
    view: Values
    query_words: tuple[Word, ...] | None
    key_words: tuple[Word, ...] | None
    without: tuple[int, ...]
    window: tuple[slice, slice] | None
    cumulative: float
    mark: Mark
    right_to_left: bool
    heatmap: bool
    translate: Translate


@dataclass(frozen=True)
class Heads:
    """One head, or a mean over heads, in full."""

    trace: Trace
    view: heads_page.HeadsView
    name: str = "heads"

    def head_fields(self) -> dict[str, str]:
        """The head by its numbers, as a link names it: the usual head of another text is another."""
        layer, head = state.get_head(self.view.memory)
        return {state.LAYER: str(layer), state.HEAD: str(head)}

    def provenance_fields(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        view = self.view
        fields = provenance(
            self.trace,
            view.memory,
            layer=view.layer,
            head=view.head,
            view=view.values,
            without=view.without,
            by_word=view.by_word,
            cumulative=view.cumulative,
            window=view.window,
        )
        over = ", ".join(figures.head_name(*head) for head in view.beside)
        return fields | ({"laid over it": over} if over else {})

    def token_provenance(self) -> dict[str, str]:
        """Where the exact weights come from: between tokens, and none of them left out."""
        view = self.view
        return provenance(
            self.trace, view.memory, layer=view.layer, head=view.head, view=view.values, without=view.without
        )

    def weights(self) -> np.ndarray:
        """The exact weights of the view, between tokens: float32 [query, key]."""
        return figures.weights(
            self.view.memory, self.view.layer, self.view.head, view=self.view.values, without=self.view.without
        )

    def table(self) -> tuple[pd.DataFrame, dict[str, str]]:
        memory, weights, fields = self.view.memory, self.weights(), self.token_provenance()
        name = {"value norm": "value_norm", "rollout": "rollout"}.get(self.view.values, "weight")
        if weights.size > MOST_ROWS:
            frame = tables.top_weights_table(weights, memory, count=MOST_ROWS, name=name)
            return frame, fields | {"kept": f"the {MOST_ROWS:,} largest"}
        return tables.tidy(weights, ("query", "key"), memory, name=name), fields

    def next_words(self) -> pd.DataFrame:
        """What would come next, with whose model says so."""
        return next_words_table(self.trace)

    def npz(self) -> bytes:
        memory = self.view.memory
        arrays = {
            "weights": self.weights(),
            "queries": np.array([token.text for token in memory.queries]),
            "keys": np.array([token.text for token in memory.keys]),
        }
        return tables.npz(arrays | next_words_arrays(self.trace), self.token_provenance())

    def png(self) -> bytes:
        if self._has_lines:
            return figures.lines_png(self.view.memory, self._heads(), **self._lines_options())
        return figures.pattern_png(*self._head(), **self._options())

    def svg(self) -> str:
        if self._has_lines:
            return figures.lines_svg(self.view.memory, self._heads(), **self._lines_options())
        return figures.pattern_svg(*self._head(), **self._options())

    @property
    def _has_lines(self) -> bool:
        """Are there lines on the page, alone or beside the heatmap?"""
        return self.view.picture != "heatmap" and heads_page.can_show_lines(self.trace, self.view)

    def _head(self) -> tuple[Memory, int | None, int | None]:
        return self.view.memory, self.view.layer, self.view.head

    def _heads(self) -> list[tuple[int | None, int | None]]:
        """The heads whose lines are drawn."""
        return [(self.view.layer, self.view.head), *self.view.beside]

    def _options(self) -> SheetOptions:
        options = heads_page.picture_options(self.trace, self.view)
        return {**options, "provenance": self.provenance_fields(), "translate": t}

    def _lines_options(self, *, alone: bool = False) -> LinesOptions:
        options = self._options()
        return {
            "provenance": options["provenance"],
            "view": options["view"],
            "query_words": options["query_words"],
            "key_words": options["key_words"],
            "without": options["without"],
            "window": options["window"],
            "cumulative": options["cumulative"],
            "mark": self._lines_mark(),
            "right_to_left": right_to_left(self.trace.text),
            "heatmap": self.view.picture == "both" and not alone,
            "translate": t,
        }

    def _lines_mark(self) -> Mark:
        """The marked word, on the side on which it was chosen."""
        rows, columns = heads_page.mark_of(self.trace, self.view)
        return (rows, columns) if self.view.side == "target" else ((), columns)

    def html(self) -> str:
        if self.view.picture == "lines" and self._has_lines:
            return export.lines_page(
                heads_page.lines_payload(self.trace, self.view),
                labels=heads_page.lines_labels(self.view),
                pinned=heads_page.lines_pin(self.view),
                provenance=self.provenance_fields(),
                tables=next_words.numbers(self.trace),
            )
        return figures.html(
            [heads_page.pattern_figure(self.trace, self.view)],
            title=t("Which heads do what?"),
            provenance=self.provenance_fields(),
            drawings=[figures.lines_svg(self.view.memory, self._heads(), **self._lines_options(alone=True))]
            if self._has_lines
            else [],
            tables=next_words.numbers(self.trace),
            language=language_tag(),
            translate=t,
        )

    def code(self) -> str:
        view = self.view
        options = [] if view.values == "weight" else [f"view={view.values!r}"]
        if view.by_word:
            options += ["query_words=queries", "key_words=keys"]
        if view.without:
            options.append("without=memviz.measures.sink_positions(memory)")
        if view.cumulative < 1:
            options.append(f"cumulative={view.cumulative}")
        if view.find:
            options.append(f"find={view.find!r}")
        if (mark := heads_page.mark_of(self.trace, view)) != ((), ()):
            options.append(f"mark={mark}")
        if view.window is not None:
            options.append(f"window={view.window}")
        extra = "".join(f", {option}" for option in options)
        plain = "".join(f", {option}" for option in options if option.startswith(("view=", "without=")))
        fields = f"layer={view.layer}, head={view.head}, view={view.values!r}, by_word={view.by_word}"
        fewer = [option for option in options if option.startswith(("without=", "cumulative=", "window="))]
        pictured = [option for option in options if not option.startswith("find=")]
        which, draw = f"memory, {view.layer}, {view.head}", "memviz.figures.pattern_png"
        if self._has_lines:
            which, draw = f"memory, {self._heads()}", "memviz.figures.lines_png"
            pictured = [option for option in pictured if not option.startswith("mark=")]
            pictured += [f"mark={mark}"] if (mark := self._lines_mark()) != ((), ()) else []
            pictured += ["right_to_left=True"] if right_to_left(self.trace.text) else []
            pictured += ["heatmap=True"] if view.picture == "both" else []
        picture = saving(
            "memviz-heads.png",
            draw,
            which,
            *pictured,
            f"provenance=memviz.figures.provenance(trace, memory, {', '.join([fields, *fewer])})",
        )
        exact = f"memviz.figures.weights(memory, {view.layer}, {view.head}{plain})"
        if not plain:
            one_head = view.layer is not None and view.head is not None
            exact = f"memory.pattern({view.layer}, {view.head})" if one_head else f"memory.mean({view.layer})"
        return f"""{reading(self.trace)}
memory = trace.memory({view.memory.kind!r})
queries, keys = trace.sides({view.memory.kind!r})
weights = {exact}  # exact, [query, key]
print(weights.shape)
{picture}
memviz.figures.pattern(memory, {view.layer}, {view.head}{extra}).write_html("memviz-heads.html")
{next_words_code(self.trace)}"""
