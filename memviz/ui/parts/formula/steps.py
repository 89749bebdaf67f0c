"""One look-up of attention, step by step: the formula, its numbers, and whether they add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import figures
from memviz.figures import Bar, SheetRow, head_name, percent
from memviz.memory import Kind
from memviz.progress import Progress
from memviz.tokens import printable
from memviz.trace import Trace
from memviz.ui.parts.experiment.view import TraceView
from memviz.ui.parts.formula.choices import choose_look_up, offer_head
from memviz.ui.parts.formula.numbers import (
    TERMS,
    excerpt,
    key_names,
    number,
    say_sum,
    tex,
    tex_terms,
    vectors,
    write_sum,
)
from memviz.ui.shell import runs, show
from memviz.ui.shell.i18n import t
from memviz.ui.shell.markdown import brief

if TYPE_CHECKING:  # torch comes in with the first model, when the page is already drawn
    from memviz import Reader
    from memviz.reading.formula import Formula

EXACT = 1e-4  # of the largest number: what single precision leaves of a sum
BARS = 24  # keys that are drawn


@dataclass(frozen=True)
class LookUpView(TraceView):
    """One look-up, to be taken along; see `memviz.ui.parts.experiment.ForgetView`."""

    trace: Trace
    result: Formula
    experiment: str = "formula"

    def place(self) -> dict[str, str]:
        """Head and token, as the address names them."""
        result = self.result
        return {"layer": str(result.layer), "head": str(result.head), "token": str(result.query)}

    def statement(self) -> str:
        return f"{look_sentence(self.result, str)} {sum_sentence(self.result)}".replace("**", "")

    def unit(self) -> str:
        return t("weight, 0 to 1")

    def table(self) -> pd.DataFrame:
        return self.result.table()

    def charts(self) -> list[Any]:
        return [weight_chart(self.result, title=None, caption=None)]

    def rows(self) -> list[SheetRow]:
        result = self.result
        texts = _texts(result)
        return [
            SheetRow(texts[place], (Bar(float(result.weights[place]), percent(float(result.weights[place])), "blue"),))
            for place in excerpt(result.weights, _own(result), BARS)
        ]

    def code(self) -> str:
        result = self.result
        kind = f", kind={result.kind!r}" if result.target else ""
        return (
            f"look = reader.formula(text, {result.layer}, {result.head}, {result.query}{kind})\n"
            "print(look.weights, look.error, look.total_error, look.likeness)\n"
            "table = look.table()\n"
        )

    def fields(self) -> dict[str, str]:
        result = self.result
        query = f"{result.query} · {result.queries[result.query].text}"
        return {"memory": result.kind, "head": head_name(result.layer, result.head), "query": query}


def show_attention(trace: Trace, kind: Kind) -> LookUpView | None:
    """The steps of one look-up; ``None``, with a message, where they cannot be had."""
    layer, head, query = choose_look_up(trace, trace.memory(kind))

    def run(reader: Reader, progress: Progress) -> Formula:
        return reader.formula(trace.text, layer, head, query, kind=kind)

    result = runs.experiment("formula", trace, (kind, layer, head, query), run)
    if result is None:
        return None
    st.markdown(f"## {look_sentence(result, brief)}")
    say_sum(sum_sentence(result), equal=adds_up(result))
    offer_head(layer, head)
    _show_scores(result)
    _show_reading(result)
    _show_sum(result)
    _show_article(result)
    return LookUpView(trace, result)


def _texts(result: Formula) -> list[str]:
    return [printable(token.text) for token in result.keys]


def _own(result: Formula) -> int | None:
    """The query's own place among the keys; ``None`` where it looks at another text."""
    return None if result.kind == "cross" else result.query


def look_sentence(result: Formula, quote: Any) -> str:
    """Where this token looks in this head."""
    best = int(result.weights.argmax())
    return t(
        "In {head} “{query}” puts **{weight}** of its weight on “{key}”.",
        head=head_name(result.layer, result.head),
        query=quote(printable(result.queries[result.query].text)),
        weight=percent(float(result.weights[best])),
        key=quote(_texts(result)[best]),
    )


def adds_up(result: Formula) -> bool:
    """Do both sums equal what the model computed, up to the rounding of single precision?"""
    size = max(1.0, float(np.abs(result.computed).max()))
    total = result.total_error
    if result.computed_total is None:
        return result.error <= EXACT * size
    whole = max(1.0, float(np.abs(result.computed_total).max()))
    return result.error <= EXACT * size and total <= EXACT * whole


def sum_sentence(result: Formula) -> str:
    """Is the sum of the steps what the model computed? Said as the numbers are."""
    error, total = f"{result.error:.1e}", f"{result.total_error:.1e}"
    values = {"count": f"{len(result.computed):,}", "error": error, "total": total}
    if result.computed_total is None:
        if adds_up(result):
            return t(
                "This sum equals what the model computed: the largest difference in {count} numbers is {error}. How "
                "this block goes on after it is not shown.",
                **values,
            )
        return t("This sum differs from what the model computed by up to {error} in {count} numbers.", **values)
    if adds_up(result):
        return t(
            "This sum equals what the model computed: the largest difference in {count} numbers is {error}, and "
            "{total} after the residual.",
            **values,
        )
    return t(
        "This sum differs from what the model computed by up to {error} in {count} numbers, and by up to {total} after "
        "the residual.",
        **values,
    )


def _show_scores(result: Formula) -> None:
    """From the query to the weights."""
    texts, own = _texts(result), _own(result)
    places = excerpt(result.weights, own)
    names, best = key_names(texts, places), int(result.weights.argmax())
    st.subheader(t("1 · Query and keys"), anchor=False)
    st.latex(r"q_i = x_i W_Q \qquad k_j = x_j W_K")
    st.caption(
        t(
            "As the model's attention gets them: biases, norms and turned positions (RoPE) are in these numbers where "
            "the model has them."
        )
    )
    if result.sharing > 1:
        st.caption(
            t(
                "Grouped queries: {count} heads share the keys and values of key head {number}, this one among them.",
                count=result.sharing,
                number=result.key_head,
            )
        )
    query = f"q · {printable(result.queries[result.query].text)}"
    keys = {f"k · {name}": result.k[place] for name, place in zip(names, places, strict=True)}
    vectors({query: result.q, **keys}, name=t("vector"))
    st.subheader(t("2 · Products and scores"), anchor=False)
    st.latex(r"q_i \cdot k_j = \sum_d q_{i,d}\, k_{j,d}")
    write_sum(rf"q_i \cdot k_{{{best}}}", tex_terms(result.q, result.k[best]), float(result.products[best]))
    for line in _score_lines(result, best):
        st.latex(line)
    hidden = int((~result.visible).sum())
    if hidden:
        st.caption(
            t(
                "Masked: this token may not see {hidden} of the {count} keys; their score is −∞.",
                hidden=hidden,
                count=len(texts),
            )
        )
    st.subheader(t("3 · Softmax: from scores to weights"), anchor=False)
    sink = "" if result.sink is None else r" + e^{z}"
    st.latex(rf"a_j = \frac{{e^{{s_j}}}}{{\sum_m e^{{s_m}}{sink}}}")
    if result.sink is not None:
        st.caption(
            t(
                "This head has a learned sink: z = {sink} stands in the sum beside the scores and takes {share} of "
                "the weight.",
                sink=number(result.sink),
                share=percent(float(1 - result.weights.sum())),
            )
        )
    show.figure(weight_chart(result), key="look_up")
    frame = score_table(result)
    st.dataframe(_written(frame.iloc[places]), hide_index=True, width="content")
    show.table(_written(frame), label="All {count} keys as a table", count=str(len(frame)))


def _score_lines(result: Formula, best: int) -> list[str]:
    """The formulas from a product to a score, those that this model has, with the numbers of the key looked at most."""
    product, dim = float(result.products[best]), len(result.q)
    usual = math.isclose(result.scale, 1 / math.sqrt(dim), rel_tol=1e-6)
    factor = rf"\frac{{1}}{{\sqrt{{{dim}}}}}" if usual else tex(result.scale)
    score = product * result.scale
    at, value = f"s_{{{best}}}", tex(score, end=True)
    lines = [rf"s_j = {factor}\; q_i \cdot k_j", rf"{at} = {tex(result.scale)} \cdot {tex(product)} = {value}"]
    if result.softcap is not None:
        cap, before = result.softcap, tex(score / result.softcap)
        score = cap * math.tanh(score / cap)
        value = tex(score, end=True)
        lines += [rf"s_j \leftarrow {cap:g} \tanh(s_j / {cap:g})", rf"{at} = {cap:g} \tanh({before}) = {value}"]
    if result.bias.any():
        bias = float(result.bias[best])
        value = tex(score + bias, end=True)
        lines += [r"s_j \leftarrow s_j + b_j", rf"{at} = {tex(score)} + {tex(bias)} = {value}"]
    return lines


def score_table(result: Formula) -> pd.DataFrame:
    """One row a key: its product, what is made of it, and its weight; only the steps that this model has."""
    columns: dict[str, Any] = {
        t("position"): range(len(result.keys)),
        t("key (is looked at)"): _texts(result),
        "q · k": result.products,
    }
    if result.softcap is not None or result.bias.any():
        columns[t("scaled")] = result.products * result.scale
    if result.softcap is not None:
        columns[t("capped")] = result.softcap * np.tanh(result.products * result.scale / result.softcap)
    if result.bias.any():
        columns[t("bias")] = result.bias
    return pd.DataFrame(columns | {t("score"): result.scores, t("weight"): result.weights})


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its numbers as they are written on the page."""
    floats = frame.select_dtypes("float").columns
    return frame.assign(**{name: [number(float(value)) for value in frame[name]] for name in floats})


def weight_chart(result: Formula, **options: Any) -> Any:
    """The scores and the weights of the keys with most weight, in reading order."""
    places = excerpt(result.weights, _own(result), BARS)
    texts = _texts(result)
    return figures.softmax_bars(
        [texts[place] for place in places],
        result.scores[places],
        result.weights[places],
        visible=int(result.visible.sum()),
        translate=t,
        **({"title": "", "caption": ""} | options),
    )


def _show_reading(result: Formula) -> None:
    """What is read from the keys, in proportion to their weights."""
    places = excerpt(result.weights, None)
    names = key_names(_texts(result), places)
    st.subheader(t("4 · Values, and their weighted sum"), anchor=False)
    st.latex(r"v_j = x_j W_V \qquad r_i = \sum_j a_j\, v_j")
    most = excerpt(result.weights, None, TERMS)
    terms = tex_terms(result.weights[most], result.v[most, 0])
    others = [r"\dots"] if len(result.keys) > len(most) else []
    write_sum("r_{i,0}", terms + others, float(result.read[0]))
    rows = {f"v · {name}": result.v[place] for name, place in zip(names, places, strict=True)}
    vectors({**rows, t("r · sum over all keys"): result.read}, name=t("vector"))


def _show_sum(result: Formula) -> None:
    """From what is read to what the layer goes on with."""
    st.subheader(t("5 · Output projection, the other heads, the residual"), anchor=False)
    st.latex(r"o_i = r_i W_O")
    st.latex(r"y_i = o_i + \sum_{h' \neq h} o_i^{h'} + b_O")
    after = {
        "post-norm": r"x_i' = \mathrm{norm}(x_i + y_i)",
        "pre-norm": r"x_i' = x_i + y_i",
        "normed output": r"x_i' = x_i + \mathrm{norm}(y_i)",
    }.get(result.shape)
    if after is not None:
        st.latex(after)
    rows = {
        t("o · this head"): result.written,
        t("other heads, and the bias"): result.rest,
        t("y · their sum"): result.attended,
        t("y, as the model computed it"): result.computed,
    }
    if result.residual is not None and result.total is not None and result.computed_total is not None:
        rows |= {
            t("x · residual"): result.residual,
            t("x′ · after the residual"): result.total,
            t("x′, as the model computed it"): result.computed_total,
        }
    vectors(rows, name=t("vector"))


def _show_article(result: Formula) -> None:
    """The look-up as it is often written, beside the exact form."""
    st.subheader(t("6 · The short form: output = Σ aᵢ · hidden_stateᵢ"), anchor=False)
    st.latex(r"\text{output} = \sum_j a_j\, x_j")
    st.latex(r"o_i = \sum_j a_j\, x_j W_V W_O")
    st.markdown(article_sentence(result))
    vectors({"Σ a · x": result.mean_state, t("o · this head"): result.written}, name=t("vector"))
    st.caption(
        t(
            "The short form leaves out what a head reads (W_V) and where it writes it (W_O), and all other heads: it "
            "says how much of each token is taken, and not what of it."
        )
    )


def article_sentence(result: Formula) -> str:
    """How like is the short form to what the head writes?"""
    return t(
        "The two vectors have a cosine of **{cosine}** (1: the same direction, 0: nothing in common), and the lengths "
        "{short} and {exact}.",
        cosine=number(result.likeness),
        short=number(float(np.linalg.norm(result.mean_state))),
        exact=number(float(np.linalg.norm(result.written))),
    )
