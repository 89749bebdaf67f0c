"""Which heads score high? One number a head, as a heatmap of layers and heads."""

from __future__ import annotations

import difflib

import numpy as np
import plotly.graph_objects as go

from memviz.errors import MeasureError
from memviz.figures.charts.cell_axes import colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis
from memviz.figures.style import colours, phrases
from memviz.figures.style.numbers import head_name
from memviz.figures.style.phrases import Translate, say
from memviz.measures import MEASURES, Measure
from memviz.memory import Memory

CELL = 34
LONGEST = 760


def scores(
    memory: Memory,
    name: str,
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Which heads score high in a measure?

    A heatmap of one of `MEASURES` that gives a number for each head ([layer, head]): layers are
    rows, heads columns. The scale is the measure's range, or the trace's largest where it is open;
    empty cells are undefined. ``caption`` stands after the notes on what is shown; "" leaves both out of
    the picture. Raises `MeasureError` for another name, or where it means nothing.
    """
    measure = _of_heads(name)
    values = np.asarray(measure.compute(memory), dtype=np.float32)
    label, unit = translate(measure.label), translate(measure.unit)
    figure = Draft()
    figure.add_heatmap(z=values, **_colours(measure, values, unit), **_hover(label, unit))
    figure.update_xaxes(**label_axis([f"H{head}" for head in range(memory.heads)]), side="top")
    figure.update_xaxes(constrain="domain", constraintoward="left", tickangle=0)
    figure.update_yaxes(**label_axis([f"L{layer}" for layer in range(memory.layers)]), autorange="reversed")
    figure.update_yaxes(scaleanchor="x", constrain="domain", constraintoward="top")
    cell = min(CELL, LONGEST / max(values.shape))
    return finish(
        figure,
        heading=label if title is None else title,
        notes=[f"{label}, {unit}", translate(measure.caveat), caption or ""],
        with_notes=caption != "",
        size=(int(max(360, cell * memory.heads)) + 70, int(cell * memory.layers)),
        above=24,
        below=74,
        alt=_alt_text(values, label=label, unit=unit, translate=translate),
        fields={"view": f"{measure.label} ({measure.unit}) of every head"},
    )


def _of_heads(name: str) -> Measure:
    """The measure of that name, if it gives one number a head."""
    names = [key for key, measure in MEASURES.items() if measure.axes == ("layer", "head")]
    if name not in names:
        raise MeasureError(
            "“{name}” does not give one number for each head.",
            todo="Choose one of: {names}.",
            name=name,
            names=", ".join(sorted(names, key=lambda key: -difflib.SequenceMatcher(None, key, name).ratio())),
        )
    return MEASURES[name]


def _colours(measure: Measure, values: np.ndarray, unit: str) -> dict:
    finite = values[np.isfinite(values)]
    low = 0.0 if measure.low is None else measure.low
    high = measure.high if measure.high is not None else float(finite.max(initial=low)) or 1.0
    scale = colours.ramp(even=True)
    return {"zmin": low, "zmax": high, "colorscale": scale, "colorbar": colour_bar(unit, nticks=6)}


def _hover(label: str, unit: str) -> dict:
    text = f"%{{y}}.%{{x}}<br>{label} <b>%{{z:.3g}}</b> ({unit})<extra></extra>"
    return {"hovertemplate": text, "hoverongaps": False, "xgap": 1, "ygap": 1}


def _alt_text(values: np.ndarray, *, label: str, unit: str, translate: Translate) -> str:
    flat = np.nan_to_num(values, nan=-np.inf).ravel()
    best = [int(place) for place in np.argsort(-flat, kind="stable")[:3] if np.isfinite(flat[place])]
    highest = [f"{head_name(*divmod(place, values.shape[1]))} {flat[place]:.3g}" for place in best]
    layers, heads = values.shape
    most = ", ".join(highest) or translate(phrases.NOTHING)
    return say(translate, phrases.SCORES_ALT, label=label, layers=layers, heads=heads, unit=unit, most=most)
