"""Which rankings of the words agree with taking them away? Each beside the band of random orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape
from memviz.figures.style.numbers import signed
from memviz.figures.style.phrases import Translate, say

ROW = 40  # pixels


class RankingResult(Protocol):
    """One ranking of `memviz.experiments.agree`, as far as it is drawn."""

    @property
    def spearman(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def agreement_bands(
    rankings: Sequence[RankingResult],
    names: Sequence[str],
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How far does each ranking agree with taking the words away, and would a random order agree as much?

    A dot for Spearman's rank correlation of each of the ``rankings`` with these ``names``, from −1 to 1, on a grey band
    in which 95 % of random orders lie; grey where it lies inside. ``title`` and ``caption`` as in
    `memviz.figures.by_distance`.
    """
    places = list(range(len(rankings)))
    inside = [ranking.low <= ranking.spearman <= ranking.high for ranking in rankings]
    figure = Draft()
    for place, ranking in zip(places, rankings, strict=True):
        if not np.isnan(ranking.low):
            figure.add_scatter(
                x=[ranking.low, ranking.high],
                y=[place, place],
                mode="lines",
                line={"color": colours.FAINT, "width": 16},
                hoverinfo="skip",
                showlegend=False,
            )
    figure.add_scatter(
        x=[None if np.isnan(ranking.spearman) else ranking.spearman for ranking in rankings],
        y=places,
        mode="markers+text",
        marker={"size": 14, "color": [colours.GREY if grey else colours.BLUE for grey in inside]},
        text=[signed(ranking.spearman) for ranking in rankings],
        textposition="top center",
        cliponaxis=False,
        customdata=[[signed(ranking.low), signed(ranking.high)] for ranking in rankings],
        hovertemplate=f"<b>%{{text}}</b>, {escape(translate(phrases.RANDOM_BAND))}: "
        "%{customdata[0]} … %{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(0, line={"color": colours.GREY, "width": 1})
    figure.update_yaxes(
        tickmode="array",
        tickvals=places,
        ticktext=[escape(name) for name in names],
        range=[len(rankings) - 0.4, -0.7],
        showgrid=False,
        zeroline=False,
        ticks="",
        automargin=True,
        tickfont={"size": 13},
    )
    figure.update_xaxes(
        range=[-1.05, 1.05],
        gridcolor=colours.FAINT,
        zeroline=False,
        title={"text": translate(phrases.AGREEMENT_UNIT), "font": {"size": 12}},
    )
    values = "; ".join(
        f"{name} {signed(ranking.spearman)} ({signed(ranking.low)} … {signed(ranking.high)})"
        for name, ranking in zip(names, rankings, strict=True)
    )
    return finish(
        figure,
        heading=translate(phrases.AGREEMENT) if title is None else title,
        notes=[translate(phrases.AGREEMENT_NOTE), caption or ""],
        with_notes=caption != "",
        size=(760, ROW * len(rankings) + 30),
        below=52,
        narrow={"least": 340},
        alt=say(translate, phrases.AGREEMENT_ALT, count=len(rankings), values=values),
        fields={"view": "agreement of rankings with taking words away"},
    )
