"""How a number, a vector and a table of keys are written on the page Formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from memviz.ui.shell import show
from memviz.ui.shell.i18n import t

DIMENSIONS = 6  # of a vector that are written out
TERMS = 3  # of a sum that are written out
KEYS = 6  # that are written out: those with most weight, and the query's own


def number(value: float) -> str:
    """A number as it stands in a table: three digits after the point, or its power of ten where that shows nothing."""
    if not np.isfinite(value):
        return "−∞" if value < 0 else "∞" if value > 0 else "–"
    text = f"{value:.3f}" if value == 0 or abs(value) >= 0.0005 else f"{value:.1e}"
    return text.replace("-", "−")


def tex(value: float, *, end: bool = False) -> str:
    """The same inside a formula, negative ones in brackets where they do not stand at its ``end``."""
    if value == 0 or abs(value) >= 0.0005:
        text = f"{value:.3f}"
    else:
        mantissa, power = f"{value:.1e}".split("e")
        text = rf"{mantissa}\cdot 10^{{{int(power)}}}"
    return f"({text})" if value < 0 and not end else text


def tex_terms(left: np.ndarray, right: np.ndarray) -> list[str]:
    """The first terms of Σ left · right, and "…" for the others."""
    terms = [rf"{tex(float(a))} \cdot {tex(float(b))}" for a, b in zip(left[:TERMS], right[:TERMS], strict=True)]
    return terms + ([r"\dots"] if len(left) > TERMS else [])


def write_sum(name: str, terms: Sequence[str], value: float) -> None:
    """name = term + term … = value, a line for each term: it can be read on a phone."""
    first, *others = terms
    lines = [rf"{name} &= {first}", *(rf"&\quad + {term}" for term in others), rf"&= {tex(value, end=True)}"]
    st.latex(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}")


def vectors(rows: Mapping[str, np.ndarray], *, name: str) -> None:
    """The first numbers of each vector, one a row, with its length; folded away below them, all numbers."""
    longest = max(len(vector) for vector in rows.values())
    shown = min(DIMENSIONS, longest)
    frame = pd.DataFrame({name: list(rows)})
    for place in range(shown):
        frame[f"{place}"] = [number(float(vector[place])) for vector in rows.values()]
    if longest > shown:
        frame[f"… {longest - 1}"] = [number(float(vector[-1])) for vector in rows.values()]
    frame[t("length")] = [number(float(np.linalg.norm(vector))) for vector in rows.values()]
    st.dataframe(frame, hide_index=True, width="content")
    st.caption(
        t("Columns: the first numbers of {dim}, the last, and the length of the whole vector.", dim=f"{longest:,}")
    )
    whole = pd.DataFrame({t("dimension"): range(longest), **rows})
    show.table(whole, label="All {count} numbers of these vectors", count=f"{longest:,}")


def excerpt(weights: np.ndarray, own: int | None, count: int = KEYS) -> list[int]:
    """The places of the keys with most weight, in reading order, and the query's ``own``."""
    best = {int(place) for place in np.argsort(-weights, kind="stable")[:count] if weights[place] > 0}
    return sorted(best | ({own} if own is not None else set()))


def key_names(texts: Sequence[str], places: Sequence[int]) -> list[str]:
    """Keys as they are called in tables: "2 · cat"."""
    return [f"{place} · {texts[place]}" for place in places]


def say_sum(sentence: str, *, equal: bool) -> None:
    """Whether the sum is what the model computed: green where it is."""
    if equal:
        st.success(sentence, icon=":material/check:")
    else:
        st.warning(sentence, icon=":material/warning:")
