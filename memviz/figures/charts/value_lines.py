"""How do a few numbers go from place to place: from layer to layer, from token to token, from word to word?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis
from memviz.figures.style import colours
from memviz.figures.style.labels import escape, ticks

COLOURS = (colours.BLUE, colours.ORANGE, colours.GREY, colours.GREEN)
DASHES = ("solid", "dash", "dot", "dashdot")
SIZE = (760, 280)
ROOM = 12  # labels of places on a line that a phone has room for; between them a line says enough


def value_lines(
    labels: Sequence[str],
    series: Mapping[str, np.ndarray],
    *,
    unit: str,
    across: str,
    alt: str,
    bars: bool = False,
    level: tuple[str, float] | None = None,
    logarithmic: bool = False,
    controls: Collection[str] = (),
    title: str = "",
    caption: str = "",
) -> go.Figure:
    """How do these numbers go from place to place?

    One line for each of the ``series``, or ``bars``: float [label]. ``unit`` is what they are, ``across`` what the
    ``labels`` are, ``level`` a name and a number to compare with (dashed), ``logarithmic`` the scale from 1 upwards,
    largest below: for ranks. ``controls`` names those of the series that
    are drawn in grey, to compare with. ``alt`` says what there is to see; ``title`` stands above, ``caption`` below.
    """
    figure = Draft()
    for number, (name, values) in enumerate(series.items()):
        hover = f"{escape(name)}, %{{x}}: <b>%{{y:.3~g}}</b><extra></extra>"
        colour = colours.GREY if name in controls else COLOURS[number % len(COLOURS)]
        if bars:
            figure.add_bar(y=values, x0=0, dx=1, name=escape(name), marker={"color": colour}, hovertemplate=hover)
            continue
        figure.add_scatter(
            y=values,
            x0=0,
            dx=1,
            name=escape(name),
            mode="lines+markers" if len(labels) <= 64 else "lines",
            line={"color": colour, "width": 2.5, "dash": DASHES[number % len(DASHES)]},
            marker={"size": 7},
            hovertemplate=hover,
        )
    if level is not None:
        figure.add_scatter(
            x=[-0.6, len(labels) - 0.4],
            y=[level[1], level[1]],
            mode="lines",
            name=escape(level[0]),
            line={"color": colours.ORANGE, "dash": "dash", "width": 2},
            hovertemplate=f"{escape(level[0])}: <b>%{{y:.3~g}}</b><extra></extra>",
        )
    figure.update_xaxes(**label_axis([*map(escape, labels)]), range=[-0.6, len(labels) - 0.4])
    figure.update_xaxes(title={"text": escape(across), "font": {"size": 12}})
    if not bars and len(labels) > ROOM:
        last = len(labels) - 1
        figure.update_xaxes(dtick=None, tickmode="array", tickvals=ticks(last + 1, keep=[0, last], room=ROOM).tolist())
    figure.update_yaxes(
        title={"text": escape(unit), "font": {"size": 12}}, gridcolor=colours.FAINT, zeroline=False, automargin=True
    )
    if logarithmic:
        figure.update_yaxes(type="log", autorange="reversed", dtick=1, tickformat=",")
    several = len(series) > 1 or level is not None
    figure.update_layout(
        showlegend=several,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        bargap=0.3,
    )
    return finish(
        figure,
        heading=title,
        notes=[caption],
        with_notes=bool(caption),
        size=SIZE,
        above=34 if several else 8,
        below=60,
        alt=alt,
        fields={"view": unit},
        narrow={"least": min(620, 24 * len(labels) + 110) if bars else 20 * min(len(labels), ROOM) + 110},
    )
