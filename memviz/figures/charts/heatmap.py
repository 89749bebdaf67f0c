"""One head in full, or a mean over heads, as a Plotly heatmap: rows look, columns are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.cell_axes import BAR, Field, colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.data.captions import UNITS, alt_text, cell_template, notes, provenance_fields
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import FLOOR, Mark, PatternData, PatternView, Values, Window
from memviz.figures.style import colours, phrases
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.memory import Memory
from memviz.tokens import Word

DRAWN_OUT: dict[str, Any] = {
    "showspikes": True,
    "spikemode": "across",
    "spikesnap": "hovered data",
    "spikedash": "solid",
    "spikethickness": -2,  # below 0: without a border of the colour of the paper
    "spikecolor": colours.GREY,
}
"""On hover a line along the whole row and the whole column."""
MARKS = 8  # rows, and columns, that are framed when a word is looked for; more would hide the picture


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
    shift: int = 0,
    find: str = "",
    mark: Mark = ((), ()),
    largest: int = 256,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How hard does each word look at each other word?

    A heatmap of exact weights (0..1) of one head; the mean over layers or heads where ``layer`` or
    ``head`` is ``None``. The colour scale is the same for every picture of the same trace. Empty
    cells are keys that a query cannot see, that were taken out, or that fell below the threshold.

    view      "weight", "value norm" (‖a·f‖, how much is written), "log" (weights from 0.0001), or of an
              encoder without ``layer`` and ``head`` "rollout" (see `measures.rollout`)
    query_words, key_words   words for rows and columns, as from ``trace.sides(kind)``: to a split
              word weights add up, from it they are averaged
    without   keys (token positions) to take out; the rest of each row is renormalised
    window    (rows, columns) as slices, in words where words are given, else in tokens
    cumulative   keep of each row only the strongest weights, up to this share of it
    shift     in cross-attention: ``1`` takes each row from the step after its token was written, when it is entered
    find      rows and columns whose label contains this are marked
    mark      (rows, columns) that are marked, too: places of words where words are given, else of tokens
    largest   cells a side; above it neighbours are max-pooled, and the notes say so
    title     above the picture; ``None`` for the head's name, "" for none
    caption   stands after the notes on what is shown; "" leaves both out of the picture
    translate   turns an English template of `PHRASES` into the reader's language

    The notes are also in ``figure.layout.meta["caption"]``, the text alternative in `alt`. Raises
    `TraceError` for a head, position or window that is not there, `MeasureError` where value norms
    are not known, and for a shift of anything but cross-attention.
    """
    selection = PatternView(
        layer=layer,
        head=head,
        values=view,
        query_words=query_words,
        key_words=key_words,
        without=without,
        window=window,
        cumulative=cumulative,
        shift=shift,
        largest=largest,
    )
    data = pattern_data(memory, selection)
    return heatmap(data, find=find, mark=mark, title=title, caption=caption, translate=translate)


def heatmap(
    data: PatternData,
    *,
    find: str = "",
    mark: Mark = ((), ()),
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """The heatmap of numbers that are already there; see `pattern`."""
    lines = notes(data, translate)
    matches = data.rows.matching(find), data.cols.matching(find)
    if find:
        lines.append(say(translate, phrases.MARKED, count=len(matches[0]) + len(matches[1]), find=find))
    rows, cols = (
        sorted({*cells, *side.cells_of(units)})
        for cells, side, units in zip(matches, (data.rows, data.cols), mark, strict=True)
    )
    matches = rows, cols
    if data.mass is not None:
        lines.append(translate(phrases.PAIR))
    field = Field.of(data.rows, data.cols, names=_axis_names(data.memory, translate))
    beside = 0 if data.mass is None else 96
    cells = {**_numbers(data), **field.places()}
    figure = Draft()
    figure.add_heatmap(**cells, **_colours(data, translate), **_hover(data, translate))
    field.axes(figure, matches=matches)
    figure.update_xaxes(**DRAWN_OUT)
    figure.update_yaxes(**DRAWN_OUT)
    _frames(figure, field.first, matches=matches)
    if data.mass is not None:
        _pair(figure, data, data.mass)
    return finish(
        figure,
        heading=lines[0] if title is None else title,
        notes=[*lines, caption or ""],
        with_notes=caption != "",
        size=field.size(beside=beside),
        narrow=field.narrow(beside=beside),
        above=field.above,
        below=BAR,
        alt=alt_text(data, translate),
        fields=provenance_fields(data),
    )


def _axis_names(memory: Memory, translate: Translate) -> tuple[str, str]:
    """What rows and columns are: who looks, and what is looked at; of a translation, its target and its source."""
    if memory.kind == "cross":
        return translate(phrases.TARGET_AXIS), translate(phrases.SOURCE_AXIS)
    return translate(phrases.QUERY_AXIS), translate(phrases.KEY_AXIS)


def _numbers(data: PatternData) -> dict[str, Any]:
    """The numbers and their range. On a logarithmic scale the weights themselves are in ``customdata``."""
    if data.view.values != "log":
        return {"z": data.values, "zmin": 0, "zmax": data.high}
    logs = np.log10(np.maximum(data.values, FLOOR), dtype=np.float32)
    return {"z": logs, "zmin": np.log10(FLOOR), "zmax": 0, "customdata": data.values}


def _colours(data: PatternData, translate: Translate) -> dict[str, Any]:
    title = UNITS[data.view.values]
    scale: dict[str, Any] = {"nticks": 5}
    if data.view.values == "log":
        steps = np.arange(np.log10(FLOOR), 1)
        scale = {"tickvals": steps.tolist(), "ticktext": [f"{10.0**step:g}" for step in steps]}
    elif data.view.values != "value norm":
        scale = {"tickvals": [0, 0.25, 0.5, 0.75, 1]}
    scale_colours = colours.ramp(even=data.view.values == "log")
    return {"colorscale": scale_colours, "colorbar": colour_bar(translate(title), **scale)}


def _hover(data: PatternData, translate: Translate) -> dict[str, Any]:
    number = "<b>%{customdata:.4g}</b>" if data.view.values == "log" else "<b>%{z:.4g}</b>"
    sentence = say(translate, cell_template(data.memory), query="%{y}", key="%{x}")
    if data.rows.step > 1 or data.cols.step > 1:
        value = say(translate, phrases.HOVER_POOLED, down=data.rows.step, across=data.cols.step, value=number)
    else:
        norm = data.view.values == "value norm"
        value = say(translate, phrases.HOVER_NORM if norm else phrases.HOVER_WEIGHT, value=number)
    return {"hovertemplate": f"{sentence}<br>{value}<extra></extra>", "hoverongaps": False}


def _frames(figure: Draft, first: tuple[int, int], *, matches: tuple[list[int], list[int]]) -> None:
    """A frame around each row and column that holds a word that was looked for."""
    line = {"color": colours.ORANGE, "width": 1.5}
    for row in matches[0] if len(matches[0]) <= MARKS else ():
        edges = {"y0": first[0] + row - 0.5, "y1": first[0] + row + 0.5}
        figure.add_hrect(**edges, line=line)
    for col in matches[1] if len(matches[1]) <= MARKS else ():
        edges = {"x0": first[1] + col - 0.5, "x1": first[1] + col + 0.5}
        figure.add_shape(type="rect", yref="y domain", y0=0, y1=1, **edges, line=line)


def _pair(figure: Draft, data: PatternData, mass: np.ndarray) -> None:
    """Lines between the two texts of a pair, and beside them what each text gives to each."""
    line = {"color": colours.GREY, "width": 2}
    down, across = data.rows.edge - 0.5, data.cols.edge - 0.5
    figure.add_hline(down, line=line)
    figure.add_vline(across, line=line)
    ends = (-0.5, down, data.rows.cells - 0.5)
    for number, name in enumerate("AB"):
        shares = [f"{name}→{to} <b>{percent(mass[number, place])}</b>" for place, to in enumerate("AB")]
        figure.add_annotation(
            **{"xref": "x domain", "x": 1, "xanchor": "left", "xshift": 8, "align": "left", "showarrow": False},
            **{"yref": "y", "y": (ends[number] + ends[number + 1]) / 2, "text": "<br>".join(shares)},
        )
