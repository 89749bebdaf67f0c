"""Which picture stands in a file, upright and in plain colours? Refused before it is decoded where it is too large."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memviz.errors import ReadingError
from memviz.note import Note

if TYPE_CHECKING:
    from PIL import Image

SHOWN = 720  # pixels on the longer side of a picture that is shown
MOST_PIXELS = 50_000_000
"""Of a picture that is opened; a model shrinks it to a few hundred on each side."""


def open_picture(source: str | Path | bytes | Image.Image) -> np.ndarray:
    """The pixels of a picture: uint8 [height, width, 3], as a person would see it on a white page.

    ``source`` is a path, the bytes of a file, or a PIL image. It is turned upright as its EXIF data say; of an
    animation the first frame is taken, what is transparent becomes white, 16-bit values are brought to 8, CMYK to RGB.

    Raises `ReadingError` for what is not a picture, is broken, or has more than 50 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, Image.Image):
        return _upright(source)
    name = Note("The file") if isinstance(source, bytes) else Path(source).name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is narrower
        try:
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                return _upright(image)
        except Image.DecompressionBombError as error:
            said = re.search(r"\d+", str(error))
            raise _too_large(f"{int(said[0]):,}" if said else "?") from error
        except UnidentifiedImageError as error:
            raise ReadingError(
                "{name} is not a picture that can be opened.",
                todo="Give a picture of pixels such as PNG, JPEG, WebP or GIF; an SVG must be drawn as PNG first.",
                name=name,
            ) from error
        except (OSError, SyntaxError, ValueError) as error:  # what PIL raises for a broken file, by its kind
            raise ReadingError(
                "{name} could not be opened as a picture: {said}",
                todo="Check the path, or copy or save the file again.",
                name=name,
                said=str(error)[:200],
            ) from error


def picture_as_jpeg(source: str | Path | bytes | Image.Image) -> bytes:
    """The picture as it is shown: upright, in RGB, 720 pixels on its longer side at most, as the bytes of a JPEG.

    ``source`` and what is raised are those of `open_picture`.
    """
    from PIL import Image

    image = Image.fromarray(open_picture(source))
    image.thumbnail((SHOWN, SHOWN))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _upright(image: Image.Image) -> np.ndarray:
    """The picture turned as it was taken, in RGB on white."""
    from PIL import Image, ImageOps

    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(f"{width} × {height}")
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith(("I", "F")):
        turned = _eight_bit(turned)
    if turned.has_transparency_data:
        layer = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(turned.convert("RGB"))


def _eight_bit(image: Image.Image) -> Image.Image:
    """A picture of larger numbers in 256 grey levels: of 16 bits the upper half, of others from smallest to largest."""
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    if image.mode.startswith("I") and 0 <= values.min() and 255 < values.max() < 2**16:
        return Image.fromarray((values / 257).round().astype(np.uint8))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if 0 <= low and high <= 255 and image.mode.startswith("I"):
        return Image.fromarray(values.astype(np.uint8))
    spread = np.nan_to_num((values - low) / max(high - low, 1e-12))
    return Image.fromarray((spread * 255).round().astype(np.uint8))


def _too_large(pixels: str) -> ReadingError:
    return ReadingError(
        "This picture is too large to be opened: {pixels} pixels; at most {limit} million are taken.",
        todo="Make it smaller first: the model sees a few hundred pixels on each side.",
        pixels=pixels,
        limit=MOST_PIXELS // 10**6,
    )
