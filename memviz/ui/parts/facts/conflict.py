"""What it read, or what it learned? The text says one thing, the weights another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow
from memviz.figures.charts.cover_bars import Row
from memviz.figures.style.fact_statements import conflict_statement
from memviz.figures.style.statements import value_text
from memviz.progress import Progress, progress_within
from memviz.tokens import Word, distinct_texts, printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import caveat_of, plain
from memviz.ui.parts.facts.choices import continues_texts, type_text
from memviz.ui.shell import runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import FactAgainstContext

CONTEXT, FACT = "context_word", "fact_word"
ROLES = {"nothing": "nothing", "covered": "the text's word", "control": "another instead"}


@dataclass(frozen=True)
class ConflictView:
    """A word of the text against a word of the weights; see `memviz.ui.parts.experiment.ForgetView`."""

    result: FactAgainstContext
    typed: tuple[str, str]

    @property
    def experiment(self) -> str:
        return "fact_against_context"

    @property
    def words(self) -> Sequence[Word]:
        return self.result.context.words

    @property
    def covered(self) -> tuple[int, ...]:
        return self.result.context.covered

    def texts(self) -> dict[str, str]:
        return {CONTEXT: self.typed[0], FACT: self.typed[1]}

    def statement(self) -> str:
        return plain(conflict_statement(self.result).render(t, str))

    def unit(self) -> str:
        return self.result.context.question.unit.render(t)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [conflict_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        context, fact = self.result.context, self.result.fact
        return [
            SheetRow(
                (side.question.answer or "").strip(),
                (
                    Bar(side.before, value_text("continuation", side.before), "blue"),
                    Bar(side.after, value_text("continuation", side.after), "orange"),
                ),
                tuple(context.controls.tolist()) if side is context else (),
            )
            for side in (context, fact)
        ]

    def code(self) -> str:
        word, fact = ((side.question.answer or "").strip() for side in (self.result.context, self.result.fact))
        return (
            f"result = memviz.experiments.fact_against_context(reader, text, {word!r}, {fact!r})\n"
            "print(result.switched, result.context.verdict)\n"
            "table = result.table()\nprint(table)\n"
        )

    def fields(self) -> dict[str, str]:
        return {"covered": f"words {list(self.covered)}", "seed": str(self.result.context.seed)}


def show_conflict(trace: Trace) -> ConflictView | None:
    """Both words with and without the edge to the text's; ``None``, with a message, where there are none."""
    if not continues_texts(trace):
        return None
    left, right = st.columns(2, gap="large")
    own = trace.next_tokens[0].text.strip()
    with left:
        word = type_text(
            CONTEXT, t("What the text says"), "", trace, placeholder=t("{answer} (the model's own)", answer=own)
        )
    with right:
        fact = type_text(
            FACT, t("What the weights say"), "", trace, placeholder=t("what comes through when that word is covered")
        )
    word, fact = word.strip(), fact.strip()
    if not word and own not in trace.text:
        st.info(
            t(
                "The model goes on with “{answer}”, and that is no word of the text: write what the text says.",
                answer=literal(printable(own)),
            ),
            icon=":material/edit:",
        )
        return None
    result = run_conflict(trace, word or own, fact)
    if result is None:
        return None
    st.markdown(f"## {conflict_statement(result).render(t, literal)}")
    show.figure(conflict_chart(result), key="conflict")
    frame = result.table()
    frame["role"] = [t(ROLES[role]) for role in frame["role"]]
    for name in ("context", "fact"):
        frame[name] = [value_text("continuation", value) for value in frame[name]]
    answers = [(side.question.answer or "").strip() for side in (result.context, result.fact)]
    frame.columns = [t("what was covered"), t("which words"), *answers]
    show.table(frame, label="Everything that was covered instead")
    show.caveat(caveat_of("fact_against_context"))
    return ConflictView(result, (word, fact))


def run_conflict(trace: Trace, word: str, fact: str) -> FactAgainstContext | None:
    """Both words, the second that which comes through when the first is covered, where none (``""``) was typed."""

    def run(reader: Reader, progress: Progress) -> FactAgainstContext:
        from memviz.experiments import cover, fact_against_context

        learned = fact
        if not learned:
            first = cover(reader, trace.text, word, word, progress=progress_within(progress, 0, 0.4))
            others = [each.text.strip() for each in first.candidates[1]]
            learned = next((other for other in others if other and other != word), word)
        return fact_against_context(reader, trace.text, word, learned, progress=progress_within(progress, 0.4, 1))

    return runs.experiment("fact_against_context", trace, (word, fact), run)


def conflict_chart(result: FactAgainstContext, **options: Any) -> Any:
    """The bars of both words, before and after, and what covering others did to the first."""
    context, names = result.context, distinct_texts(result.context.words)
    rows = [
        Row(printable((side.question.answer or "").strip()), side.before, side.after) for side in (context, result.fact)
    ]
    return figures.cover_bars(
        rows,
        kind="continuation",
        unit=context.question.unit.render(t),
        controls=context.controls,
        control_names=[" ".join(names[number] for number in run) for run in context.runs],
        translate=t,
        **({"title": "", "caption": ""} | options),
    )
