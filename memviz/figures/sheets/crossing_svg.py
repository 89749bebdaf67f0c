"""A translation as two rows of words joined by lines, as one SVG file: sharp at any size, words that are still text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import regex

from memviz.figures.sheets.crossing import THICK, Crossing, crossing
from memviz.figures.sheets.crossing_sheet import SAMPLE, STRONG, Sheet, notes, read_from, sheet, tint
from memviz.figures.sheets.word_places import Spot, Unit
from memviz.figures.style import phrases
from memviz.figures.style.palette import THEMES, Colour, Theme, ThemeName, hexadecimal
from memviz.figures.style.phrases import Translate

FONTS = (
    "'Source Sans 3', 'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', "
    "'PingFang SC', 'Microsoft YaHei', 'Noto Sans Arabic', 'Noto Naskh Arabic', 'Geeza Pro', 'Noto Sans Hebrew', "
    "sans-serif"
)
_ANCHORS = {"left": "start", "middle": "middle", "right": "end"}
_FOREIGN = regex.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # XML 1.0 cannot hold these


def cross_svg(
    sources: Sequence[Unit],
    targets: Sequence[Unit],
    weights: np.ndarray,
    *,
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
    title: str = "",
    provenance: Mapping[str, str] | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> str:
    """Which source word was each target word read from? Both sentences, joined by lines as wide as the weight.

    One SVG file that needs nothing else: text stays text, and there is no script in it. ``weights`` are float32
    [target word, source word], 0..1, as from `measures.word_weights`; a row of NaN has no lines. ``sources`` and
    ``targets`` are words, or tokens. Short sentences stand in two rows, the source above; where either is too long
    for a line, in two columns, the source on the left.

    keep      keep of each target word only the strongest links, up to this share of it
    right_to_left   whether (sources, targets) are in a script that runs from right to left
    title     above the picture, "" for none
    provenance   as from `memviz.figures.style.provenance`; written into ``<metadata>`` as JSON and, in short, below
    translate   turns an English template of `PHRASES` into the reader's language

    Each line is a ``path`` with ``data-source``, ``data-target`` (places, from 0) and ``data-weight`` in full
    precision. Lines to added tokens are grey. At most 400 words a side and 10,000 lines are drawn, the strongest;
    the picture says what was left out.

    Raises `TraceError` where the weights do not fit the words, `MeasureError` for weights that are not 0 to 1 and for
    a share that is none.
    """
    what = crossing(sources, targets, weights, keep=keep, right_to_left=right_to_left)
    provenance = dict(provenance or {})
    said = notes(what, keep=keep, shifted=bool(provenance.get("shift")), translate=translate)
    page = sheet(what, title=title, notes=said, provenance=provenance, translate=translate)
    size = {"width": _number(page.width), "height": _number(page.height)}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size, "font-family": FONTS})
    root.set("viewBox", f"0 0 {size['width']} {size['height']}")
    _text(SubElement(root, "title"), title or translate(phrases.WHICH_SOURCE))
    _text(SubElement(root, "desc"), page.alt)
    _text(SubElement(root, "metadata"), json.dumps(provenance, ensure_ascii=False))
    SubElement(root, "rect", {**size, "fill": hexadecimal(THEMES[theme].paper)})
    _around(root, page, THEMES[theme])
    field = SubElement(root, "g", {"transform": f"translate({_number(page.at[0])} {_number(page.at[1])})"})
    _links(SubElement(field, "g", {"class": "links", "fill": "none"}), what, THEMES[theme], translate)
    for name, spots in (("sources", what.sources), ("targets", what.targets)):
        _words(SubElement(field, "g", {"class": name, "font-size": _number(what.size)}), spots, THEMES[theme])
    return tostring(root, encoding="unicode")


def _links(group: Element, what: Crossing, theme: Theme, translate: Translate) -> None:
    """The lines, weak ones first; a strong one keeps a margin of paper on both sides where it crosses others."""
    for link in what.links:
        ends = [link.start, *what.bend(link), link.stop]
        start, *rest = (" ".join(map(_number, point)) for point in ends)
        curve = {"d": f"M{start}C{' '.join(rest)}"}
        if link.weight >= STRONG:
            SubElement(group, "path", {**curve, **_pen(theme.paper, link.width + 3)})
        data = {"data-source": str(link.source), "data-target": str(link.target), "data-weight": repr(link.weight)}
        pen = _pen(tint(link.weight, theme, muted=link.muted), link.width)
        line = SubElement(group, "path", {**data, **curve, **pen})
        _text(SubElement(line, "title"), read_from(what, link, translate))


def _words(group: Element, spots: Sequence[Spot], theme: Theme) -> None:
    for spot in spots:
        place = {"x": _number(spot.base[0]), "y": _number(spot.base[1])}
        anchor = _ANCHORS[spot.anchor]
        if spot.right_to_left:  # then a line of text starts on its right
            anchor = {"start": "end", "end": "start"}.get(anchor, anchor)
            place |= {"direction": "rtl", "unicode-bidi": "isolate"}
        ink = theme.muted if spot.special else theme.ink
        _text(SubElement(group, "text", {**place, "text-anchor": anchor, "fill": hexadecimal(ink)}), spot.text)


def _around(root: Element, page: Sheet, theme: Theme) -> None:
    """Heading, names, notes, and the lines that show what a width stands for."""
    for label in page.labels:
        place = {"x": _number(label.at[0]), "y": _number(label.at[1]), "text-anchor": _ANCHORS[label.anchor]}
        style = {"font-size": _number(label.size), "fill": hexadecimal(theme.ink if label.bold else theme.muted)}
        style |= {"font-weight": "bold"} if label.bold else {}
        _text(SubElement(root, "text", {**place, **style}), label.text)
    for (left, top), weight in page.samples:
        line = {"d": f"M{_number(left)} {_number(top)}h{SAMPLE}"}
        SubElement(root, "path", {**line, **_pen(tint(weight, theme), THICK * weight)})


def _pen(colour: Colour, width: float) -> dict[str, str]:
    return {"stroke": hexadecimal(colour), "stroke-width": f"{width:.4g}"}


def _text(element: Element, text: str) -> None:
    """The text, whatever it holds, with what no XML file can hold replaced."""
    element.text = _FOREIGN.sub("\ufffd", text)


def _number(value: float) -> str:
    return f"{round(value, 2):g}" if abs(value) < 10_000 else f"{value:.0f}"
