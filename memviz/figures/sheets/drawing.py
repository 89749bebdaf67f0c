"""How is a sheet drawn? Once, as SVG: text, boxes, cells and lines. Sizes in CSS pixels; the PNG is made of the SVG."""

from __future__ import annotations

import base64
import inspect
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from math import ceil
from typing import Literal, ParamSpec, TypeVar
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import regex
from PIL import Image

from memviz.figures.sheets.lettering import LINE, SMALL
from memviz.figures.sheets.raster import rasterise
from memviz.figures.style.colours import THEMES, Colour, ThemeName, hexadecimal
from memviz.figures.style.phrases import Translate

Anchor = Literal["left", "middle", "right"]
Point = tuple[float, float]
P = ParamSpec("P")
T = TypeVar("T", str, bytes)

FONTS = (
    "'Source Sans 3', 'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', "
    "'PingFang SC', 'Microsoft YaHei', 'Noto Sans Arabic', 'Noto Naskh Arabic', 'Geeza Pro', 'Noto Sans Hebrew', "
    "sans-serif"
)
_ANCHORS = {"left": "start", "middle": "middle", "right": "end"}
_MIRRORED = {"start": "end", "end": "start", "middle": "middle"}
_FOREIGN = regex.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # XML 1.0 cannot hold these


class Drawing:
    """A sheet of paper: draw on it, then take it as SVG or as PNG.

    ``title`` and ``alt_text`` are its name and its text alternative; ``provenance`` stands in both files.
    """

    def __init__(
        self,
        size: tuple[float, float],
        *,
        title: str,
        alt_text: str,
        provenance: Mapping[str, str],
        theme: ThemeName,
        translate: Translate,
    ) -> None:
        self.theme, self.provenance, self._translate = THEMES[theme], dict(provenance), translate
        self.width, self.height = ceil(size[0]), ceil(size[1])
        shape = {"width": str(self.width), "height": str(self.height)}
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **shape})
        self._root.attrib |= {"font-family": FONTS, "viewBox": f"0 0 {self.width} {self.height}"}
        write_text(SubElement(self._root, "title"), title)
        write_text(SubElement(self._root, "desc"), alt_text)
        write_text(SubElement(self._root, "metadata"), json.dumps(self.provenance, ensure_ascii=False))
        SubElement(self._root, "rect", {**shape, "fill": hexadecimal(self.theme.paper)})
        self._notes_end: Point = (0.0, float(self.height + SMALL))

    @property
    def alt_text(self) -> str:
        """What the drawing shows, in words."""
        return self._root.findtext("desc") or ""

    def group(self, parent: Element | None = None, **attributes: str) -> Element:
        """A part of the drawing that others can be drawn into."""
        return SubElement(self._root if parent is None else parent, "g", attributes)

    def place(self, other: Drawing, at: Point) -> None:
        """Draws another drawing here, its upper left corner at a point, without its paper and its words about it."""
        group = self.group(transform=f"translate({number(at[0])} {number(at[1])})")
        about = {"title", "desc", "metadata"}
        paper = other._root.find("rect")
        group.extend(child for child in other._root if child.tag not in about and child is not paper)

    def add_beside(self, other: Drawing) -> None:
        """Draws another drawing on the right; what it shows is told after what this shows."""
        self.place(other, (self.width, 0))
        self.width, self.height = self.width + other.width, max(self.height, other.height)
        paper, words, more = self._root.find("rect"), self._root.find("desc"), other._root.find("desc")
        for element in (self._root, paper):
            if element is not None:
                element.attrib |= {"width": str(self.width), "height": str(self.height)}
        self._root.set("viewBox", f"0 0 {self.width} {self.height}")
        if words is not None and more is not None:
            write_text(words, f"{words.text} {more.text}")
        self._notes_end = self._notes_end[0], max(self._notes_end[1], other._notes_end[1])

    def text(
        self,
        at: Point,
        text: str,
        *,
        size: float = 14,
        colour: Colour | None = None,
        bold: bool = False,
        anchor: Anchor = "left",
        turned: int = 0,
        right_to_left: bool = False,
        group: Element | None = None,
    ) -> None:
        """Writes one line with its baseline at a point.

        ``turned``: rising to the right by so many degrees, its middle at the point. ``right_to_left``: it runs so.
        """
        place = {"x": number(at[0]), "y": number(at[1] + size * 0.36 if turned else at[1])}
        style = {"font-size": number(size), "fill": hexadecimal(colour or self.theme.ink)}
        start = _ANCHORS[anchor]
        if right_to_left:  # then a line of text starts on its right
            start = _MIRRORED[start]
            style |= {"direction": "rtl", "unicode-bidi": "isolate"}
        style |= {"text-anchor": start} | ({"font-weight": "bold"} if bold else {})
        if turned:
            style["transform"] = f"rotate(-{turned} {number(at[0])} {number(at[1])})"
        write_text(SubElement(self._root if group is None else group, "text", {**place, **style}), text)

    def notes(self, at: Point, lines: Sequence[str]) -> None:
        """Writes small lines, one below the other; what the PNG has to add comes after the last."""
        for line in lines:
            self.text(at, line, size=SMALL, colour=self.theme.muted)
            at = at[0], at[1] + LINE
        self._notes_end = at

    def box(
        self,
        at: Point,
        size: tuple[float, float],
        *,
        fill: Colour | None = None,
        line: Colour | None = None,
        width: float = 1,
        radius: float = 0,
    ) -> None:
        """A rectangle with its upper left corner at a point; its line lies inside."""
        inset = width / 2 if line else 0
        (left, top), (wide, high) = at, (size[0] - 2 * inset, size[1] - 2 * inset)
        if wide <= 0 or high <= 0:
            return
        shape = {"x": left + inset, "y": top + inset, "width": wide, "height": high}
        style = {"fill": hexadecimal(fill) if fill else "none"}
        style |= {"rx": number(max(0.0, radius - inset))} if radius else {}
        style |= {"stroke": hexadecimal(line), "stroke-width": number(width)} if line else {}
        SubElement(self._root, "rect", {name: number(value) for name, value in shape.items()} | style)

    def cells(self, at: Point, size: tuple[float, float], colours: np.ndarray, *, gap: float = 0) -> None:
        """A field of coloured cells, uint8 [row, column, 3], with paper of the width ``gap`` between them.

        It is a picture of one pixel for each cell, magnified without being smoothed.
        """
        file = io.BytesIO()
        Image.fromarray(colours).save(file, "PNG", optimize=True)
        href = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
        shape = {"x": at[0], "y": at[1], "width": size[0], "height": size[1]}
        look = {"preserveAspectRatio": "none", "style": "image-rendering:pixelated", "href": href}
        SubElement(self._root, "image", {name: number(value) for name, value in shape.items()} | look)
        if gap:
            self._seams(at, size, rows=len(colours), cols=colours.shape[1], gap=gap)

    def _seams(self, at: Point, size: tuple[float, float], *, rows: int, cols: int, gap: float) -> None:
        """Paper at the end of every row and column of cells but the last."""
        (left, top), (wide, high) = at, size
        down = [f"M{number(left)} {number(top + high * n / rows - gap / 2)}h{number(wide)}" for n in range(1, rows)]
        across = [f"M{number(left + wide * n / cols - gap / 2)} {number(top)}v{number(high)}" for n in range(1, cols)]
        if down or across:
            self.path("".join(down + across), width=gap, colour=self.theme.paper)

    def path(self, shape: str, *, width: float, colour: Colour, group: Element | None = None, **data: str) -> Element:
        """A line of a width; ``shape`` as SVG writes it."""
        style = {"fill": "none", "stroke": hexadecimal(colour), "stroke-width": f"{width:.4g}"}
        return SubElement(self._root if group is None else group, "path", {**data, "d": shape, **style})

    def svg(self) -> str:
        """The drawing as one SVG file that needs nothing else and has no script in it."""
        return tostring(self._root, encoding="unicode")

    def png(self) -> bytes:
        """The drawing as PNG: characters that no font on this computer has are boxes, and named below."""
        return rasterise(
            self._root,
            (self.width, self.height),
            theme=self.theme,
            notes_end=self._notes_end,
            provenance=self.provenance,
            translate=self._translate,
        )


def written_as(sheet: Callable[P, Drawing]) -> Callable[[Callable[[Drawing], T]], Callable[P, T]]:
    """Which function takes what a sheet takes, and gives its file? Decorates a function from drawing to file."""

    def decorate(write: Callable[[Drawing], T]) -> Callable[P, T]:
        @wraps(write)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            return write(sheet(*args, **kwargs))

        answer = inspect.signature(write).return_annotation
        wrapper.__annotations__ = {**sheet.__annotations__, "return": answer}
        vars(wrapper)["__signature__"] = inspect.signature(sheet).replace(return_annotation=answer)
        return wrapper

    return decorate


def number(value: float) -> str:
    """A coordinate or a length, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def write_text(element: Element, text: str) -> None:
    """The text of an element, whatever it holds, with what no XML file can hold replaced."""
    element.text = _FOREIGN.sub("\ufffd", text)
