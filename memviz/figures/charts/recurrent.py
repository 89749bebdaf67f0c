"""What does a recurrent memory still hold, and how long do its units remember? A heatmap, and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.cell_axes import BAR, Field, colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import pooled_labels
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.memory.recurrent import Recurrent

LARGEST = 256  # steps a side; above it neighbours are max-pooled
BARS = 30  # of a histogram
WIDTH, EACH = 760, 130  # of all histograms, and the height of one
GAP = 0.25  # of the height of all histograms, between them
ENDS = 0.05, 200.0  # tokens: what is shorter or longer is drawn at the end


def recurrent(
    recurrent: Recurrent,
    layer: int,
    unit: int | None = None,
    *,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How much of what is held after each step came in at each step?

    A heatmap of exact weights (0..1) of one ``unit``, or their mean over all units of the layer: rows are the steps,
    named by the token written; columns the tokens that came in; in front of them, what is still the empty start. Every
    row sums to one. This is no attention: nothing is looked up, what was written fades. More than 256 steps are
    max-pooled. ``caption`` stands after the notes on what is shown; "" leaves both out of the picture.
    Raises `TraceError` for a layer or a unit that is not there.
    """
    share, left = recurrent.pattern(layer, unit), recurrent.remainder(layer, unit)
    step = -(-len(share) // LARGEST)
    starts = np.arange(0, len(share), step)
    texts = ([token.text for token in tokens] for tokens in (recurrent.queries, recurrent.keys))
    down, across = (pooled_labels(names, starts.tolist(), step=step) for names in texts)
    field = Field(down, [translate(phrases.EMPTY_START), *across])
    name = say(translate, phrases.MEAN_UNITS, layer=layer, units=recurrent.units)
    if unit is not None:
        name = say(translate, phrases.ONE_UNIT, layer=layer, unit=unit, units=recurrent.units)
    notes = [name, translate(phrases.RECURRENT_ROWS), translate(phrases.FADES)]
    notes += [say(translate, phrases.POOLED_STEPS, down=step, across=step)] if step > 1 else []
    figure = Draft()
    figure.add_heatmap(
        **{**field.places(), **_cells(left[:, None], starts[:1], rows=starts)},
        showscale=False,
        hovertemplate=_hover(phrases.START_HOVER, translate),
    )
    figure.add_heatmap(
        **{**field.places(), "x0": 1, **_cells(_until_now(share), starts, rows=starts)},
        hovertemplate=_hover(phrases.RECURRENT_HOVER, translate),
        colorbar=colour_bar(translate(phrases.RECURRENT_WEIGHT), tickvals=[0, 0.25, 0.5, 0.75, 1]),
    )
    field.axes(figure)
    figure.add_vline(0.5, line={"color": colours.GREY, "width": 2})
    newest = float(np.diagonal(share).mean())
    fields = {
        "layer": str(layer),
        "unit": f"mean over {recurrent.units} units" if unit is None else f"unit {unit}",
        "view": "recurrent state: share of what is held after each step",
        "between": "tokens",
    }
    return finish(
        figure,
        heading=translate(phrases.RECURRENT) if title is None else title,
        notes=[*notes, caption or ""],
        with_notes=caption != "",
        size=field.size(),
        narrow=field.narrow(),
        above=field.above,
        below=BAR,
        alt=say(
            translate,
            phrases.RECURRENT_ALT,
            units=name,
            rows=len(share),
            newest=percent(newest),
            left=percent(float(left[-1])),
        ),
        fields=fields | ({"pooled": f"max over {step} × {step}"} if step > 1 else {}),
    )


def _until_now(share: np.ndarray) -> np.ndarray:
    """The weights of what had come in by then; NaN for later steps."""
    step = np.arange(len(share))
    return np.where(step[:, None] >= step, share, np.nan)


def _cells(values: np.ndarray, cols: np.ndarray, *, rows: np.ndarray) -> dict[str, Any]:
    """Cells, the largest of the steps that share one."""
    pooled = np.fmax.reduceat(np.fmax.reduceat(values, rows, axis=0), cols, axis=1).astype(np.float32)
    return {"z": pooled, "zmin": 0, "zmax": 1, "colorscale": colours.ramp(), "hoverongaps": False}


def _hover(template: str, translate: Translate) -> str:
    return say(translate, template, value="<b>%{z:.3g}</b>", query="%{y}", key="%{x}") + "<extra></extra>"


def half_lives(
    recurrent: Recurrent, *, title: str | None = None, caption: str | None = None, translate: Translate = str
) -> go.Figure:
    """After how many tokens have the units lost half of what they held?

    A histogram of `Recurrent.half_lives` for each layer, over tokens on a logarithmic axis that all layers share, with
    the median. What is shorter than 0.05 tokens or longer than 200 (a gate that never closes never forgets) is
    counted in the first and the last bar. ``caption`` stands after the notes on what is shown; "" leaves both out of
    the picture.
    """
    lives = recurrent.half_lives()
    edges = np.geomspace(*ENDS, BARS + 1)
    figure, medians = Draft(), np.median(lives, axis=1)
    for layer in range(recurrent.layers):
        axes = _stack(figure, layer, recurrent.layers, translate)
        figure.add_bar(**axes, **_histogram(lives[layer], edges, name=f"L{layer}", translate=translate))
        _median(figure, layer, float(medians[layer]), translate)
    figure.update_xaxes(recurrent.layers, title={"text": translate(phrases.HALF_LIFE), "font": {"size": 12}})
    figure.update_layout(showlegend=False)
    beyond = ((lives < ENDS[0]) | (lives > ENDS[1])).any()
    notes = [translate(phrases.HALF_LIFE_NOTE), translate(phrases.HALF_LIFE_ENDS) if beyond else ""]
    medians_text = ", ".join(f"L{layer} {_tokens(float(median))}" for layer, median in enumerate(medians))
    return finish(
        figure,
        heading=translate(phrases.HALF_LIVES) if title is None else title,
        notes=[*notes, caption or ""],
        with_notes=caption != "",
        size=(WIDTH, EACH * recurrent.layers),
        below=52,
        alt=say(translate, phrases.HALF_LIFE_ALT, units=recurrent.units, layers=recurrent.layers, medians=medians_text),
        fields={"view": "half-lives of the recurrent units, in tokens"},
    )


def _stack(figure: Draft, layer: int, layers: int, translate: Translate) -> dict[str, str]:
    """The axes of one layer, from the top down; those of all layers move together. What its bars call them."""
    number, high = layer + 1, (1 - GAP) / layers
    at = str(number) if layer else ""
    top = 1 - layer * (high + GAP / max(layers - 1, 1))
    figure.update_xaxes(
        number,
        **{"type": "log", "range": np.log10(ENDS).tolist(), "tickvals": [0.1, 0.3, 1, 3, 10, 30, 100]},
        **{"showgrid": False, "zeroline": False, "exponentformat": "none", "anchor": f"y{at}"},
        **({"matches": f"x{layers if layers > 1 else ''}"} if number < layers else {}),
        showticklabels=number == layers,
    )
    figure.update_yaxes(
        number,
        **{"domain": [max(top - high, 0), top], "anchor": f"x{at}"},
        **{"gridcolor": colours.FAINT, "zeroline": False, "nticks": 4},
        title={"text": f"L{layer} · {translate(phrases.UNITS)}", "font": {"size": 12}},
    )
    return {"xaxis": f"x{at}", "yaxis": f"y{at}"}


def _histogram(lives: np.ndarray, edges: np.ndarray, *, name: str, translate: Translate) -> dict[str, Any]:
    """How many units have a half-life between each two edges?"""
    low, high = (f"%{{customdata[{place}]:.2g}}" for place in (0, 1))
    hover = say(translate, phrases.HALF_LIFE_HOVER, count="<b>%{y}</b>", low=low, high=high)
    return {
        "x": (edges[:-1] + edges[1:]) / 2,
        "width": np.diff(edges) * 0.94,
        "y": np.bincount(_bars(lives, edges), minlength=BARS),
        "customdata": np.column_stack([edges[:-1], edges[1:]]),
        "hovertemplate": f"{name}<br>{hover}<extra></extra>",
        "marker": {"color": colours.BLUE, "line": {"width": 0}},
    }


def _bars(lives: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bar that each half-life belongs to; the first and the last take what is beyond them."""
    return np.clip(np.searchsorted(edges, lives, side="right") - 1, 0, len(edges) - 2)


def _median(figure: Draft, layer: int, median: float, translate: Translate) -> None:
    """A line at the median, with its number."""
    at, line = float(np.clip(median, *ENDS)), {"color": colours.GREY, "width": 2}
    text = say(translate, phrases.MEDIAN, value=_tokens(median))
    label = {"text": text, "textposition": "end", "textangle": 0, "xanchor": "left", "yanchor": "top", "padding": 6}
    figure.add_vline(at, axis=layer + 1, line=line, label={**label, "font": {"size": 12}})


def _tokens(life: float) -> str:
    return f"{life:.2g}" if np.isfinite(life) else "∞"
