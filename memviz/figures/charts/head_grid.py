"""One number of every head of a model, as a field of layers and heads; and how one head's numbers are spread."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.cell_axes import colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape
from memviz.figures.style.numbers import head_name
from memviz.figures.style.phrases import Translate, say

CELL = 34
LONGEST = 760
BINS = 40
BESIDE, NAME = 60, 22  # pixels of the names of the layers and the margins, and of that of a head


def head_grid(
    values: np.ndarray,
    *,
    label: str,
    unit: str,
    hover: np.ndarray | None = None,
    signed: bool = False,
    high: float | None = None,
    faint: np.ndarray | None = None,
    caption: str = "",
    translate: Translate = str,
) -> go.Figure:
    """What is this number in every head?

    ``values`` are float [layer, head], NaN for an empty cell; ``label`` and ``unit`` say what they are. ``hover``: a
    line of plain text for each head, [layer, head], below its number. ``signed``: blue above 0, orange below; else from
    0 to ``high``, or to the largest. Heads that are ``faint`` (bool [layer, head]) have a dot: nothing is claimed of
    them. ``caption`` stands after the notes.
    """
    layers, heads = values.shape
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max(initial=0)) or 1.0
    figure = Draft()
    lines = np.full(values.shape, "", dtype=object) if hover is None else hover
    figure.add_heatmap(
        z=values,
        zmin=-largest if signed else 0.0,
        zmax=largest if signed else high or largest,
        colorscale=colours.two_way_ramp() if signed else colours.ramp(even=True),
        colorbar=colour_bar(unit, nticks=6),
        customdata=[[escape(str(line)) for line in row] for row in lines],
        hovertemplate=f"%{{y}}.%{{x}}<br>{escape(label)} <b>%{{z:.3g}}</b> ({escape(unit)})"
        "<br>%{customdata}<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    if faint is not None and faint.any():
        down, across = np.nonzero(faint & np.isfinite(values))
        figure.add_scatter(
            x=across.tolist(),
            y=down.tolist(),
            mode="markers",
            marker={"color": colours.GREY, "size": 4},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_xaxes(**label_axis([f"H{head}" for head in range(heads)]), side="top")
    figure.update_xaxes(constrain="domain", constraintoward="left", tickangle=0, range=[-0.5, heads - 0.5])
    figure.update_yaxes(**label_axis([f"L{layer}" for layer in range(layers)]), range=[layers - 0.5, -0.5])
    figure.update_yaxes(scaleanchor="x", constrain="domain", constraintoward="top")
    cell = min(CELL, LONGEST / max(values.shape))
    flat = np.nan_to_num(np.abs(values) if signed else values, nan=-np.inf).ravel()
    best = [int(place) for place in np.argsort(-flat, kind="stable")[:3] if np.isfinite(flat[place])]
    most = ", ".join(f"{head_name(*divmod(place, heads))} {values.flat[place]:.3g}" for place in best)
    return finish(
        figure,
        heading="",
        notes=[f"{label}, {unit}", caption],
        with_notes=False,
        size=(int(max(360, cell * heads)) + 70, int(cell * layers)),
        narrow={"cells": int(cell * heads), "beside": BESIDE, "least": BESIDE + NAME * heads},
        above=24,
        below=74,
        alt=say(
            translate,
            phrases.SCORES_ALT,
            label=label,
            layers=layers,
            heads=heads,
            unit=unit,
            most=most or translate(phrases.NOTHING),
        ),
        fields={"view": f"{label} of every head"},
    )


def spread_bars(
    values: np.ndarray, *, label: str, unit: str, mean: float, caption: str = "", translate: Translate = str
) -> go.Figure:
    """How are the numbers of one head spread over the texts?

    ``values`` are float [text]; one bar is a stretch of numbers, as high as there are texts in it. A line stands at the
    ``mean``. ``label`` says what they are, in which ``unit``; ``caption`` stands after the notes.
    """
    counts, edges = np.histogram(values, bins=min(BINS, max(5, int(np.sqrt(len(values)) * 2))))
    middles = (edges[1:] + edges[:-1]) / 2
    figure = Draft()
    figure.add_bar(
        x=middles.tolist(),
        y=counts.tolist(),
        width=[float(edges[1] - edges[0])] * len(counts),
        marker={"color": colours.BLUE},
        customdata=[f"{low:.3g} – {high:.3g}" for low, high in pairwise(edges)],
        hovertemplate="%{customdata}: <b>%{y}</b><extra></extra>",
        showlegend=False,
    )
    line = {"color": colours.ORANGE, "width": 2, "dash": "dot"}
    figure.layout["shapes"].append(
        {"type": "line", "x0": mean, "x1": mean, "y0": 0, "y1": 1, "yref": "paper", "line": line}
    )
    figure.update_xaxes(
        title={"text": escape(f"{label} ({unit})"), "font": {"size": 12}}, zeroline=False, gridcolor=colours.FAINT
    )
    figure.update_yaxes(
        title={"text": escape(translate(phrases.TEXTS)), "font": {"size": 12}},
        gridcolor=colours.FAINT,
        zeroline=False,
        nticks=6,
    )
    return finish(
        figure,
        heading="",
        notes=[say(translate, phrases.MEAN_LINE, mean=f"{mean:.3g}"), caption],
        with_notes=False,
        size=(760, 220),
        below=52,
        narrow={"least": 300},
        alt=say(
            translate,
            phrases.SPREAD_ALT,
            label=label,
            count=len(values),
            low=f"{values.min():.3g}",
            high=f"{values.max():.3g}",
            mean=f"{mean:.3g}",
        ),
        fields={"view": "how one head's numbers are spread over the texts"},
    )
