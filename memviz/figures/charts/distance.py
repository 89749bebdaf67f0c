"""How far back does the model look, compared with chance? Attention by distance, as curves."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from memviz import measures
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.data.captions import which_head
from memviz.figures.data.distances import EXACT, FEW, group_distances, mean_over_heads, pairs_by_distance
from memviz.figures.style import colours, phrases
from memviz.figures.style.numbers import times
from memviz.figures.style.phrases import Translate, say
from memviz.memory import Memory

SIZE = (760, 340)
LOWEST = 0.01  # × uniform; below it a curve leaves the picture


def by_distance(
    memory: Memory,
    *,
    layer: int | None = None,
    head: int | None = None,
    fitted: bool = False,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Does the model look this far back more than chance would?

    Curves of attention over the uniform baseline (×, logarithmic) against the distance in tokens
    (logarithmic): thick the selected head, or the mean over layers or heads where ``layer`` or
    ``head`` is ``None``; grey the mean of all heads; faint the mean of each layer. 1 is a uniform
    look. The scale is the whole trace's; ``fitted``, that of the curves that are drawn. Distances
    with fewer than 5 pairs of tokens are grey and dotted; beyond 64 tokens neighbouring distances
    share a point, weighted by their pairs. The first token and distance 0 are left out. ``caption``
    stands after the notes on what is shown; "" leaves both out of the picture.

    Raises `MeasureError` in cross-attention, `TraceError` for a head that is not there.
    """
    memory.require_head(layer or 0, head or 0)
    ratios = measures.distance(memory)[:, :, 1:]  # [layer, head, distance from 1]
    pairs = pairs_by_distance(memory, head)[1:]
    at, ratios, pairs = group_distances(ratios, pairs)
    figure, name = Draft(), which_head(memory, layer, head, translate)
    selected = mean_over_heads(ratios, layer, head)
    every = mean_over_heads(ratios, None, None)
    _uniform(figure, at, translate)
    _layers(figure, at, measures.known_mean(ratios, axis=1), enough=pairs >= FEW, translate=translate)
    if layer is not None or head is not None:
        label = translate(phrases.EVERY_HEAD)
        _line(figure, at, every, enough=pairs >= FEW, name=label, colour=colours.GREY, translate=translate)
    _line(figure, at, selected, enough=pairs >= FEW, name=name, colour=colours.BLUE, translate=translate)
    drawn = [selected, every, measures.known_mean(ratios, axis=1)[:, pairs >= FEW]]
    _axes(figure, at, np.concatenate([*map(np.ravel, drawn)]) if fitted else ratios, translate=translate)
    notes = [name, translate(phrases.FIRST_LEFT_OUT)]
    notes += [say(translate, phrases.FEW_PAIRS, pairs=FEW)] if (pairs < FEW).any() else []
    notes += [say(translate, phrases.THINNED, exact=EXACT)] if len(at) and at[-1] > EXACT else []
    return finish(
        figure,
        heading=translate(phrases.BY_DISTANCE) if title is None else title,
        notes=[*notes, caption or ""],
        with_notes=caption != "",
        size=SIZE,
        above=44,
        below=52,
        alt=_alt_text(name, at, selected, enough=pairs >= FEW, translate=translate),
        fields={"layer": str(layer) if layer is not None else "mean over layers"}
        | {"head": str(head) if head is not None else "mean over heads"}
        | {"view": "attention by distance over the uniform baseline"},
    )


def _uniform(figure: Draft, at: np.ndarray, translate: Translate) -> None:
    line = {"color": colours.GREY, "width": 1.5, "dash": "dash"}
    ends = [0.9, max(at[-1] if len(at) else 1, 2) * 1.1]
    figure.add_scatter(x=ends, y=[1, 1], mode="lines", line=line, name=translate(phrases.UNIFORM), hoverinfo="skip")


def _layers(figure: Draft, at: np.ndarray, means: np.ndarray, *, enough: np.ndarray, translate: Translate) -> None:
    for layer, mean in enumerate(means):
        label = say(translate, phrases.ONE_LAYER, layer=layer)
        figure.add_scatter(
            x=at,
            y=np.where(enough & (mean > 0), mean, np.nan).astype(np.float32),
            mode="lines",
            name=label,
            line={"color": colours.GREY, "width": 1},
            opacity=min(0.4, 3 / len(means)),
            hovertemplate=f"{label}<br>{_hover(translate)}<extra></extra>",
            showlegend=False,
        )


def _line(
    figure: Draft,
    at: np.ndarray,
    values: np.ndarray,
    *,
    enough: np.ndarray,
    name: str,
    colour: str,
    translate: Translate,
) -> None:
    """A thick curve, and its grey, dotted end where there are few pairs."""
    values = np.where(values > 0, values, np.nan).astype(np.float32)
    style = {"mode": "lines+markers" if len(at) <= EXACT else "lines", "name": name, "marker": {"size": 6}}
    style["hovertemplate"] = f"<b>{name}</b><br>{_hover(translate)}<extra></extra>"
    figure.add_scatter(x=at, y=np.where(enough, values, np.nan), line={"color": colour, "width": 3}, **style)
    touching = ~enough | np.append(~enough[1:], False)  # the last good point too, so that the ends meet
    if (~enough).any():
        line = {"color": colours.GREY, "width": 1.5, "dash": "dot"}
        style["marker"] = {"size": 4}
        figure.add_scatter(x=at, y=np.where(touching, values, np.nan), line=line, showlegend=False, **style)


def _hover(translate: Translate) -> str:
    return say(translate, phrases.DISTANCE_HOVER, distance="%{x}", value="%{y:.3g}")


def _axes(figure: Draft, at: np.ndarray, ratios: np.ndarray, *, translate: Translate) -> None:
    some = ratios[np.isfinite(ratios) & (ratios > 0)]
    high = max(2.0, float(some.max()) * 1.15) if len(some) else 2.0
    low = min(0.5, max(LOWEST, float(some.min()) * 0.85)) if len(some) else 0.5
    steps = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 3)]
    figure.update_yaxes(
        type="log",
        range=[float(np.log10(low)), float(np.log10(high))],
        tickvals=steps,
        ticktext=[f"{step:g} ×" for step in steps],
        title={"text": translate(phrases.OVER_UNIFORM), "font": {"size": 12}},
        gridcolor=colours.FAINT,
        zeroline=False,
        automargin=True,
    )
    figure.update_xaxes(
        type="log",
        range=[-0.03, float(np.log10(max(at[-1] if len(at) else 1, 2))) + 0.03],
        tickvals=[digit * 10**power for power in range(6) for digit in (1, 2, 5)],
        title={"text": translate(phrases.DISTANCE), "font": {"size": 12}},
        exponentformat="none",
        showgrid=False,
        zeroline=False,
    )
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"}
    figure.update_layout(legend=legend)
    if not len(at):
        middle = {"xref": "x domain", "x": 0.5, "yref": "y domain", "y": 0.75, "showarrow": False}
        figure.add_annotation(text=translate(phrases.TOO_SHORT), **middle)


def _alt_text(name: str, at: np.ndarray, values: np.ndarray, *, enough: np.ndarray, translate: Translate) -> str:
    good = np.flatnonzero(enough & np.isfinite(values))
    if not len(good):
        return f"{translate(phrases.BY_DISTANCE)}. {translate(phrases.TOO_SHORT)}"
    peak = good[values[good].argmax()]
    return say(
        translate,
        phrases.DISTANCE_ALT,
        head=name,
        near=times(float(values[0])),
        peak_at=at[peak],
        peak=times(float(values[peak])),
        far_at=at[good[-1]],
        far=times(float(values[good[-1]])),
    )
