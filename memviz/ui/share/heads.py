"""What the page Heads shows, to take along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memviz import figures, tables
from memviz.figures import provenance
from memviz.trace import Trace
from memviz.ui.parts import heads as heads_page
from memviz.ui.share.reading_code import reading
from memviz.ui.shell.i18n import language_tag, t

MOST_ROWS = 1_000_000  # of a CSV; a longer text is exported by its strongest weights, and the file says so


@dataclass(frozen=True)
class Heads:
    """One head, or a mean over heads, in full."""

    trace: Trace
    view: heads_page.HeadsView
    name: str = "heads"

    def said(self) -> dict[str, str]:
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

    def said_of_tokens(self) -> dict[str, str]:
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

    def csv(self) -> str:
        memory, weights, said = self.view.memory, self.weights(), self.said_of_tokens()
        name = {"value norm": "value_norm", "rollout": "rollout"}.get(self.view.values, "weight")
        if weights.size > MOST_ROWS:
            frame = tables.top_weights_table(weights, memory, count=MOST_ROWS, name=name)
            return tables.csv(frame, said | {"kept": f"the {MOST_ROWS:,} largest"})
        return tables.csv(tables.tidy(weights, ("query", "key"), memory, name=name), said)

    def npz(self) -> bytes:
        memory = self.view.memory
        arrays = {
            "weights": self.weights(),
            "queries": np.array([token.text for token in memory.queries]),
            "keys": np.array([token.text for token in memory.keys]),
        }
        return tables.npz(arrays, self.said_of_tokens())

    def png(self) -> bytes:
        view = self.view
        return figures.pattern_png(
            view.memory,
            view.layer,
            view.head,
            **heads_page.picture_options(self.trace, view),
            provenance=self.said(),
            translate=t,
        )

    def html(self) -> str:
        chart = heads_page.pattern_figure(self.trace, self.view)
        return figures.html(
            [chart], title=t("Which heads do what?"), provenance=self.said(), language=language_tag(), translate=t
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
        if view.window is not None:
            options.append(f"window={view.window}")
        extra = "".join(f", {option}" for option in options)
        plain = "".join(f", {option}" for option in options if option.startswith(("view=", "without=")))
        exact = f"memviz.figures.weights(memory, {view.layer}, {view.head}{plain})"
        if not plain:
            one = view.layer is not None and view.head is not None
            exact = f"memory.pattern({view.layer}, {view.head})" if one else f"memory.mean({view.layer})"
        return f"""{reading(self.trace)}
memory = trace.memory({view.memory.kind!r})
queries, keys = trace.sides({view.memory.kind!r})
weights = {exact}  # exact, [query, key]
print(weights.shape)
memviz.figures.pattern(memory, {view.layer}, {view.head}{extra})
"""
