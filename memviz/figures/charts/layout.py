"""What every Plotly figure shares: no paper of its own, labels that can be read, notes below the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.style import colours
from memviz.figures.style.labels import READABLE, THINNED, escape, ticks, wrap

LINE = 17  # pixels of a line of notes
SUBTITLE = 20  # pixels of a line below the title
LETTER = 6.6  # pixels of a narrow letter in notes and labels


def label_axis(labels: Sequence[str], *, first: int = 0, keep: Sequence[int] = ()) -> dict[str, Any]:
    """An axis of whole numbers from ``first`` on that shows labels (already escaped) in their place.

    Plotly merges equal category names; equal numbers do not occur. The labels are aliases of the
    numbers, so that hovering names every place even where too many labels are thinned out, and
    zooming in brings them back. ``keep`` are places whose labels are bold and always drawn.
    """
    fixed = set(keep)
    alias = {str(first + i): f"<b>{label}</b>" if i in fixed else label for i, label in enumerate(labels)}
    axis: dict[str, Any] = {
        "labelalias": alias,
        "exponentformat": "none",
        "separatethousands": False,
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        "tickfont": {"size": 13 if len(labels) <= 24 else 11},
    }
    if len(labels) <= READABLE:
        return {**axis, "tickmode": "linear", "tick0": first, "dtick": 1}
    if fixed:
        return {**axis, "tickmode": "array", "tickvals": (first + ticks(len(labels), keep=sorted(fixed))).tolist()}
    return {**axis, "tickmode": "auto", "nticks": THINNED}


def percent_ticks(end: float) -> str | None:
    """How are the numbers of an axis written that ends at this share? With as many digits as keep them apart.

    ``None``, as Plotly writes them, where that would be more than four.
    """
    digits = 0 if end > 0.05 else int(np.ceil(-np.log10(20 * end))) if end > 0 else 9
    return f".{digits}%" if digits <= 4 else None


def finish(
    figure: Draft,
    *,
    heading: str,
    notes: Sequence[str],
    with_notes: bool,
    size: tuple[int, int],
    alt: str,
    fields: dict[str, str],
    above: int = 0,
    below: int = 40,
    beside: int = 0,
    narrow: dict[str, int] | None = None,
) -> go.Figure:
    """A draft as a figure, with title, notes below it, size and background; the same in words in ``layout.meta``.

    ``size`` is the width of everything and the height of the plotted area; ``above``, ``below`` and
    ``beside`` (on the right) are what its own labels and colour bar need, in pixels. ``notes`` are
    plain text; ``with_notes`` says whether to draw them. ``narrow`` is what a page must know that
    has less room, in pixels: ``least``, the width below which labels cannot be read, and where cells
    are square the width of all ``cells`` and of what is ``beside`` them. It stands in
    ``layout.meta["narrow"]``.
    """
    text = " · ".join(filter(None, notes))
    lines = wrap(text, int((size[0] - 24) / LETTER)) if with_notes else []
    top, bottom = above + (44 if heading else 12), below + (LINE * len(lines) + 10 if lines else 0)
    if lines:
        figure.add_annotation(
            text="<br>".join(map(escape, lines)),
            **{"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": 0, "yanchor": "top"},
            **{"yshift": -below, "align": "left", "showarrow": False, "font": {"size": 12}, "opacity": 0.85},
        )
    figure.update_layout(
        paper_bgcolor=colours.CLEAR,
        plot_bgcolor=colours.CLEAR,
        hoverlabel=colours.HOVER,
        width=size[0],
        height=size[1] + top + bottom,
        margin={"l": 12, "r": 12 + beside, "t": top, "b": bottom, "pad": 2},
        meta={"alt": alt, "caption": text, "fields": fields} | ({"narrow": narrow} if narrow else {}),
    )
    if heading:
        place = {"x": 0, "xanchor": "left", "xref": "container", "y": 1, "yanchor": "top", "yref": "container"}
        figure.update_layout(title={"text": escape(heading), **place, "pad": {"t": 12, "l": 12}, "font": {"size": 17}})
    return figure.figure()


def with_subtitle(figure: go.Figure, *lines: str) -> go.Figure:
    """The same ``figure`` with ``lines`` of plain text below its title: of which sentence it is."""
    layout = figure.layout
    layout.title.subtitle = {"text": "<br>".join(map(escape, lines)), "font": {"size": 13}}
    layout.margin.t += SUBTITLE * len(lines)
    layout.height += SUBTITLE * len(lines)
    return figure


def alt(figure: go.Figure) -> str:
    """What does this ``figure`` show, in plain words, for someone who cannot see it? "" for a foreign figure."""
    return (figure.layout.meta or {}).get("alt", "")


def provenance_fields(figure: go.Figure) -> dict[str, str]:
    """What was chosen and done to get this figure? For ``provenance(trace, **provenance_fields(figure))``."""
    return dict((figure.layout.meta or {}).get("fields", {}))
