"""How does a model learn: curves over steps, all heads at one checkpoint, a confusion matrix, bars by layer?

What is written in them is given by whoever draws: names of lines and axes, already in the reader's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours
from memviz.figures.style.labels import escape
from memviz.figures.style.numbers import head_name

SIZE = (760, 280)
CELL = 150  # pixels of a side of one head's pattern
HALF = 0.5  # share of a row from which a cell is dark
COLOURS = {"blue": colours.BLUE, "orange": colours.ORANGE, "green": colours.GREEN, "grey": colours.GREY}
_AXIS: dict[str, Any] = {"gridcolor": colours.FAINT, "zeroline": False, "automargin": True}


@dataclass(frozen=True)
class Curve:
    """One line over steps or epochs.

    name      as the legend calls it
    x, y      where and how high it is
    colour    by its name; ``dashed``: a dotted line
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: Literal["blue", "orange", "green", "grey"] = "blue"
    dashed: bool = False


def learning_curves(
    curves: Sequence[Curve],
    *,
    x_title: str,
    y_title: str,
    alt: str,
    end: float | None = None,
    highest: float | None = None,
    mark: float | None = None,
) -> go.Figure:
    """How do losses, scores or shares change while a model learns?

    ``curves`` are drawn over one another; ``x_title`` and ``y_title`` stand at the axes. ``end`` is where the
    horizontal axis stops, for a training that is under way, ``highest`` the same of the vertical; ``mark`` draws a line
    at one step. ``alt`` is the text alternative.
    """
    figure = Draft()
    for curve in curves:
        figure.add_scatter(
            x=list(curve.x),
            y=list(curve.y),
            mode="lines",
            name=escape(curve.name),
            line={"color": COLOURS[curve.colour], "width": 2.5, "dash": "dot" if curve.dashed else "solid"},
            hovertemplate=f"{escape(curve.name)}: %{{y:.2f}}<extra></extra>",
        )
    if mark is not None:
        figure.add_vline(mark, line={"color": colours.GREY, "width": 1.5, "dash": "dash"})
    figure.update_xaxes(title={"text": escape(x_title), "font": {"size": 12}}, rangemode="tozero", **_AXIS)
    figure.update_yaxes(title={"text": escape(y_title), "font": {"size": 12}}, rangemode="tozero", **_AXIS)
    if end is not None:
        figure.update_xaxes(range=[0, end])
    if highest is not None:
        figure.update_yaxes(range=[0, highest])
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        showlegend=True,
        hovermode="x unified",
    )
    return finish(
        figure,
        heading="",
        notes=[],
        with_notes=False,
        size=SIZE,
        above=70,
        below=52,
        alt=alt,
        fields={"view": "curves"},
    )


def checkpoint_patterns(
    patterns: np.ndarray,
    symbols: Sequence[str],
    notes: Sequence[Sequence[str]],
    *,
    x_title: str,
    y_title: str,
    alt: str,
) -> go.Figure:
    """What does every head of a small model look at, at one checkpoint?

    ``patterns`` [layer, head, query, key], 0..1; ``symbols`` of the sequence; ``notes`` [layer][head]: what stands
    below the name of each head; ``x_title`` and ``y_title`` at the axes of one; ``alt`` is the text alternative. The
    colour scale is √weight.
    """
    layers, heads, count, _ = patterns.shape
    titles = [f"{head_name(layer, head)}<br>{escape(notes[layer][head])}" for layer, head in np.ndindex(layers, heads)]
    places = make_subplots(
        layers,
        heads,
        subplot_titles=titles,  # of two lines: beside each other they would run into the next head's
        horizontal_spacing=0.02,
        vertical_spacing=0.2 if layers > 1 else 0,
    )
    figure = Draft.of(places)
    keys = [[escape(symbol) for symbol in symbols]] * count
    names = np.stack([np.array(keys).T, np.array(keys)], axis=-1)  # [query, key, (query, key)]
    hidden: dict[str, Any] = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    for number, (layer, head) in enumerate(np.ndindex(layers, heads), start=1):
        figure.update_xaxes(number, **hidden)
        figure.update_yaxes(number, **hidden, autorange="reversed")
        figure.add_heatmap(
            z=np.sqrt(patterns[layer, head]),
            customdata=np.concatenate([names, patterns[layer, head].round(3).astype(str)[..., None]], axis=-1),
            hovertemplate="%{customdata[0]} → %{customdata[1]}: %{customdata[2]}<extra></extra>",
            zmin=0,
            zmax=1,
            colorscale=colours.ramp(),
            showscale=False,
            xaxis=f"x{number if number > 1 else ''}",
            yaxis=f"y{number if number > 1 else ''}",
        )
    corner = (layers - 1) * heads + 1
    figure.update_xaxes(corner, title={"text": escape(x_title), "font": {"size": 12}})
    figure.update_yaxes(corner, title={"text": escape(y_title), "font": {"size": 12}})
    for annotation in figure.layout["annotations"]:
        annotation["font"] = {"size": 12}
    return finish(
        figure,
        heading="",
        notes=[],
        with_notes=False,
        size=(760, (CELL + 44) * layers),
        above=38,
        below=30,
        alt=alt,
        fields={"view": "patterns of a checkpoint"},
        narrow={"least": 600},
    )


def confusion_map(counts: pd.DataFrame, *, x_title: str, y_title: str, alt: str) -> go.Figure:
    """Which labels are taken for which?

    ``counts``: rows the true labels, columns the predicted ones; the colour is the share of its row. ``x_title`` and
    ``y_title`` stand at the axes, ``alt`` is the text alternative.
    """
    values = counts.to_numpy(dtype=float)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    places = list(range(len(counts)))
    figure = Draft()
    figure.add_heatmap(
        z=shares,
        text=counts.to_numpy(),
        hovertemplate="%{text}<extra></extra>",
        zmin=0,
        zmax=1,
        colorscale=colours.ramp(),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    for row, column in np.ndindex(values.shape):  # on a pale cell in the colour of all other letters of the page
        font = {"size": 15} | ({"color": colours.WHITE} if shares[row, column] > HALF else {})
        figure.add_annotation(x=column, y=row, text=f"{values[row, column]:.0f}", showarrow=False, font=font)
    labels = [escape(str(label)) for label in counts.index]
    axis: dict[str, Any] = {
        "tickmode": "array",
        "tickvals": places,
        "ticktext": labels,
        "showgrid": False,
        "automargin": True,
    }
    figure.update_xaxes(title={"text": escape(x_title), "font": {"size": 12}}, zeroline=False, **axis)
    figure.update_yaxes(
        title={"text": escape(y_title), "font": {"size": 12}}, zeroline=False, autorange="reversed", **axis
    )
    return finish(
        figure,
        heading="",
        notes=[],
        with_notes=False,
        size=(420, 90 + 46 * len(counts)),
        below=52,
        alt=alt,
        fields={"view": "confusion matrix"},
    )


def layer_columns(values: Sequence[float], *, y_title: str, alt: str) -> go.Figure:
    """How much did something change in each layer?

    ``values``: one a layer, first to last; ``y_title`` says what they are, ``alt`` is the text alternative.
    """
    names = [f"L{layer}" for layer in range(len(values))]
    figure = Draft()
    figure.add_bar(
        x=names,
        y=list(values),
        marker={"color": colours.BLUE},
        text=["0" if value == 0 else f"{value:.2g}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}: %{text}<extra></extra>",
    )
    figure.update_xaxes(type="category", showgrid=False, automargin=True)
    figure.update_yaxes(title={"text": escape(y_title), "font": {"size": 12}}, rangemode="tozero", **_AXIS)
    return finish(
        figure,
        heading="",
        notes=[],
        with_notes=False,
        size=(420, 230),
        above=20,
        below=36,
        alt=alt,
        fields={"view": "change by layer"},
    )
