"""The text as words with the two cards of one of them, as SVG and PNG: what it remembers, who remembers it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from memviz.figures.sheets.drawing import Drawing, Point, written_as
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.colours import (
    FULL_SURPRISE,
    FULL_TINT,
    Colour,
    ThemeName,
    mixed,
    readable,
    surprise_share,
    word_tint,
)
from memviz.figures.style.labels import isolated, shorten, wrap
from memviz.figures.style.numbers import head_name, percent, times
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.measures import Links
from memviz.tokens import Word, distinct_texts

WIDTH = 960
MARGIN = 34
MOST = 400  # words drawn, those around the chosen one
ROW = 30
HEADING = 19  # letters of a title
NAMES = 18  # pixels that the names of a card's columns take
GAP = 20
LEGEND = 440  # pixels that the words of the scale of surprise take
CARD = (WIDTH - 2 * MARGIN - GAP) / 2  # how wide a card is

Tint = Literal["weight", "excess"]


@dataclass(frozen=True)
class PlacedWord:
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


def words_sheet(
    words: Sequence[Word],
    remembers: Links,
    remembered_by: Links,
    *,
    word: int | None,
    provenance: Mapping[str, str],
    note: str = "",
    tint: Tint = "weight",
    title: str = "",
    surprise: np.ndarray | None = None,
    card_titles: tuple[str, str] = (phrases.REMEMBERS, phrases.REMEMBERED_BY),
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """What does a word remember, and who remembers it, in the text itself, as a drawing? See `words_svg`."""
    surprise = surprise if word is None else None
    first = 0 if word is None else max(0, min(word - MOST // 2, len(words) - MOST))
    part = words[first : first + MOST]
    placed = flow(part, first, top=MARGIN + (HEADING + 16 if title else 0))
    bottom = max((place.base for place in placed), default=MARGIN) + 26
    cards = [] if word is None else _cards(words, (remembers, remembered_by), word, card_titles, translate)
    card_height = max(max((len(card.rows) for card in cards), default=0) * ROW + 56 + NAMES, 92)
    span = say(translate, phrases.WORDS_SHOWN, first=first + 1, last=first + len(part), count=len(words))
    below = [note, span if len(part) < len(words) else "", " · ".join(origin(provenance))]
    if surprise is not None:
        below.insert(0, translate(phrases.SURPRISE_LEGEND))
    lines = footer([*filter(None, below)], width=WIDTH - 2 * MARGIN)
    height = bottom + (card_height + 26 if cards else 8) + LINE * len(lines) + MARGIN - 8
    drawing = Drawing(
        (WIDTH, height),
        title=title or (cards[0].title if cards else span),
        alt_text=" ".join(map(str, cards)) or " ".join(place.text for place in placed),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    tints = _tints(remembers, remembered_by, word, tint)
    if title:
        drawing.text((MARGIN, MARGIN + 12), title, size=HEADING, bold=True)
    _draw_text(drawing, placed, words, selected=word, tints=tints, surprise=surprise)
    if surprise is not None:
        _draw_scale(drawing, at=(MARGIN + LEGEND, height - MARGIN - (len(lines) - 1) * LINE - 9))
    for number, card in enumerate(cards):
        left = MARGIN + number * (CARD + GAP)
        _draw_card(drawing, card, at=(left, bottom), height=card_height, colour=_ink(drawing, number))
    drawing.notes((MARGIN, height - MARGIN - (len(lines) - 1) * LINE), lines)
    return drawing


@written_as(words_sheet)
def words_svg(drawing: Drawing) -> str:
    """What does a word remember, and who remembers it, in the text itself, as an SVG?

    ``remembers`` and ``remembered_by`` are `measures.links` of the text and its ``words``, ``word`` the one whose
    links are shown (``None``: only the text). Blue behind a word: the chosen one looks at it; an
    orange line below it: it looks at the chosen one; both as strong as the ``tint`` of their link.
    ``surprise`` (−ln p in nats [word], NaN where nothing is known) tints the words while no ``word`` is chosen;
    ``card_titles`` are the titles of the two cards. ``note`` is one line below the cards, ``title`` one above the text.
    Of a long text the 400 words around the chosen one are drawn, and the picture says so.
    ``provenance`` is written into ``<metadata>`` as JSON and, in short, below the picture.
    """
    return drawing.svg()


@written_as(words_sheet)
def words_png(drawing: Drawing) -> bytes:
    """What does a word remember, and who remembers it, in the text itself, as a PNG?

    The same picture as `memviz.figures.words_svg`, which explains the options. ``provenance`` is written into the
    file and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named.
    """
    return drawing.png()


def flow(words: Sequence[Word], first: int, *, top: float) -> list[PlacedWord]:
    """Where does each word stand, below ``top``? Lines are broken at the sheet's end, not before a comma or a point."""
    size = 27.0 if len(words) <= 60 else 21.0 if len(words) <= 200 else 16.0
    left, base, room = float(MARGIN), top + size, WIDTH - MARGIN
    placed: list[PlacedWord] = []
    apart = [word.space or word.special for word in words]
    apart = [here or (number > 0 and words[number - 1].special) for number, here in enumerate(apart)]
    for number, word in enumerate(words):
        letters = max(13.0, size * 0.66) if word.special else size
        text = shorten(word.text, int((room - MARGIN) / letters * 1.6))
        width = measure(text, size=letters)
        gap = (size * 0.62 if apart[number] else 2.0) if number else 0.0
        sign = not apart[number] and not any(map(str.isalnum, text))
        if number and (word.newline or left + gap + width > room + (24 if sign else 0)):
            left, base = float(MARGIN), base + size * 1.75
        else:
            left += gap
        last = number + 1 == len(words)
        near = (5.0 if apart[number] or not number else 0.5, 5.0 if last or apart[number + 1] else 0.5)
        placed.append(PlacedWord(first + number, text, left, base, width, letters, *near))
        left += width
    return placed


def _tints(
    remembers: Links, remembered_by: Links, word: int | None, by: Tint
) -> tuple[dict[int, float], dict[int, float]]:
    """How strongly is each word tinted blue, and how strongly orange? As on the pages: `word_tint`."""
    if word is None:
        return {}, {}
    tints: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for tint, links in zip(tints, (remembers, remembered_by), strict=True):
        strength = np.clip(getattr(links, by)[word], 1 / 255, 1)  # the weakest link is still seen
        for other, weight, share in zip(links.index[word].tolist(), links.weight[word], strength.tolist(), strict=True):
            if other >= 0 and weight > 0:
                tint[other] = max(tint.get(other, 0.0), word_tint(share))
    return tints


def _draw_text(
    drawing: Drawing,
    placed: Sequence[PlacedWord],
    words: Sequence[Word],
    *,
    selected: int | None,
    tints: tuple[dict[int, float], dict[int, float]],
    surprise: np.ndarray | None = None,
) -> None:
    theme, inks = drawing.theme, {}
    for place in placed:
        blue, orange = (tint.get(place.index, 0.0) for tint in tints)
        inks[place.index] = theme.muted if words[place.index].special else theme.ink
        if surprise is not None:
            inks[place.index] = theme.muted
            if not np.isnan(surprise[place.index]):
                behind = _surprise_tint(drawing, float(surprise_share(surprise[place.index])))
                inks[place.index] = readable(behind)
                drawing.box(place.corner, place.area, fill=behind, radius=place.size * 0.24)
        if blue or orange:
            behind = _between(theme.paper, *((theme.blue, blue) if blue else (theme.orange, orange * 0.55)))
            inks[place.index] = readable(behind)
            drawing.box(place.corner, place.area, fill=behind, radius=place.size * 0.24)
        if orange:
            below = place.corner[0], place.corner[1] + place.area[1]
            drawing.box(below, (place.area[0], 2 + 4 * orange), fill=theme.orange, radius=1)
    for place in placed:
        drawing.text((place.left, place.base), place.text, size=place.size, colour=inks[place.index])
        if place.index == selected:
            corner, area = (place.corner[0] - 2, place.corner[1] - 2), (place.area[0] + 4, place.area[1] + 4)
            drawing.box(corner, area, line=theme.ink, width=2.5, radius=place.size * 0.28)


def _surprise_tint(drawing: Drawing, share: float) -> Colour:
    """The colour behind a word of this share of the scale of surprise."""
    return _between(drawing.theme.paper, drawing.theme.surprise, FULL_TINT * share)


def _draw_scale(drawing: Drawing, *, at: Point) -> None:
    """The scale of surprise as a row of boxes with the probabilities at its ends."""
    (left, top), step = at, 12.0
    drawing.text((left - 6, top + 9), percent(1.0), size=SMALL, anchor="right", colour=drawing.theme.muted)
    for number in range(10):
        drawing.box((left + number * step, top), (step, 10), fill=_surprise_tint(drawing, number / 9))
    end = f"≤ {percent(math.exp(-FULL_SURPRISE), digits=1)}"
    drawing.text((left + 10 * step + 6, top + 9), end, size=SMALL, colour=drawing.theme.muted)


def _between(low: Colour, high: Colour, share: float) -> Colour:
    red, green, blue = mixed(low, high, share).tolist()
    return red, green, blue


@dataclass(frozen=True)
class _Row:
    """One link of a word: the other word, and the numbers beside it."""

    text: str
    weight: float
    lift: float
    head: str


@dataclass(frozen=True)
class _Card:
    """What a word remembers, or who remembers it; ``empty`` is what is said where there is nothing."""

    title: str
    empty: str
    rows: tuple[_Row, ...]
    names: tuple[str, ...]  # of the numbers in a row

    def __str__(self) -> str:
        links = ", ".join(f"“{isolated(row.text)}” {percent(row.weight)} ({row.head})" for row in self.rows)
        return f"{self.title}: {links or self.empty}"


def _cards(
    words: Sequence[Word], both: tuple[Links, Links], word: int, titles: tuple[str, str], translate: Translate
) -> list[_Card]:
    """The two cards of a word."""
    texts = distinct_texts(words)
    names = translate(phrases.COLUMN_WEIGHT), translate(phrases.COLUMN_LIFT), translate(phrases.COLUMN_HEAD)
    templates = (titles[0], phrases.NO_LINK), (titles[1], phrases.NO_READER)
    return [
        _Card(say(translate, title, word=shorten(texts[word], 24)), translate(empty), _rows(links, word, texts), names)
        for (title, empty), links in zip(templates, both, strict=True)
    ]


def _rows(links: Links, word: int, names: Sequence[str]) -> tuple[_Row, ...]:
    """The links of a word, in their order; ``names`` of all words."""
    columns = (links.index, links.weight, links.lift, links.layer, links.head)
    return tuple(
        _Row(names[other], float(weight), float(lift), head_name(int(layer), int(head)))
        for other, weight, lift, layer, head in zip(*(column[word] for column in columns), strict=True)
        if other >= 0 and weight > 0
    )


def _ink(drawing: Drawing, number: int) -> Colour:
    """The colour of the first card, and that of the second."""
    return (drawing.theme.blue, drawing.theme.orange)[number]


def _draw_card(drawing: Drawing, card: _Card, *, at: Point, height: float, colour: Colour) -> None:
    left, top = at
    drawing.box(at, (CARD, height), fill=drawing.theme.panel, radius=12)
    drawing.text((left + 20, top + 30), card.title, size=17, colour=colour, bold=True)
    if not card.rows:
        for place, line in enumerate(wrap(card.empty, 52)):
            drawing.text((left + 20, top + 60 + place * 20), line, size=14, colour=drawing.theme.muted)
    if card.rows:
        _draw_names(drawing, card.names, at=(left + 20, top + 48), width=CARD - 40)
    for place, row in enumerate(card.rows):
        _draw_row(drawing, row, at=(left + 20, top + 62 + NAMES + place * ROW), width=CARD - 40, colour=colour)


def _draw_names(drawing: Drawing, names: Sequence[str], *, at: Point, width: float) -> None:
    """What the numbers of a card are: weight, lift, head."""
    end = at[0] + width - 190  # of the bars
    for name, right in zip(names, (end + 54, end + 118, at[0] + width), strict=True):
        drawing.text((right, at[1]), name, size=SMALL, anchor="right", colour=drawing.theme.muted)


def _draw_row(drawing: Drawing, row: _Row, *, at: Point, width: float, colour: Colour) -> None:
    """Word, bar, weight, lift, head."""
    (left, base), theme = at, drawing.theme
    bar, track = left + 100, width - 290
    drawing.text((left, base), shorten(row.text, 12), size=15)
    drawing.box((bar, base - 11), (track, 11), fill=_between(theme.paper, theme.ink, 0.1), radius=5.5)
    share = max(4.0, track * min(1.0, row.weight))
    drawing.box((bar, base - 11), (share, 11), fill=colour, radius=min(5.5, share / 2))
    drawing.text((bar + track + 54, base), percent(row.weight), size=15, anchor="right")
    drawing.text((bar + track + 118, base), times(row.lift), size=15, anchor="right", colour=theme.muted)
    chip = measure(row.head, size=SMALL) + 16
    drawing.box((left + width - chip, base - 15), (chip, 21), fill=theme.chip, radius=10.5)
    drawing.text((left + width - chip / 2, base), row.head, size=SMALL, anchor="middle", colour=theme.muted)
