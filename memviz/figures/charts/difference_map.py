"""Where do two patterns of attention differ? One cell for each pair of words that both have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.cell_axes import BAR, Field, colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, pooled_labels
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say

SHOWN = 48  # words drawn, at most: the first of those that both have


def difference_map(
    first: np.ndarray,
    second: np.ndarray,
    words: Sequence[str],
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Where is more attention in the ``second`` pattern, and where in the ``first``?

    Both are float [query, key], 0..1, over the same ``words`` (plain text). Blue: more in the second; orange: more in
    the first; both on one scale to the largest difference, coloured by its root as weights are. Hovering gives both
    weights. ``title`` and ``caption`` as in `memviz.figures.by_distance`.
    """
    count = min(len(words), SHOWN)
    names = pooled_labels(list(words[:count]), list(range(count)), step=1)
    values = (second - first).astype(np.float64)[:count, :count]
    field = Field(names, names, names=(translate(phrases.QUERY_AXIS), translate(phrases.KEY_AXIS)))
    largest = float(np.abs(values).max(initial=0)) or 1.0
    figure = Draft()
    figure.add_heatmap(
        **field.places(),
        z=values.astype(np.float32),
        zmin=-largest,
        zmax=largest,
        colorscale=colours.two_way_ramp(even=False),
        customdata=[
            [
                say(
                    translate,
                    phrases.DIFFERENCE_HOVER,
                    query=escape(names[i]),
                    key=escape(names[j]),
                    first=percent(float(first[i, j]), digits=1),
                    second=percent(float(second[i, j]), digits=1),
                )
                for j in range(count)
            ]
            for i in range(count)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        colorbar=colour_bar(translate(phrases.DIFFERENCE_BAR), nticks=5),
    )
    field.axes(figure)
    most = np.argsort(-np.abs(values), axis=None, kind="stable")[:3]
    places = [divmod(int(place), count) for place in most]
    told = [f"{names[i]} → {names[j]} {values[i, j]:+.2f}" for i, j in places]
    note = "" if count == len(words) else say(translate, phrases.DIFFERENCE_FIRST, count=count, total=len(words))
    return finish(
        figure,
        heading=translate(phrases.DIFFERENCE) if title is None else title,
        notes=[translate(phrases.DIFFERENCE_NOTE), note, caption or ""],
        with_notes=caption != "",
        size=field.size(),
        narrow=field.narrow(),
        above=field.above,
        below=BAR,
        alt=say(translate, phrases.DIFFERENCE_ALT, count=count, most=", ".join(told)),
        fields={"view": "difference of two patterns"},
    )
