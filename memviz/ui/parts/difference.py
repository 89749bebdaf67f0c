"""The parts of the page Compare: two patterns of attention, of two texts, two heads or two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures, tables
from memviz.figures import Bar, SheetRow, head_name
from memviz.models import CATALOGUE
from memviz.serving import cache
from memviz.serving.gate import Turn
from memviz.tokens import Word, distinct_texts
from memviz.trace import Trace
from memviz.ui.parts.home import choose_hiding
from memviz.ui.shell import address, frame, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief
from memviz.ui.shell.samples import to_compare

WAYS = {
    "word": "One word in two texts",
    "texts": "Two texts",
    "heads": "Two heads",
    "models": "Two models",
}
NAMES = {
    "texts": ("the first text", "the second text"),
    "heads": ("the first head", "the second head"),
    "models": ("the first model", "the second model"),
}
WAY, MODEL = "comparison", "other_model"
BOXES = (("first_layer", "first_head"), ("second_layer", "second_head"))
Sinks = tuple[tuple[int, ...], tuple[int, ...]]  # keys that are left out, of each side
LISTED = 8  # heads that changed most
COLUMNS = {
    "query_text": "query",
    "key_text": "key",
    "first": "in the first",
    "second": "in the second",
    "difference": "second − first",
}


@dataclass(frozen=True)
class DifferenceView:
    """Two patterns and how they differ; see `memviz.ui.parts.experiment.ForgetView`."""

    way: str
    traces: tuple[Trace, Trace]
    heads: tuple[tuple[int, int], tuple[int, int]]
    result: measures.Difference
    without: Sinks = ((), ())
    experiment: str = "compare"
    covered: tuple[int, ...] = ()

    @property
    def words(self) -> Sequence[Word]:
        return self.traces[0].words

    @property
    def labels(self) -> list[str]:
        """The words that both have, told apart where several are written alike."""
        names = distinct_texts(self.words)
        return [names[place] for place, _ in self.result.places]

    def texts(self) -> dict[str, str]:
        return {}

    def statement(self) -> str:
        return difference_sentence(self, str).replace("**", "")

    def unit(self) -> str:
        return t("attention of a word to a word, 0 to 1; the difference is second − first")

    def table(self) -> pd.DataFrame:
        return tables.difference_table(self.result, self.words)

    def charts(self) -> list[Any]:
        return [map_chart(self, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        """The largest differences."""
        rows, labels = [], self.labels
        for query, key in _largest(self.result, 12):
            first, second = float(self.result.first[query, key]), float(self.result.second[query, key])
            bars = (
                Bar(first, figures.percent(first, digits=1), "orange"),
                Bar(second, figures.percent(second, digits=1), "blue"),
            )
            rows.append(SheetRow(f"{labels[query]} → {labels[key]}", bars))
        return rows

    def fields(self) -> dict[str, str]:
        first, second = (head_name(*head) for head in self.heads)
        return {
            "compared": self.way,
            "first head": first,
            "second head": second,
            "second model": self.traces[1].model.name,
            "words in common": str(len(self.result.places)),
        } | ({"attention sinks": "left out, the rest renormalised"} if any(self.without) else {})

    def code(self) -> str:
        read = {
            "heads": "traces = [reader.read(text)] * 2",
            "models": f"traces = [reader.read(text), memviz.load({self.traces[1].model.name!r}).read(text)]",
        }.get(self.way, f"traces = [reader.read(text), reader.read({self.traces[1].text!r})]")
        return f"""{read}
sides = [
    memviz.measures.PatternOf(trace.memory(), trace.words, *head, without)
    for trace, head, without in zip(traces, {self.heads}, {self.without})
]
difference = memviz.measures.difference(*sides)
print(difference.size)  # how far apart the two are over these words, 0 to 1
table = memviz.tables.difference_table(difference, traces[0].words)"""


def choose_way() -> str:
    """What is compared: a name of `WAYS`."""
    way = st.segmented_control(
        t("What is compared"),
        list(WAYS),
        format_func=lambda name: t(WAYS[name]),
        required=True,
        label_visibility="collapsed",
        **state.url_bound(WAY, WAYS),
    )
    return way or "word"


def read_both(way: str) -> tuple[Trace, Trace]:
    """Both readings; stops the page with a message where there is none."""
    if way == "texts":
        return frame.read_two_texts()
    frame.offer_language_model()
    text = frame.choose_text(to_compare(frame.model_name(), way), second=False)
    first = runs.read(frame.model_name(), text, None)
    if way == "heads":
        return first, first
    others = [name for name in frame.model_names() if name != frame.model_name()]
    if not others:
        st.info(t("There is no second model on this server."), icon=":material/compare_arrows:")
        address.end_page()
    usual = next((name for name in ("minilm", "smollm2") if name in others), others[0])
    name = st.selectbox(t("Second model"), others, format_func=_title, **state.url_bound(MODEL, others, default=usual))
    return first, runs.read(name, text, None)


def _title(name: str) -> str:
    """A model as people call it."""
    return CATALOGUE[name].title if name in CATALOGUE else name


def show_difference(way: str, first: Trace, second: Trace) -> DifferenceView | None:
    """Both heads are chosen; where they differ, and, where a model reads two texts, which of its heads changed most.

    ``None``, with a message, where nothing can be compared.
    """
    if not measures.common_words(first.words, second.words):
        st.info(t("These two texts have no word in common."), icon=":material/compare_arrows:")
        return None
    sinks = measures.sink_positions(first.memory()), measures.sink_positions(second.memory())
    without: Sinks = sinks if choose_hiding() else ((), ())
    if not _any_left(first, second, without):
        st.info(t("Beside attention sinks, these two have no word in common."), icon=":material/compare_arrows:")
        return None
    changed = head_changes(first, second, without) if way == "texts" else None
    heads = _choose_heads(way, (first, second), changed)
    sides = [
        measures.PatternOf(trace.memory(), trace.words, *head, rest)
        for trace, head, rest in zip((first, second), heads, without, strict=True)
    ]
    view = DifferenceView(way, (first, second), heads, measures.difference(*sides), without)
    st.header(difference_sentence(view, brief), anchor=False)
    _say_sinks(view, sinks)
    show.figure(map_chart(view), key="difference_map")
    if changed is not None:
        _show_changes(changed)
    frame_ = view.table().head(200)[list(COLUMNS)]
    frame_.columns = [t(COLUMNS[name]) for name in COLUMNS]
    show.table(frame_, label="The largest differences, as a table")
    st.caption(
        t("Other weights are no better weights: what a difference does to the answer is asked on the page Forget.")
    )
    return view


def _any_left(first: Trace, second: Trace, without: Sinks) -> bool:
    """Have both a word in common that is no sink?"""
    return any(
        set(first.words[one].tokens) - set(without[0]) and set(second.words[other].tokens) - set(without[1])
        for one, other in measures.common_words(first.words, second.words)
    )


def _say_sinks(view: DifferenceView, sinks: Sinks) -> None:
    """Is the largest difference about a sink? And are they left out?"""
    if any(view.without):
        st.caption(t("Attention sinks are left out on both sides; what is left of every row is renormalised to 100 %."))
        return
    ((_, key),) = _largest(view.result, 1)
    rests = (
        not set(trace.words[place].tokens) - set(keys)
        for trace, place, keys in zip(view.traces, view.result.places[key], sinks, strict=True)
    )
    if any(rests) and np.abs(view.result.values).max() > 0:
        st.caption(
            t(
                "“{word}” is an attention sink: it gets what is not looked up elsewhere. Hide the sinks to see what is "
                "left.",
                word=brief(view.labels[key]),
            )
        )


def _choose_heads(
    way: str, traces: tuple[Trace, Trace], changed: np.ndarray | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The head of each side: one for both where two texts are compared."""
    if changed is not None:
        usual = [_place_of_largest(changed)] * 2
    else:
        usual = [_sharpest(trace) for trace in traces]
        if way == "heads":
            usual[1] = (0, 0) if usual[0] != (0, 0) else (traces[0].memory().layers - 1, 0)
    count = 1 if way == "texts" else 2
    chosen = []
    for number, place in enumerate(st.columns(count, gap="large")):
        memory = traces[number].memory()
        if count > 1:
            place.caption(t(NAMES[way][number]))
        layer_box, head_box = place.columns(2, wrap=False)
        layer_key, head_key = BOXES[number] if way != "texts" else ("difference_layer", "difference_head")
        layer, head = usual[number]
        chosen.append(
            (
                state.choose_layer(memory, place=layer_box, key=layer_key, default=layer),
                state.choose_head(memory, place=head_box, key=head_key, default=head),
            )
        )
    return chosen[0], chosen[-1]


def _sharpest(trace: Trace) -> tuple[int, int]:
    """The head whose words attend to the fewest tokens, sinks left out: there is most to be seen."""
    memory = trace.memory()
    spread = measures.known_mean(measures.slots(memory, measures.sink_positions(memory)), axis=2)
    return _place_of_largest(-np.nan_to_num(spread, nan=np.inf))


def _place_of_largest(values: np.ndarray) -> tuple[int, int]:
    """Layer and head of the largest number."""
    layer, head = divmod(int(values.argmax()), values.shape[1])
    return layer, head


def head_changes(first: Trace, second: Trace, without: Sinks = ((), ())) -> np.ndarray:
    """How much each head does something else in the second text: float64 [layer, head]; remembered between reruns.

    ``without``: keys of each that are left out.
    """
    key = ("head_changes", first.model.name, first.text, second.text, repr(without))
    work = cache.Work("links", first.model.name, characters=len(first.text) + len(second.text))

    def search(turn: Turn) -> np.ndarray:
        return measures.head_differences(first.memory(), first.words, second.memory(), second.words, without=without)

    place = st.empty()
    changed = runs.patiently(place, lambda: cache.search(key, work, search, on_wait=runs.on_wait(place)))
    place.empty()
    return changed


def _show_changes(changed: np.ndarray) -> None:
    st.subheader(t("Which heads changed most?"), anchor=False)
    order = np.argsort(-changed, axis=None, kind="stable")[:LISTED]
    names = [
        f"**{head_name(*divmod(int(place), changed.shape[1]))}** {figures.percent(float(changed.flat[place]))}"
        for place in order
    ]
    st.markdown(
        t(
            "How far is each head of the second text from the same head of the first? {mean} on average. "
            "Most: {heads}.",
            mean=figures.percent(float(changed.mean())),
            heads=", ".join(names),
        )
    )
    chart = figures.head_grid(changed, label=t("Distance of the two patterns"), unit=t("share, 0 to 1"), translate=t)
    show.figure(chart, key="difference_heads")


def map_chart(view: DifferenceView, *, title: str | None = "", caption: str | None = "") -> Any:
    """The difference as a field."""
    result = view.result
    return figures.difference_map(result.first, result.second, view.labels, title=title, caption=caption, translate=t)


def difference_sentence(view: DifferenceView, quote: Any) -> str:
    """Where the two differ most, and how much on the average."""
    ((query, key),) = _largest(view.result, 1)
    first, second = float(view.result.first[query, key]), float(view.result.second[query, key])
    heads = [head_name(*head) for head in view.heads]
    names = [t(name) for name in NAMES[view.way]]
    if not np.abs(view.result.values).max() > 0:
        return t("No difference: both attend alike.")
    return t(
        "“{query}” attends to “{key}” with {first} in {one} ({head}) and {second} in {other} ({second_head}): of the "
        "{count} words in common, no pair differs more. Over these words the two are {size} apart (0 %: alike; "
        "100 %: no attention in common).",
        query=quote(view.labels[query]),
        key=quote(view.labels[key]),
        first=figures.percent(first),
        second=figures.percent(second),
        one=names[0],
        other=names[1],
        head=heads[0],
        second_head=heads[1],
        count=len(view.result.places),
        size=figures.percent(view.result.size),
    )


def _largest(result: measures.Difference, count: int) -> list[tuple[int, int]]:
    """The pairs of words that differ most: (query, key), places among the common words."""
    order = np.argsort(-np.abs(result.values), axis=None, kind="stable")[:count]
    return [(int(place) // len(result.places), int(place) % len(result.places)) for place in order]
