"""The parts of the page Resources: what a reading takes, what it would take elsewhere, where the text goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from memviz import costs, figures
from memviz.costs import Cost
from memviz.figures import Bar, SheetRow
from memviz.serving import cache
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.shell import privacy, runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader

UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@dataclass(frozen=True)
class ResourcesView:
    """What a reading takes; see `memviz.ui.parts.experiment.ForgetView`."""

    words: Sequence[Word]
    parameters: int
    weight_bytes: int
    cost: Cost
    experiment: str = "resources"
    covered: tuple[int, ...] = ()

    def texts(self) -> dict[str, str]:
        return {}

    def statement(self) -> str:
        return reading_sentence(self.cost)

    def unit(self) -> str:
        return t("bytes")

    def table(self) -> pd.DataFrame:
        return costs.table(self.cost.tokens)

    def charts(self) -> list[Any]:
        return [memory_chart(self.cost)]

    def rows(self) -> list[SheetRow]:
        cost = self.cost
        return [
            SheetRow(t("this reading"), (Bar(float(cost.bytes), size(cost.bytes), "blue"),)),
            SheetRow(t("every weight kept"), (Bar(float(cost.dense_bytes), size(cost.dense_bytes), "muted"),)),
        ]

    def code(self) -> str:
        return (
            "print(reader.parameters, reader.weight_bytes)\n"
            "cost = memviz.costs.reading(reader.read(text))\n"
            "print(cost, cost.seconds_per_token)\n"
            "table = memviz.costs.table(cost.tokens)\n"
            "print(table)\n"
        )

    def fields(self) -> dict[str, str]:
        return {
            "parameters": str(self.parameters),
            "bytes of the weights": str(self.weight_bytes),
            "bytes of the reading": str(self.cost.bytes),
            "bytes of all attention weights": str(self.cost.dense_bytes),
        }


def show_costs(trace: Trace) -> ResourcesView:
    """What the model and this reading take, beside the naive way and beside larger models."""
    reader: Reader = runs.open_reader(trace.model.name)
    cost = costs.reading(trace)
    view = ResourcesView(trace.words, reader.parameters, reader.weight_bytes, cost)
    row = st.container(horizontal=True, gap="large")
    for label, value, tip in (
        (t("Parameters"), count_text(view.parameters), t("Numbers that the model learnt; shared ones count once.")),
        (
            t("Weights in memory"),
            size(view.weight_bytes),
            t("As they are computed with: in files they may be smaller."),
        ),
        (t("Tokens"), f"{cost.tokens:,}", t("Read and written.")),
        (
            t("Milliseconds a token"),
            f"{1000 * cost.seconds_per_token:.2f}",
            t("When this text was read, on this server."),
        ),
    ):
        row.metric(label, value, help=tip, width="content")
    st.markdown(f"## {literal(reading_sentence(cost))}")
    show.figure(memory_chart(cost), key="memory")
    st.caption(
        t(
            "Kept are queries, keys and what is said of every head; a pattern is computed from them when it is looked "
            "at. For short texts that is more than the attention weights themselves, for long ones far less: these "
            "grow with the square of the text."
        )
    )
    _show_known(cost)
    return view


def reading_sentence(cost: Cost) -> str:
    """What this reading keeps, beside the naive way."""
    return t(
        "This reading of {tokens} tokens keeps {bytes}; every attention weight, kept, would take {dense}.",
        tokens=f"{cost.tokens:,}",
        bytes=size(cost.bytes),
        dense=size(cost.dense_bytes),
    )


def memory_chart(cost: Cost) -> Any:
    """What the reading keeps, and what every weight would take, as bars."""
    return figures.number_bars(
        [t("this reading"), t("every attention weight kept")],
        [cost.bytes / 1e6, cost.dense_bytes / 1e6],
        unit=t("memory in MB (10⁶ bytes)"),
        share=False,
        title="",
        caption="",
        translate=t,
    )


def _show_known(cost: Cost) -> None:
    """The same number of tokens, in larger models: arithmetic from what was published."""
    st.header(t("What would this text take elsewhere?"), anchor=False)
    frame = costs.table(cost.tokens)
    st.dataframe(
        pd.DataFrame(
            {
                t("Model"): frame["model"],
                t("parameters"): [count_text(value) for value in frame["parameters"]],
                t("weights"): [size(value) for value in frame["weight_bytes"]],
                t("KV cache of this text"): [size(value) for value in frame["cache_bytes"]],
                t("every attention weight"): [size(value) for value in frame["dense_bytes"]],
                t("operations"): [f"{value:.1e}" for value in frame["operations"]],
                t("published in"): frame["source"],
            }
        ),
        hide_index=True,
        width="stretch",
    )
    st.caption(
        t(
            "Arithmetic, no measurement: none of these models is here. At 2 bytes a number and for as many tokens as "
            "this model made of the text; another tokenizer makes more or fewer. Operations: 2 a parameter and token "
            "(Kaplan et al. 2020)."
        )
    )


def show_whereabouts() -> None:
    """Where the text goes, and a button that lets go of it."""
    st.header(t("Where does the text go?"), anchor=False)
    st.markdown(
        t(
            "To no other machine: the models run on the one that runs MemViz, which sends texts nowhere and writes no "
            "log of them. It goes to these places:"
        )
        if cache.runs_here()
        else t(
            "To the cluster where the models run for this server, which remembers no text and writes no log of them, "
            "and to no other machine. It goes to these places:"
        )
    )
    st.markdown(
        "\n".join(
            f"- {line}"
            for line in (
                t(
                    "**This server's memory.** The text and what was read from it, until newer readings take the "
                    "place, the server ends, or you press the button below. Whoever reads the same text with the same "
                    "model meanwhile is given the same reading; nobody can list them."
                ),
                t(
                    "**This tab.** Its session storage keeps what you typed, so that Back and a reload bring it back; "
                    "it goes with the tab. No cookie is set for it."
                ),
                t(
                    "**The address**, only of a link that was copied with the text: the browser's own history then has "
                    "it too, which no page can clear."
                ),
                t(
                    "**A disk**, only for lines that are pasted on the page Corpus: a temporary folder on the machine "
                    "that runs MemViz, which goes with their results. A model that was trained on random symbols and "
                    "opened elsewhere stays there, too; it holds no text. What you download is yours."
                ),
                t(
                    "**The model hub** learns the name of a model that is fetched from it, and your server's address; "
                    "never a text."
                ),
            )
        )
    )
    st.caption(
        t(
            "Whoever runs the server could change all of this; without https, whoever listens on the way can read. "
            "Sounds, pictures and tables that were uploaded stay in the server's memory while their page is open, "
            "or until you press the button."
        )
    )
    st.button(
        t("Forget my texts"),
        key="forget_texts",
        type="primary",
        icon=":material/delete_forever:",
        on_click=privacy.forget,
        help=t(
            "Texts, uploaded files, readings, results, choices and progress of this tab, here and on the server; the "
            "language stays."
        ),
    )
    let_go = st.session_state.pop(privacy.GONE, None)
    if let_go is not None:
        st.success(
            t(
                "Forgotten: {count} readings and results on the server, and every text of this tab, those behind Back "
                "too. What stands above is an example.",
                count=let_go,
            ),
            icon=":material/check:",
        )


def size(count: float) -> str:
    """So many bytes, as they are read: 46.1 kB, 3.4 MB, 810.0 GB."""
    for unit, amount in UNITS:
        if count >= amount:
            return f"{count / amount:,.1f} {unit}"
    return t("{count} bytes", count=int(count))


def count_text(count: int) -> str:
    """So many parameters, as models are named by them in every language: 134.5M, 405.9B (10⁹)."""
    if count >= 1e9:
        return f"{count / 1e9:,.1f}B"
    return f"{count / 1e6:,.1f}M" if count >= 1e6 else f"{count:,}"
