"""All heads as small pictures while a model still reads: a file that is made in a few milliseconds."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from memviz.figures.style import colours

GAP = 3  # pixels between two heads
SMALLEST = 20  # pixels of a head: the cells of a short text are drawn larger


def thumbnails_png(thumbnails: np.ndarray) -> bytes:
    """All heads as small pictures, as a PNG on clear paper, one pixel or more a cell.

    ``thumbnails``: uint8 [layer, head, row, column], the square root of the weight from 0 to 255, as in the summary;
    layers that are not read yet are 0, and stay empty. Layers are rows, heads are columns; no letters, no provenance.
    """
    layers, heads, rows, cols = thumbnails.shape
    zoom = -(-SMALLEST // max(rows, cols))
    large = thumbnails.repeat(zoom, axis=2).repeat(zoom, axis=3)
    padded = np.pad(large, ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    atlas = padded.transpose(0, 2, 1, 3).reshape(layers * (rows * zoom + GAP), heads * (cols * zoom + GAP))
    picture = Image.fromarray(atlas)  # one byte a pixel: a place in the palette
    picture.putpalette(bytes.fromhex(colours.BLUE[1:]) * 256)
    file = BytesIO()
    picture.save(file, "PNG", transparency=bytes(range(256)), compress_level=1)
    return file.getvalue()
