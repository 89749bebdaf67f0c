"""What changed when words were covered? Bars before and after, and what covering others did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish, label_axis, percent_ticks
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import escape, isolated, shorten
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.statements import value_text

LANE = 26  # pixels of a bar
GAP = 16  # pixels between two rows


@dataclass(frozen=True)
class Wording:
    """What the bars before and after, the controls and the notes are called; keys of `memviz.figures.PHRASES`."""

    before: str = phrases.NOT_COVERED
    after: str = phrases.COVERED
    others: str = phrases.OTHERS_COVERED
    instead: str = phrases.COVERED_INSTEAD
    note: str = phrases.CONTROLS_NOTE
    alt: str = phrases.COVER_ALT


COVERING = Wording()
UNPLUGGING = Wording(
    phrases.ALL_HEADS_IN,
    phrases.UNPLUGGED,
    phrases.OTHERS_UNPLUGGED,
    phrases.UNPLUGGED_INSTEAD,
    phrases.DRAWS_NOTE,
    phrases.UNPLUG_ALT,
)

PATCHES = Wording(others=phrases.PATCHES_COVERED, alt=phrases.PATCHES_ALT)


@dataclass(frozen=True)
class Row:
    """One answer: its text, its number before and after; ``None`` where it is less than what is listed."""

    text: str
    before: float | None
    after: float | None


def cover_bars(
    rows: Sequence[Row],
    *,
    kind: str,
    unit: str,
    controls: np.ndarray,
    control_names: Sequence[str],
    wording: Wording = COVERING,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How did the answers turn out, before and after, and with other words covered?

    Two bars for each of the ``rows``, the answer that was asked for first; below its bars a grey stroke for each of the
    ``controls`` (float [run], of the answer), a line from the least to the greatest, and a diamond for their median.
    ``kind`` is that of the question, ``unit`` what its numbers are, ``control_names`` what was covered instead;
    ``wording`` says what was done, where no words were covered.
    ``caption`` stands after the notes on what is shown; "" leaves both out of the picture.
    """
    lanes = [3 if number == 0 and len(controls) else 2 for number in range(len(rows))]
    tops = np.concatenate([[0.0], np.cumsum([LANE * count + GAP for count in lanes])])
    middles = [float(top + LANE * count / 2) for top, count in zip(tops, lanes, strict=False)]
    figure = Draft()
    largest = max([value for row in rows for value in (row.before, row.after) if value is not None] + [*controls])
    for lane, (name, colour) in enumerate(((wording.before, colours.BLUE), (wording.after, colours.ORANGE))):
        values = [row.before if lane == 0 else row.after for row in rows]
        known = [number for number, value in enumerate(values) if value is not None]
        figure.add_bar(
            x=[values[number] for number in known],
            y=[tops[number] + LANE * (lane + 0.5) for number in known],
            width=LANE * 0.78,
            orientation="h",
            name=translate(name),
            marker={"color": colour, "line": {"width": 0}},
            text=[value_text(kind, float(values[number] or 0.0)) for number in known],
            textposition="outside",
            cliponaxis=False,
            textfont={"size": 13},
            customdata=[escape(rows[number].text) for number in known],
            hovertemplate=f"“%{{customdata}}”, {escape(translate(name))}: <b>%{{text}}</b><extra></extra>",
        )
    if len(controls):
        _add_controls(
            figure, controls, control_names, kind=kind, level=LANE * 2.5, wording=wording, translate=translate
        )
    figure.update_yaxes(
        tickmode="array",
        tickvals=middles,
        ticktext=[escape(isolated(shorten(row.text, 14))) for row in rows],
        tickfont={"size": 14},
        range=[float(tops[-1]) - GAP / 2, -GAP / 2],
        showgrid=False,
        zeroline=False,
        automargin=True,
        ticks="",
    )
    figure.update_xaxes(
        range=[0, largest * 1.2],
        tickformat=None if kind == "vector" else percent_ticks(largest),
        title={"text": unit, "font": {"size": 12}},
        gridcolor=colours.FAINT,
        zeroline=False,
        nticks=6,
    )
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
    )
    first = rows[0]
    notes = [unit]
    if len(controls):
        notes.append(say(translate, wording.note, count=len(controls)))
    return finish(
        figure,
        heading=translate(phrases.BEFORE_AND_AFTER) if title is None else title,
        notes=[*notes, caption or ""],
        with_notes=caption != "",
        size=(760, int(tops[-1])),
        above=34,
        below=52,
        narrow={"least": 300},
        alt=say(
            translate,
            wording.alt,
            answer=first.text,
            before=value_text(kind, float(first.before or 0.0)),
            after=value_text(kind, float(first.after or 0.0)),
            count=len(controls),
            median=value_text(kind, float(np.median(controls)) if len(controls) else float("nan")),
        ),
        fields={"view": "the answer before and after words were covered", "unit": unit},
    )


def _add_controls(
    figure: Draft,
    controls: np.ndarray,
    names: Sequence[str],
    *,
    kind: str,
    level: float,
    wording: Wording,
    translate: Translate,
) -> None:
    """The controls in the lane below the answer's bars."""
    label, median = translate(wording.others), float(np.median(controls))
    instead = escape(translate(wording.instead))
    figure.add_scatter(
        x=[float(controls.min()), float(controls.max())],
        y=[level, level],
        mode="lines",
        line={"color": colours.FAINT, "width": 12},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=controls,
        y=[level] * len(controls),
        mode="markers",
        name=label,
        marker={"symbol": "line-ns-open", "size": 14, "color": colours.GREY, "line": {"width": 1.5}},
        text=[value_text(kind, float(value)) for value in controls],
        customdata=[escape(name) for name in names],
        hovertemplate=f"“%{{customdata}}” {instead}: <b>%{{text}}</b><extra></extra>",
    )
    figure.add_scatter(
        x=[median],
        y=[level],
        mode="markers+text",
        marker={"symbol": "diamond", "size": 12, "color": colours.GREY},
        hovertemplate=f"{escape(say(translate, phrases.MEDIAN, value=value_text(kind, median)))}<extra></extra>",
        showlegend=False,
    )


def layer_bars(
    names: Sequence[str],
    values: np.ndarray,
    *,
    kind: str,
    unit: str,
    before: float,
    controls: np.ndarray,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """In which layers was the covered word fetched?

    One bar a window of layers with these ``names``: the answer's number (``values``) when the words are covered there
    alone; a line at the number ``before``, and a band of what the ``controls`` did in all layers. ``kind``, ``unit``
    and ``caption`` as in `cover_bars`.
    """
    figure = Draft()
    figure.add_bar(
        x0=0,
        dx=1,
        y=values,
        width=0.72,
        marker={"color": colours.ORANGE, "line": {"width": 0}},
        text=[value_text(kind, float(value)) for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"{escape(translate(phrases.COVERED_HERE))} %{{x}}: <b>%{{text}}</b><extra></extra>",
    )
    if len(controls):
        least, greatest = float(controls.min()), float(controls.max())
        figure.add_hrect(least, greatest, line={"width": 0}, fillcolor=colours.FAINT, layer="below")
    figure.add_hline(y=before, line={"color": colours.BLUE, "dash": "dash", "width": 2})
    figure.update_xaxes(**label_axis([*map(escape, names)]), range=[-0.6, len(names) - 0.4])
    figure.update_xaxes(title={"text": translate(phrases.LAYERS_COVERED), "font": {"size": 12}})
    top = max(before, float(values.max()), float(controls.max()) if len(controls) else 0.0)
    figure.update_yaxes(
        range=[0, top * 1.15],
        tickformat=None if kind == "vector" else percent_ticks(top),
        title={"text": unit, "font": {"size": 12}},
        gridcolor=colours.FAINT,
        zeroline=False,
        automargin=True,
    )
    lowest = int(np.argmin(values))
    return finish(
        figure,
        heading=translate(phrases.BY_LAYER) if title is None else title,
        notes=[unit, translate(phrases.LAYER_NOTE), caption or ""],
        with_notes=caption != "",
        size=(760, 240),
        below=52,
        narrow={"least": 60 + 44 * len(names)},
        alt=say(
            translate,
            phrases.BY_LAYER_ALT,
            count=len(names),
            layers=names[lowest],
            value=value_text(kind, float(values[lowest])),
            before=value_text(kind, before),
        ),
        fields={"view": "the answer with words covered in a few layers at a time", "unit": unit},
    )
