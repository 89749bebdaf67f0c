"""From scores to weights: what softmax makes of a row, both as bars below each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say

HEIGHT = 320  # pixels of both rows of bars
GAP = 0.12  # of that height, between them


def softmax_bars(
    labels: Sequence[str],
    scores: np.ndarray,
    weights: np.ndarray,
    *,
    visible: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """What does softmax make of these scores?

    One bar a key, named by its ``labels`` (plain text): above, its score; below, its weight, 0..1. ``scores`` and
    ``weights`` are float [key]; a score that is not finite has no bar. ``visible``: how many
    keys may be seen, where these are those with most weight of more. ``title`` and ``caption`` as in
    `memviz.figures.by_distance`.
    """
    figure = Draft()
    names = [*map(escape, labels)]
    rows = (
        (1, np.where(np.isfinite(scores), scores, np.nan), colours.GREY, "%{y:.3f}", phrases.SOFTMAX_SCORE),
        (2, np.asarray(weights, dtype=np.float64), colours.BLUE, "%{y:.1%}", phrases.SOFTMAX_WEIGHT),
    )
    for number, values, colour, form, name in rows:
        at = "" if number == 1 else str(number)
        figure.add_bar(
            x0=0,
            dx=1,
            y=values,
            xaxis=f"x{at}",
            yaxis=f"y{at}",
            width=0.82,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{x}}: <b>{form}</b><extra>{escape(translate(name))}</extra>",
        )
        below = number == 2
        half = (1 - GAP) / 2
        figure.update_xaxes(
            number,
            **label_axis(names),
            range=[-0.6, len(labels) - 0.4],
            anchor=f"y{at}",
            showticklabels=below,
            tickangle=-60,
            **({} if below else {"matches": "x2"}),
        )
        figure.update_yaxes(
            number,
            domain=[0, half] if below else [1 - half, 1],
            title={"text": escape(translate(name)), "font": {"size": 12}},
            gridcolor=colours.FAINT,
            zerolinecolor=colours.FAINT,
            automargin=True,
            nticks=5,
            anchor=f"x{at}",
            **({"range": [0, max(float(np.max(weights)) * 1.08, 1e-9)], "tickformat": ".0%"} if below else {}),
        )
    figure.update_layout(showlegend=False)
    best, few = int(np.nanargmax(weights)), visible is not None and visible > len(labels)
    shown = say(translate, phrases.SOFTMAX_SHOWN, shown=len(labels), count=visible) if few else ""
    return finish(
        figure,
        heading=translate(phrases.SOFTMAX) if title is None else title,
        notes=[shown, caption or ""],
        with_notes=caption != "",
        size=(760, HEIGHT),
        below=20 + int(min(max(map(len, labels)), 16) * 6.7),
        narrow={"least": min(700, 18 * len(labels) + 70)},
        alt=say(
            translate,
            phrases.SOFTMAX_ALT,
            count=len(labels),
            word=isolated(shorten(labels[best])),
            weight=percent(float(weights[best])),
        ),
        fields={"view": "scores and weights of one query"},
    )
