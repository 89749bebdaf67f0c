"""How surprising is every token of several texts? One row of bars for each, all on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, width
from memviz.figures.style.numbers import decimal
from memviz.figures.style.phrases import Translate, say

EACH = 150  # pixels of one row of bars
COLOURS = (colours.BLUE, colours.ORANGE)


def surprisal_bars(
    texts: Mapping[str, tuple[Sequence[str], np.ndarray]],
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How surprising is every token of these texts, beside each other?

    ``texts`` has by its name each text: its tokens (plain text) and float [token], −ln p in nats, NaN for what was not
    predicted. One row of bars a text, all on one scale; the dashed line is the mean. ``title`` and ``caption`` as in
    `memviz.figures.by_distance`.
    """
    figure, count = Draft(), len(texts)
    top = max(float(np.nanmax(values)) for _, values in texts.values())
    longest = max(max(map(width, labels)) for labels, _ in texts.values())
    room = 20 + int(longest * 6.7)  # pixels of the labels below each row
    high = EACH * count + room * (count - 1)
    for place, (name, (labels, values)) in enumerate(texts.items()):
        number, at = place + 1, "" if place == 0 else str(place + 1)
        upper = 1 - place * (EACH + room) / high
        figure.add_bar(
            x0=0,
            dx=1,
            y=values,
            xaxis=f"x{at}",
            yaxis=f"y{at}",
            width=0.82,
            marker={"color": COLOURS[place % len(COLOURS)], "line": {"width": 0}},
            hovertemplate=f"%{{x}}: <b>%{{y:.2f}}</b><extra>{escape(name)}</extra>",
        )
        figure.update_xaxes(
            number,
            **label_axis([*map(escape, labels)]),
            tickangle=-60,
            range=[-0.6, len(labels) - 0.4],
            anchor=f"y{at}",
        )
        figure.update_yaxes(
            number,
            domain=[max(upper - EACH / high, 0), upper],
            range=[0, top * 1.08],
            title={"text": escape(name), "font": {"size": 12}},
            gridcolor=colours.FAINT,
            zeroline=False,
            automargin=True,
            nticks=5,
            anchor=f"x{at}",
        )
        figure.add_hline(float(np.nanmean(values)), axis=number, line={"color": colours.GREY, "dash": "dash"})
    figure.update_layout(showlegend=False)
    means = ", ".join(f"{name}: {decimal(float(np.nanmean(values)), digits=2)}" for name, (_, values) in texts.items())
    return finish(
        figure,
        heading=translate(phrases.SURPRISAL) if title is None else title,
        notes=[translate(phrases.SURPRISAL_UNIT), caption or ""],
        with_notes=caption != "",
        size=(760, high),
        below=room,
        narrow={"least": min(700, 22 * max(len(labels) for labels, _ in texts.values()) + 110)},
        alt=say(translate, phrases.SURPRISAL_ALT, count=count, means=means),
        fields={"view": "surprisal of each token"},
    )
