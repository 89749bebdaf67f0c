"""How much worse does a model predict a text when its cache holds only a part of it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape
from memviz.figures.style.numbers import decimal
from memviz.figures.style.phrases import Translate, say

LINES = (colours.ORANGE, colours.BLUE, colours.GREEN, colours.PURPLE)
MARKS = ("circle", "square", "diamond", "triangle-up")


class CurveResult(Protocol):
    """What `memviz.experiments.perplexity_by_cache` gives, as far as it is drawn."""

    @property
    def tokens(self) -> int: ...

    @property
    def first(self) -> int: ...

    @property
    def full(self) -> float: ...

    @property
    def sizes(self) -> tuple[int, ...]: ...

    @property
    def perplexity(self) -> np.ndarray: ...


def perplexity_lines(
    curve: CurveResult,
    names: Sequence[str],
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """What does it cost to keep only so many keys, and by which rule does it cost least?

    ``curve`` is that of `memviz.experiments.perplexity_by_cache`. Perplexity (logarithmic) against the size of the
    cache, a line for each rule with these ``names``; dashed, the perplexity with the whole past. ``title`` and
    ``caption`` as in `memviz.figures.by_distance`.
    """
    figure, ends = Draft(), []
    for number, (name, values) in enumerate(zip(names, curve.perplexity, strict=True)):
        colour = LINES[number % len(LINES)]
        figure.add_scatter(
            x=curve.sizes,
            y=np.where(np.isnan(values), None, values),
            mode="lines+markers",
            name=escape(name),
            line={"color": colour, "width": 3},
            marker={"size": 9, "symbol": MARKS[number % len(MARKS)]},
            text=[decimal(float(value)) for value in values],
            hovertemplate=f"{escape(name)}, {escape(say(translate, phrases.CURVE_HOVER, size='%{x}'))}: "
            "<b>%{text}</b><extra></extra>",
        )
        ends.append(f"{name}: {', '.join(decimal(float(value)) for value in values)}")
    full = say(translate, phrases.CURVE_FULL, value=decimal(curve.full))
    label = {"text": full, "textposition": "end", "yanchor": "bottom"}
    figure.add_hline(curve.full, line={"color": colours.GREY, "dash": "dash", "width": 2}, label=label)
    axis: dict[str, Any] = {"gridcolor": colours.FAINT, "zeroline": False, "automargin": True}
    figure.update_xaxes(
        type="log",
        tickvals=curve.sizes,
        ticktext=[str(size) for size in curve.sizes],
        title={"text": translate(phrases.CURVE_SIZE), "font": {"size": 12}},
        **axis,
    )
    known = [*curve.perplexity[~np.isnan(curve.perplexity)], curve.full]
    low, high = np.log10(min(known)), np.log10(max(known))
    room = max(0.05, 0.08 * (high - low))
    figure.update_yaxes(
        type="log",
        range=[low - room, high + room],
        nticks=6,
        title={"text": translate(phrases.CURVE_UNIT), "font": {"size": 12}},
        **axis,
    )
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, showlegend=True
    )
    note = say(translate, phrases.CURVE_NOTE, first=curve.first, last=curve.tokens - 1)
    return finish(
        figure,
        heading=translate(phrases.CURVE) if title is None else title,
        notes=[note, caption or ""],
        with_notes=caption != "",
        size=(760, 300),
        above=64,
        below=52,
        alt=say(
            translate,
            phrases.CURVE_ALT,
            sizes=", ".join(map(str, curve.sizes)),
            values="; ".join(ends),
            full=decimal(curve.full),
        ),
        fields={"view": "perplexity by size of the cache"},
    )
