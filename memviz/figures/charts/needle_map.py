"""Is a sentence found in a long text, wherever it stands? One cell a text."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say

ROW = 46  # pixels


class NeedleResult(Protocol):
    """What `memviz.experiments.needle` gives, as far as it is drawn."""

    @property
    def lengths(self) -> tuple[int, ...]: ...

    @property
    def depths(self) -> tuple[float, ...]: ...

    @property
    def tokens(self) -> np.ndarray: ...

    @property
    def values(self) -> np.ndarray: ...

    @property
    def exact(self) -> np.ndarray: ...

    @property
    def controls(self) -> np.ndarray: ...


def needle_map(
    result: NeedleResult, *, title: str | None = None, caption: str | None = None, translate: Translate = str
) -> go.Figure:
    """Where in how long a text is the sentence found?

    ``result`` is that of `memviz.experiments.needle`. Columns are lengths, rows depths, the beginning of the text on
    top; a cell is the mean probability of the tokens of the answer, with a tick where the model would write all of it
    by itself. The last row is the text without the sentence. ``title`` and ``caption`` as in
    `memviz.figures.by_distance`.
    """
    rows = [f"{depth:.0%}" for depth in result.depths]
    without = translate(phrases.NEEDLE_WITHOUT)
    values = np.vstack([result.values.T, result.controls[None]])  # [depth and control, length]
    exact = np.vstack([result.exact.T, np.zeros((1, len(result.lengths)), dtype=bool)])
    texts = [
        [percent(float(value)) + (" ✓" if right else "") for value, right in zip(*pair, strict=True)]
        for pair in zip(values, exact, strict=True)
    ]
    figure = Draft()
    figure.add_heatmap(
        z=values,
        x=list(range(len(result.lengths))),
        y=list(range(len(rows) + 1)),
        zmin=0,
        zmax=1,
        colorscale=colours.ramp(colours.BLUE, even=True),
        text=texts,
        texttemplate="%{text}",
        xgap=3,
        ygap=3,
        showscale=False,
        customdata=[[f"{row} · {length}" for length in result.lengths] for row in [*rows, without]],
        hovertemplate="%{customdata}: <b>%{text}</b><extra></extra>",
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(rows) + 1)),
        ticktext=[*rows, escape(without)],
        autorange="reversed",
        title={"text": translate(phrases.NEEDLE_DEPTH), "font": {"size": 12}},
        showgrid=False,
        zeroline=False,
        ticks="",
        automargin=True,
    )
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(range(len(result.lengths))),
        ticktext=[str(length) for length in result.lengths],
        title={"text": translate(phrases.NEEDLE_LENGTH), "font": {"size": 12}},
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    return finish(
        figure,
        heading=translate(phrases.NEEDLE) if title is None else title,
        notes=[translate(phrases.NEEDLE_UNIT), translate(phrases.NEEDLE_TICK), caption or ""],
        with_notes=caption != "",
        size=(760, ROW * (len(rows) + 1)),
        below=52,
        narrow={"least": 110 + 62 * len(result.lengths)},
        alt=say(
            translate,
            phrases.NEEDLE_ALT,
            lengths=len(result.lengths),
            depths=len(rows),
            low=percent(float(result.values.min())),
            high=percent(float(result.values.max())),
            exact=int(result.exact.sum()),
            control=percent(float(result.controls.max())),
        ),
        fields={"view": "a needle by length and depth"},
    )
