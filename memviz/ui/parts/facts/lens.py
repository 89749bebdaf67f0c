"""What would the model say if it stopped after each layer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, LensValue, SheetRow, percent
from memviz.figures.charts.lens_map import layer_names
from memviz.figures.style.fact_statements import lens_statement
from memviz.progress import Progress
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.subject import SubjectView, choose_answer
from memviz.ui.parts.experiment.view import caveat_of, plain
from memviz.ui.parts.facts.choices import offer_writers
from memviz.ui.shell import runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import LogitLens

VALUES: dict[LensValue, str] = {"rank": "rank", "probability": "probability"}
BESIDE = 12  # positions, at most, whose map leaves room for the curves beside it
COLUMNS = {
    "layer": "layer",
    "position": "position",
    "token": "token",
    "probability": "probability",
    "rank": "rank",
    "choice": "what this layer would say",
    "confidence": "how likely it finds that",
}


@dataclass(frozen=True)
class LensView(SubjectView):
    """An answer in every layer; see `memviz.ui.parts.experiment.ForgetView`."""

    result: LogitLens
    value: LensValue
    position: int

    @property
    def experiment(self) -> str:
        return "logit_lens"

    def statement(self) -> str:
        return plain(lens_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t("probability of the answer after each layer, 0 to 1")

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [map_chart(self, title=None, caption=None), *curve_charts(self)]

    def rows(self) -> list[SheetRow]:
        values = self.result.probabilities[:, self.position]
        ranks = self.result.ranks[:, self.position]
        return [
            SheetRow(name, (Bar(float(value), t("{share}, rank {rank}", share=percent(value, digits=1), rank=rank)),))
            for name, value, rank in zip(layer_names(len(values), t), values.tolist(), ranks.tolist(), strict=True)
        ]

    def code(self) -> str:
        answer = "" if self.subject.answer is None else f", answer={self.subject.answer!r}"
        return (
            f"result = memviz.experiments.logit_lens(reader, text{answer})\n"
            "print(result.first_layer, result.ranks[:, result.position])\n"
            "table = result.table()\n"
        )

    def fields(self) -> dict[str, str]:
        return {"answer": self.result.answer, "position of the curve": str(self.position)}


def show_lens(trace: Trace) -> LensView | None:
    """The heatmap of layers and positions, and the curves of one position; ``None``, with a message, without them."""
    if trace.output is not None:
        offer_others(trace)
        return None
    subject = choose_answer(trace, covers=False)
    if subject is None:
        return None

    def run(reader: Reader, progress: Progress) -> LogitLens:
        from memviz.experiments import logit_lens

        return logit_lens(reader, trace.text, subject.answer)

    result = runs.experiment("logit_lens", trace, subject.answer, run)
    if result is None:
        offer_writers()
        return None
    st.markdown(f"## {lens_statement(result).render(t, literal)}")
    tokens = [printable(token.text) for token in result.question.tokens]
    places = range(len(tokens))
    value_box, place_box = st.columns([1, 2], vertical_alignment="bottom", gap="small")
    value = value_box.segmented_control(
        t("Show"),
        list(VALUES),
        format_func=lambda name: t(VALUES[name]),
        required=True,
        **state.url_bound("by", VALUES),
    )
    position = place_box.selectbox(
        t("Position of the curve"),
        places,
        format_func=lambda place: f"{place} · {tokens[place]}",
        **state.url_bound("position", places, default=result.position),
    )
    view = LensView(subject, result, cast(LensValue, value or "rank"), int(position))
    if len(tokens) <= BESIDE:
        overview, detail = st.container(key="both_beside").columns([1, 2], gap="large")
    else:
        overview, detail = st.container(), st.container()
    with overview:
        show.figure(map_chart(view), key="lens_map")
    with detail:
        for number, chart in enumerate(curve_charts(view)):
            show.figure(chart, key=f"lens_curve_{number}")
    frame = result.table()
    frame = frame[frame.position == view.position].drop(columns=["position", "token"])
    frame["layer"] = layer_names(len(frame), t)
    show.table(frame.rename(columns={name: t(COLUMNS[name]) for name in frame}), label="Every layer as a table")
    show.caveat(caveat_of("logit_lens"))
    return view


def offer_others(trace: Trace) -> None:
    """Says that the layers of an encoder-decoder cannot be asked, and offers models that can."""
    st.warning(
        t(
            "{model} is an encoder-decoder: its layers cannot be asked this. Choose a language model:",
            model=literal(trace.model.name),
        ),
        icon=":material/edit_note:",
    )
    offer_writers()


def map_chart(view: LensView, **options: Any) -> Any:
    """The heatmap of all layers and positions."""
    tokens = [printable(token.text) for token in view.result.question.tokens]
    return figures.lens_map(
        view.result,
        tokens,
        value=view.value,
        mark=view.position,
        translate=t,
        **({"title": "", "caption": ""} | options),
    )


def curve_charts(view: LensView) -> list[Any]:
    """The rank and the probability of the answer from layer to layer, at one position."""
    result, names = view.result, layer_names(len(view.result.ranks), t)
    ranks, values = result.ranks[:, view.position], result.probabilities[:, view.position]
    alt = t(
        "Curves over {count} states: the rank goes from {first} to {last}, the probability from {low} to {high}.",
        count=len(names),
        first=int(ranks[0]),
        last=int(ranks[-1]),
        low=percent(float(values[0]), digits=1),
        high=percent(float(values[-1]), digits=1),
    )
    return [
        figures.value_lines(
            names,
            {t("rank"): ranks},
            unit=t("rank (1: the likeliest)"),
            across=t("after layer"),
            alt=alt,
            logarithmic=True,
        ),
        figures.value_lines(
            names, {t("probability"): values}, unit=t("probability, 0 to 1"), across=t("after layer"), alt=alt
        ),
    ]
