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
SPOTS = ("top center", "bottom center", "middle right", "middle left")  # in turn: names of neighbours part


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
        textposition=[SPOTS[number % len(SPOTS)] for number in range(len(names))],
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
