"""One bar a word: how bars are placed, labelled, pooled where there are too many, and told in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import LETTER, finish, label_axis, percent_ticks
from memviz.figures.style import colours, phrases
from memviz.figures.style.labels import (
    LETTER_HIGH,
    escape,
    isolated,
    label_count,
    pooled_labels,
    shorten,
    width,
    wrap,
)
from memviz.figures.style.numbers import decimal, percent
from memviz.figures.style.phrases import Translate, say

LARGEST = 256  # bars; above it neighbours share one
SIZE = (760, 240)
BESIDE = 60  # pixels of them that the numbers of the axis take
PHONE = 300  # pixels: labels stand upright only where they fit on a phone


@dataclass(frozen=True)
class Kind:
    """What the bars say: templates, whether each is a share of one, and whether the least or the largest counts."""

    name: str
    unit: str
    hover: str
    share: bool
    pooled: str = phrases.POOLED_BARS
    least: bool = False


def bar_chart(
    kind: Kind,
    values: np.ndarray,
    texts: Sequence[str],
    *,
    top: float,
    notes: Sequence[str],
    alt: str,
    fields: dict[str, str],
    muted: Sequence[bool] | None = None,
    more: Sequence[str] | None = None,
    at_one: str = "",
    title: str | None,
    caption: str | None,
    translate: Translate,
) -> go.Figure:
    """Bars up to ``top``; ``muted`` ones are grey, and ``more`` (plain text) stands below the number on hovering.

    ``at_one`` names a line at 1, beside the bars; "" for none.
    """
    step = -(-len(texts) // LARGEST)
    starts = np.arange(0, len(texts), step)
    labels = pooled_labels(texts, starts.tolist(), step=step)
    bars = (np.fmin if kind.least else np.fmax).reduceat(values, starts).astype(np.float32)
    if bool((bars > top).any()):
        notes = [*notes, translate(phrases.CUT_OFF)]
    if step > 1:
        notes = [*notes, say(translate, kind.pooled, count=step)]
    grey = np.zeros(len(texts), dtype=bool) if muted is None else np.array(muted)
    bar_colours = np.where(np.logical_and.reduceat(grey, starts), colours.GREY, colours.BLUE)
    bar = _bar(kind, bars, translate=translate, colours=bar_colours.tolist(), more=more if step == 1 else None)
    figure = Draft()
    figure.add_bar(**bar)
    flat = max(map(width, labels)) * 8 * len(labels) < PHONE
    figure.update_xaxes(**label_axis([*map(escape, labels)]), tickangle=0 if flat else -60)
    figure.update_xaxes(range=[-0.6, len(labels) - 0.4])
    figure.update_yaxes(
        range=[0, top],
        tickformat=percent_ticks(top) if kind.share else None,
        title={"text": translate(kind.unit), "font": {"size": 12}},
        gridcolor=colours.FAINT,
        zeroline=False,
        automargin=True,
    )
    beside = _line_at_one(figure, at_one) if at_one else 0
    return finish(
        figure,
        beside=beside,
        heading=translate(kind.name) if title is None else title,
        notes=[*notes, caption or ""],
        with_notes=caption != "",
        size=SIZE,
        narrow={"least": BESIDE + (0 if flat else LETTER_HIGH * label_count(len(labels)))},
        below=26 if flat else 20 + int(max(map(width, labels)) * 6.7),
        alt=alt,
        fields=fields | ({"pooled": f"{'min' if kind.least else 'max'} over {step} words"} if step > 1 else {}),
    )


def _line_at_one(figure: Draft, name: str) -> int:
    """What one token has, named beside the bars; the pixels that its name takes."""
    lines = wrap(name, 12)
    place = {"xref": "x domain", "x": 1, "xanchor": "left", "xshift": 6, "y": 1, "align": "left", "showarrow": False}
    figure.add_annotation(text="<br>".join(map(escape, lines)), **place, font={"size": 12})
    figure.add_hline(1, line={"color": colours.GREY, "width": 1.5, "dash": "dash"})
    return 6 + int(max(map(width, lines)) * LETTER)


def first_words(kind: Kind, values: np.ndarray, texts: Sequence[str], translate: Translate, *, most: int = 3) -> str:
    """The highest bars in words (the lowest, where those count), best first."""
    order = np.argsort(values if kind.least else -np.nan_to_num(values), kind="stable")
    best = [place for place in order[:most] if np.isfinite(values[place]) and (kind.least or values[place] > 0)]
    return bar_texts(kind, values, texts, best) or translate(phrases.NOTHING)


def bar_texts(kind: Kind, values: np.ndarray, texts: Sequence[str], places: Sequence[int]) -> str:
    """Some bars in words: the word and its number."""
    numbers = (percent(float(values[place])) if kind.share else decimal(float(values[place])) for place in places)
    return ", ".join(f"“{isolated(shorten(texts[i]))}” {n}" for i, n in zip(places, numbers, strict=True))


def _bar(
    kind: Kind, bars: np.ndarray, *, translate: Translate, colours: list[str], more: Sequence[str] | None
) -> dict[str, Any]:
    hover = say(translate, kind.hover, word="%{x}", value="<b>%{text}</b>")
    numbers = [percent(float(bar), digits=1) if kind.share else decimal(float(bar)) for bar in bars]
    beside: dict[str, Any] = {"text": numbers, "textposition": "none"}  # for hovering alone
    if more is not None:
        beside["customdata"], hover = [*map(escape, more)], hover + "<br>%{customdata}"
    marker = {"color": colours if len(set(colours)) > 1 else colours[0], "line": {"width": 0}}
    style = {"marker": marker, "width": 0.82, "hovertemplate": hover + "<extra></extra>"}
    return {"x0": 0, "dx": 1, "y": bars, **style, **beside}
