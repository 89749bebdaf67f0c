"""Where do the words of a translation stand, and the lines between them? The same for SVG and PNG, in CSS pixels.

Two rows where both sentences fit on a line, source above target below; else two columns, source left target right.
At every word the lines stand side by side, each as wide as its weight, so that the band at a target word is as wide
as everything it read, and the band at a source word as everything it was read for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.errors import MeasureError, TraceError
from memviz.figures.data.cells import strongest
from memviz.figures.data.view import require_share
from memviz.figures.sheets.word_places import Point, Spot, Unit, column_size, columns, length, rows
from memviz.figures.style.labels import shorten

WIDEST = 1000  # pixels of a row; longer sentences stand in columns
SIZES = (24.0, 20.0, 17.0)  # of the words in rows, the first that fits
NARROW = 26  # of a word, in narrow letters
MOST_WORDS = 400  # of a side
MOST_LINKS = 10_000
THICK = 10.0  # pixels of a line of weight 1


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

    sources: tuple[Spot, ...]
    targets: tuple[Spot, ...]
    links: tuple[Link, ...]
    width: float
    height: float
    size: float
    in_rows: bool
    edges: tuple[float, float]  # in columns: where the words of the sources end, and those of the targets begin
    links_left_out: int
    words_left_out: bool

    def bend(self, link: Link) -> tuple[Point, Point]:
        """The two points that pull the line into its curve: it leaves and arrives straight."""
        (left, top), (right, bottom) = link.start, link.stop
        if self.in_rows:
            return (left, (top + bottom) / 2), (right, (top + bottom) / 2)
        return ((left + right) / 2, top), ((left + right) / 2, bottom)

    def points(self, link: Link, count: int = 65) -> np.ndarray:
        """Points along the line: [point, (x, y)]. A cubic Bézier curve, as SVG draws it."""
        t = np.linspace(0, 1, count)[:, None]
        ends = np.array([link.start, *self.bend(link), link.stop])
        return (1 - t) ** 3 * ends[0] + 3 * (1 - t) ** 2 * t * ends[1] + 3 * (1 - t) * t**2 * ends[2] + t**3 * ends[3]


def crossing(
    sources: Sequence[Unit],
    targets: Sequence[Unit],
    weights: np.ndarray,
    *,
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
) -> Crossing:
    """Where does everything stand? See `memviz.figures.cross_svg` for what is given and what can be refused."""
    weights = _checked(sources, targets, weights, keep=keep)[:MOST_WORDS, :MOST_WORDS]
    said = [[shorten(unit.text, NARROW) for unit in units[:MOST_WORDS]] for units in (sources, targets)]
    fitting = next((size for size in SIZES if max(length(texts, size) for texts in said) <= WIDEST), None)
    place = columns if fitting is None else rows
    units = sources[:MOST_WORDS], targets[:MOST_WORDS]
    size = fitting or column_size(max(map(len, said)))
    spots, (width, height) = place(units, said, size=size, right_to_left=right_to_left)
    links, left_out = _links(spots, weights, in_rows=fitting is not None)
    return Crossing(
        sources=spots[0],
        targets=spots[1],
        links=links,
        width=width,
        height=height,
        size=size,
        in_rows=fitting is not None,
        edges=(spots[0][0].base[0] if spots[0] else 0.0, spots[1][0].base[0] if spots[1] else width),
        links_left_out=left_out,
        words_left_out=max(len(sources), len(targets)) > MOST_WORDS,
    )


def _checked(sources: Sequence[Unit], targets: Sequence[Unit], weights: np.ndarray, *, keep: float) -> np.ndarray:
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
    known = np.nan_to_num(weights, nan=0.0)
    if known.min(initial=0) < 0 or known.max(initial=0) > 1.001:
        raise MeasureError(
            "A link is as wide as its weight, 0 to 1; these reach from {low} to {high}.",
            todo="Give the weights of one head, or their mean.",
            low=f"{known.min():.3g}",
            high=f"{known.max():.3g}",
        )
    return known if keep >= 1 else np.where(strongest(known, keep), known, 0)


def _links(
    spots: tuple[tuple[Spot, ...], tuple[Spot, ...]], weights: np.ndarray, *, in_rows: bool
) -> tuple[tuple[Link, ...], int]:
    """(the links, weak ones first, how many were left out)."""
    along = 0 if in_rows else 1
    target, source = np.nonzero(weights)
    order = np.argsort(weights[target, source], kind="stable")
    left_out = max(0, len(order) - MOST_LINKS)
    target, source = target[order[left_out:]], source[order[left_out:]]
    drawn = np.zeros_like(weights)
    drawn[target, source] = weights[target, source]
    starts = _ports(spots[0], drawn.T, [spot.port[along] for spot in spots[1]])
    stops = _ports(spots[1], drawn, [spot.port[along] for spot in spots[0]])

    def at(spot: Spot, shift: float) -> Point:
        left, top = spot.port
        return (left + shift, top) if in_rows else (left, top + shift)

    links = tuple(
        Link(
            source=s,
            target=t,
            weight=float(weights[t, s]),
            start=at(spots[0][s], float(starts[s, t])),
            stop=at(spots[1][t], float(stops[t, s])),
            muted=spots[1][t].special,
        )
        for t, s in zip(target.tolist(), source.tolist(), strict=True)
    )
    return links, left_out


def _ports(spots: Sequence[Spot], weights: np.ndarray, others: Sequence[float]) -> np.ndarray:
    """How far from the middle of its word does each line end? [word, other word], in pixels.

    Side by side in the order of their other ends; closer together where the word has no room for all.
    """
    order = np.argsort(others, kind="stable")
    wide = weights[:, order].astype(np.float64) * THICK
    total = wide.sum(axis=1, keepdims=True)
    room = np.array([[spot.room] for spot in spots]).reshape(-1, 1)
    middle = (np.cumsum(wide, axis=1) - wide / 2 - total / 2) * np.minimum(1, room / np.maximum(total, 1e-9))
    out = np.empty_like(middle)
    out[:, order] = middle
    return out
