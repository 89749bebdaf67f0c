"""Taking a view along: a link that restores it, files with their provenance inside, and Python that repeats it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from memviz import figures, measures, tables
from memviz.figures import provenance
from memviz.memory import Memory
from memviz.trace import Trace
from memviz.ui import export, words
from memviz.ui import heads as heads_page
from memviz.ui import recall as recall_page
from memviz.ui.i18n import language, t


MOST_ROWS = 1_000_000  # of a CSV; a longer text is exported by its strongest weights, and the file says so


class Shared(Protocol):
    """A view that can be taken along."""

    trace: Trace
    name: str

    def csv(self) -> str: ...
    def npz(self) -> bytes: ...
    def png(self) -> bytes: ...
    def html(self) -> str: ...
    def code(self) -> str: ...


def bar(view: Shared) -> None:
    """The small actions at the foot of a page."""
    row = st.container(horizontal=True, gap="small")
    with row.popover(t("Copy link"), icon=":material/link:", type="tertiary"):
        _link(view.trace)
    with row.popover(t("Export"), icon=":material/download:", type="tertiary"):
        _files(view)
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(view.code(), language="python")


def _link(trace: Trace) -> None:
    here, state = (st.context.url or "").partition("?")[0], st.query_params.to_dict()
    for name in ("text", "pair"):
        state.pop(name, None)
    state = {"model": trace.model.name, "lang": language()} | state
    st.caption(t("This view, without the text"))
    st.code(f"{here}?{urlencode(state)}", language=None, wrap_lines=True)
    st.caption(t("With the text inside the link: whoever has the link can read it"))
    text = {"text": trace.text, **({"pair": trace.pair} if trace.pair else {})}
    st.code(f"{here}?{urlencode({**state, **text})}", language=None, wrap_lines=True)


def _files(view: Shared) -> None:
    files = (
        ("CSV", view.csv, "text/csv"),
        ("npz", view.npz, "application/octet-stream"),
        ("PNG", view.png, "image/png"),
        ("HTML", view.html, "text/html"),
    )
    st.caption(t("Every file says which model, layer and head it shows, and what was left out."))
    row = st.container(horizontal=True)
    for name, make, mime in files:
        row.download_button(
            name,
            data=partial(_encoded, make),
            file_name=f"memviz-{view.name}.{name.lower()}",
            mime=mime,
            key=f"export_{name}",
            on_click="ignore",
        )


def _encoded(make: Callable[[], str | bytes]) -> bytes:
    """A file's bytes; text with the mark by which spreadsheets know that it is UTF-8."""
    made = make()
    return made if isinstance(made, bytes) else made.encode("utf-8-sig")


@dataclass(frozen=True)
class Home:
    """The text as words, over all heads."""

    trace: Trace
    word: int | None
    without: Sequence[int] = ()
    layer: int | None = None
    head: int | None = None
    name: str = "home"

    @property
    def memory(self) -> Memory:
        return self.trace.memory()

    def said(self) -> dict[str, str]:
        """Where it comes from, and what it shows."""
        return provenance(
            self.trace,
            self.memory,
            layer=self.layer,
            head=self.head,
            view="strongest links between words",
            without=self.without,
        )

    def links(self) -> words.Pair:
        return words.found(self.trace, without=self.without, layer=self.layer, head=self.head)

    def csv(self) -> str:
        return tables.csv(tables.links_table(self.links()[0], *self.trace.sides()), self.said())

    def npz(self) -> bytes:
        remembers, remembered_by = self.links()
        arrays = {f"remembers.{name}": array for name, array in vars(remembers).items()}
        arrays |= {f"remembered_by.{name}": array for name, array in vars(remembered_by).items()}
        arrays["words"] = np.array([word.text for word in self.trace.words])
        return tables.npz(arrays, self.said())

    def png(self) -> bytes:
        remembers, remembered_by = self.links()
        return figures.words_png(
            self.trace.words, remembers, remembered_by, word=self.word, provenance=self.said(), translate=t
        )

    def html(self) -> str:
        remembers, remembered_by = self.links()
        return export.words_page(
            self.trace.words,
            remembers,
            remembered_by,
            word=self.word,
            provenance=self.said(),
            tint="excess" if self.layer is None else "weight",
        )

    def code(self) -> str:
        head = "" if self.layer is None else f", layer={self.layer}, head={self.head}"
        without = ", without=memviz.measures.sinks(memory)" if self.without else ""
        return f"""{_reading(self.trace)}
memory = trace.memory()
words = trace.words
remembers, remembered_by = memviz.measures.links(memory, *trace.sides(){head}{without})

word = {self.word or 0}
for other, weight, lift, layer, head in zip(
    remembers.index[word], remembers.weight[word], remembers.lift[word], remembers.layer[word], remembers.head[word]
):
    if other >= 0:
        print(f"{{words[word].text}} -> {{words[other].text}}  {{weight:.3f}}  lift {{lift:.1f}}  L{{layer}}.H{{head}}")
"""


@dataclass(frozen=True)
class Heads:
    """One head, or a mean over heads, in full."""

    trace: Trace
    view: heads_page.View
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
        name = "value_norm" if self.view.values == "value norm" else "weight"
        if weights.size > MOST_ROWS:
            frame = tables.strongest(weights, memory, count=MOST_ROWS, name=name)
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
        queries, keys = self.trace.sides(view.memory.kind) if view.by_word else (None, None)
        return figures.pattern_png(
            view.memory,
            view.layer,
            view.head,
            view=view.values,
            query_words=queries,
            key_words=keys,
            without=view.without,
            window=view.window,
            cumulative=view.cumulative,
            provenance=self.said(),
            translate=t,
        )

    def html(self) -> str:
        chart = heads_page.figure(self.trace, self.view)
        return figures.html([chart], title=t("Which heads do what?"), provenance=self.said(), translate=t)

    def code(self) -> str:
        view = self.view
        options = [] if view.values == "weight" else [f"view={view.values!r}"]
        if view.by_word:
            options += ["query_words=queries", "key_words=keys"]
        if view.without:
            options.append("without=memviz.measures.sinks(memory)")
        if view.cumulative < 1:
            options.append(f"cumulative={view.cumulative}")
        if view.find:
            options.append(f"find={view.find!r}")
        if view.window is not None:
            options.append(f"window={view.window}")
        extra = "".join(f", {option}" for option in options)
        one = view.layer is not None and view.head is not None
        exact = f"memory.pattern({view.layer}, {view.head})" if one else f"memory.mean({view.layer})"
        return f"""{_reading(self.trace)}
memory = trace.memory({view.memory.kind!r})
queries, keys = trace.sides({view.memory.kind!r})
weights = {exact}  # exact, [query, key]
print(weights.shape)
memviz.figures.pattern(memory, {view.layer}, {view.head}{extra})
"""


@dataclass(frozen=True)
class Recall:
    """What a word remembers, what is looked at, and how far back."""

    trace: Trace
    view: recall_page.View
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

    def html(self) -> str:
        memory, view = self.trace.memory(), self.view
        charts = [
            figures.received_bars(
                memory, self.trace.words, layer=view.layer, head=view.head, without=view.without, translate=t
            ),
            figures.by_distance(memory, layer=view.layer, head=view.head, translate=t),
        ]
        return figures.html(
            charts,
            title=t("What does this word remember, and who remembers it?"),
            provenance=self._as_words.said(),
            translate=t,
        )

    def code(self) -> str:
        return (
            self._as_words.code()
            + f"""
print(memviz.measures.received(memory).shape)  # [layer, head, key]
print(memviz.measures.span(memory))            # [layer, head], in tokens
memviz.figures.by_distance(memory, layer={self.view.layer}, head={self.view.head})
"""
        )


def _reading(trace: Trace) -> str:
    pair = f", pair={trace.pair!r}" if trace.pair else ""
    return f"import memviz\n\ntrace = memviz.read({trace.text!r}{pair}, model={trace.model.name!r})"
