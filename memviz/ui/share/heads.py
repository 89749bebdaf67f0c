"""What the page Heads shows, to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz import figures, tables
from memviz.figures import provenance
from memviz.figures.style.phrases import Translate
from memviz.memory import Memory
from memviz.trace import Trace
from memviz.ui.parts import heads as heads_page
from memviz.ui.share import export
from memviz.ui.share.reading_code import reading, saving
from memviz.ui.shell import state
from memviz.ui.shell.i18n import language_tag, t

MOST_ROWS = 1_000_000  # of a CSV; a longer text is exported by its strongest weights, and the file says so


class SheetOptions(heads_page.PictureOptions):
    """What the sheets of a view are drawn with."""

    provenance: Mapping[str, str]
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
        return provenance(
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

    def npz(self) -> bytes:
        memory = self.view.memory
        arrays = {
            "weights": self.weights(),
            "queries": np.array([token.text for token in memory.queries]),
            "keys": np.array([token.text for token in memory.keys]),
        }
        return tables.npz(arrays, self.token_provenance())

    def png(self) -> bytes:
        return figures.pattern_png(*self._head(), **self._options())

    def svg(self) -> str:
        return figures.pattern_svg(*self._head(), **self._options())

    def _head(self) -> tuple[Memory, int | None, int | None]:
        return self.view.memory, self.view.layer, self.view.head

    def _options(self) -> SheetOptions:
        options = heads_page.picture_options(self.trace, self.view)
        return {**options, "provenance": self.provenance_fields(), "translate": t}

    def html(self) -> str:
        if self.view.picture == "lines" and heads_page.can_show_lines(self.trace, self.view):
            return export.lines_page(
                heads_page.lines_payload(self.trace, self.view),
                labels=heads_page.lines_labels(self.view),
                pinned=None,
                provenance=self.provenance_fields(),
            )
        return figures.html(
            [heads_page.pattern_figure(self.trace, self.view)],
            title=t("Which heads do what?"),
            provenance=self.provenance_fields(),
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
        picture = saving(
            "memviz-heads.png",
            "memviz.figures.pattern_png",
            f"memory, {view.layer}, {view.head}",
            *(option for option in options if not option.startswith("find=")),
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
"""
