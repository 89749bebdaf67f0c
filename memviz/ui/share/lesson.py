"""What a lesson gives away: a link for a class, a sheet to be printed, its numbers, and the Python for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from memviz import figures, tables
from memviz.figures import Part
from memviz.figures.charts.number_bars import number_texts
from memviz.serving.ticket import Ticket
from memviz.ui.components import copy_button
from memviz.ui.share.actions import offer_file
from memviz.ui.shell.i18n import language, language_tag, t
from memviz.version import __version__

if TYPE_CHECKING:
    from memviz.lessons import Finding, Lesson


@dataclass(frozen=True)
class LessonView:
    """A lesson on its text; ``finding`` is ``None`` while its numbers are hidden."""

    lesson: Lesson
    text: str
    finding: Finding | None

    def link_fields(self) -> dict[str, str]:
        """What a link to the lesson holds: never the answer."""
        fields = {"lang": language(), "lesson": self.lesson.name}
        return fields | ({"lesson_text": self.text} if self.text != self.lesson.text else {})

    def table(self) -> pd.DataFrame:
        """The numbers of the lesson, by name."""
        groups = () if self.finding is None else self.finding.groups
        rows = [(row.name.render(t), row.value, group.unit.render(t)) for group in groups for row in group.rows]
        return pd.DataFrame(rows, columns=["name", "value", "unit"])

    def provenance_fields(self) -> dict[str, str]:
        """Where the numbers come from."""
        model = self.lesson.model or "trained for this lesson"
        units = {} if self.finding is None else {"unit": "; ".join(each.unit.render() for each in self.finding.groups)}
        return {"MemViz": __version__, "model": model, "lesson": self.lesson.name, "text": self.text} | units

    def handout(self, *, answers: bool) -> str:
        """The lesson as a sheet to be printed; with the ``answers`` on a page of their own."""
        lesson, finding = self.lesson, self.finding
        parts = [
            Part("", [t(lesson.idea)], quotation=self.text),
            Part(t("Look"), [t(lesson.task)]),
            Part(t("Predict"), [t(lesson.question)], boxes=[t(option) for option in lesson.options]),
            Part(t("What did you see?"), lines=3),
        ]
        if answers and finding is not None:
            told = [t(lesson.options[finding.answer]), finding.statement.render(t)]
            for number, group in enumerate(finding.groups):
                numbers = number_texts([row.value for row in group.rows], share=group.is_share)
                names = [row.name.render(t) for row in group.rows]
                shown = pd.DataFrame({t("of what"): names, group.unit.render(t): numbers})
                title, said = ("", []) if number else (t("Answer"), told)
                parts.append(Part(title, said, table=shown, fresh=not number))
            parts.append(Part(t("What this does not show"), [t(lesson.caveat)]))
        return figures.handout(
            parts, title=t(lesson.title), provenance=self.provenance_fields(), language=language_tag(), translate=t
        )

    def code(self) -> str:
        """The Python that measures the same."""
        return f"""from memviz.lessons import LESSONS
from memviz.progress import no_progress

lesson = LESSONS[{self.lesson.name!r}]
text = {self.text!r}
finding = lesson.measure(lesson.subject(), text, no_progress)
print(finding.statement)
for group in finding.groups:
    for row in group.rows:
        print(row.name, row.value, group.unit)
print(lesson.options[finding.answer])
"""


def lesson_bar(view: LessonView) -> None:
    """The small actions at the foot of a lesson."""
    row = st.container(horizontal=True, gap="small")
    here = (st.context.url or "").partition("?")[0]
    with row.container(width="content"):
        copy_button(
            t("Copy link for the class"),
            f"{here}?{urlencode(view.link_fields())}",
            done=t("Copied. The link opens this lesson with its text and model; the answer is hidden."),
            by_hand=t("This browser lets no page copy: take the link from here."),
            key="lesson_link",
        )
    base = f"memviz-lesson-{view.lesson.name}"
    ticket = Ticket(view)
    offer_file(row, t("Sheet to print"), ticket, _sheet, file=f"{base}.html", mime="text/html", key="sheet")
    if view.finding is not None:
        file = f"{base}-answers.html"
        offer_file(row, t("Sheet with answers"), ticket, _answers, file=file, mime="text/html", key="sheet_answers")
        offer_file(row, t("Numbers, CSV"), ticket, _csv, file=f"{base}.csv", mime="text/csv", key="lesson_csv")
    with row.popover(t("Show as Python"), icon=":material/code:", type="tertiary"):
        st.code(view.code(), language="python")


def _sheet(view: LessonView) -> str:
    return view.handout(answers=False)


def _answers(view: LessonView) -> str:
    return view.handout(answers=True)


def _csv(view: LessonView) -> str:
    return tables.csv(view.table())
