"""Does the model know a text by heart? Beside an invented one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, decimal
from memviz.figures.style.fact_statements import recital_statement
from memviz.progress import Progress
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import TraceView, caveat_of, on_request, plain
from memviz.ui.parts.facts.choices import continues_texts, type_text
from memviz.ui.shell import runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import Memorisation

INVENTED = "invented"
USUAL = "We find these rivers to be slow and shallow, that most boats are built small."
TEXTS = {"known": "the text", "invented": "the invented one"}
COLUMNS = {"text": "which text", "position": "position", "token": "token", "surprisal": "surprisal"}


@dataclass(frozen=True)
class RecitalView(TraceView):
    """A text beside an invented one; see `memviz.ui.parts.experiment.ForgetView`."""

    trace: Trace
    result: Memorisation

    @property
    def experiment(self) -> str:
        return "memorisation"

    def texts(self) -> dict[str, str]:
        return {INVENTED: self.result.invented.text}

    def statement(self) -> str:
        return plain(recital_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t("surprisal, −ln p, in nats a token")

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [recital_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        sides = {"known": self.result.known, "invented": self.result.invented}
        return [
            SheetRow(t(TEXTS[name]), (Bar(side.mean, decimal(side.mean, digits=2), "blue"),))
            for name, side in sides.items()
        ]

    def code(self) -> str:
        return (
            f"invented = {self.result.invented.text!r}\n"
            "result = memviz.experiments.memorisation(reader, text, invented)\n"
            "print(result.known.mean, result.invented.mean, result.known.output)\n"
            "table = result.table()\n"
        )

    def fields(self) -> dict[str, str]:
        return {"invented": self.result.invented.text}


def show_recital(trace: Trace) -> RecitalView | None:
    """Both texts, token by token; ``None`` where that was not asked for, or cannot be."""
    if not continues_texts(trace):
        return None
    invented = type_text(INVENTED, t("An invented text of the same kind and length"), USUAL, trace, tall=True)
    settings = (trace.model.name, trace.text, invented)
    cost = t("Both texts are read, and half of each is written.")
    if not on_request("recite", t("Compare the two"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> Memorisation:
        from memviz.experiments import memorisation

        return memorisation(reader, trace.text, invented, progress=progress)

    result = runs.experiment("memorisation", trace, invented, run)
    if result is None:
        return None
    st.markdown(f"## {recital_statement(result).render(t, literal)}")
    show.figure(recital_chart(result), key="recital")
    for name, side in (("known", result.known), ("invented", result.invented)):
        st.markdown(
            t(
                "**{name}**, given “{prompt}”, goes on: “{output}”",
                name=t(TEXTS[name]),
                prompt=literal(side.prompt),
                output=literal(side.output.strip()),
            )
        )
    frame = result.table()
    frame["text"] = [t(TEXTS[name]) for name in frame["text"]]
    show.table(frame.rename(columns={name: t(COLUMNS[name]) for name in frame}), label="Every token as a table")
    show.caveat(caveat_of("memorisation"))
    return RecitalView(trace, result)


def recital_chart(result: Memorisation, **options: Any) -> Any:
    """The surprisal of every token of both texts, on one scale."""
    sides = {"known": result.known, "invented": result.invented}
    rows = {
        t(TEXTS[name]): ([printable(token.text) for token in side.tokens], side.surprisal)
        for name, side in sides.items()
    }
    return figures.surprisal_bars(rows, translate=t, **({"title": "", "caption": ""} | options))
