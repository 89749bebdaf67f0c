"""Words are covered: what the model answers then, and what it answers when others are covered instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow
from memviz.figures.charts.cover_bars import Row
from memviz.figures.style.labels import shorten
from memviz.figures.style.statements import cover_statement, value_text
from memviz.progress import Progress
from memviz.tokens import Word, distinct_texts, printable
from memviz.trace import Candidate, Trace
from memviz.ui.parts.experiment.subject import Subject, choose_answer, choose_words
from memviz.ui.parts.experiment.view import plain
from memviz.ui.shell import runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import LONGEST, literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import Cover, CoverByLayer

OTHERS = 5  # of the likeliest words that are shown beside the answer
RELAYS = (
    "No effect does not mean unused: the model may have carried the word into other words' states before, and the "
    "rest of the attention is shared out anew."
)
COLUMNS = {
    "role": "what was covered",
    "words": "which words",
    "tokens": "token positions",
    "value": "answer",
    "effect": "effect",
}
ROLES = {"nothing": "nothing", "covered": "the chosen words", "control": "another instead"}


@dataclass(frozen=True)
class CoverView:
    """What covering words did, and, where it was asked for, layer by layer; see `ForgetView`."""

    subject: Subject
    result: Cover
    by_layer: CoverByLayer | None = None

    @property
    def covered(self) -> tuple[int, ...]:
        return self.result.covered

    @property
    def experiment(self) -> str:
        return "cover"

    @property
    def words(self) -> Sequence[Word]:
        return self.result.words

    def texts(self) -> dict[str, str]:
        return {"answer": self.subject.answer or ""}

    def statement(self) -> str:
        return plain(cover_sentence(self.result, quote=str))

    def unit(self) -> str:
        return self.result.question.unit.render(t)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        charts = [cover_chart(self.result, title=None, caption=None)]
        return charts if self.by_layer is None else [*charts, layer_chart(self.by_layer, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        kind = self.result.question.kind
        rows = [
            SheetRow(
                row.text,
                _bars(kind, row),
                tuple(self.result.controls.tolist()) if not number else (),
            )
            for number, row in enumerate(_rows(self.result))
        ]
        if self.by_layer is not None:
            values = zip(layer_names(self.by_layer), self.by_layer.values.tolist(), strict=True)
            rows += [SheetRow(name, (Bar(value, value_text(kind, value), "orange"),)) for name, value in values]
        return rows

    def code(self) -> str:
        options = "" if self.subject.answer is None else f", answer={self.subject.answer!r}"
        options += "" if self.subject.queries == "answer" else f", queries={self.subject.queries!r}"
        words = list(self.result.covered)
        sweep = ""
        if self.by_layer is not None:
            window = self.by_layer.window
            sweep = (
                f"sweep = memviz.experiments.cover_by_layer(reader, text, {words}{options}, window={window})\n"
                "print(sweep.table())\n"
            )
        return (
            f"result = memviz.experiments.cover(reader, text, {words}{options})\n"
            "print(result.before, result.after, result.control, result.range, result.verdict)\n"
            f"table = result.table()\nprint(table)\n{sweep}"
        )

    def fields(self) -> dict[str, str]:
        return {
            "covered": f"words {list(self.result.covered)}, for {self.subject.queries}",
            "seed": str(self.result.seed),
        }


def show_words(trace: Trace) -> CoverView | None:
    """The text, its words to be covered, and what that did; ``None`` where none is covered, or it failed."""
    covered = choose_words(trace)
    subject = choose_answer(trace, covered)
    return None if subject is None else show_cover(subject)


def show_cover(subject: Subject) -> CoverView | None:
    """What covering the chosen words did; ``None`` where none is chosen, or it failed."""
    if not subject.covered:
        st.info(t("Tap a word of the text above to cover it."), icon=":material/touch_app:")
        show.figure(plain_chart(subject), key="answers")
        return None
    result = run_cover(subject.trace, subject.covered, subject.answer, queries=subject.queries)
    if result is None:
        return None
    st.markdown(f"## {cover_sentence(result)}")
    show.figure(cover_chart(result), key="answers")
    show_controls(result)
    show.caveat(RELAYS)
    return CoverView(subject, result, show_layers(subject))


def run_cover(
    trace: Trace,
    covered: Sequence[int],
    answer: str | None = None,
    *,
    queries: str = "answer",
    head: tuple[int, int] | None = None,
    languages: tuple[str, str] | None = None,
) -> Cover | None:
    """Covers words of a text by number, in one ``head`` alone or in all; ``None``, with a message, if it cannot be.

    ``answer``, and ``languages`` of a translation, as in `Reader.ask`.
    """

    def run(reader: Reader, progress: Progress) -> Cover:
        from memviz.experiments import cover

        return cover(
            reader,
            reader.ask(trace.text, answer, pair=trace.pair, languages=languages),
            covered,
            queries="all" if queries == "all" else "answer",
            layers=None if head is None else head[:1],
            heads=None if head is None else head[1:],
            progress=progress,
        )

    return runs.experiment("cover", trace, (tuple(covered), answer, queries, head, languages), run)


def _bars(kind: str, row: Row) -> tuple[Bar, ...]:
    """Before and after, as far as they are known."""
    bars = []
    if row.before is not None:
        bars.append(Bar(row.before, value_text(kind, row.before), "blue"))
    if row.after is not None:
        bars.append(Bar(row.after, value_text(kind, row.after), "orange"))
    return tuple(bars)


def cover_sentence(result: Cover, quote: Callable[[str], str] = literal) -> str:
    """What is said of the result, as markdown; its words through ``quote``."""
    names = distinct_texts(result.words)
    return cover_statement(result, [shorten(names[number], LONGEST) for number in result.covered]).render(t, quote)


def cover_chart(result: Cover, **options: Any) -> Any:
    """The bars of the answer and of the likeliest others, before and after."""
    names = distinct_texts(result.words)
    return figures.cover_bars(
        _rows(result),
        kind=result.question.kind,
        unit=result.question.unit.render(t),
        controls=result.controls,
        control_names=[" ".join(names[number] for number in run) for run in result.runs],
        translate=t,
        **({"title": "", "caption": ""} | options),
    )


def plain_chart(subject: Subject) -> Any:
    """The bars with nothing covered."""
    question = subject.question
    rows = [Row(_answer_text(question.kind, question.answer), subject.value, None)]
    if question.kind in ("continuation", "mask"):
        rows += _other_rows((subject.candidates, ()), question.answers)
    return figures.cover_bars(
        rows,
        kind=question.kind,
        unit=question.unit.render(t),
        controls=np.zeros(0),
        control_names=[],
        title="",
        caption="",
        translate=t,
    )


def _rows(result: Cover) -> list[Row]:
    question = result.question
    rows = [Row(_answer_text(question.kind, question.answer), result.before, result.after)]
    if question.kind in ("continuation", "mask"):
        rows += _other_rows(result.candidates, question.answers)
    return rows


def _answer_text(kind: str, answer: str | None) -> str:
    return t("vector of the text") if kind == "vector" else printable((answer or "").strip() or answer or "␣")


def _other_rows(both: tuple[Sequence[Candidate], Sequence[Candidate]], answers: Sequence[int]) -> list[Row]:
    """The likeliest tokens besides the answer, before or after; of an answer of several tokens its first is one."""
    shares: list[dict[int, float]] = [{each.id: each.probability for each in side} for side in both]
    texts = {each.id: each.text for side in both for each in side}
    others = [token for token in texts if len(answers) != 1 or token != answers[0]]
    others.sort(key=lambda token: -max(side.get(token, 0.0) for side in shares))
    return [
        Row(printable(texts[token].strip() or texts[token] or "␣"), shares[0].get(token), shares[1].get(token))
        for token in others[:OTHERS]
    ]


def show_controls(result: Cover) -> None:
    """Everything that was covered instead, as a table."""
    frame = result.table()
    frame["role"] = [t(ROLES[role]) for role in frame["role"]]
    frame["value"] = [value_text(result.question.kind, value) for value in frame["value"]]
    frame["effect"] = [f"{effect:+.3f}" for effect in frame["effect"]]
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="Everything that was covered instead")


def show_layers(subject: Subject) -> CoverByLayer | None:
    """The same in a few layers at a time; ``None`` where nobody asked for it."""
    if not st.toggle(t("Layer by layer"), **state.url_bound("by_layer", state.SWITCH)):
        return None

    def run(reader: Reader, progress: Progress) -> CoverByLayer:
        from memviz.experiments import cover_by_layer

        return cover_by_layer(
            reader,
            subject.trace.text,
            subject.covered,
            subject.answer,
            window=_window(reader.info.layers),
            queries=subject.queries,
            progress=progress,
        )

    settings = (subject.covered, subject.answer, subject.queries)
    result = runs.experiment("cover_by_layer", subject.trace, settings, run)
    if result is not None:
        show.figure(layer_chart(result), key="by_layer_chart")
        show.caveat("A window without effect may only be one of several that can fetch the word.")
    return result


def _window(layers: int) -> int:
    """How many layers at a time, so that there are about six windows."""
    return max(1, -(-layers // 6))


def layer_names(result: CoverByLayer) -> list[str]:
    """What each window of layers is called: L0–4."""
    ends = [min(start + result.window, result.layers) - 1 for start in result.starts]
    return [f"L{start}" if start == end else f"L{start}–{end}" for start, end in zip(result.starts, ends, strict=True)]


def layer_chart(result: CoverByLayer, **options: Any) -> Any:
    """The bars of a layer sweep."""
    whole = result.cover
    return figures.layer_bars(
        layer_names(result),
        result.values,
        kind=whole.question.kind,
        unit=whole.question.unit.render(t),
        before=whole.before,
        controls=whole.controls,
        translate=t,
        **({"title": "", "caption": ""} | options),
    )
