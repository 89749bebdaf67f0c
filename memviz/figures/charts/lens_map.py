"""What would every layer say at every position? One cell for each, by rank or by probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.cell_axes import BAR, Field, colour_bar
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, pooled_labels
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say

LensValue = Literal["rank", "probability"]

ROW = 12  # pixels that a row needs at least, to be told from the next


class LensResult(Protocol):
    """What `memviz.experiments.logit_lens` gives, as far as it is drawn."""

    @property
    def ranks(self) -> np.ndarray: ...

    @property
    def probabilities(self) -> np.ndarray: ...

    @property
    def choices(self) -> tuple[tuple[str, ...], ...]: ...

    @property
    def confidences(self) -> np.ndarray: ...

    @property
    def answer(self) -> str: ...


def layer_names(count: int, translate: Translate = str) -> list[str]:
    """The rows of a lens of so many (``count``) states: before the first layer, then after each."""
    return [translate(phrases.LENS_BEFORE), *(f"L{layer}" for layer in range(count - 1))]


def lens_map(
    result: LensResult,
    positions: Sequence[str],
    *,
    value: LensValue = "rank",
    mark: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How does one answer stand in every layer, at every position?

    ``result`` is that of `memviz.experiments.logit_lens`; ``positions`` names its positions (plain text). Rows are the
    states, from before the first layer down to the last; a cell is the ``value`` of the answer there: its rank (full
    colour: the likeliest; each factor of ten is one step) or its probability. Hovering says what the layer itself
    would say. ``mark`` is a position whose name is bold. ``title`` and ``caption`` as in `memviz.figures.by_distance`.
    """
    rows = layer_names(len(result.ranks), translate)
    field = Field(rows, pooled_labels(list(positions), list(range(len(positions))), step=1))
    figure = Draft()
    hover = [
        [
            say(
                translate,
                phrases.LENS_HOVER,
                rank=f"{int(result.ranks[i, j]):,}",
                probability=percent(float(result.probabilities[i, j]), digits=1),
                choice=escape(result.choices[i][j].strip() or "␣"),
                confidence=percent(float(result.confidences[i, j])),
            )
            for j in range(len(positions))
        ]
        for i in range(len(rows))
    ]
    ranks = value == "rank"
    values = -np.log10(result.ranks) if ranks else result.probabilities
    deepest = max(int(np.ceil(np.log10(result.ranks.max()))), 1)
    ticks = list(range(deepest + 1))
    scale = {"tickvals": [-tick for tick in ticks], "ticktext": [f"{10**tick:,}" for tick in ticks]}
    name = translate(phrases.LENS_RANK if ranks else phrases.LENS_PROBABILITY)
    figure.add_heatmap(
        **field.places(),
        z=values.astype(np.float32),
        zmin=-deepest if ranks else 0,
        zmax=0 if ranks else 1,
        colorscale=colours.ramp(even=ranks),
        customdata=hover,
        hovertemplate="%{y} · %{x}<br>%{customdata}<extra></extra>",
        colorbar=colour_bar(
            translate(phrases.LENS_RANK_BAR if ranks else phrases.LENS_PROBABILITY_BAR),
            len=170,
            **(scale if ranks else {"tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%"}),
        ),
    )
    field.axes(figure, matches=([], [] if mark is None else [mark]))
    size, narrow = field.size(), field.narrow()
    if field.cell <= ROW:  # of a long text, square cells would be rows too low to be told apart
        figure.update_yaxes(scaleanchor=False)
        size, narrow = (size[0], ROW * len(rows)), {"least": narrow["least"]}
    at = len(positions) - 1 if mark is None else mark
    return finish(
        figure,
        heading=translate(phrases.LENS) if title is None else title,
        notes=[name, caption or ""],
        with_notes=caption != "",
        size=size,
        narrow=narrow,
        above=field.above,
        below=BAR,
        alt=say(
            translate,
            phrases.LENS_ALT,
            answer=result.answer.strip(),
            layers=len(rows),
            count=len(positions),
            first=f"{int(result.ranks[0, at]):,}",
            last=f"{int(result.ranks[-1, at]):,}",
        ),
        fields={"view": f"logit lens: {value}"},
    )
