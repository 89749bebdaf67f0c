"""A translation as two rows of words joined by lines: what stands around them, and the sheet as SVG and as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from xml.etree.ElementTree import SubElement

import numpy as np

from memviz.figures.sheets.crossing import MOST_WORDS, THICK, Crossing, Link, Unit, crossing
from memviz.figures.sheets.drawing import Anchor, Drawing, Point, number, write_text, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.colours import Colour, Theme, ThemeName, mixed, strength
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import caption

MARGIN = 34
NARROWEST = 460
HEADING = 19  # of letters
SAMPLES = (0.1, 0.5, 1.0)  # weights whose line width is shown
SAMPLE = 34  # pixels of such a line
STRONG = 0.25  # lines from this weight on keep a margin of paper where they cross others
NAMED = 60  # target words in the text alternative


@dataclass(frozen=True)
class Label:
    """One line of text beside the picture."""

    text: str
    at: Point
    anchor: Anchor = "left"
    size: float = SMALL
    bold: bool = False


@dataclass(frozen=True)
class Frame:
    """What stands around a crossing whose field begins at ``at``; ``samples`` are lines (left end, weight)."""

    at: Point
    width: float
    height: float
    labels: tuple[Label, ...]
    samples: tuple[tuple[Point, float], ...]
    notes_at: Point
    notes: tuple[str, ...]


def cross_sheet(
    sources: Sequence[Unit],
    targets: Sequence[Unit],
    weights: np.ndarray,
    *,
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
    title: str = "",
    provenance: Mapping[str, str] | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """Which source word was each target word read from, as a drawing? See `cross_svg`."""
    layout = crossing(sources, targets, weights, keep=keep, right_to_left=right_to_left)
    provenance = dict(provenance or {})
    notes = _notes(layout, keep=keep, is_shifted=bool(provenance.get("shift")), translate=translate)
    frame = _frame(layout, title=title, notes=notes, provenance=provenance, translate=translate)
    drawing = Drawing(
        (frame.width, frame.height),
        title=title or translate(phrases.WHICH_SOURCE),
        alt_text=_alt_text(layout, translate),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    inks = drawing.theme
    for label in frame.labels:
        colour = inks.ink if label.bold else inks.muted
        drawing.text(label.at, label.text, size=label.size, bold=label.bold, colour=colour, anchor=label.anchor)
    for (left, top), weight in frame.samples:
        drawing.path(f"M{number(left)} {number(top)}h{SAMPLE}", width=THICK * weight, colour=tint(weight, inks))
    drawing.notes(frame.notes_at, frame.notes)
    _draw_field(drawing, layout, frame.at, translate)
    return drawing


@written_as(cross_sheet)
def cross_svg(drawing: Drawing) -> str:
    """Which source word was each target word read from? Both sentences, joined by lines as wide as the weight.

    One SVG file that needs nothing else: text stays text, and there is no script in it. ``weights`` are float32
    [target word, source word], 0..1, as from `measures.word_weights`; a row of NaN has no lines. ``sources`` and
    ``targets`` are words, or tokens. Short sentences stand in two rows, the source above; where either is too long
    for a line, in two columns, the source on the left.

    keep      keep of each target word only the strongest links, up to this share of it
    right_to_left   whether (sources, targets) are in a script that runs from right to left
    title     above the picture, "" for none
    provenance   as from `memviz.figures.style.provenance`; written into ``<metadata>`` as JSON and, in short, below
    translate   turns an English template of `PHRASES` into the reader's language

    Each line is a ``path`` with ``data-source``, ``data-target`` (places, from 0) and ``data-weight`` in full
    precision. Lines to added tokens are grey. At most 400 words a side and 10,000 lines are drawn, the strongest;
    the picture says what was left out.

    Raises `TraceError` where the weights do not fit the words, `MeasureError` for weights that are not 0 to 1 and for
    a share that is none.
    """
    return drawing.svg()


@written_as(cross_sheet)
def cross_png(drawing: Drawing) -> bytes:
    """Which source word was each target word read from, as a PNG?

    The same picture as `memviz.figures.cross_svg`, which explains the options. ``provenance`` is written into the
    file and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named. Same errors.
    """
    return drawing.png()


def _frame(
    layout: Crossing,
    *,
    title: str,
    notes: Sequence[str],
    provenance: Mapping[str, str],
    translate: Translate,
) -> Frame:
    """Where does everything stand around this crossing?"""
    names = translate(phrases.SOURCE_WORDS), translate(phrases.TARGET_WORDS)
    over = _overhang(layout, names)
    width = ceil(max(layout.width + sum(over) + 2 * MARGIN, NARROWEST))
    left = (width - layout.width - sum(over)) / 2 + over[0]
    heading = footer([title], width=width - 2 * MARGIN, size=HEADING, bold=True) if title else []
    labels = [Label(line, (MARGIN, MARGIN + 14 + 25 * n), size=HEADING, bold=True) for n, line in enumerate(heading)]
    top = MARGIN + (15 + 25 * len(heading) if heading else 0) + SMALL + 14
    below = top + layout.height
    if layout.in_rows:
        below += SMALL + 16
        labels += [Label(names[0], (MARGIN, top - 14)), Label(names[1], (MARGIN, below - 2))]
    else:
        labels.append(Label(names[0], (left + layout.edges[0], top - 14), "right"))
        labels.append(Label(names[1], (left + layout.edges[1], top - 14)))
    samples, legend = _legend(below + 32, translate)
    rest = {name: value for name, value in provenance.items() if name not in ("kept", "shift")}  # the notes say it
    lines = footer([" · ".join(notes), caption(rest)], width=width - 2 * MARGIN)
    height = ceil(below + 60 + LINE * (len(lines) - 1) + MARGIN - 8)
    return Frame((left, top), width, height, (*labels, *legend), samples, (MARGIN, below + 60), tuple(lines))


def _overhang(layout: Crossing, names: tuple[str, str]) -> tuple[float, float]:
    """How far do the names of two columns reach beyond their words, on the left and on the right?"""
    if layout.in_rows:
        return 0.0, 0.0
    rooms = layout.edges[0], layout.width - layout.edges[1]
    left, right = (max(0.0, measure(name, size=SMALL) - room) for name, room in zip(names, rooms, strict=True))
    return left, right


def _notes(layout: Crossing, *, keep: float, is_shifted: bool, translate: Translate) -> list[str]:
    """Everything that was done to the links, a phrase each."""
    parts = [translate(phrases.LATER_STEP)] if is_shifted else []
    parts += [say(translate, phrases.STRONGEST_LINKS, share=percent(keep))] if keep < 1 else []
    if layout.links_left_out:
        count = len(layout.links)
        parts.append(say(translate, phrases.FEWER_LINKS, count=count, total=count + layout.links_left_out))
    if layout.words_left_out:
        parts.append(say(translate, phrases.FEWER_WORDS, count=MOST_WORDS))
    if any(link.muted for link in layout.links):
        parts.append(translate(phrases.ADDED_LINKS))
    return parts


def read_from(layout: Crossing, link: Link, translate: Translate) -> str:
    """One link in words."""
    texts = {"query": layout.targets[link.target].text, "key": layout.sources[link.source].text}
    sentence = say(translate, phrases.READ_FROM, **{name: isolated(text) for name, text in texts.items()})
    return f"{sentence} ({percent(link.weight)})"


def tint(weight: float, theme: Theme, *, muted: bool = False) -> Colour:
    """The colour of a line: blue, or grey where it leads to an added token; fuller with the weight, as in heatmaps."""
    share = strength(np.array(weight))
    red, green, blue = mixed(theme.paper, theme.muted if muted else theme.blue, share).tolist()
    return red, green, blue


def _legend(top: float, translate: Translate) -> tuple[tuple[tuple[Point, float], ...], list[Label]]:
    """Lines of some weights, and what they stand for."""
    name = translate(phrases.LINE_WIDTH)
    labels, samples = [Label(name, (MARGIN, top))], []
    left = MARGIN + measure(name, size=SMALL) + 18
    for share in SAMPLES:
        samples.append(((left, top - SMALL * 0.34), share))
        labels.append(Label(percent(share), (left + SAMPLE + 7, top)))
        left += SAMPLE + 7 + measure(percent(share), size=SMALL) + 20
    return tuple(samples), labels


def _draw_field(drawing: Drawing, layout: Crossing, at: Point, translate: Translate) -> None:
    """The lines, weak ones first, and the words; a strong line keeps a margin of paper where it crosses others."""
    theme = drawing.theme
    field = drawing.group(transform=f"translate({number(at[0])} {number(at[1])})")
    lines = drawing.group(field, **{"class": "links"})
    for link in layout.links:
        start, *rest = (" ".join(map(number, point)) for point in (link.start, *layout.bend(link), link.stop))
        curve = f"M{start}C{' '.join(rest)}"
        if link.weight >= STRONG:
            drawing.path(curve, width=link.width + 3, colour=theme.paper, group=lines)
        data = {"data-source": str(link.source), "data-target": str(link.target), "data-weight": repr(link.weight)}
        colour = tint(link.weight, theme, muted=link.muted)
        line = drawing.path(curve, width=link.width, colour=colour, group=lines, **data)
        write_text(SubElement(line, "title"), read_from(layout, link, translate))
    for name, places in (("sources", layout.sources), ("targets", layout.targets)):
        group = drawing.group(field, **{"class": name})
        for place in places:
            ink, turns = theme.muted if place.special else theme.ink, place.right_to_left
            drawing.text(
                place.base,
                place.text,
                size=layout.size,
                colour=ink,
                anchor=place.anchor,
                right_to_left=turns,
                group=group,
            )


def _alt_text(layout: Crossing, translate: Translate) -> str:
    """The picture for someone who cannot see it."""
    best: dict[int, Link] = {link.target: link for link in layout.links}  # the strongest comes last
    sentences = [
        f"“{isolated(shorten(layout.targets[place].text))}” ← “{isolated(shorten(layout.sources[link.source].text))}” "
        f"({percent(link.weight)})"
        for place, link in sorted(best.items())
    ]
    return say(
        translate,
        phrases.JOINED_ALT,
        sources=len(layout.sources),
        targets=len(layout.targets),
        strongest=", ".join(sentences[:NAMED]) + (", …" if len(sentences) > NAMED else "")
        or translate(phrases.NOTHING),
    )
