"""How is a picture drawn without a browser? Text in any script, boxes, cells; sizes in CSS pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from memviz.figures.sheets.fonts import runs
from memviz.figures.sheets.lettering import SCALE, Pieces, length_of, px, write
from memviz.figures.sheets.strokes import stroke
from memviz.figures.style.palette import THEMES, Colour, ThemeName

Anchor = Literal["left", "middle", "right"]


class Canvas:
    """A sheet of paper that grows no further: draw on it, then take it as PNG."""

    def __init__(self, width: float, height: float, *, theme: ThemeName) -> None:
        self.theme = THEMES[theme]
        self.width, self.height = width, height
        self.image = Image.new("RGB", (px(width), px(height)), self.theme.paper)
        self.pen = ImageDraw.Draw(self.image)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        size: float = 14,
        colour: Colour | None = None,
        bold: bool = False,
        anchor: Anchor = "left",
        turned: bool = False,
    ) -> None:
        """Writes one line with its baseline at a point; ``turned`` = rising to the right by 60 degrees."""
        colour = colour or self.theme.ink
        pieces = runs(text, bold=bold)
        if turned:
            self._turned(at, pieces, size=size, colour=colour)
            return
        length = sum(length_of(face, piece, size) for face, piece in pieces)
        left = px(at[0]) - {"left": 0.0, "middle": length / 2, "right": length}[anchor]
        write(self.image, (left, px(at[1])), pieces, size=size, colour=colour)

    def box(
        self,
        at: tuple[float, float],
        size: tuple[float, float],
        *,
        fill: Colour | None = None,
        line: Colour | None = None,
        width: float = 1,
        radius: float = 0,
    ) -> None:
        """A rectangle with its upper left corner at a point."""
        corners = [px(at[0]), px(at[1]), px(at[0] + size[0]) - 1, px(at[1] + size[1]) - 1]
        stroke = max(1, px(width)) if line else 0
        if corners[2] >= corners[0] and corners[3] >= corners[1]:
            self.pen.rounded_rectangle(corners, px(radius), fill=fill, outline=line, width=stroke)

    def cells(self, at: tuple[float, float], size: tuple[float, float], colours: np.ndarray, *, gap: float = 0) -> None:
        """A field of coloured cells, uint8 [row, column, 3], with paper between them."""
        rows, cols = colours.shape[:2]
        width, height = px(size[0]), px(size[1])
        down, across = (np.arange(count) * many // count for count, many in ((height, rows), (width, cols)))
        field = colours[down][:, across]
        if gap:
            field = field.copy()
            field[_seams(down, px(gap))] = self.theme.paper
            field[:, _seams(across, px(gap))] = self.theme.paper
        self.image.paste(Image.fromarray(field), (px(at[0]), px(at[1])))

    def curves(
        self,
        at: tuple[float, float],
        size: tuple[float, float],
        curves: Iterable[tuple[np.ndarray, float, Colour]],
        *,
        across: bool = False,
    ) -> None:
        """Smooth lines inside a rectangle, one over the other: (points [point, (x, y)], width, colour) of each.

        All run downwards, or all to the right where ``across``.
        """
        corner = px(at[0]), px(at[1])
        box = (*corner, corner[0] + px(size[0]), corner[1] + px(size[1]))
        field = np.asarray(self.image.crop(box)).astype(np.float32)
        for points, width, colour in curves:
            points = points * SCALE - corner
            turned = (field.transpose(1, 0, 2), points[:, ::-1]) if across else (field, points)
            stroke(*turned, width=width * SCALE, colour=colour)
        self.image.paste(Image.fromarray(np.round(field).astype(np.uint8)), corner)

    def png(self, provenance: Mapping[str, str]) -> bytes:
        """The picture as bytes, with where it comes from in its text chunks (iTXt, UTF-8)."""
        info = PngImagePlugin.PngInfo()
        for name, value in provenance.items():
            keyword = name.encode("latin-1", "replace").decode("latin-1").strip()[:79] or "note"
            info.add_itxt(keyword, value)
        out = io.BytesIO()
        self.image.save(out, "PNG", pnginfo=info, optimize=True, dpi=(96 * SCALE, 96 * SCALE))
        return out.getvalue()

    def _turned(self, at: tuple[float, float], pieces: Pieces, *, size: float, colour: Colour) -> None:
        reach = int(sum(length_of(face, piece, size) for face, piece in pieces)) + 2
        sheet = Image.new("RGBA", (2 * reach, 2 * reach), (*colour, 0))  # text begins in the middle and turns on it
        write(sheet, (reach, reach + px(size * 0.36)), pieces, size=size, colour=colour)
        sheet = sheet.rotate(60, resample=Image.Resampling.BICUBIC, center=(reach, reach))
        self.image.paste(sheet, (px(at[0]) - reach, px(at[1]) - reach), sheet)


def _seams(cell_of: np.ndarray, gap: int) -> np.ndarray:
    """The last pixels of every cell but the last: bool [pixel]."""
    ends = np.flatnonzero(np.diff(cell_of)) + 1
    seams = np.zeros(len(cell_of), dtype=bool)
    for back in range(1, gap + 1):
        seams[ends - back] = True
    return seams
