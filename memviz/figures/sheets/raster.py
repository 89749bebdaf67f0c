"""How does a drawing become a PNG? resvg draws it; which font draws which character is settled here, for any script."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import resvg_py
from PIL import Image, PngImagePlugin

from memviz.figures.sheets.fonts import Face, runs
from memviz.figures.sheets.lettering import LINE, SCALE, SMALL, code_digits, footer, missing_note, run_length
from memviz.figures.style.colours import Theme, hexadecimal
from memviz.figures.style.phrases import Translate

Runs = list[tuple[Face | None, str]]

FAINTEST = 0.5 / 255  # a line that changes a pixel by less changes no byte
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_SIDES = {"start": 0.0, "middle": 0.5, "end": 1.0}
_MIRRORED = {"start": "end", "end": "start", "middle": "middle"}
_NOT_DRAWN = ("title", "desc", "metadata")


def rasterise(
    root: Element,
    size: tuple[int, int],
    *,
    theme: Theme,
    notes_end: tuple[float, float],
    provenance: Mapping[str, str],
    translate: Translate,
) -> bytes:
    """The picture as PNG, two pixels for one of the SVG, with where it comes from in its text chunks (iTXt, UTF-8).

    ``root`` is an SVG of this ``size``, which is not changed. Where no font on this computer has a character, it is a
    box with the character's number, and a line at ``notes_end`` names it; the picture grows by that line.
    """
    root, (width, height) = deepcopy(root), size
    texts = [element.text or "" for element in root.iter("text")]
    lines = footer(missing_note(texts, translate), width=width - 2 * notes_end[0])
    for place, line in enumerate(lines):
        at = {"x": str(notes_end[0]), "y": str(notes_end[1] + place * LINE), "font-size": str(SMALL)}
        SubElement(root, "text", {**at, "fill": hexadecimal(theme.muted)}).text = line
    _resize(root, width, height + LINE * len(lines))
    _leave_out(root, theme)
    files = {face.file for spot in list(_text_places(root)) for face in _set_fonts(spot)}
    drawing = tostring(root, encoding="unicode")
    png = resvg_py.svg_to_bytes(svg_string=drawing, zoom=SCALE, skip_system_fonts=True, font_files=sorted(files))
    return _with_provenance(png, provenance)


def _resize(root: Element, width: int, height: int) -> None:
    root.set("height", str(height))
    root.set("viewBox", f"0 0 {width} {height}")
    for paper in root.findall("rect")[:1]:
        paper.set("height", str(height))


def _leave_out(root: Element, theme: Theme) -> None:
    """Removes what has no ink: the words about the picture, and lines too thin and pale to change a pixel."""
    paper = hexadecimal(theme.paper)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in _NOT_DRAWN or (child.tag == "path" and _ink(child, paper) < FAINTEST):
                parent.remove(child)


def _ink(line: Element, paper: str) -> float:
    """How much does a line change a pixel at most, 0 to 1?"""
    colour, width = line.get("stroke", paper), float(line.get("stroke-width", "1")) * SCALE
    if colour == paper:  # it clears what lies below it
        return 1.0
    levels = (np.array([*bytes.fromhex(part[1:])], dtype=float) for part in (colour, paper))
    return min(1.0, width) * float(np.abs(next(levels) - next(levels)).max()) / 255


def _text_places(root: Element) -> Iterator[tuple[Element, int]]:
    """(parent, place in it) of every text."""
    for parent in root.iter():
        for place, child in enumerate(parent):
            if child.tag == "text":
                yield parent, place


def _set_fonts(spot: tuple[Element, int]) -> list[Face]:
    """Gives every run of a text the font that has all of it; the fonts."""
    parent, place = spot
    text = parent[place]
    pieces = runs(text.text or "", bold=text.get("font-weight") == "bold")
    if any(face is None for face, _ in pieces):
        parent[place] = _boxed(text, pieces)
    else:
        _write_runs(text, pieces)
    return [face for face, _ in pieces if face is not None] + [face for face, _ in runs("0") if face is not None]


def _write_runs(text: Element, pieces: Runs) -> None:
    """The runs of a text one after the other: resvg knows isolating characters, but not the attribute for them."""
    text.text, before, after = "", "", ""
    if text.attrib.pop("direction", "") == "rtl":
        text.set("text-anchor", _MIRRORED[text.get("text-anchor", "start")])
        before, after = "\u2067", "\u2069"
    text.attrib.pop("unicode-bidi", "")
    text.set(_SPACE, "preserve")
    for place, (face, piece) in enumerate(pieces):
        span = SubElement(text, "tspan", {"font-family": _family(face)})
        span.text = (before if place == 0 else "") + piece + (after if place + 1 == len(pieces) else "")


def _family(face: Face | None) -> str:
    return "" if face is None else f"'{face.family}'"


def _boxed(text: Element, pieces: Runs) -> Element:
    """A text with boxes in it: its runs in their places, from left to right."""
    size, (x, base) = float(text.get("font-size", "14")), (float(text.get(name, "0")) for name in "xy")
    lengths = [run_length(face, piece, size) for face, piece in pieces]
    anchor = text.get("text-anchor", "start")
    if text.get("direction") == "rtl":
        anchor = _MIRRORED[anchor]
    left, group = x - _SIDES[anchor] * sum(lengths), Element("g")
    if "transform" in text.attrib:
        group.set("transform", text.attrib["transform"])
    style = {name: value for name, value in text.attrib.items() if name in ("fill", "font-size", "font-weight")}
    for (face, piece), length in zip(pieces, lengths, strict=True):
        if face is None:
            _code_box(group, (left, base), piece, length=length, size=size, colour=text.attrib["fill"])
        else:
            run = SubElement(group, "text", {**style, "x": f"{left:.2f}", "y": f"{base:.2f}"})
            _write_runs(run, [(face, piece)])
        left += length
    return group


def _code_box(group: Element, at: tuple[float, float], piece: str, *, length: float, size: float, colour: str) -> None:
    """A frame with the character's number, where no font has the character."""
    (left, base), line = at, max(1 / SCALE, size * 0.05)
    wide = length - size * 0.12
    shape = {"x": left + 0.5 + line / 2, "y": base - size * 0.8 + line / 2, "rx": size * 0.12}
    shape |= {"width": wide - 0.5 - line, "height": size * 0.96 - line, "stroke-width": line}
    SubElement(
        group, "rect", {name: f"{value:.2f}" for name, value in shape.items()} | {"fill": "none", "stroke": colour}
    )
    place = {"x": f"{left + wide / 2:.2f}", "y": f"{base - size * 0.12:.2f}", "text-anchor": "middle"}
    number = SubElement(group, "text", {**place, "font-size": f"{size * 0.55:.2f}", "fill": colour})
    _write_runs(number, list(runs(code_digits(piece))))


def _with_provenance(png: bytes, provenance: Mapping[str, str]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, value in provenance.items():
        keyword = name.encode("latin-1", "replace").decode("latin-1").strip()[:79] or "note"
        info.add_itxt(keyword, value)
    out = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.save(out, "PNG", pnginfo=info, optimize=True, dpi=(96 * SCALE, 96 * SCALE))
    return out.getvalue()
