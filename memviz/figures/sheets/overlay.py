"""A picture with the patches of a head tinted: the more it looks there, the stronger."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image, ImageColor, PngImagePlugin

from memviz.figures.style import colours

TINT = ImageColor.getrgb(colours.BLUE)


def overlay_png(jpeg: bytes, weights: np.ndarray, *, provenance: Mapping[str, str]) -> bytes:
    """The picture in the bytes of ``jpeg``, tinted by the ``weights`` [row, column]; its ``provenance`` inside."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    mask = Image.fromarray((_shares(weights) * 255).astype(np.uint8)).resize(image.size, Image.Resampling.NEAREST)
    image.paste(Image.new("RGB", image.size, TINT), mask=mask)
    info = PngImagePlugin.PngInfo()
    for name, value in provenance.items():
        info.add_itxt(name, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def overlay_svg(jpeg: bytes, weights: np.ndarray, *, title: str, provenance: Mapping[str, str]) -> str:
    """The same as a drawing: the picture inside, a rectangle for each patch, its provenance as JSON."""
    width, height = Image.open(io.BytesIO(jpeg)).size
    rows, columns = weights.shape
    across, down = width / columns, height / rows
    patches = "".join(
        f'<rect x="{column * across:.2f}" y="{row * down:.2f}" width="{across:.2f}" height="{down:.2f}" '
        f'fill-opacity="{share:.3f}"><title>{row + 1}·{column + 1}: {weights[row, column]:.5f}</title></rect>'
        for (row, column), share in np.ndenumerate(_shares(weights))
    )
    picture = base64.b64encode(jpeg).decode("ascii")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"<metadata>{escape(json.dumps(dict(provenance), ensure_ascii=False))}</metadata>"
        f'<image href="data:image/jpeg;base64,{picture}" width="{width}" height="{height}"/>'
        f'<g fill="rgb{TINT[:3]}">{patches}</g></svg>\n'
    )


def _shares(weights: np.ndarray) -> np.ndarray:
    """How opaque the tint of each patch is."""
    shares: np.ndarray = np.sqrt(weights / max(float(weights.max()), 1e-12)) * 0.8
    return shares
