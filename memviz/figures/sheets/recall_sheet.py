"""A text and what it looks back at, as SVG and PNG: the words, the attention each receives, how far back it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz import measures, tables
from memviz.figures.data.captions import named_keys, which_head
from memviz.figures.data.distances import FEW, group_distances, mean_over_heads, pairs_by_distance
from memviz.figures.sheets.bar_panel import AXIS, HIGH, Bars, draw_bars, draw_rule, draw_section
from memviz.figures.sheets.drawing import Drawing, Point, number, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer
from memviz.figures.sheets.words_sheet import MARGIN, WIDTH, Tint, words_sheet
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.measures import Links
from memviz.memory import Memory
from memviz.tokens import Word

HEADING = 19
SINKS = 4  # of them named in the notes
LISTED = 10  # words in the list
ROW = 24


def recall_sheet(
    memory: Memory,
    words: Sequence[Word],
    links: tuple[Links, Links],
    *,
    word: int | None,
    provenance: Mapping[str, str],
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
    tint: Tint = "weight",
    title: str = "",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """What is looked back at in a text, and how far back, as a drawing? See `recall_svg`."""
    text = words_sheet(words, *links, word=word, provenance={}, tint=tint, theme=theme, translate=translate)
    frame = tables.received_table(memory, words, layer=layer, head=head, without=without)
    curve = _Curve.of(memory, layer, head)
    bars = Bars.of(frame["received"].to_numpy(float), frame["rank"].isna().to_numpy(), frame["text"].tolist())
    ranked = frame.dropna(subset=["rank"]).sort_values("rank").head(LISTED)
    notes = [which_head(memory, layer, head, translate), translate(phrases.RECEIVED_NOTE)]
    notes += (
        [say(translate, phrases.TAKEN_OUT_BARS, keys=named_keys(memory, list(without), translate))]
        if len(without)
        else []
    )
    notes += [say(translate, phrases.POOLED_BARS, count=bars.step)] if bars.step > 1 else []
    high = float(ranked["received"].max()) if len(ranked) else 1.0
    notes += [_sinks_note(frame, translate, pooled=bars.step > 1)]
    notes += [translate(phrases.CUT_OFF)] if (bars.heights > high).any() else []
    notes += [translate(phrases.FIRST_LEFT_OUT)]
    notes += [say(translate, phrases.FEW_PAIRS, pairs=FEW)] if (curve.pairs < FEW).any() else []
    lines = footer([" · ".join(filter(None, notes)), " · ".join(origin(provenance))], width=WIDTH - 2 * MARGIN)
    top = MARGIN + (24 if title else -20)
    bars_top = top + text.height - 16
    list_top = bars_top + HIGH + bars.drop + 34
    curve_top = list_top + ROW * ((len(ranked) + 1) // 2) + 50
    notes_top = curve_top + HIGH + 60
    drawing = Drawing(
        (WIDTH, notes_top + LINE * len(lines) + MARGIN - 10),
        title=title or translate(phrases.RECEIVED),
        alt_text=_alt_text(ranked, words=len(words), head=notes[0], translate=translate),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    drawing.place(text, (0, top - MARGIN + 14))
    if title:
        drawing.text((MARGIN, MARGIN + 14), title, size=HEADING, bold=True)
    draw_bars(
        drawing,
        bars,
        (MARGIN, bars_top),
        width=WIDTH - 2 * MARGIN,
        name=translate(phrases.RECEIVED),
        unit=translate(phrases.RECEIVED_UNIT),
        high=high,
    )
    _draw_list(drawing, ranked, top=list_top, translate=translate)
    _draw_curve(drawing, curve, top=curve_top, translate=translate)
    drawing.notes((MARGIN, notes_top), lines)
    return drawing


@written_as(recall_sheet)
def recall_svg(drawing: Drawing) -> str:
    """What is looked back at in a text, and how far back, as an SVG?

    The ``words`` with the ``links`` of one ``word`` as in `words_svg`, which has ``tint`` too; the attention that each
    word receives (`tables.received_table`) as bars, and the ten words looked at most as a list; attention by distance
    over a uniform look. Over all heads, or those of a ``layer``, or in one ``head``; ``without`` are keys that get no
    bar. ``provenance`` is written into ``<metadata>`` as JSON and, in short, below the picture.
    """
    return drawing.svg()


@written_as(recall_sheet)
def recall_png(drawing: Drawing) -> bytes:
    """What is looked back at in a text, and how far back, as a PNG?

    The same picture as `memviz.figures.recall_svg`, which explains the options. ``provenance`` is written into the
    file and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named.
    """
    return drawing.png()


@dataclass(frozen=True)
class _Curve:
    """Attention over a uniform look by distance in tokens, and of how many pairs each value is a mean."""

    distances: np.ndarray
    values: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, memory: Memory, layer: int | None, head: int | None) -> _Curve:
        ratios, pairs = measures.distance(memory)[:, :, 1:], pairs_by_distance(memory, head)[1:]
        distances, ratios, pairs = group_distances(ratios, pairs)
        return cls(distances, mean_over_heads(ratios, layer, head), pairs)


def _sinks_note(frame: pd.DataFrame, translate: Translate, *, pooled: bool) -> str:
    """Which bars are grey, or have no bar among those that are shared; "" where none is."""
    resting = frame[frame["rank"].isna() & frame["received"].notna()].head(SINKS)
    rows = resting[["text", "received"]].itertuples(index=False, name=None)
    sinks = ", ".join(f"“{isolated(shorten(text))}” {percent(float(share))}" for text, share in rows)
    return say(translate, phrases.SINKS_LEFT_OUT if pooled else phrases.SINKS_GREY, sinks=sinks) if sinks else ""


def _draw_list(drawing: Drawing, ranked: pd.DataFrame, *, top: float, translate: Translate) -> None:
    """The words looked at most, best first, with their places in the text."""
    draw_section(drawing, (MARGIN, top), translate(phrases.MOST_ATTENTION), unit=translate(phrases.WORD_PLACE))
    half, room = (len(ranked) + 1) // 2, (WIDTH - 2 * MARGIN) / 2
    high = float(ranked["received"].max()) if len(ranked) else 1.0
    for place, row in enumerate(ranked.itertuples()):
        left, base = MARGIN + room * (place // max(1, half)), top + 26 + ROW * (place % max(1, half))
        drawing.text((left + 20, base), f"{row.rank}.", size=SMALL, colour=drawing.theme.muted, anchor="right")
        drawing.text((left + 28, base), shorten(str(row.text), 16), size=14)
        drawing.text((left + 176, base), f"{row.word}", size=SMALL, colour=drawing.theme.muted, anchor="right")
        length = max(2.0, 160 * float(row.received) / high)
        drawing.box((left + 188, base - 10), (length, 10), fill=drawing.theme.blue, radius=min(5.0, length / 2))
        drawing.text((left + 412, base), percent(float(row.received), digits=1), size=14, anchor="right")


def _draw_curve(drawing: Drawing, curve: _Curve, *, top: float, translate: Translate) -> None:
    """How far back it looks, over a uniform look: both axes logarithmic."""
    draw_section(drawing, (MARGIN, top), translate(phrases.BY_DISTANCE), unit=translate(phrases.OVER_UNIFORM))
    theme, left, wide, base = drawing.theme, MARGIN + AXIS, WIDTH - 2 * MARGIN - AXIS, top + HIGH
    is_drawn = np.isfinite(curve.values) & (curve.values > 0)
    if not is_drawn.any():
        drawing.text((left, top + 40), translate(phrases.TOO_SHORT), size=14, colour=theme.muted)
        return
    some = curve.values[is_drawn]
    low, high = np.log10(min(0.5, float(some.min()) * 0.9)), np.log10(max(2.0, float(some.max()) * 1.1))
    far = max(np.log10(float(curve.distances[-1])), np.log10(2.0))

    def at(distance: float, value: float) -> Point:
        return (
            left + wide * float(np.log10(distance)) / float(far),
            base - (HIGH - 24) * float((np.log10(value) - low) / (high - low)),
        )

    for value in [digit * 10.0**power for power in range(-3, 5) for digit in (1, 3)]:
        if low <= np.log10(value) <= high:
            level = at(1, value)[1]
            draw_rule(drawing, (left, level), wide, strong=value == 1)
            drawing.text((left - 8, level + 4), f"{value:g} ×", size=SMALL, colour=theme.muted, anchor="right")
    for distance in [digit * 10**power for power in range(6) for digit in (1, 2, 5)]:
        if distance <= curve.distances[-1]:
            drawing.text(
                (at(distance, 1)[0], base + 18), f"{distance}", size=SMALL, colour=theme.muted, anchor="middle"
            )
    drawing.text(
        (left + wide / 2, base + 36), translate(phrases.DISTANCE), size=SMALL, colour=theme.muted, anchor="middle"
    )
    enough = curve.pairs >= FEW
    for keep, width, colour in ((~enough | np.append(~enough[1:], False), 1.5, theme.muted), (enough, 3, theme.blue)):
        shape, is_down = "", False
        for distance, value, drawn in zip(curve.distances, curve.values, keep & is_drawn, strict=True):
            x, y = at(float(distance), float(value)) if drawn else (0.0, 0.0)
            shape += f"{'L' if is_down else 'M'}{number(x)} {number(y)}" if drawn else ""
            is_down = bool(drawn)
        if "L" in shape:
            line = drawing.path(shape, width=width, colour=colour)
            if width < 2:
                line.set("stroke-dasharray", "2 4")


def _alt_text(ranked: pd.DataFrame, *, words: int, head: str, translate: Translate) -> str:
    most = ", ".join(f"“{row.text}” {percent(float(row.received), digits=1)}" for row in ranked.head(3).itertuples())
    return say(translate, phrases.RECEIVED_ALT, count=words, head=head, most=most or translate(phrases.NOTHING))
