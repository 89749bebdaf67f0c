"""Names, dates and places as memory: which of them do later words look back at?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, times
from memviz.figures.style.fact_statements import entity_statement
from memviz.progress import Progress
from memviz.trace import Trace
from memviz.ui.parts import experiment
from memviz.ui.parts.experiment.view import TraceView, caveat_of, plain
from memviz.ui.shell import frame, navigation, runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief, joined, literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import Entities

ROLES = {"name": "name", "place": "place", "date": "date", "control": "another word"}
TINTS = {"name": "blue", "place": "green", "date": "orange"}
MOST = 24  # words that are drawn beside the spans


@dataclass(frozen=True)
class EntitiesView(TraceView):
    """Who is looked back at; see `memviz.ui.parts.experiment.ForgetView`."""

    trace: Trace
    result: Entities
    experiment: str = "entities"

    def statement(self) -> str:
        return plain(entity_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t("attention of later words, over an even look (× uniform)")

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [entity_chart(self.result)]

    def rows(self) -> list[SheetRow]:
        result = self.result
        return [
            SheetRow(entity.text, (Bar(float(lift), times(float(lift)), "blue"),), (result.control,))
            for entity, lift in zip(result.entities, result.lifts, strict=True)
            if np.isfinite(lift)
        ]

    def code(self) -> str:
        return "result = memviz.experiments.entities(reader, text)\ntable = result.table()\nprint(table)\n"

    def fields(self) -> dict[str, str]:
        return {"found": ", ".join(f"{entity.text} ({entity.kind})" for entity in self.result.entities)}


def show_entities(trace: Trace) -> EntitiesView | None:
    """The spans in the text, and how hard later words look at them; ``None``, with a message, where there are none."""

    def run(reader: Reader, progress: Progress) -> Entities:
        from memviz.experiments import entities

        return entities(reader, trace.text, progress=progress)

    result = runs.experiment("entities", trace, None, run)
    if result is None:
        return None
    st.markdown(marked_text(result))
    row = st.container(horizontal=True, gap="medium")
    for kind, colour in TINTS.items():
        row.markdown(f":{colour}[**{t(ROLES[kind])}**]", width="content")
    st.markdown(f"## {entity_statement(result).render(t, literal)}")
    if np.isfinite(result.lifts).any():
        show.figure(entity_chart(result), key="entities")
    table = result.table()
    table["role"] = [t(ROLES[role]) for role in table["role"]]
    table["lift"] = [times(lift) for lift in table["lift"]]
    table.columns = [t("what it is"), t("which words"), t("over an even look")]
    show.table(table, label="Every span and every other word as a table")
    st.caption(t("“–”: fewer words follow than are needed to say anything."))
    _offer_forget(trace, result)
    show.caveat(caveat_of("entities"))
    return EntitiesView(trace, result)


def marked_text(result: Entities) -> str:
    """The text as markdown, its spans in the colour of their kind."""
    kinds = {number: entity.kind for entity in result.entities for number in entity.numbers}
    parts: list[str] = []
    for number, word in enumerate(result.words):
        if word.special:
            continue
        text = literal(word.text)
        gap = " " if (word.space or word.newline) and parts else ""
        parts.append(gap + (f":{TINTS[kinds[number]]}[**{text}**]" if number in kinds else text))
    return joined(parts)


def entity_chart(result: Entities) -> Any:
    """The spans, then the other words that are looked at hardest, with the middle of all of these as a line."""
    spans = [(entity.text, lift) for entity, lift in zip(result.entities, result.lifts, strict=True) if lift == lift]
    order = np.argsort(-result.controls, kind="stable")[:MOST]
    others = [(result.words[result.others[place]].text, float(result.controls[place])) for place in order]
    blank = np.full(len(spans) + len(others), np.nan)
    entities, controls = blank.copy(), blank
    entities[: len(spans)] = [lift for _, lift in spans]
    controls[len(spans) :] = [lift for _, lift in others]
    best = max(spans, key=lambda span: span[1])
    return figures.value_lines(
        [name for name, _ in (*spans, *others)],
        {t("names, dates, places"): entities, t("other words"): controls},
        unit=t("over an even look"),
        across=t("spans in reading order, then other words, hardest first"),
        bars=True,
        controls=[t("other words")],
        level=(t("middle of the other words"), result.control) if others else None,
        alt=t(
            "Bars: how hard later words look at {count} names, dates and places, and at {others} other words. The "
            "highest of the former is “{entity}”: {lift}.",
            count=len(spans),
            others=len(others),
            entity=best[0],
            lift=times(float(best[1])),
        ),
    )


def _offer_forget(trace: Trace, result: Entities) -> None:
    """To the page Forget, with the span covered that is looked back at hardest."""
    if trace.output is not None or not np.isfinite(result.lifts).any():
        return
    best = result.entities[int(np.nanargmax(result.lifts))]
    label = t("Does it matter? Cover “{word}”", word=brief(best.text))
    if st.button(label, key="cover_entity", icon=":material/visibility_off:"):
        frame.carry(trace.text)
        experiment.put_subject(trace, covered=best.numbers)
        navigation.open_page("forget")
