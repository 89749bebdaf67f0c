"""In which layers does the model need its feed-forward networks (MLPs) at a word?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow
from memviz.figures.style.fact_statements import feedforward_statement, window_names
from memviz.figures.style.statements import value_text
from memviz.progress import Progress
from memviz.tokens import distinct_texts
from memviz.trace import Trace
from memviz.ui.parts import words
from memviz.ui.parts.experiment.subject import SubjectView, choose_answer
from memviz.ui.parts.experiment.view import caveat_of, on_request, plain
from memviz.ui.parts.facts.choices import offer_writers
from memviz.ui.parts.facts.lens import offer_others
from memviz.ui.shell import runs, samples, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import UnplugFeedForwards

WINDOWS = (1, 2, 3, 5, 10)
WINDOW = 5
FREE = 100  # readings that nobody is asked about
WORD = "mlp_word"
COLUMNS = {
    "first": "first layer",
    "last": "last layer",
    "value": "answer",
    "effect": "effect",
    "low": "other words, least",
    "control": "other words, median",
    "high": "other words, largest",
}


@dataclass(frozen=True)
class NetworksView(SubjectView):
    """The networks at a word, a few layers at a time; see `memviz.ui.parts.experiment.ForgetView`."""

    result: UnplugFeedForwards

    @property
    def experiment(self) -> str:
        return "unplug_feedforwards"

    def statement(self) -> str:
        return plain(feedforward_statement(self.result).render(t, str))

    def unit(self) -> str:
        return self.result.question.unit.render(t)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [networks_chart(self.result)]

    def rows(self) -> list[SheetRow]:
        result, kind = self.result, self.result.question.kind
        return [
            SheetRow(name, (Bar(float(value), value_text(kind, float(value)), "orange"),), tuple(controls.tolist()))
            for name, value, controls in zip(window_names(result), result.values, result.controls, strict=True)
        ]

    def code(self) -> str:
        answer = "" if self.subject.answer is None else f", answer={self.subject.answer!r}"
        word, window = list(self.result.numbers), self.result.window
        return (
            f"result = memviz.experiments.unplug_feedforwards(reader, text, {word}{answer}, window={window})\n"
            "print(result.before, result.values, result.controls)\n"
            "table = result.table()\nprint(table)\n"
        )

    def fields(self) -> dict[str, str]:
        return {"unplugged": f"the MLPs at words {list(self.result.numbers)}", "window": str(self.result.window)}


def show_networks(trace: Trace) -> NetworksView | None:
    """What unplugging the networks at a word did, beside other words; ``None`` without it."""
    if trace.output is not None:
        offer_others(trace)
        return None
    subject = choose_answer(trace, covers=False)
    if subject is None:
        return None
    names = distinct_texts(trace.words)
    numbers = [number for number, word in enumerate(trace.words) if not word.special]
    word_box, window_box = st.columns(2, vertical_alignment="bottom", gap="large")
    word = int(
        word_box.selectbox(
            t("Word whose MLPs are unplugged"),
            numbers,
            format_func=names.__getitem__,
            **state.url_bound(WORD, numbers, default=_usual_word(trace, numbers)),
        )
    )
    window = int(
        window_box.select_slider(
            t("How many layers at a time"), WINDOWS, **state.url_bound("window", WINDOWS, default=WINDOW)
        )
    )
    readings = -(-trace.model.layers // window) * len(numbers)
    settings = (trace.model.name, trace.text, subject.answer, word, window)
    cost = t("The text is asked about {count} times.", count=readings)
    if readings > FREE and not on_request("networks", t("Unplug the MLPs"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> UnplugFeedForwards:
        from memviz.experiments import unplug_feedforwards

        return unplug_feedforwards(reader, trace.text, word, subject.answer, window=window, progress=progress)

    result = runs.experiment("unplug_feedforwards", trace, (word, subject.answer, window), run)
    if result is None:
        offer_writers()
        return None
    st.markdown(f"## {feedforward_statement(result).render(t, literal)}")
    show.figure(networks_chart(result), key="networks")
    show.table(
        result.table().rename(columns={name: t(label) for name, label in COLUMNS.items()}),
        label="Every window of layers as a table",
    )
    show.caveat(caveat_of("unplug_feedforwards"))
    return NetworksView(subject, result)


def _usual_word(trace: Trace, numbers: list[int]) -> int:
    """The word that was chosen on another page, or that a sample is about, or the longest."""
    chosen = words.get_word(trace)
    if chosen in numbers:
        return int(chosen)  # type: ignore[arg-type]
    about = next((each.word for each in samples.facts(trace.model.name, "mlps") if each.text == trace.text), "")
    places = [number for number in numbers if about and trace.words[number].text.strip(".,") == about]
    return places[-1] if places else max(numbers, key=lambda number: len(trace.words[number].text))


def networks_chart(result: UnplugFeedForwards) -> Any:
    """The answer with the networks of each window unplugged, at the word and at others."""
    texts, frame, kind = distinct_texts(result.words), result.table(), result.question.kind
    name = t("at “{word}”", word="”, “".join(texts[number] for number in result.numbers))
    series = {name: result.values}
    if result.others:
        series |= {
            t("at another word, median"): frame.control.to_numpy(),
            t("at another word, least"): frame.low.to_numpy(),
            t("at another word, largest"): frame.high.to_numpy(),
        }
    lowest = int(np.argmin(result.values))
    return figures.value_lines(
        window_names(result),
        series,
        unit=result.question.unit.render(t),
        across=t("layers whose MLPs are unplugged"),
        controls=[other for other in series if other != name],
        level=(t("nothing unplugged"), result.before),
        alt=t(
            "Lines over {count} windows of layers. At the chosen word the answer is lowest in {layers}: {value}; with "
            "nothing unplugged it is {before}.",
            count=len(result.starts),
            layers=window_names(result)[lowest],
            value=value_text(kind, float(result.values[lowest])),
            before=value_text(kind, result.before),
        ),
    )
