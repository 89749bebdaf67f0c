"""The text as words with the two cards of one of them, as PNG bytes: what it remembers, who remembers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memviz.figures.sheets.canvas import Canvas
from memviz.figures.sheets.lettering import boxed_note, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.labels import shorten, wrap
from memviz.figures.style.palette import Colour, ThemeName, head_name, mixed, percent, readable, times
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.measures import Links
from memviz.tokens import Word

WIDTH = 960
MARGIN = 34
MOST = 400  # words drawn, those around the chosen one
LINE = 17
ROW = 30
GAP = 20


@dataclass(frozen=True)
class _Placed:
    """One word of the text on the sheet: the left end of its baseline, its width, and how close its neighbours are."""

    index: int
    text: str
    left: float
    base: float
    width: float
    size: float
    before: float
    after: float

    @property
    def corner(self) -> tuple[float, float]:
        """The upper left corner of its tint."""
        return self.left - self.before, self.base - self.size * 1.04

    @property
    def area(self) -> tuple[float, float]:
        """Width and height of its tint."""
        return self.width + self.before + self.after, self.size * 1.38


def words_png(
    words: Sequence[Word],
    remembers: Links,
    remembered_by: Links,
    *,
    word: int | None,
    provenance: Mapping[str, str],
    note: str = "",
    tint: Literal["weight", "excess"] = "weight",
    theme: ThemeName = "light",
    translate: Translate = str,
) -> bytes:
    """What does a word remember, and who remembers it, in the text itself, as a PNG?

    ``remembers`` and ``remembered_by`` are `measures.links` of the text, ``word`` the one whose
    links are shown (``None``: only the text). Blue behind a word: the chosen one looks at it; an
    orange line below it: it looks at the chosen one; both as strong as the ``tint`` of their link.
    ``note`` is one line below the cards. Of a long text the 400 words around the chosen one are
    drawn, and the picture says so.
    ``provenance`` is written into the file and, in short, below the picture.
    """
    first = 0 if word is None else max(0, min(word - MOST // 2, len(words) - MOST))
    part = words[first : first + MOST]
    placed = _flow(part, first)
    bottom = max((one.base for one in placed), default=MARGIN) + 26
    rows = [] if word is None else [_rows(links, word, words) for links in (remembers, remembered_by)]
    card = max((len(one) for one in rows), default=0) * ROW + 56 if rows else 0
    shown = say(translate, phrases.WORDS_SHOWN, first=first + 1, last=first + len(part), count=len(words))
    below = [note, shown if len(part) < len(words) else "", " · ".join(origin(provenance))]
    below = [*filter(None, below), *boxed_note([one.text for one in placed], translate)]
    lines = footer(below, width=WIDTH - 2 * MARGIN)
    height = bottom + (max(card, 92) + 26 if rows else 8) + LINE * len(lines) + MARGIN - 8
    sheet = Canvas(WIDTH, height, theme=theme)
    _text(sheet, placed, words, chosen=word, tints=_tints(remembers, remembered_by, word, tint))
    if word is not None:
        _cards(sheet, rows, top=bottom, height=max(card, 92), name=shorten(words[word].text, 24), translate=translate)
    for number, line in enumerate(lines):
        top = height - MARGIN - (len(lines) - number - 1) * LINE
        sheet.text((MARGIN, top), line, size=12, colour=sheet.theme.muted)
    return sheet.png(provenance)


def _flow(words: Sequence[Word], first: int) -> list[_Placed]:
    """Where does each word stand? Lines are broken where the sheet ends, but not before a comma or a point."""
    size = 27.0 if len(words) <= 60 else 21.0 if len(words) <= 200 else 16.0
    left, base, room = float(MARGIN), MARGIN + size, WIDTH - MARGIN
    placed: list[_Placed] = []
    apart = [word.space or word.special for word in words]
    apart = [here or (number > 0 and words[number - 1].special) for number, here in enumerate(apart)]
    for number, word in enumerate(words):
        own = max(13.0, size * 0.66) if word.special else size
        text = shorten(word.text, int((room - MARGIN) / own * 1.6))
        width = measure(text, size=own)
        gap = (size * 0.62 if apart[number] else 2.0) if number else 0.0
        sign = not apart[number] and not any(map(str.isalnum, text))
        if number and (word.newline or left + gap + width > room + (24 if sign else 0)):
            left, base = float(MARGIN), base + size * 1.75
        else:
            left += gap
        last = number + 1 == len(words)
        near = (5.0 if apart[number] or not number else 0.5, 5.0 if last or apart[number + 1] else 0.5)
        placed.append(_Placed(first + number, text, left, base, width, own, *near))
        left += width
    return placed


def _tints(
    remembers: Links, remembered_by: Links, word: int | None, by: Literal["weight", "excess"]
) -> tuple[dict[int, float], dict[int, float]]:
    """How strongly is each word tinted blue, and how strongly orange? As on the pages: 0.92 · tint^0.65."""
    if word is None:
        return {}, {}
    found: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for tint, links in zip(found, (remembers, remembered_by), strict=True):
        strength = np.clip(getattr(links, by)[word], 1 / 255, 1)  # the weakest link is still seen
        for other, weight, share in zip(links.index[word].tolist(), links.weight[word], strength.tolist(), strict=True):
            if other >= 0 and weight > 0:
                tint[other] = max(tint.get(other, 0.0), 0.92 * share**0.65)
    return found


def _text(
    sheet: Canvas,
    placed: Sequence[_Placed],
    words: Sequence[Word],
    *,
    chosen: int | None,
    tints: tuple[dict[int, float], dict[int, float]],
) -> None:
    theme, inks = sheet.theme, {}
    for one in placed:
        blue, orange = (tint.get(one.index, 0.0) for tint in tints)
        inks[one.index] = theme.muted if words[one.index].special else theme.ink
        if blue or orange:
            behind = _between(theme.paper, *((theme.blue, blue) if blue else (theme.orange, orange * 0.55)))
            inks[one.index] = readable(behind)
            sheet.box(one.corner, one.area, fill=behind, radius=one.size * 0.24)
        if orange:
            below = one.corner[0], one.corner[1] + one.area[1]
            sheet.box(below, (one.area[0], 2 + 4 * orange), fill=theme.orange, radius=1)
    for one in placed:
        sheet.text((one.left, one.base), one.text, size=one.size, colour=inks[one.index])
        if one.index == chosen:
            corner, area = (one.corner[0] - 2, one.corner[1] - 2), (one.area[0] + 4, one.area[1] + 4)
            sheet.box(corner, area, line=theme.ink, width=2.5, radius=one.size * 0.28)


def _between(low: Colour, high: Colour, share: float) -> Colour:
    red, green, blue = mixed(low, high, share).tolist()
    return red, green, blue


def _rows(links: Links, word: int, words: Sequence[Word]) -> list[tuple[str, float, float, str]]:
    """(other word, weight, lift, head) of each link of a word."""
    return [
        (words[other].text, float(weight), float(lift), head_name(int(layer), int(head)))
        for other, weight, lift, layer, head in zip(
            links.index[word],
            links.weight[word],
            links.lift[word],
            links.layer[word],
            links.head[word],
            strict=True,
        )
        if other >= 0 and weight > 0
    ]


def _cards(
    sheet: Canvas,
    rows: Sequence[list[tuple[str, float, float, str]]],
    *,
    top: float,
    height: float,
    name: str,
    translate: Translate,
) -> None:
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    kinds = (
        (phrases.REMEMBERS, phrases.NO_LINK, sheet.theme.blue),
        (phrases.REMEMBERED_BY, phrases.NO_READER, sheet.theme.orange),
    )
    for number, ((title, nothing, colour), links) in enumerate(zip(kinds, rows, strict=True)):
        left = MARGIN + number * (width + GAP)
        sheet.box((left, top), (width, height), fill=sheet.theme.panel, radius=12)
        sheet.text((left + 20, top + 30), say(translate, title, word=name), size=17, colour=colour, bold=True)
        if not links:
            for place, line in enumerate(wrap(translate(nothing), 52)):
                sheet.text((left + 20, top + 60 + place * 20), line, size=14, colour=sheet.theme.muted)
        for place, link in enumerate(links):
            _row(sheet, link, at=(left + 20, top + 62 + place * ROW), width=width - 40, colour=colour)


def _row(
    sheet: Canvas, link: tuple[str, float, float, str], *, at: tuple[float, float], width: float, colour: Colour
) -> None:
    """Word, bar, weight, lift, head."""
    text, weight, lift, head = link
    (left, base), theme = at, sheet.theme
    bar, track = left + 100, width - 290
    sheet.text((left, base), shorten(text, 12), size=15)
    sheet.box((bar, base - 11), (track, 11), fill=_between(theme.paper, theme.ink, 0.1), radius=5.5)
    filled = max(4.0, track * min(1.0, weight))
    sheet.box((bar, base - 11), (filled, 11), fill=colour, radius=min(5.5, filled / 2))
    sheet.text((bar + track + 54, base), percent(weight), size=15, anchor="right")
    sheet.text((bar + track + 118, base), times(lift), size=15, anchor="right", colour=theme.muted)
    chip = measure(head, size=12) + 16
    sheet.box((left + width - chip, base - 15), (chip, 21), fill=theme.chip, radius=10.5)
    sheet.text((left + width - chip / 2, base), head, size=12, anchor="middle", colour=theme.muted)
