"""Heads are unplugged: what the model answers then, and which heads read an answer off the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures, measures
from memviz.figures import Bar, SheetRow, head_name, percent
from memviz.figures.charts.cover_bars import UNPLUGGING, Row
from memviz.figures.style.statements import retrieval_statement, unplug_statement, value_text
from memviz.memory import Memory
from memviz.progress import Progress
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.components import heads_grid
from memviz.ui.components.grid import LABELS, last_click
from memviz.ui.parts.experiment.subject import Subject, SubjectView, choose_answer, get_heads, put_heads
from memviz.ui.parts.experiment.view import caveat_of, on_request, plain
from memviz.ui.shell import address, runs, show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import literal

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.experiments import RetrievalHeads, Unplug

Head = tuple[int, int]
BOX, CLICK, PART = "unplugged_box", "unplugged_click", "part"
WAYS = {"mean": "to its mean over the text", "zero": "to zero"}
MOST = 8  # heads that are unplugged at one click
STAND_IN = (
    "Other heads can do the same work, and a model without a head sees states it never saw in training: no effect does "
    "not mean that the head does nothing."
)
ROLES = {"nothing": "nothing", "unplugged": "the chosen heads", "control": "others instead"}
COLUMNS = {
    "role": "what was unplugged",
    "heads": "which heads",
    "value": "answer",
    "effect": "effect",
    "ordinary": "ordinary text",
}


@dataclass(frozen=True)
class UnplugView(SubjectView):
    """What unplugging heads did; see `ForgetView`."""

    result: Unplug

    @property
    def experiment(self) -> str:
        return "unplug"

    def statement(self) -> str:
        return plain(unplug_sentence(self.result, quote=str))

    def unit(self) -> str:
        return self.result.question.unit.render(t)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [unplug_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        result, kind = self.result, self.result.question.kind
        both = ((t("all heads"), result.before, "blue"), (t("unplugged"), result.after, "orange"))
        rows = [SheetRow(name, (Bar(value, value_text(kind, value), colour),)) for name, value, colour in both]  # type: ignore[arg-type]
        draws = zip(result.draws, result.controls.tolist(), strict=True)
        return rows + [SheetRow(_names(draw), (Bar(value, value_text(kind, value), "muted"),)) for draw, value in draws]

    def code(self) -> str:
        names = [head_name(*head) for head in self.result.heads]
        options = "" if self.subject.answer is None else f", answer={self.subject.answer!r}"
        return (
            f"result = memviz.experiments.unplug(reader, text, {names}{options}, by={self.result.by!r})\n"
            "print(result.before, result.after, result.controls, result.ordinary, result.verdict)\n"
            "table = result.table()\n"
        )

    def fields(self) -> dict[str, str]:
        return {"unplugged": f"{_names(self.result.heads)}, by {self.result.by}", "seed": str(self.result.seed)}


@dataclass(frozen=True)
class RetrievalView(SubjectView):
    """Which heads read a part of the text off it, word by word; see `ForgetView`."""

    result: RetrievalHeads
    part: str

    @property
    def experiment(self) -> str:
        return "retrieval_heads"

    def texts(self) -> dict[str, str]:
        return {**super().texts(), PART: self.part}

    def statement(self) -> str:
        return plain(retrieval_statement(self.result).render(t, str))

    def unit(self) -> str:
        return t(RETRIEVAL_UNIT)

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return []

    def rows(self) -> list[SheetRow]:
        return [
            SheetRow(head_name(row.layer, row.head), (Bar(row.score, percent(row.score), "blue"),), (row.control,))
            for row in _best(self.result)
        ]

    def code(self) -> str:
        return (
            f"result = memviz.experiments.retrieval_heads(reader, text, {self.part!r})\n"
            "print(result.output)\ntable = result.table()\nprint(table.head(8))\n"
        )

    def fields(self) -> dict[str, str]:
        return {"copied": str(self.result.copied)}


RETRIEVAL_UNIT = (
    "share of the tokens of this part that a head looked at hardest just before they were written, 0 to 1; stroke: the "
    "same of any other stretch as long"
)


def show_heads(trace: Trace) -> UnplugView | RetrievalView | None:
    """The grid of heads, what unplugging some did, and the retrieval heads; ``None`` while none is chosen."""
    subject = choose_answer(trace, covers=False)
    if subject is None:
        return None
    grid, effect = show.two_columns(trace)
    with grid:
        heads = choose_heads(subject)
    with effect:
        view = _show_unplug(subject, heads)
    retrieval = _show_retrieval(subject)
    return view or retrieval


def choose_heads(subject: Subject) -> tuple[Head, ...]:
    """The heads that are unplugged: clicked in the grid, or chosen by name."""
    trace, kind = subject.trace, subject.question.memory
    layers, count = subject.shape
    heads = [head for head in get_heads(trace) if head[0] < layers and head[1] < count]
    if kind in trace.memories:
        heads = _clicked(trace, trace.memory(kind), heads)
    st.session_state[BOX] = heads
    st.multiselect(
        t("Unplugged heads"),
        list(np.ndindex(layers, count)),
        format_func=lambda head: head_name(*head),
        key=BOX,
        on_change=_take_box,
        args=(trace,),
        placeholder=t("None yet: click a head above, or type a name such as {name}", name=head_name(layers - 1, 0)),
    )
    put_heads(trace, heads)
    return tuple(heads)


def _take_box(trace: Trace) -> None:
    put_heads(trace, st.session_state[BOX])


def _clicked(trace: Trace, memory: Memory, heads: list[Head]) -> list[Head]:
    """The grid; a click unplugs a head, another plugs it in again."""
    key = f"unplug_{memory.kind}"
    roles = measures.roles(memory)
    names = {role: t(role) for role in measures.ROLES}
    before = last_click(key, shape=(memory.layers, memory.heads))
    if before is not None and before.click != st.session_state.get(CLICK):
        st.session_state[CLICK] = before.click
        heads = [head for head in heads if head != before.value] if before.value in heads else [*heads, before.value]
    heads_grid(
        memory.summary.thumbnail,
        scores={},
        roles=roles,
        labels={name: t(text) for name, text in LABELS.items()} | names,
        score_labels={},
        selected=heads[-1] if heads else (0, 0),
        marked=heads,
        range_note=t("Crossed out: unplugged. A click unplugs a head, another plugs it in again."),
        key=key,
    )
    return heads


def _show_unplug(subject: Subject, heads: Sequence[Head]) -> UnplugView | None:
    if not heads:
        st.info(t("Click a head of the grid to unplug it."), icon=":material/touch_app:")
        return None
    by = st.segmented_control(
        t("What a head writes is set"),
        list(WAYS),
        format_func=lambda name: t(WAYS[name]),
        required=True,
        **state.url_bound("by", WAYS),
    )
    result = run_unplug(subject.trace, heads, subject.answer, by=by or "mean")
    if result is None:
        return None
    st.markdown(f"## {unplug_sentence(result)}")
    show.figure(unplug_chart(result), key="unplug_chart")
    frame = result.table()
    frame["role"] = [t(ROLES[role]) for role in frame["role"]]
    frame["value"] = [value_text(result.question.kind, value) for value in frame["value"]]
    frame["effect"] = [f"{effect:+.3f}" for effect in frame["effect"]]
    frame["ordinary"] = [f"{value:.3f}" for value in frame["ordinary"]]
    frame.columns = [t(COLUMNS[name]) for name in frame.columns]
    show.table(frame, label="Everything that was unplugged instead")
    show.caveat(STAND_IN)
    return UnplugView(subject, result)


def run_unplug(trace: Trace, heads: Sequence[Head], answer: str | None = None, *, by: str = "mean") -> Unplug | None:
    """Unplugs heads; ``None``, with a message, where they cannot be."""

    def run(reader: Reader, progress: Progress) -> Unplug:
        from memviz.experiments import unplug

        way = "zero" if by == "zero" else "mean"
        question = reader.ask(trace.text, answer, pair=trace.pair)
        return unplug(reader, question, list(heads), by=way, progress=progress)  # type: ignore[arg-type]

    return runs.experiment("unplug", trace, (tuple(heads), answer, by), run)


def unplug_sentence(result: Unplug, quote: Callable[[str], str] = literal) -> str:
    """What is said of the result, as markdown; its words through ``quote``."""
    return unplug_statement(result).render(t, quote)


def unplug_chart(result: Unplug, **options: Any) -> Any:
    """The bars of the answer with all heads and without some, and the draws beside them."""
    answer = result.question.answer
    name = t("vector of the text") if answer is None else printable(answer.strip() or "␣")
    return figures.cover_bars(
        [Row(name, result.before, result.after)],
        kind=result.question.kind,
        unit=result.question.unit.render(t),
        controls=result.controls,
        control_names=[_names(draw) for draw in result.draws],
        wording=UNPLUGGING,
        translate=t,
        **({"title": "", "caption": ""} | options),
    )


def _show_retrieval(subject: Subject) -> RetrievalView | None:
    """Which heads read a part of the text off it; ``None`` where it was not asked for, or cannot be."""
    if subject.question.kind != "continuation":
        return None
    trace = subject.trace
    st.header(t("Which heads read the answer off the text?"), anchor=False)
    part = _type_part(subject)
    if not part.strip():
        return None
    settings = (trace.model.name, trace.text, part)
    cost = t("The text is continued by as many tokens as this part has, and read once.")
    if not on_request("retrieval", t("Find retrieval heads"), settings, cost=cost):
        return None

    def run(reader: Reader, progress: Progress) -> RetrievalHeads:
        from memviz.experiments import retrieval_heads

        return retrieval_heads(reader, trace.text, part, progress=progress)

    result = runs.experiment("retrieval_heads", trace, part, run)
    if result is None:
        return None
    st.markdown(f"### {retrieval_statement(result).render(t, literal)}")
    best = _best(result)
    table = pd.DataFrame(
        {
            t("head"): [head_name(row.layer, row.head) for row in best],
            t("tokens of this part"): [percent(row.score) for row in best],
            t("another stretch, at most"): [percent(row.control) for row in best],
        }
    )
    st.dataframe(table, hide_index=True, width="content")
    show.caveat(caveat_of("retrieval_heads"))
    chosen = [(row.layer, row.head) for row in best]
    if chosen and st.button(t("Unplug these heads"), key="unplug_these"):
        put_heads(trace, chosen)
        st.rerun()
    return RetrievalView(subject, result, part)


def _type_part(subject: Subject) -> str:
    """The part of the text that the answer is read from: typed, or the model's answer where that stands in the text."""
    of = (subject.trace.model.name, subject.trace.text)
    if PART not in st.session_state or st.session_state.get(f"{PART}_of", of) != of:
        answer = (subject.question.answer or "").strip()
        stands = answer and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", subject.trace.text)
        usual = answer if stands else ""
        st.session_state[PART] = (address.get(PART) if PART not in st.session_state else None) or usual
    st.session_state[f"{PART}_of"] = of
    if address.get(PART) not in (None, st.session_state[PART]):
        address.put(PART, "")
    label = t("A part of the text that the model goes on with")
    return str(st.text_input(label, key=PART, persist_state="session") or "")


def _best(result: RetrievalHeads) -> list[Any]:
    """The heads with the greatest scores, those without any left out."""
    return [row for row in result.table().head(MOST).itertuples() if row.score > 0]


def _names(heads: Sequence[Head]) -> str:
    return " ".join(head_name(*head) for head in heads)
