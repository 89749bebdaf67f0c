"""One number of every head of a model, as a field of layers and heads: as SVG and PNG, with its provenance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memviz.figures.sheets.drawing import Drawing, written_as
from memviz.figures.sheets.heatmap_sheet import HEADING, LARGEST_CELL, MARGIN, SCALE_LENGTH
from memviz.figures.sheets.lettering import LINE, SMALL, footer
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName, mixed
from memviz.figures.style.numbers import head_name
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin

WIDEST = 860  # of a field of cells
SMALLEST_CELL = 12


def scores_sheet(
    values: np.ndarray,
    *,
    label: str,
    unit: str,
    provenance: Mapping[str, str],
    selected: tuple[int, int] | None = None,
    notes: str = "",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """What is this number in every head, as a drawing? See `scores_svg`."""
    layers, heads = values.shape
    largest = float(np.nanmax(values, initial=0)) or 1.0
    cell = float(max(SMALLEST_CELL, min(LARGEST_CELL, WIDEST / heads)))
    at = MARGIN + 34.0, MARGIN + 60.0
    width = max(at[0] + heads * cell + MARGIN, 460)
    lines = footer([note for note in (notes, " · ".join(origin(provenance))) if note], width=width - 2 * MARGIN)
    scale = at[1] + layers * cell + 20
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf).ravel(), kind="stable")[:3]
    most = ", ".join(f"{head_name(*divmod(int(place), heads))} {values.flat[place]:.3g}" for place in order)
    drawing = Drawing(
        (width, scale + 62 + LINE * len(lines) + MARGIN - 10),
        title=label,
        alt_text=say(translate, phrases.SCORES_ALT, label=label, layers=layers, heads=heads, unit=unit, most=most),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    drawing.text((MARGIN, MARGIN + 14), label, size=HEADING, bold=True)
    muted, paint = drawing.theme.muted, drawing.theme
    for head in range(0, heads, max(1, round(26 / cell))):
        drawing.text((at[0] + (head + 0.5) * cell, at[1] - 7), f"H{head}", size=SMALL, colour=muted, anchor="middle")
    for layer in range(0, layers, max(1, round(14 / cell))):
        middle = at[1] + (layer + 0.5) * cell + 4
        drawing.text((at[0] - 8, middle), f"L{layer}", size=SMALL, colour=muted, anchor="right")
    colours = mixed(paint.panel, paint.blue, np.nan_to_num(values / largest, nan=0.0))
    colours[np.isnan(values)] = paint.paper
    drawing.cells(at, (heads * cell, layers * cell), colours, gap=1)
    if selected is not None:
        corner = at[0] + selected[1] * cell - 1, at[1] + selected[0] * cell - 1
        drawing.box(corner, (cell + 2, cell + 2), line=paint.ink, width=2)
    drawing.text((at[0], scale + 8), unit, size=SMALL, colour=muted)
    ramp = mixed(paint.panel, paint.blue, np.linspace(0, 1, SCALE_LENGTH))
    drawing.cells((at[0], scale + 16), (SCALE_LENGTH, 9), ramp[None])
    for share in (0, 0.25, 0.5, 0.75, 1):
        place = at[0] + share * SCALE_LENGTH, scale + 40
        drawing.text(place, f"{share * largest:.3g}", size=SMALL, colour=muted, anchor="middle")
    drawing.notes((MARGIN, scale + 66), lines)
    return drawing


@written_as(scores_sheet)
def scores_svg(drawing: Drawing) -> str:
    """What is this number in every head, as an SVG?

    ``values`` are float [layer, head], NaN for a cell that stays empty; ``label`` and ``unit`` say what they are, in
    colours from 0 to the largest. ``selected`` is (layer, head), framed. ``provenance`` is written into ``<metadata>``
    as JSON and, in short, below the picture, behind the ``notes``.
    """
    return drawing.svg()


@written_as(scores_sheet)
def scores_png(drawing: Drawing) -> bytes:
    """What is this number in every head, as a PNG?

    The same picture as `memviz.figures.scores_svg`, which explains the options. ``provenance`` is written into the file
    and, in short, below the picture.
    """
    return drawing.png()
