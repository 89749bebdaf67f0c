"""One unit of a memory that fades, step by step: no look-up, one number that is mixed anew with every token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, percent
from memviz.memory.recurrent import Recurrent
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import TraceView
from memviz.ui.parts.formula.choices import RECURRENT, choose_token
from memviz.ui.parts.formula.numbers import TERMS, number, say_sum, tex, write_sum
from memviz.ui.shell import show, state
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief

LAYER, UNIT = "recurrent_layer", "unit"
EXACT = 1e-4


@dataclass(frozen=True)
class RecurrentView(TraceView):
    """One unit after one step, to be taken along; see `memviz.ui.parts.experiment.ForgetView`."""

    trace: Trace
    memory: Recurrent
    layer: int
    box: int
    step: int
    experiment: str = "formula"

    def place(self) -> dict[str, str]:
        """The layer, the unit and the step, as the address names them."""
        return {"kind": RECURRENT, LAYER: str(self.layer), UNIT: str(self.box), "token": str(self.step)}

    def statement(self) -> str:
        return f"{kept_sentence(self, str)} {state_sentence(self)}".replace("**", "")

    def unit(self) -> str:
        return t("share of what the unit holds, 0 to 1")

    def table(self) -> pd.DataFrame:
        """One row a step up to this: token, gate, candidate, its share and its part in the state, the state."""
        stop, layer, unit = self.step + 1, self.layer, self.box
        memory = self.memory
        return pd.DataFrame(
            {
                "step": range(stop),
                "token": [token.text for token in memory.keys[:stop]],
                "gate": memory.gates[layer, :stop, unit],
                "candidate": memory.candidates[layer, :stop, unit],
                "weight": memory.pattern(layer, unit)[self.step, :stop],
                "term": memory.terms(layer, unit, self.step)[:stop],
                "state": memory.states[layer, :stop, unit],
            }
        )

    def charts(self) -> list[Any]:
        return [share_chart(self)]

    def rows(self) -> list[SheetRow]:
        frame = self.table()
        return [
            SheetRow(printable(row.token), (Bar(float(row.weight), percent(float(row.weight)), "blue"),))
            for row in frame.itertuples()
        ]

    def code(self) -> str:
        return (
            "import pandas\n\n"
            "memory = reader.read(text).recurrent\n"
            f"layer, unit, step = {self.layer}, {self.box}, {self.step}\n"
            "stop = step + 1\n"
            "table = pandas.DataFrame({\n"
            '    "step": range(stop),\n'
            '    "token": [token.text for token in memory.keys[:stop]],\n'
            '    "gate": memory.gates[layer, :stop, unit],\n'
            '    "candidate": memory.candidates[layer, :stop, unit],\n'
            '    "weight": memory.pattern(layer, unit)[step, :stop],\n'
            '    "term": memory.terms(layer, unit, step)[:stop],\n'
            '    "state": memory.states[layer, :stop, unit],\n'
            "})\n"
            "print(table.term.sum(), memory.states[layer, step, unit])\n"
        )

    def fields(self) -> dict[str, str]:
        return {
            "memory": RECURRENT,
            "layer": str(self.layer),
            "unit of the memory": str(self.box),
            "step": str(self.step),
        }


def show_recurrent(trace: Trace) -> RecurrentView | None:
    """The steps of one unit, up to one token."""
    memory = trace.recurrent
    if memory is None:
        return None
    boxes = st.columns([1, 1, 2], vertical_alignment="bottom", gap="small")
    layer = boxes[0].selectbox(
        t("Layer"),
        range(memory.layers),
        format_func=lambda number: f"L{number}",
        **state.url_bound(LAYER, range(memory.layers)),
    )
    unit = boxes[1].selectbox(t("Unit"), range(memory.units), **state.url_bound(UNIT, range(memory.units)))
    with boxes[2]:
        step = choose_token(trace, RECURRENT, memory.keys, t("After this token came in"))
    view = RecurrentView(trace, memory, int(layer), int(unit), step)
    st.markdown(f"## {kept_sentence(view, brief)}")
    say_sum(state_sentence(view), equal=_largest(view) <= EXACT)
    _show_step(view)
    _show_sum(view)
    return view


def kept_sentence(view: RecurrentView, quote: Any) -> str:
    """How much of what the unit held does it keep at this step?"""
    gate = float(view.memory.gates[view.layer, view.step, view.box])
    return t(
        "When “{token}” comes in, unit {unit} of layer {layer} keeps **{gate}** of what it held.",
        token=quote(printable(view.memory.keys[view.step].text)),
        unit=view.box,
        layer=view.layer,
        gate=percent(gate),
    )


def _largest(view: RecurrentView) -> float:
    """The largest difference, in all units and steps of the layer, between the sums and the model's own states."""
    return float(np.abs(view.memory.rebuilt(view.layer) - view.memory.states[view.layer]).max())


def state_sentence(view: RecurrentView) -> str:
    """Is the sum of the parts what the model holds? Said as the numbers are."""
    values = {"count": f"{view.memory.states[view.layer].size:,}", "error": f"{_largest(view):.1e}"}
    if _largest(view) <= EXACT:
        return t(
            "These sums equal what the model computed: over all units and steps of the layer, the largest difference "
            "in {count} numbers is {error}.",
            **values,
        )
    return t("These sums differ from what the model computed by up to {error} in {count} numbers.", **values)


def _show_step(view: RecurrentView) -> None:
    """One step, in numbers."""
    memory, at = view.memory, (view.layer, view.step, view.box)
    gate, candidate, after = (float(array[at]) for array in (memory.gates, memory.candidates, memory.states))
    before = float(memory.states[view.layer, view.step - 1, view.box]) if view.step else 0.0
    st.subheader(t("1 · One step: keep a part, write a part"), anchor=False)
    st.latex(r"f_t = \sigma(x_t W_f + b_f) \qquad z_t = x_t W")
    st.latex(r"c_t = f_t\, c_{t-1} + (1 - f_t)\, z_t")
    terms = [rf"{tex(gate)} \cdot {tex(before)}", rf"{tex(1 - gate)} \cdot {tex(candidate)}"]
    write_sum(f"c_{{{view.step}}}", terms, gate * before + (1 - gate) * candidate)
    st.caption(
        t(
            "The model's own state after this step: {state}. Before the first token it is 0. The gate f and what would "
            "be written, z, are made of the token that comes in; nothing is looked up.",
            state=number(after),
        )
    )


def _show_sum(view: RecurrentView) -> None:
    """What is left of every token, as a weighted sum."""
    st.subheader(t("2 · The same as a weighted sum"), anchor=False)
    st.latex(r"c_t = \sum_{s \le t} w_{t,s}\, z_s")
    st.latex(r"w_{t,s} = (1 - f_s) \prod_{r=s+1}^{t} f_r")
    frame = view.table()
    dots = [r"\dots"] if len(frame) > TERMS else []
    parts = [tex(float(term)) for term in frame.term[-TERMS:]]
    write_sum(f"c_{{{view.step}}}", dots + parts, float(frame.term.sum()))
    show.figure(share_chart(view), key="shares")
    names = {
        "step": t("step"),
        "token": t("token that came in"),
        "gate": "f",
        "candidate": "z",
        "weight": "w",
        "term": "w · z",
        "state": "c",
    }
    floats = frame.select_dtypes("float").columns
    written = frame.assign(**{name: [number(float(value)) for value in frame[name]] for name in floats})
    st.dataframe(written.rename(columns=names), hide_index=True, width="content")
    show.caveat("The weights differ from unit to unit, and no query chooses them: a memory that fades is no attention.")


def share_chart(view: RecurrentView) -> Any:
    """How much of what is held came in with each token."""
    frame = view.table()
    best = int(frame.weight.argmax())
    return figures.value_lines(
        [printable(token) for token in frame.token],
        {t("share"): frame.weight.to_numpy(dtype=float)},
        unit=t("share of what the unit holds, 0 to 1"),
        across=t("token that came in"),
        bars=True,
        alt=t(
            "Bars: how much of what the unit holds came in with each of {count} tokens. Most came with “{token}”: "
            "{share}.",
            count=len(frame),
            token=printable(frame.token[best]),
            share=percent(float(frame.weight[best])),
        ),
    )
