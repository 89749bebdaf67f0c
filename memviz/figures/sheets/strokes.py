"""How is a smooth line of any thinness drawn? Pixel by pixel, each as strongly as the line covers it."""

from __future__ import annotations

import numpy as np

from memviz.figures.style.palette import Colour

FAINTEST = 1 / 512  # of a pixel; less than this changes no colour


def stroke(field: np.ndarray, points: np.ndarray, *, width: float, colour: Colour) -> None:
    """Draws a line into a field, float32 [row, column, 3], which is changed.

    ``points`` [point, (x, y)] run all the way down, in pixels; for a line that runs across, give the field and the
    points with their axes swapped. A line thinner than a pixel is drawn paler, not thicker.
    """
    x, y = points[:, 0], points[:, 1]
    rows = np.arange(max(0, int(y[0])), min(len(field), int(np.ceil(y[-1]))))
    centre = np.interp(rows + 0.5, y, x)
    lean = np.abs(np.interp(rows + 0.5, y, np.gradient(x, y)))
    half = width / 2 * np.sqrt(1 + lean**2)  # of its cut through a row of pixels
    soft = np.maximum(1, lean)  # over which its edge fades
    reach = int(np.ceil((half + soft / 2).max(initial=0))) + 1
    cols = np.floor(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)
    away = np.abs(cols + 0.5 - centre[:, None])
    far, near = ((side * half[:, None] - away) / soft[:, None] + 0.5 for side in (1, -1))
    covered = np.clip(far, 0, 1) - np.clip(near, 0, 1)
    # a row at the end that the line only enters is covered as far as it does
    covered *= np.clip(np.minimum(rows + 1, y[-1]) - np.maximum(rows, y[0]), 0, 1)[:, None]
    row, place = np.nonzero((covered > FAINTEST) & (cols >= 0) & (cols < field.shape[1]))
    at = rows[row], cols[row, place]
    field[at] += (np.array(colour, dtype=np.float32) - field[at]) * covered[row, place, None].astype(np.float32)
