"""Where do words lie to each other? Points with their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours
from memviz.figures.style.labels import escape

SIZE = (760, 420)
PLOT = (640.0, 330.0)  # pixels of it that points and names share
SPOTS = {  # where a name can stand at its point: how far its middle is from there, in widths and heights of the name
    "top center": (0.0, -1.0),
    "bottom center": (0.0, 1.0),
    "middle right": (0.5, 0.0),
    "middle left": (-0.5, 0.0),
    "top right": (0.5, -1.0),
    "top left": (-0.5, -1.0),
    "bottom right": (0.5, 1.0),
    "bottom left": (-0.5, 1.0),
}
LETTER, WIDE, HEIGHT, POINT = 7.5, 13.0, 17.0, 9.0  # pixels of a letter, of a Chinese one, of a name, of a point
Box = tuple[float, float, float, float]  # left, top, right, bottom


def places(
    names: Sequence[str], across: np.ndarray, down: np.ndarray, *, axes: tuple[str, str], alt: str, title: str = ""
) -> go.Figure:
    """Where do these words lie to each other? A point for each of the ``names``; both axes have one scale.

    ``across`` and ``down`` are float [name], ``axes`` what they are called; ``alt`` says what there is to see,
    ``title`` stands above.
    """
    figure = Draft()
    figure.add_scatter(
        x=across,
        y=down,
        mode="markers+text",
        text=[*map(escape, names)],
        textposition=spots(names, across, down),
        textfont={"size": 13},
        marker={"size": 9, "color": colours.BLUE},
        hovertemplate="%{text} (%{x:.2f}, %{y:.2f})<extra></extra>",
        cliponaxis=False,
    )
    axis: dict[str, Any] = {"gridcolor": colours.FAINT, "zerolinecolor": colours.GREY, "automargin": True}
    figure.update_xaxes(title={"text": escape(axes[0]), "font": {"size": 12}}, **axis)
    figure.update_yaxes(title={"text": escape(axes[1]), "font": {"size": 12}}, scaleanchor="x", scaleratio=1, **axis)
    figure.update_layout(showlegend=False)
    return finish(
        figure,
        heading=title,
        notes=[],
        with_notes=False,
        size=SIZE,
        above=20,
        below=50,
        alt=alt,
        fields={"view": "principal components"},
        narrow={"least": 420},
    )


def spots(names: Sequence[str], across: np.ndarray, down: np.ndarray) -> list[str]:
    """Where does each name stand at its point, so that as little as possible lies on other names and points?

    One after the other takes the spot, of `SPOTS`, that covers least; of several the first. The same always.
    """
    xs, ys = np.asarray(across, dtype=np.float64), -np.asarray(down, dtype=np.float64)
    wide, high = max(float(np.ptp(xs)), 1e-9), max(float(np.ptp(ys)), 1e-9)
    scale = min(PLOT[0] / wide, PLOT[1] / high)
    points = [(float(x) * scale, float(y) * scale) for x, y in zip(xs, ys, strict=True)]
    marks = [_box(x, y, POINT, POINT) for x, y in points]
    chosen: list[str] = []
    taken: list[Box] = []
    for number, (name, (x, y)) in enumerate(zip(names, points, strict=True)):
        width = sum(WIDE if letter > "\u2e80" else LETTER for letter in name)
        away = POINT / 2
        boxes = {
            spot: _box(x + right * (width + 2 * away), y + below * (HEIGHT / 2 + away), width, HEIGHT)
            for spot, (right, below) in SPOTS.items()
        }
        others = [*taken, *(mark for place, mark in enumerate(marks) if place != number)]
        best = min(SPOTS, key=lambda spot: sum(_shared(boxes[spot], other) for other in others))
        chosen.append(best)
        taken.append(boxes[best])
    return chosen


def _box(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
