"""One head in full, or a mean over heads, as a Plotly heatmap: rows look, columns are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures import palette, phrases
from memviz.figures.cells import shown
from memviz.figures.describing import notes, record, told
from memviz.figures.frame import finish, label_axis
from memviz.figures.labels import cell_labels, escape, width
from memviz.figures.phrases import Translate, say
from memviz.figures.view import FLOOR, Shown, Side, Values, View, Window
from memviz.memory import Memory
from memviz.tokens import Word

LONGEST = 600  # pixels of the longer side of a large picture
LARGEST_CELL = 30
MARKS = 8  # rows, and columns, that are framed when a word is looked for; more would hide the picture
BAR = 74  # pixels that the colour bar takes below


def pattern(
    memory: Memory,
    layer: int | None = None,
    head: int | None = None,
    *,
    view: Values = "weight",
    query_words: Sequence[Word] | None = None,
    key_words: Sequence[Word] | None = None,
    without: Sequence[int] = (),
    window: Window | None = None,
    cumulative: float = 1.0,
    find: str = "",
    largest: int = 256,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How hard does each word look at each other word?

    A heatmap of exact weights (0..1) of one head; the mean over layers or heads where ``layer`` or
    ``head`` is ``None``. The colour scale is the same for every picture of the same trace. Empty
    cells are keys that a query cannot see, that were taken out, or that fell below the threshold.

    view      "weight", "value norm" (‖a·f‖, how much is written) or "log" (weights from 0.0001)
    query_words, key_words   words for rows and columns, as from ``trace.sides(kind)``: to a split
              word weights add up, from it they are averaged
    without   keys (token positions) to take out; the rest of each row is renormalised
    window    (rows, columns) as slices, in words where words are given, else in tokens
    cumulative   keep of each row only the strongest weights, up to this share of it
    find      rows and columns whose label contains this are marked
    largest   cells a side; above it neighbours are max-pooled, and the notes say so
    title     above the picture; ``None`` for the head's name, "" for none
    caption   stands after the notes on what is shown; "" leaves both out of the picture
    translate   turns an English template of `PHRASES` into the reader's language

    The notes are also in ``figure.layout.meta["caption"]``, the text alternative in `alt`. Raises
    `TraceError` for a head, position or window that is not there, `MeasureError` where value norms
    are not known.
    """
    how = View(
        layer=layer,
        head=head,
        values=view,
        query_words=query_words,
        key_words=key_words,
        without=without,
        window=window,
        cumulative=cumulative,
        largest=largest,
    )
    return drawn(shown(memory, how), find=find, title=title, caption=caption, translate=translate)


def drawn(
    what: Shown, *, find: str = "", title: str | None = None, caption: str | None = None, translate: Translate = str
) -> go.Figure:
    """The heatmap of numbers that are already there; see `pattern`."""
    said = notes(what, translate)
    found = what.rows.found(find), what.cols.found(find)
    if find:
        said.append(say(translate, phrases.MARKED, count=len(found[0]) + len(found[1]), find=find))
    if what.mass is not None:
        said.append(translate(phrases.PAIR))
    cell = min(LARGEST_CELL, LONGEST / max(what.values.shape))
    cells = _cells(what, gap=int(cell >= 8))
    figure = go.Figure(go.Heatmap(**cells, **_colours(what, translate), **_hover(what, translate)))
    _axes(figure, what, found=found, cell=cell)
    _frames(figure, what, found=found)
    if what.mass is not None:
        _pair(figure, what, what.mass)
    return finish(
        figure,
        heading=said[0] if title is None else title,
        notes=[*said, caption or ""],
        drawn=caption != "",
        size=_size(what, cell=cell),
        above=_lengths(what)[1],
        below=BAR,
        alt=told(what, translate),
        shown=record(what),
    )


def _cells(what: Shown, *, gap: int) -> dict[str, Any]:
    """The numbers and where they stand. On a logarithmic scale the weights themselves are in ``customdata``."""
    place = {"x0": _origin(what.cols), "dx": 1, "y0": _origin(what.rows), "dy": 1, "xgap": gap, "ygap": gap}
    if what.view.values != "log":
        return {"z": what.values, "zmin": 0, "zmax": what.high, **place}
    logs = np.log10(np.maximum(what.values, FLOOR), dtype=np.float32)
    return {"z": logs, "zmin": np.log10(FLOOR), "zmax": 0, "customdata": what.values, **place}


def _origin(side: Side) -> int:
    """The number of the first cell: positions in the whole text, cells where they are pooled."""
    return side.first if side.step == 1 else 0


def _colours(what: Shown, translate: Translate) -> dict[str, Any]:
    names = {"weight": phrases.WEIGHT, "log": phrases.LOG, "value norm": phrases.NORM}
    title = {"text": translate(names[what.view.values]), "side": "top", "font": {"size": 12}}
    if what.view.values == "log":
        steps = np.arange(np.log10(FLOOR), 1)
        scale = {"tickvals": steps.tolist(), "ticktext": [f"{10.0**step:g}" for step in steps]}
    elif what.view.values == "weight":
        scale = {"tickvals": [0, 0.25, 0.5, 0.75, 1]}
    else:
        scale = {"nticks": 5}
    bar = {"orientation": "h", "thickness": 10, "lenmode": "pixels", "len": 240, "outlinewidth": 0, "ticks": ""}
    place = {"x": 0, "xanchor": "left", "xpad": 0, "y": 0, "yanchor": "top", "ypad": 14}
    colours = palette.ramp(even=what.view.values == "log")
    return {"colorscale": colours, "colorbar": {**bar, **place, **scale, "title": title}}


def _hover(what: Shown, translate: Translate) -> dict[str, Any]:
    number = "<b>%{customdata:.4g}</b>" if what.view.values == "log" else "<b>%{z:.4g}</b>"
    looks = say(translate, phrases.LOOKS, query="%{y}", key="%{x}")
    if what.rows.step > 1 or what.cols.step > 1:
        value = say(translate, phrases.HOVER_POOLED, down=what.rows.step, across=what.cols.step, value=number)
    else:
        norm = what.view.values == "value norm"
        value = say(translate, phrases.HOVER_NORM if norm else phrases.HOVER_WEIGHT, value=number)
    return {"hovertemplate": f"{looks}<br>{value}<extra></extra>", "hoverongaps": False}


def _axes(figure: go.Figure, what: Shown, *, found: tuple[list[int], list[int]], cell: float) -> None:
    rows, cols = what.rows, what.cols
    across, down = cell_labels(cols), cell_labels(rows)
    flat = max(map(width, across)) * 8 < cell
    figure.update_xaxes(
        **label_axis([*map(escape, across)], first=_origin(cols), keep=found[1]),
        side="top",
        tickangle=0 if flat else -60,
        range=[_origin(cols) - 0.5, _origin(cols) + cols.cells - 0.5],
        constrain="domain",
        constraintoward="left",
    )
    figure.update_yaxes(
        **label_axis([*map(escape, down)], first=_origin(rows), keep=found[0]),
        range=[_origin(rows) + rows.cells - 0.5, _origin(rows) - 0.5],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )


def _lengths(what: Shown) -> tuple[int, int]:
    """How many pixels do the labels take: (beside the rows, above the columns)?"""
    down, across = (max(map(width, cell_labels(side))) for side in (what.rows, what.cols))
    return int(down * 7.5) + 12, int(across * 6.7) + 14


def _size(what: Shown, *, cell: float) -> tuple[int, int]:
    """Width and height of the cells with what stands beside them, in pixels."""
    down, across = _lengths(what)
    beside = max(96 if what.mass is not None else 0, across // 2)  # the last label leans out over the edge
    return int(max(300, cell * what.cols.cells)) + down + beside + 24, int(cell * what.rows.cells)


def _frames(figure: go.Figure, what: Shown, *, found: tuple[list[int], list[int]]) -> None:
    """A frame around each row and column that holds a word that was looked for."""
    line = {"color": palette.ORANGE, "width": 1.5}
    for row in found[0] if len(found[0]) <= MARKS else ():
        edges = {"y0": _origin(what.rows) + row - 0.5, "y1": _origin(what.rows) + row + 0.5}
        figure.add_shape(type="rect", xref="x domain", x0=0, x1=1, **edges, line=line)
    for col in found[1] if len(found[1]) <= MARKS else ():
        edges = {"x0": _origin(what.cols) + col - 0.5, "x1": _origin(what.cols) + col + 0.5}
        figure.add_shape(type="rect", yref="y domain", y0=0, y1=1, **edges, line=line)


def _pair(figure: go.Figure, what: Shown, mass: np.ndarray) -> None:
    """Lines between the two texts of a pair, and beside them what each text gives to each."""
    line = {"color": palette.GREY, "width": 2}
    down, across = what.rows.edge - 0.5, what.cols.edge - 0.5
    figure.add_shape(type="line", xref="x domain", x0=0, x1=1, y0=down, y1=down, line=line)
    figure.add_shape(type="line", yref="y domain", y0=0, y1=1, x0=across, x1=across, line=line)
    ends = (-0.5, down, what.rows.cells - 0.5)
    for number, name in enumerate("AB"):
        shares = [f"{name}→{to} <b>{palette.percent(mass[number, place])}</b>" for place, to in enumerate("AB")]
        figure.add_annotation(
            **{"xref": "x domain", "x": 1, "xanchor": "left", "xshift": 8, "align": "left", "showarrow": False},
            **{"yref": "y", "y": (ends[number] + ends[number + 1]) / 2, "text": "<br>".join(shares)},
        )
