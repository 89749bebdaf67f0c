"""Do rankings of the words, such as attention, agree with what happens when each word is taken away?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow
from memviz.figures.style import phrases
from memviz.figures.style.numbers import signed
from memviz.figures.style.statements import agreement_statement, strongest_statement, uniqueness_statement
from memviz.progress import Progress
from memviz.tokens import Word
from memviz.trace import Trace
from memviz.ui.parts.experiment.subject import SubjectView, choose_answer
from memviz.ui.parts.experiment.view import caveat_of, on_request, plain
from memviz.ui.shell import runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import Agreement

RANKINGS = {
    "attention": "attention (mean of all heads)",
    "last layer": "attention of the last layer",
    "value norm": "value norm",
    "rollout": "attention rollout",
    "gradient × input": "gradient × input",
    "Chefer": "Chefer relevance",
    "hidden from sight": "hiding the word from sight",
    "random": "a random order",
}
COLUMNS = {
    "ranking": "ranking",
    "spearman": "rank correlation",
    "low": "random orders from",
    "high": "random orders to",
    "comprehensiveness": "comprehensiveness",
    "sufficiency": "sufficiency",
}


@dataclass(frozen=True)
class AgreementView(SubjectView):
    """Rankings of the words beside taking them away; see `ForgetView`."""

    result: Agreement

    @property
    def experiment(self) -> str:
        return "agree"

    @property
    def words(self) -> Sequence[Word]:
        return self.result.blank.words

    def statement(self) -> str:
        return plain(agreement_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t(phrases.AGREEMENT_UNIT)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [agreement_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        return [
            SheetRow(
                t(RANKINGS[ranking.name]),
                (Bar(abs(ranking.spearman), signed(ranking.spearman), "blue" if ranking.spearman > 0 else "orange"),),
            )
            for ranking in self.result.rankings
            if ranking.spearman == ranking.spearman
        ]

    def code(self) -> str:
        answer = "" if self.subject.answer is None else f", answer={self.subject.answer!r}"
        return f"result = memviz.experiments.agree(reader, text{answer})\ntable = result.table()\nprint(table)\n"

    def fields(self) -> dict[str, str]:
        return {"seed": str(self.result.seed)}


def show_agreement(trace: Trace) -> AgreementView | None:
    """The rankings with the band of random orders; ``None`` where it was not asked for, or cannot be."""
    subject = choose_answer(trace, covers=False)
    if subject is None:
        return None
    settings = (trace.model.name, trace.text, subject.answer)
    cost = t("The text is asked about twice for each of its words, and about 60 times more.")
    if not on_request("compare", t("Compare the rankings"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> Agreement:
        from memviz.experiments import agree

        return agree(reader, trace.text, subject.answer, progress=progress)

    result = runs.experiment("agree", trace, subject.answer, run)
    if result is None:
        return None
    st.markdown(f"## {agreement_statement(result).render(t, literal)}")
    strongest = strongest_statement(result)
    if strongest is not None:
        st.markdown(strongest.render(t, literal))
    show.figure(agreement_chart(result), key="agreement_chart")
    frame = result.table()
    frame["ranking"] = [t(RANKINGS[name]) for name in frame["ranking"]]
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="Every ranking as a table")
    st.caption(
        t(
            "Comprehensiveness: how much of the answer goes with the words that a ranking calls strongest (much is "
            "good). Sufficiency: how much of it is missing with these words alone (little is good)."
        )
    )
    if trace.model.head_dim:
        st.caption(uniqueness_statement(len(result.blank.question.tokens), trace.model.head_dim).render(t, literal))
    show.caveat(caveat_of("agree"))
    return AgreementView(subject, result)


def agreement_chart(result: Agreement, **options: Any) -> Any:
    """The dots and bands of all rankings."""
    names = [t(RANKINGS[ranking.name]) for ranking in result.rankings]
    return figures.agreement_bands(result.rankings, names, **({"title": "", "caption": ""} | options), translate=t)
