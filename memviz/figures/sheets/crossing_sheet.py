"""What stands around the words of a translation and their links? A heading, names, widths, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from memviz.figures.sheets.canvas import Anchor
from memviz.figures.sheets.crossing import MOST_WORDS, Crossing, Link
from memviz.figures.sheets.lettering import footer, measure
from memviz.figures.sheets.word_places import Point
from memviz.figures.style import phrases
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.palette import Colour, Theme, mixed, percent, strength
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import caption

MARGIN = 34
NARROWEST = 460
LINE = 17  # of the notes
SMALL, HEADING = 12, 19  # of letters
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
class Sheet:
    """A crossing with everything around it: the field begins at ``at``; ``samples`` are lines (left end, weight)."""

    what: Crossing
    at: Point
    width: float
    height: float
    labels: tuple[Label, ...]
    samples: tuple[tuple[Point, float], ...]
    alt: str


def sheet(
    what: Crossing,
    *,
    title: str,
    notes: Sequence[str],
    provenance: Mapping[str, str],
    translate: Translate,
) -> Sheet:
    """Where does everything stand around this crossing?"""
    names = translate(phrases.SOURCE_WORDS), translate(phrases.TARGET_WORDS)
    over = _overhang(what, names)
    width = ceil(max(what.width + sum(over) + 2 * MARGIN, NARROWEST))
    left = (width - what.width - sum(over)) / 2 + over[0]
    heading = footer([title], width=width - 2 * MARGIN, size=HEADING, bold=True) if title else []
    labels = [Label(line, (MARGIN, MARGIN + 14 + 25 * n), size=HEADING, bold=True) for n, line in enumerate(heading)]
    top = MARGIN + (15 + 25 * len(heading) if heading else 0) + SMALL + 14
    below = top + what.height
    if what.in_rows:
        below += SMALL + 16
        labels += [Label(names[0], (MARGIN, top - 14)), Label(names[1], (MARGIN, below - 2))]
    else:
        labels.append(Label(names[0], (left + what.edges[0], top - 14), "right"))
        labels.append(Label(names[1], (left + what.edges[1], top - 14)))
    samples, legend = _legend(below + 32, translate)
    said = {name: value for name, value in provenance.items() if name not in ("kept", "shift")}  # the notes say it
    lines = footer([" · ".join(notes), caption(said)], width=width - 2 * MARGIN)
    first = below + 60
    labels += [*legend, *(Label(line, (MARGIN, first + number * LINE)) for number, line in enumerate(lines))]
    height = ceil(first + LINE * (len(lines) - 1) + MARGIN - 8)
    return Sheet(what, (left, top), width, height, tuple(labels), samples, _alt_text(what, translate))


def _overhang(what: Crossing, names: tuple[str, str]) -> tuple[float, float]:
    """How far do the names of two columns reach beyond their words, on the left and on the right?"""
    if what.in_rows:
        return 0.0, 0.0
    rooms = what.edges[0], what.width - what.edges[1]
    left, right = (max(0.0, measure(name, size=SMALL) - room) for name, room in zip(names, rooms, strict=True))
    return left, right


def notes(what: Crossing, *, keep: float, shifted: bool, translate: Translate) -> list[str]:
    """Everything that was done to the links, a phrase each."""
    found = [translate(phrases.LATER_STEP)] if shifted else []
    found += [say(translate, phrases.STRONGEST_LINKS, share=percent(keep))] if keep < 1 else []
    if what.links_left_out:
        count = len(what.links)
        found.append(say(translate, phrases.FEWER_LINKS, count=count, total=count + what.links_left_out))
    if what.words_left_out:
        found.append(say(translate, phrases.FEWER_WORDS, count=MOST_WORDS))
    if any(link.muted for link in what.links):
        found.append(translate(phrases.ADDED_LINKS))
    return found


def read_from(what: Crossing, link: Link, translate: Translate) -> str:
    """One link in words."""
    texts = {"query": what.targets[link.target].text, "key": what.sources[link.source].text}
    said = say(translate, phrases.READ_FROM, **{name: isolated(text) for name, text in texts.items()})
    return f"{said} ({percent(link.weight)})"


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


def _alt_text(what: Crossing, translate: Translate) -> str:
    """The picture for someone who cannot see it."""
    best: dict[int, Link] = {link.target: link for link in what.links}  # the strongest comes last
    said = [
        f"“{isolated(shorten(what.targets[place].text))}” ← “{isolated(shorten(what.sources[link.source].text))}” "
        f"({percent(link.weight)})"
        for place, link in sorted(best.items())
    ]
    return say(
        translate,
        phrases.JOINED_ALT,
        sources=len(what.sources),
        targets=len(what.targets),
        strongest=", ".join(said[:NAMED]) + (", …" if len(said) > NAMED else "") or translate(phrases.NOTHING),
    )
