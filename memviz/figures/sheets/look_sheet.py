"""What a word looks at in several texts, as SVG and PNG: bars on one scale, one panel a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memviz import measures
from memviz.figures.data.captions import which_head
from memviz.figures.sheets.bar_panel import HIGH, Bars, draw_bars
from memviz.figures.sheets.drawing import Drawing, written_as
from memviz.figures.sheets.lettering import LINE, footer
from memviz.figures.sheets.words_sheet import MARGIN, WIDTH
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.memory import Memory
from memviz.tokens import Word, distinct_texts

HEADING = 19
APART = 30  # pixels between two panels
NAMED = 4  # sinks of a text, in the notes

Look = tuple[Memory, Sequence[Word], int]
"""The memory of a text, its words, and the place of the word that looks."""


def look_sheet(
    looks: Sequence[Look],
    *,
    layer: int,
    head: int,
    provenance: Mapping[str, str],
    title: str = "",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """What does a word look at in several texts, as a drawing? See `look_svg`."""
    panels = [_Panel.of(*look, layer=layer, head=head) for look in looks]
    high = max([0.01, *(panel.largest for panel in panels)])
    notes = [which_head(looks[0][0], layer, head, translate)] if looks else []
    step = max((panel.bars.step for panel in panels), default=1)
    if any(panel.sinks for panel in panels):
        sinks = ", ".join(dict.fromkeys(name for panel in panels for name in panel.sinks))
        notes.append(say(translate, phrases.SINKS_LEFT_OUT if step > 1 else phrases.SINKS_OF_LOOK, sinks=sinks))
    notes += [translate(phrases.CUT_OFF)] if any((panel.bars.heights > high).any() for panel in panels) else []
    notes += [say(translate, phrases.POOLED_BARS, count=step)] if step > 1 else []
    lines = footer([" · ".join(notes), " · ".join(origin(provenance))], width=WIDTH - 2 * MARGIN)
    tops: list[float] = []
    bottom = float(MARGIN + (HEADING + 22 if title else 12))
    for panel in panels:
        tops.append(bottom)
        bottom += HIGH + panel.bars.drop + APART
    drawing = Drawing(
        (WIDTH, bottom + LINE * len(lines) + MARGIN - 10),
        title=title or translate(phrases.LOOK),
        alt_text=" ".join(_alt_text(panel, notes[0], translate) for panel in panels),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    if title:
        drawing.text((MARGIN, MARGIN + 14), title, size=HEADING, bold=True)
    for panel, top in zip(panels, tops, strict=True):
        draw_bars(
            drawing,
            panel.bars,
            (MARGIN, top),
            width=WIDTH - 2 * MARGIN,
            name=say(translate, phrases.LOOK_OF, word=isolated(shorten(panel.word))),
            unit=translate(phrases.LOOK_UNIT),
            high=high,
        )
    drawing.notes((MARGIN, bottom), lines)
    return drawing


@written_as(look_sheet)
def look_svg(drawing: Drawing) -> str:
    """What does a word look at in several texts, as an SVG? The bars of `memviz.figures.look_bars`, on one scale.

    ``looks`` are (memory, words, word), one for each text: its `Memory`, the words of the text, and the place of the
    word that looks among them. One ``layer`` and ``head`` for all. Bars of attention sinks are grey and take no part in
    the scale: a higher one is cut off. ``provenance`` is written into ``<metadata>`` as JSON and, in short, below the
    picture. Raises `TraceError` for a head or a place that is not there.
    """
    return drawing.svg()


@written_as(look_sheet)
def look_png(drawing: Drawing) -> bytes:
    """What does a word look at in several texts, as a PNG?

    The same picture as `memviz.figures.look_svg`, which explains the options. ``provenance`` is written into the file
    and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named. Same errors.
    """
    return drawing.png()


@dataclass(frozen=True)
class _Panel:
    """One text: the word that looks, its bars, the largest of them that is no sink, and the sinks with their shares."""

    word: str
    bars: Bars
    largest: float
    sinks: tuple[str, ...]
    most: tuple[str, ...]

    @classmethod
    def of(cls, memory: Memory, words: Sequence[Word], word: int, *, layer: int, head: int) -> _Panel:
        values = measures.word_row(memory, words, word, layer=layer, head=head)
        resting = set(measures.sink_positions(memory))
        muted = np.array([bool(resting.intersection(other.tokens)) for other in words])
        texts = distinct_texts(words)
        ranked = np.where(muted, 0, values)

        def shares(places: np.ndarray) -> tuple[str, ...]:
            return tuple(f"“{isolated(shorten(texts[n]))}” {percent(float(values[n]))}" for n in places)

        order = np.argsort(-ranked, kind="stable")[:3]
        return cls(
            word=texts[word],
            bars=Bars.of(values, muted, [other.text for other in words]),
            largest=float(ranked.max(initial=0)),
            sinks=shares(np.flatnonzero(muted)[:NAMED]),
            most=shares(order[ranked[order] > 0]),
        )


def _alt_text(panel: _Panel, head: str, translate: Translate) -> str:
    most = ", ".join(panel.most) or translate(phrases.NOTHING)
    return say(translate, phrases.LOOK_ALT, word=panel.word, count=len(panel.bars.heights), head=head, most=most)
