"""A picture that was looked at, tinted where one head looks: a cell that ends in it shows it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memviz import figures
from memviz.errors import TraceError
from memviz.figures.sheets.overlay import overlay_png
from memviz.memory import positions
from memviz.notebook.bundles import image
from memviz.notebook.language import t
from memviz.sources import Picture, picture_as_jpeg
from memviz.trace import Trace


@dataclass(frozen=True, eq=False)
class Overlay:
    """A picture, tinted where one head looks from one token.

    png       the file
    weights   float [row, column]: what the token gives to each patch
    caption   which head of which model, in one line, and the patch that gets most
    """

    png: bytes
    weights: np.ndarray
    caption: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/plain": self.caption,
            "image/png": base64.b64encode(self.png).decode("ascii"),
            "text/html": image(self.png, "image/png", self.caption),
        }


def overlay(
    trace: Trace, picture: Any, layer: int | None = None, head: int | None = None, *, query: int = 0
) -> Overlay:
    """Where in a picture does a head look? The ``picture`` that was looked at, each patch tinted by its weight.

    A trace holds no picture, so it is given again: a path, the bytes of a file, or an image of Pillow. What of
    ``layer`` and ``head`` is left out is averaged over. ``query`` is the token that looks: 0 is [CLS] where the
    model has one.

    Raises `TraceError` for what was read from no picture, and for a head or token that is not there; `ReadingError` for
    what is no picture.
    """
    source = trace.source
    if not isinstance(source, Picture):
        raise TraceError("Only what was read from a picture lies over one.", todo="Use `memviz.look`.")
    memory, count = trace.memory(), source.rows * source.columns
    memory.require_head(0 if layer is None else layer, 0 if head is None else head)
    rows = positions([query], len(memory.queries))
    pairs = [
        (one, other)
        for one, other in np.ndindex(memory.layers, memory.heads)
        if layer in (None, one) and head in (None, other)
    ]
    mean = np.mean([memory.pattern(*pair, rows=rows)[0, -count:] for pair in pairs], axis=0)
    weights = mean.reshape(source.rows, source.columns)
    place = int(weights.argmax())
    provenance = figures.provenance(trace, memory, layer=layer, head=head, query=memory.queries[query].text)
    caption = t(
        "{head}: what {token} looks at. Most: row {row}, column {column}, {share}.",
        head=figures.which_head(memory, layer, head, t),
        token=memory.queries[query].text,
        row=place // source.columns + 1,
        column=place % source.columns + 1,
        share=figures.percent(float(weights.max())),
    )
    jpeg = picture_as_jpeg(Path(picture) if isinstance(picture, str) else picture)
    return Overlay(overlay_png(jpeg, weights, provenance=provenance), weights, caption)
