"""Several numbers beside each other: one bar each, with its number at the end."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, percent_ticks
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, isolated, wrap
from memviz.figures.style.numbers import decimal, percent
from memviz.figures.style.phrases import Translate, say

LANE = 46  # pixels of a bar and what is around it
LINE = 24  # letters of a line of a name
SMALL = 0.2  # where no share reaches it, all have a digit more: a bar that ends at 1.8 % is not called 2 %


def number_texts(values: Sequence[float], *, share: bool) -> list[str]:
    """Numbers as they stand at their bars: 52 %, 0.4 %, 23.7."""
    if share:
        digits = int(max(values, default=1) < SMALL)
        return [percent(value, digits=digits if value else 0) for value in values]
    return [decimal(value, digits=1 if value >= 10 else 2 if value % 1 else 0) for value in values]


def number_bars(
    names: Sequence[str],
    values: Sequence[float],
    *,
    unit: str,
    share: bool,
    title: str | None = None,
    caption: str | None = None,
    scale: float = 1.0,
    translate: Translate = str,
) -> go.Figure:
    """How large are these numbers beside each other?

    One bar for each of the ``names`` (plain text) with its number of ``values``, from 0. ``unit`` is what they are; a
    ``share`` of one is shown as per cent. ``title`` stands above; ``caption`` stands after the notes on what is shown;
    "" leaves both out of the picture. Letters and bars are ``scale`` times their usual size: for a class, from afar.
    """
    figure, largest = Draft(), max([*values, 1e-9])
    texts = number_texts(values, share=share)
    figure.add_bar(
        x=list(values),
        y=list(range(len(values))),
        width=0.6,
        orientation="h",
        marker={"color": [colours.BLUE, colours.ORANGE][: len(values)] + [colours.GREY] * (len(values) - 2)},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        textfont={"size": 15 * scale},
        customdata=[*map(escape, names)],
        hovertemplate="%{customdata}: <b>%{text}</b><extra></extra>",
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(values))),
        ticktext=["<br>".join(map(escape, wrap(isolated(name), LINE))) for name in names],
        tickfont={"size": 14 * scale},
        range=[len(values) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
        ticks="",
    )
    figure.update_xaxes(
        range=[0, largest * (1 + 0.2 * scale)],  # the numbers stand behind the bars
        tickformat=percent_ticks(largest) if share else None,
        tickfont={"size": 12 * scale},
        gridcolor=colours.FAINT,
        zeroline=False,
        nticks=6,
    )
    told = ", ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True))
    return finish(
        figure,
        heading=unit if title is None else title,
        notes=[unit, caption or ""],
        with_notes=caption != "",
        size=(760, int(LANE * scale * len(values))),
        below=int(34 * scale),
        narrow={"least": 300},
        alt=say(translate, phrases.NUMBERS_ALT, unit=unit, values=told),
        fields={"view": "numbers beside each other", "unit": unit},
    )
