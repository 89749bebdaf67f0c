"""How a page speaks: its question, its pictures, its caveat, and what went wrong."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st

from memviz.errors import MemVizError
from memviz.figures import alt
from memviz.trace import Trace
from memviz.ui.shell import address
from memviz.ui.shell.i18n import t
from memviz.ui.shell.lone_page import ensure_frame
from memviz.ui.shell.markdown import LONGEST, brief, literal
from memviz.ui.shell.navigation import PAGES

MEANING = (
    "Weights say where the model looks, not why it answers: attention alone is not an explanation "
    "(Jain & Wallace 2019; Wiegreffe & Pinter 2019)."
)

SHORT = 20  # words of a text whose picture is small
FEW_HEADS = 9  # of a layer, that fit into a third of a page


def question(page: str, hint: str) -> None:
    """The question of the page of this path as its title, and one line on how to read the picture."""
    ensure_frame()
    address.leave_out_others(page)
    st.title(t(PAGES[page].question), anchor=False)
    st.markdown(t(hint))


def problem(error: MemVizError) -> None:
    """What happened, what we got, what to do: the one box in which an error becomes visible."""
    st.error(error.render(t, quote=literal), icon=":material/error:")


def notes(trace: Trace) -> None:
    """What a reader of this trace should know, one calm line each; nothing where there is nothing to say."""
    if trace.notes:
        st.info("  \n".join(note.render(t, literal) for note in trace.notes), icon=":material/info:")


def figure(chart: Any, *, key: str) -> None:
    """A Plotly figure with its text alternative, and below it what was done to get it."""
    narrow = chart.layout.meta.get("narrow", {})
    st.html(f"<style>{_css(chart, narrow, place=f'.st-key-{key}_place')}</style>")
    with st.container(key=f"{key}_place"):
        height: Literal["stretch", "content"] = "stretch" if "beside" in narrow else "content"
        st.plotly_chart(chart, key=key, alt=alt(chart), width="stretch", height=height, config={"displaylogo": False})
    st.caption(literal(chart.layout.meta["caption"]))


def _css(chart: Any, narrow: dict[str, int], *, place: str) -> str:
    """The style: a picture too narrow to be read is scrolled; square cells are as high as the width makes them."""
    least, layout = narrow.get("least", 0), chart.layout
    rules = f"{place} {{ container-type: inline-size; overflow: auto hidden; }} {place} > * {{ min-width: {least}px; }}"
    if "beside" not in narrow:
        return rules
    margins = layout.margin.t + layout.margin.b
    height = layout.height - margins
    square = f"(max(100cqw, {least}px) - {narrow['beside']}px) * {height / narrow['cells']:.4f}"
    return f"{rules} {place} > * {{ height: calc({margins}px + min({height}px, {square})); }}"


def table(frame: pd.DataFrame, *, label: str, **values: str) -> None:
    """The numbers behind a picture, folded away."""
    escaped = {name: brief(value) for name, value in values.items()}
    with st.expander(t(label, **escaped), icon=":material/table:"):
        st.dataframe(frame, hide_index=True, width="stretch", column_config=narrow(frame))


def narrow(frame: pd.DataFrame) -> dict[str, Any]:
    """For a table on a page: columns of long texts leave the others in sight; a click on a cell shows all of it."""

    def is_long(value: Any) -> bool:
        return isinstance(value, str) and len(value) > LONGEST

    long = [name for name in frame if frame[name].map(is_long).any()]
    return {name: st.column_config.Column(width="medium") for name in long}


def caveat(text: str = MEANING) -> None:
    """One honest sentence on what the picture does not show."""
    st.caption(t(text))


def model_line(trace: Trace) -> None:
    """Which model read this, how, and how long it took."""
    model = trace.model
    quantisation = f" ({literal(t(model.quantisation))})" if model.quantisation else ""
    line = t(
        "{name} · {layers} layers × {heads} heads · {tokens} tokens · {device}, {precision} · read in {seconds:.2f} s",
        name=literal(model.name) + quantisation,
        layers=model.layers,
        heads=model.heads,
        tokens=f"{len(trace.tokens):,}",
        device=model.device,
        precision=model.precision,
        seconds=trace.seconds.get("total", 0.0),
    )
    st.caption(line + (f" · {model.note.render(t, literal)}" if model.note else ""))


def two_columns(trace: Trace, *, pictures: int = 1) -> tuple[Any, Any]:
    """An overview and a detail side by side; one above the other on a phone.

    The detail stays in sight while a tall overview is scrolled. It gets more of the room where a text is long, and
    where two ``pictures`` of a short one stand in it side by side: then the overview keeps what its heads need.
    """
    shares = [5, 7] if len(trace.words) > SHORT else [1, 1]
    if pictures > 1 and len(trace.words) <= SHORT:
        shares = [1, 2] if trace.model.heads <= FEW_HEADS else [2, 3]
    overview, detail = st.columns(shares, gap="large" if pictures == 1 else "medium")
    return overview, detail.container(key="detail")
