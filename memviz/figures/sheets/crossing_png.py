"""A translation as two rows of words joined by lines, as PNG bytes, drawn without a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import features

from memviz.figures.sheets.canvas import Canvas
from memviz.figures.sheets.crossing import THICK, Crossing, crossing
from memviz.figures.sheets.crossing_sheet import SAMPLE, STRONG, notes, sheet, tint
from memviz.figures.sheets.lettering import boxed_note
from memviz.figures.sheets.word_places import Spot, Unit
from memviz.figures.style.palette import Colour, Theme, ThemeName
from memviz.figures.style.phrases import Translate


def cross_png(
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
) -> bytes:
    """Which source word was each target word read from, as a PNG?

    The same picture as `memviz.figures.cross_svg`, which explains the options. ``provenance`` is written into the
    file and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named. Same errors.
    """
    what = crossing(sources, targets, weights, keep=keep, right_to_left=right_to_left)
    provenance = dict(provenance or {})
    said = notes(what, keep=keep, shifted=bool(provenance.get("shift")), translate=translate)
    said += boxed_note([title, *(spot.text for spot in (*what.sources, *what.targets))], translate)
    page = sheet(what, title=title, notes=said, provenance=provenance, translate=translate)
    canvas = Canvas(page.width, page.height, theme=theme)
    inks, (left, top) = canvas.theme, page.at
    for label in page.labels:
        colour = inks.ink if label.bold else inks.muted
        canvas.text(label.at, label.text, size=label.size, bold=label.bold, colour=colour, anchor=label.anchor)
    for (x, y), weight in page.samples:
        canvas.box((x, y - THICK * weight / 2), (SAMPLE, THICK * weight), fill=tint(weight, inks))
    canvas.curves(page.at, (what.width, what.height), _curves(what, page.at, inks), across=not what.in_rows)
    for spot in (*what.sources, *what.targets):
        base, ink = (left + spot.base[0], top + spot.base[1]), inks.muted if spot.special else inks.ink
        canvas.text(base, _mirrored(spot), size=what.size, colour=ink, anchor=spot.anchor)
    return canvas.png(provenance)


def _mirrored(spot: Spot) -> str:
    """The text, told to run from right to left where only its row says so: a bracket is turned round there."""
    turned = spot.right_to_left and not any(map(str.isalpha, spot.text)) and features.check("raqm")
    return f"\u200f{spot.text}" if turned else spot.text


def _curves(what: Crossing, at: tuple[float, float], theme: Theme) -> Iterator[tuple[np.ndarray, float, Colour]]:
    """The lines, weak ones first; a strong one keeps a margin of paper on both sides where it crosses others."""
    for link in what.links:
        points = what.points(link) + at
        if link.weight >= STRONG:
            yield points, link.width + 3, theme.paper
        yield points, link.width, tint(link.weight, theme, muted=link.muted)
