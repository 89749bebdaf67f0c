"""Where do the words of a translation stand, and the lines between them? In CSS pixels.

Two rows where both sentences fit on a line, source above target below; else two columns, source left target right.
At every word the lines stand side by side, each as wide as its weight, so that the band at a target word is as wide
as everything it read, and the band at a source word as everything it was read for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.errors import MeasureError, TraceError
from memviz.figures.data.cells import strongest
from memviz.figures.data.view import require_share
from memviz.figures.sheets.drawing import Anchor, Point
from memviz.figures.sheets.lettering import measure
from memviz.figures.style.labels import shorten
from memviz.tokens import Token, Word

WIDEST = 1000  # pixels of a row; longer sentences stand in columns
SIZES = (24.0, 20.0, 17.0)  # of the words in rows, the first that fits
NARROW = 26  # of a word, in narrow letters
MOST_WORDS = 400  # of a side
MOST_LINKS = 10_000
THICK = 10.0  # pixels of a line of weight 1
ACROSS = 300.0  # pixels between two columns
GAP = 9.0  # between a word and its lines
ASCENT, DESCENT = 0.82, 0.28  # of a line of text, in its size

Unit = Word | Token


@dataclass(frozen=True)
class WordPlace:
    """One word on the sheet: where its text begins, ends or is centred, and where its lines arrive."""

    text: str
    base: Point
    anchor: Anchor
    port: Point
    room: float  # that its lines may take, along the row or column
    right_to_left: bool
    special: bool


Layout = tuple[tuple[tuple[WordPlace, ...], tuple[WordPlace, ...]], tuple[float, float]]
Units = tuple[Sequence[Unit], Sequence[Unit]]


@dataclass(frozen=True)
class Link:
    """A line from a source word to a target word: their places, its weight, its ends, and whether it is grey."""

    source: int
    target: int
    weight: float
    start: Point
    stop: Point
    muted: bool

    @property
    def width(self) -> float:
        """In pixels, in proportion to the weight."""
        return THICK * self.weight


@dataclass(frozen=True)
class Crossing:
    """The words of both sides and the links between them, weak ones first, in a field of this size."""

    sources: tuple[WordPlace, ...]
    targets: tuple[WordPlace, ...]
    links: tuple[Link, ...]
    width: float
    height: float
    size: float
    in_rows: bool
    edges: tuple[float, float]  # in columns: where the words of the sources end, and those of the targets begin
    links_left_out: int
    words_left_out: bool

    def bend(self, link: Link) -> tuple[Point, Point]:
        """The two points that pull the line into its curve."""
        return curve_bend(link.start, link.stop, in_rows=self.in_rows)


def curve_bend(start: Point, stop: Point, *, in_rows: bool) -> tuple[Point, Point]:
    """Which two points make a line leave and arrive straight? Control points of a cubic Bézier, as in ``layout.js``."""
    (left, top), (right, bottom) = start, stop
    if in_rows:
        return (left, (top + bottom) / 2), (right, (top + bottom) / 2)
    return ((left + right) / 2, top), ((left + right) / 2, bottom)


def crossing(
    sources: Sequence[Unit],
    targets: Sequence[Unit],
    weights: np.ndarray,
    *,
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
) -> Crossing:
    """Where does everything stand? See `memviz.figures.cross_svg` for what is given and what can be refused."""
    weights = _link_weights(sources, targets, weights, keep=keep)[:MOST_WORDS, :MOST_WORDS]
    labels = [[shorten(unit.text, NARROW) for unit in units[:MOST_WORDS]] for units in (sources, targets)]
    fitting = next((size for size in SIZES if max(row_length(texts, size) for texts in labels) <= WIDEST), None)
    arrange = columns if fitting is None else rows
    units = sources[:MOST_WORDS], targets[:MOST_WORDS]
    size = fitting or column_size(max(map(len, labels)))
    places, (width, height) = arrange(units, labels, size=size, right_to_left=right_to_left)
    links, left_out = links_between(places, weights, in_rows=fitting is not None)
    return Crossing(
        sources=places[0],
        targets=places[1],
        links=links,
        width=width,
        height=height,
        size=size,
        in_rows=fitting is not None,
        edges=(places[0][0].base[0] if places[0] else 0.0, places[1][0].base[0] if places[1] else width),
        links_left_out=left_out,
        words_left_out=max(len(sources), len(targets)) > MOST_WORDS,
    )


def _link_weights(sources: Sequence[Unit], targets: Sequence[Unit], weights: np.ndarray, *, keep: float) -> np.ndarray:
    """The weights that are drawn; zero where there is no link."""
    require_share(keep)
    weights = np.asarray(weights, dtype=np.float32)
    if weights.shape != (len(targets), len(sources)):
        raise TraceError(
            "The weights are {shape}, but there are {targets} target and {sources} source words.",
            todo="Give one row for each target word and one column for each source word.",
            shape=" × ".join(map(str, weights.shape)),
            targets=len(targets),
            sources=len(sources),
        )
    finite = np.nan_to_num(weights, nan=0.0)
    if finite.min(initial=0) < 0 or finite.max(initial=0) > 1.001:
        raise MeasureError(
            "A link is as wide as its weight, 0 to 1; these reach from {low} to {high}.",
            todo="Give the weights of one head, or their mean.",
            low=f"{finite.min():.3g}",
            high=f"{finite.max():.3g}",
        )
    return finite if keep >= 1 else np.where(strongest(finite, keep), finite, 0)


def row_length(texts: Sequence[str], size: float) -> float:
    """How long is a row of words?"""
    return sum(measure(text, size=size) for text in texts) + _between(size) * max(0, len(texts) - 1)


def _between(size: float) -> float:
    """The smallest gap between two words of a row."""
    return size * 0.9


def column_size(count: int) -> float:
    """How large are the words of a column that has so many?"""
    return 18.0 if count <= 30 else 16.0 if count <= 60 else 13.0


def rows(units: Units, labels: Sequence[list[str]], *, size: float, right_to_left: tuple[bool, bool]) -> Layout:
    """Two rows of the same length, as far as their gaps allow; one that runs from right to left begins on the right."""
    wide = max(row_length(texts, size) for texts in labels)
    steep = 1.4 if right_to_left[0] != right_to_left[1] else 1.0  # then all lines cross in the middle
    apart = steep * min(240.0, max(130.0, wide * 0.24))
    bases = size * ASCENT, size * (ASCENT + DESCENT) + apart + 2 * GAP + size * ASCENT
    ports = bases[0] + size * DESCENT + GAP, bases[1] - size * ASCENT - GAP
    places = []
    for side, texts in enumerate(labels):
        widths = [measure(text, size=size) for text in texts]
        gap = min((wide - sum(widths)) / max(1, len(texts) - 1), 3 * _between(size))
        left = (wide - sum(widths) - gap * max(0, len(texts) - 1)) / 2
        lefts = left + np.cumsum([0.0, *(width + gap for width in widths[:-1])])
        if right_to_left[side]:
            lefts = wide - lefts - widths
        places.append(
            tuple(
                WordPlace(
                    text,
                    base=(x + width / 2, bases[side]),
                    anchor="middle",
                    port=(x + width / 2, ports[side]),
                    room=width + gap * 0.5,
                    right_to_left=_runs_left(text, right_to_left[side]),
                    special=unit.special,
                )
                for text, width, x, unit in zip(texts, widths, lefts.tolist(), units[side], strict=False)
            )
        )
    return (places[0], places[1]), (wide, bases[1] + size * DESCENT)


def columns(units: Units, labels: Sequence[list[str]], *, size: float, right_to_left: tuple[bool, bool]) -> Layout:
    """Two columns of the same height, as far as their gaps allow, the words against the lines."""
    high = max(map(len, labels)) * size * 1.6
    widths = [max((measure(text, size=size) for text in texts), default=0.0) for texts in labels]
    edges = widths[0], widths[0] + 2 * GAP + ACROSS
    places = []
    for side, texts in enumerate(labels):
        pitch = min(high / max(1, len(texts)), size * 3)
        top = (high - pitch * len(texts)) / 2
        places.append(
            tuple(
                WordPlace(
                    text,
                    base=(edges[side], top + (place + 0.5) * pitch + size * 0.34),
                    anchor=("right", "left")[side],
                    port=(edges[side] + (GAP, -GAP)[side], top + (place + 0.5) * pitch),
                    room=pitch * 0.9,
                    right_to_left=_runs_left(text, right_to_left[side]),
                    special=unit.special,
                )
                for place, (text, unit) in enumerate(zip(texts, units[side], strict=False))
            )
        )
    return (places[0], places[1]), (edges[1] + widths[1], high)


def _runs_left(text: str, row: bool) -> bool:
    """Does this word run from right to left? By its first letter; signs and figures as their row does."""
    kinds = (unicodedata.bidirectional(char) for char in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), row)


def links_between(
    places: tuple[tuple[WordPlace, ...], tuple[WordPlace, ...]], weights: np.ndarray, *, in_rows: bool
) -> tuple[tuple[Link, ...], int]:
    """(the links, weak ones first, how many were left out)."""
    along = 0 if in_rows else 1
    target, source = np.nonzero(weights)
    order = np.argsort(weights[target, source], kind="stable")
    left_out = max(0, len(order) - MOST_LINKS)
    target, source = target[order[left_out:]], source[order[left_out:]]
    linked = np.zeros_like(weights)
    linked[target, source] = weights[target, source]
    starts = _ports(places[0], linked.T, [place.port[along] for place in places[1]])
    stops = _ports(places[1], linked, [place.port[along] for place in places[0]])

    def at(place: WordPlace, shift: float) -> Point:
        left, top = place.port
        return (left + shift, top) if in_rows else (left, top + shift)

    links = tuple(
        Link(
            source=s,
            target=t,
            weight=float(weights[t, s]),
            start=at(places[0][s], float(starts[s, t])),
            stop=at(places[1][t], float(stops[t, s])),
            muted=places[1][t].special,
        )
        for t, s in zip(target.tolist(), source.tolist(), strict=True)
    )
    return links, left_out


def _ports(places: Sequence[WordPlace], weights: np.ndarray, others: Sequence[float]) -> np.ndarray:
    """How far from the middle of its word does each line end? [word, other word], in pixels.

    Side by side in the order of their other ends; closer together where the word has no room for all.
    """
    order = np.argsort(others, kind="stable")
    wide = weights[:, order].astype(np.float64) * THICK
    total = wide.sum(axis=1, keepdims=True)
    room = np.array([[place.room] for place in places]).reshape(-1, 1)
    middle = (np.cumsum(wide, axis=1) - wide / 2 - total / 2) * np.minimum(1, room / np.maximum(total, 1e-9))
    out = np.empty_like(middle)
    out[:, order] = middle
    return out
