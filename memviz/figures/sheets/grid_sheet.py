"""All heads as small pictures: of a text every pattern, of a picture where one token looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memviz.figures.sheets.drawing import Drawing, Point, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer
from memviz.figures.style import phrases
from memviz.figures.style.colours import ThemeName, mixed
from memviz.figures.style.labels import isolated
from memviz.figures.style.numbers import head_name, percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.memory import Memory, thumbnail_cell
from memviz.sources import Picture

MARGIN = 28
HEADING = 19
GAP = 5  # between the heads


def grid_sheet(
    memory: Memory,
    *,
    provenance: Mapping[str, str],
    selected: tuple[int, int] | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """Which heads do what: all of them as small pictures, as a drawing? See `grid_svg`."""
    if selected is not None:
        memory.require_head(*selected)
    notes = [translate(phrases.GRID_RANGE)]
    pool = thumbnail_cell(len(memory.queries), len(memory.keys))
    if max(pool) > 1:
        notes.append(say(translate, phrases.GRID_POOLED, down=pool[0], across=pool[1]))
    return _heads_sheet(
        memory.summary.thumbnail,
        notes,
        title=title,
        name=translate(phrases.ALL_HEADS),
        alt_text=notes[0],
        provenance=provenance,
        selected=selected,
        theme=theme,
        translate=translate,
    )


def patches_sheet(
    memory: Memory,
    picture: Picture,
    *,
    provenance: Mapping[str, str],
    query: int = 0,
    selected: tuple[int, int] | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """Where in a picture does every head look, as a drawing? See `patches_svg`."""
    if selected is not None:
        memory.require_head(*selected)
    shape, token = (picture.rows, picture.columns), isolated(memory.queries[query].text)
    count = picture.rows * picture.columns
    maps = np.array(
        [
            [memory.pattern(layer, head, rows=[query])[0, -count:] for head in range(memory.heads)]
            for layer in range(memory.layers)
        ]
    )
    largest = maps.max(axis=-1, keepdims=True)
    shares = np.sqrt(maps / np.where(largest > 0, largest, 1))
    layer, head, patch = np.unravel_index(int(maps.argmax()), maps.shape)
    row, column = divmod(int(patch), picture.columns)
    most = say(
        translate,
        phrases.PATCHES_MOST,
        head=head_name(int(layer), int(head)),
        row=row + 1,
        column=column + 1,
        share=percent(float(maps.max())),
    )
    note = say(translate, phrases.PATCHES_RANGE, token=token, rows=picture.rows, columns=picture.columns)
    return _heads_sheet(
        (255 * shares).astype(np.uint8).reshape(*maps.shape[:2], *shape),
        [note, most],
        title=title,
        name=say(translate, phrases.PATCHES, token=token),
        alt_text=f"{note} {most}",
        provenance=provenance,
        selected=selected,
        theme=theme,
        translate=translate,
    )


def _heads_sheet(
    tiles: np.ndarray,
    notes: Sequence[str],
    *,
    title: str | None,
    name: str,
    alt_text: str,
    provenance: Mapping[str, str],
    selected: tuple[int, int] | None,
    theme: ThemeName,
    translate: Translate,
) -> Drawing:
    """The ``tiles``, uint8 [layer, head, row, column], below their heading, and the notes below them.

    ``name``: what the drawing is called, and its heading where no ``title`` takes its place; "" leaves that out.
    """
    heading = name if title is None else title
    layers, heads = tiles.shape[:2]
    tile = min(48.0, max(18.0, 860 / heads - GAP))
    at, pitch = (MARGIN + 34.0, MARGIN + (38.0 if heading else 0.0) + 22), tile + GAP
    width = max(at[0] + heads * pitch + MARGIN - GAP, 460)
    lines = footer([" ".join(notes), " · ".join(origin(provenance))], width=width - 2 * MARGIN)
    bottom = at[1] + layers * pitch + 22
    drawing = Drawing(
        (width, bottom + LINE * len(lines) + MARGIN - 12),
        title=heading or name,
        alt_text=alt_text,
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    drawing.text((MARGIN, MARGIN + 14), heading, size=HEADING, bold=True)
    _draw_tiles(drawing, tiles, at=at, tile=tile, selected=selected)
    drawing.notes((MARGIN, bottom), lines)
    return drawing


@written_as(grid_sheet)
def grid_svg(drawing: Drawing) -> str:
    """Which heads do what: all of them as small pictures, as an SVG?

    Each tile is a head's thumbnail from the summary: max-pooled to at most 32 × 32 cells, coloured by the
    square root of the weight from 0 to 1. ``selected`` is (layer, head), framed. ``provenance`` as in `pattern_svg`.
    """
    return drawing.svg()


@written_as(grid_sheet)
def grid_png(drawing: Drawing) -> bytes:
    """Which heads do what: all of them as small pictures, as a PNG?

    Each tile is a head's thumbnail from the summary: max-pooled to at most 32 × 32 cells, coloured by the
    square root of the weight from 0 to 1. ``selected`` is (layer, head), framed. ``provenance`` as in `pattern_png`.
    """
    return drawing.png()


@written_as(patches_sheet)
def patches_svg(drawing: Drawing) -> str:
    """Where in a picture does every head look, as an SVG?

    Each tile is the ``picture`` (a trace's source) in patches, coloured by the square root of the weight that the token
    ``query`` of the memory gives to each; its full colour is the head's own strongest patch. The picture itself is in
    no trace. ``selected`` is (layer, head), framed. ``provenance`` as in `pattern_svg`.
    """
    return drawing.svg()


@written_as(patches_sheet)
def patches_png(drawing: Drawing) -> bytes:
    """Where in a picture does every head look, as a PNG?

    The same picture as `memviz.figures.patches_svg`, which explains the options. ``provenance`` as in `pattern_png`.
    """
    return drawing.png()


def _draw_tiles(
    drawing: Drawing, thumbnails: np.ndarray, *, at: Point, tile: float, selected: tuple[int, int] | None
) -> None:
    """The heads with their numbers, and a frame around one of them."""
    layers, heads = thumbnails.shape[:2]
    (left, top), pitch, theme = at, tile + GAP, drawing.theme
    ramp = mixed(theme.panel, theme.blue, np.linspace(0, 1, 256))
    for head in range(0, heads, 1 if pitch >= 28 else 2):
        place = left + head * pitch + tile / 2, top - 8
        drawing.text(place, f"H{head}", size=SMALL, colour=theme.muted, anchor="middle")
    for layer in range(layers):
        down = top + layer * pitch
        drawing.text((left - 8, down + tile / 2 + 4), f"L{layer}", size=SMALL, colour=theme.muted, anchor="right")
        for head in range(heads):
            drawing.cells((left + head * pitch, down), (tile, tile), ramp[thumbnails[layer, head]])
    if selected is not None:
        corner = left + selected[1] * pitch - GAP / 2, top + selected[0] * pitch - GAP / 2
        drawing.box(corner, (pitch, pitch), line=theme.ink, width=2.5)
