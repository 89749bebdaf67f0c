"""A sentence is hidden in the text: is it found, wherever it stands and however long the text is?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, percent
from memviz.figures.style import phrases
from memviz.figures.style.statements import needle_statement
from memviz.progress import Progress
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import caveat_of, on_request, plain
from memviz.ui.shell import address, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import Needle

NEEDLE, QUESTION, ANSWER = "needle", "needle_question", "needle_answer"
USUAL = {
    NEEDLE: "The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.",
    QUESTION: "The best thing to do in San Francisco is",
    ANSWER: "eat a sandwich and sit in Dolores Park on a sunny day",
}
BOXES = {
    NEEDLE: "The sentence that is hidden",
    QUESTION: "What stands at the end of the text",
    ANSWER: "The answer that should follow",
}
LENGTHS = (64, 128, 256, 512, 1024, 2048)
LONGEST = 128
COLUMNS = {
    "length": "length",
    "depth": "depth",
    "tokens": "tokens",
    "value": "probability",
    "exact": "written by itself",
}


@dataclass(frozen=True)
class NeedleView:
    """A sentence in a long text; see `ForgetView`."""

    result: Needle
    typed: dict[str, str]

    @property
    def experiment(self) -> str:
        return "needle"

    @property
    def words(self) -> Sequence[Word]:
        return ()

    @property
    def covered(self) -> tuple[int, ...]:
        return ()

    def texts(self) -> dict[str, str]:
        return {name: text for name, text in self.typed.items() if text != USUAL[name]}

    def statement(self) -> str:
        return plain(needle_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t(phrases.NEEDLE_UNIT)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [needle_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        result = self.result
        return [
            SheetRow(
                t("{length} tokens, at {depth}", length=length, depth=f"{depth:.0%}"),
                (Bar(float(result.values[i, j]), percent(float(result.values[i, j]), digits=1), "blue"),),
                (float(result.controls[i]),) if j == len(result.depths) - 1 else (),
            )
            for i, length in enumerate(result.lengths)
            for j, depth in enumerate(result.depths)
        ]

    def code(self) -> str:
        typed = [self.typed[name] for name in (NEEDLE, QUESTION, ANSWER)]
        return (
            "result = memviz.experiments.needle(\n    reader,\n"
            + "".join(f"    {text!r},\n" for text in typed)
            + f"    text,\n    lengths={list(self.result.lengths)},\n)\n"
            "table = result.table()\nprint(table)\n"
        )

    def fields(self) -> dict[str, str]:
        lengths = ", ".join(map(str, self.result.lengths))
        return {"lengths": lengths, "depths": ", ".join(f"{depth:g}" for depth in self.result.depths)}


def show_needle(trace: Trace) -> NeedleView | None:
    """The needle, what is asked, and the grid; ``None`` where it was not asked for, or cannot be."""
    typed = {name: _type(name) for name in USUAL}
    longest = st.select_slider(
        t("Up to how many tokens of text around it"), LENGTHS, **state.url_bound("longest", LENGTHS, default=LONGEST)
    )
    lengths = tuple(length for length in LENGTHS if length <= longest)
    cost = t(
        "{count} texts are read, the longest of them of about {tokens} tokens.", count=6 * len(lengths), tokens=longest
    )
    settings = (trace.model.name, trace.text, *typed.values(), lengths)
    if not on_request("search", t("Look for the needle"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> Needle:
        from memviz.experiments import needle

        return needle(
            reader, typed[NEEDLE], typed[QUESTION], typed[ANSWER], trace.text, lengths=lengths, progress=progress
        )

    result = runs.experiment("needle", trace, settings, run)
    if result is None:
        return None
    st.markdown(f"## {needle_statement(result).render(t, literal)}")
    show.figure(needle_chart(result), key="needle_chart")
    if result.repeated:
        st.caption(t("The text is shorter than the longest of these, so it was repeated."))
    frame = result.table()
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="Every text as a table")
    show.caveat(caveat_of("needle"))
    return NeedleView(result, typed)


def _type(name: str) -> str:
    """What stands in one of the boxes; the usual text where nothing was typed, here or in a link."""
    if name not in st.session_state:
        st.session_state[name] = address.get(name) or USUAL[name]
    if address.get(name) not in (None, st.session_state[name]):
        address.put(name, "")
    return str(st.text_input(t(BOXES[name]), key=name, persist_state="session") or "")


def needle_chart(result: Needle, **options: Any) -> Any:
    """The grid of lengths and depths."""
    return figures.needle_map(result, **({"title": "", "caption": ""} | options), translate=t)
