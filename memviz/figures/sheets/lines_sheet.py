"""One head, or several, as lines between two columns of words, as SVG and PNG: on the left who looks, right at what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from xml.etree.ElementTree import SubElement

import numpy as np

from memviz.errors import MeasureError
from memviz.figures.data.captions import notes, which_head
from memviz.figures.data.cells import pattern_data
from memviz.figures.data.view import Mark, PatternData, PatternView, Values, Window
from memviz.figures.sheets.crossing import (
    MOST_WORDS,
    Link,
    Unit,
    WordPlace,
    column_size,
    columns,
    curve_bend,
    links_between,
)
from memviz.figures.sheets.drawing import Drawing, Point, number, write_text, written_as
from memviz.figures.sheets.heatmap_sheet import pattern_sheet
from memviz.figures.sheets.lettering import LINE, SMALL, footer, measure
from memviz.figures.style import phrases
from memviz.figures.style.colours import HEADS, Colour, ThemeName, mixed, strength
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import origin
from memviz.memory import Memory
from memviz.sources import tokens_of
from memviz.tokens import Word

MARGIN = 28
NARROWEST = 420
HEADING = 19
NARROW = 26  # of a word, in narrow letters
BESIDE = 4.0  # pixels between the lines of two heads
FAINT = 0.14  # of a line that does not belong to the marked word
NAMED = 40  # words in the text alternative

Head = tuple[int | None, int | None]


def lines_sheet(
    memory: Memory,
    heads: Sequence[Head] = ((None, None),),
    *,
    provenance: Mapping[str, str],
    view: Values = "weight",
    query_words: Sequence[Word] | None = None,
    key_words: Sequence[Word] | None = None,
    without: Sequence[int] = (),
    window: Window | None = None,
    cumulative: float = 1.0,
    mark: Mark = ((), ()),
    right_to_left: bool = False,
    heatmap: bool = False,
    title: str | None = None,
    theme: ThemeName = "light",
    translate: Translate = str,
) -> Drawing:
    """How hard does each word look at each other word, as lines, as a drawing? See `lines_svg`."""
    if not 1 <= len(heads) <= len(HEADS):
        raise MeasureError(
            "{count} heads cannot be told apart by the colours of their lines.",
            todo="Give 1 to {most} of them.",
            count=len(heads),
            most=len(HEADS),
        )
    each = [
        pattern_data(
            memory,
            PatternView(
                layer=layer,
                head=head,
                query_words=query_words,
                key_words=key_words,
                without=without,
                window=window,
                cumulative=cumulative,
                largest=max(len(memory.queries), len(memory.keys)),
            ),
        )
        for layer, head in heads
    ]
    units = query_words or tokens_of(memory.queries), key_words or tokens_of(memory.keys)
    layout = _Layout.of(each, units, mark, right_to_left=right_to_left)
    names = [which_head(memory, *head, translate) for head in heads]
    drawing = _draw(layout, each, names, provenance=provenance, title=title, theme=theme, translate=translate)
    if not heatmap:
        return drawing
    beside = pattern_sheet(
        memory,
        *heads[0],
        provenance=provenance,
        view=view,
        query_words=query_words,
        key_words=key_words,
        without=without,
        window=window,
        cumulative=cumulative,
        mark=mark,
        title=title,
        theme=theme,
        translate=translate,
    )
    beside.add_beside(drawing)
    return beside


@written_as(lines_sheet)
def lines_svg(drawing: Drawing) -> str:
    """How hard does each word look at each other word, as lines between two columns, as an SVG?

    On the left the queries, which look, on the right the keys, which are looked at; the wider a line, the larger its
    weight, as in `memviz.figures.cross_svg`. Up to four ``heads`` in one picture, each in its colour: (layer, head), or
    ``None`` for a mean.

    query_words, key_words, without, window, cumulative   as in `memviz.figures.pattern`
    mark      the places (rows, columns) of words: lines from those rows are drawn strongly, or where there are none,
              lines to those columns; all others faintly
    right_to_left   whether the words are in a script that runs from right to left
    heatmap   whether the heatmap of the first head stands beside it, its values as ``view`` says

    Each line is a ``path`` with ``data-query`` and ``data-key`` (places, from 0), ``data-weight`` in full precision,
    and ``data-head``, its place in ``heads``. Of one head, lines of special tokens are grey. At most 400 words a side
    and 10,000 lines a head are drawn, the strongest; the picture says what was left out. ``provenance`` is written
    into ``<metadata>`` as JSON and, in short, below the picture.

    Raises `TraceError` for a head that is not there, `MeasureError` for more than four heads.
    """
    return drawing.svg()


@written_as(lines_sheet)
def lines_png(drawing: Drawing) -> bytes:
    """How hard does each word look at each other word, as lines between two columns, as a PNG?

    The same picture as `memviz.figures.lines_svg`, which explains the options. ``provenance`` is written into the file
    and, in short, below the picture. Characters that no font on this computer has are drawn as boxes with their
    number, and named. Same errors.
    """
    return drawing.png()


@dataclass(frozen=True)
class _Layout:
    """Where do the words of both columns stand, and the lines of each head? ``first``: the first unit of each side."""

    queries: tuple[WordPlace, ...]
    keys: tuple[WordPlace, ...]
    links: tuple[tuple[Link, ...], ...]
    first: tuple[int, int]
    mark: tuple[frozenset[int], frozenset[int]]
    width: float
    height: float
    size: float
    links_left_out: int
    words_left_out: bool

    @classmethod
    def of(
        cls,
        each: Sequence[PatternData],
        units: tuple[Sequence[Unit], Sequence[Unit]],
        mark: Mark,
        *,
        right_to_left: bool,
    ) -> _Layout:
        sides = each[0].rows, each[0].cols
        stops = [min(side.stop, side.first + MOST_WORDS) for side in sides]
        parts = [list(of_side)[side.first : stop] for of_side, side, stop in zip(units, sides, stops, strict=True)]
        labels = [[shorten(unit.text, NARROW) for unit in part] for part in parts]
        size = column_size(max(map(len, labels)))
        places, (width, height) = columns(
            (parts[0], parts[1]), labels, size=size, right_to_left=(right_to_left, right_to_left)
        )
        links, left_out = [], 0
        for data in each:
            weights = np.nan_to_num(data.values)[: len(parts[0]), : len(parts[1])]
            of_head, fewer = links_between(places, weights.T, in_rows=False)
            links.append(of_head)
            left_out += fewer
        marked = (frozenset(place - side.first for place in part) for part, side in zip(mark, sides, strict=True))
        return cls(
            queries=places[0],
            keys=places[1],
            links=tuple(links),
            first=(sides[0].first, sides[1].first),
            mark=(next(marked), next(marked)),
            width=width,
            height=height,
            size=size,
            links_left_out=left_out,
            words_left_out=any(side.stop > stop for side, stop in zip(sides, stops, strict=True)),
        )

    @property
    def edges(self) -> tuple[float, float]:
        """Where the words on the left end, and those on the right begin."""
        return self.queries[0].base[0], self.keys[0].base[0]

    def is_faint(self, link: Link) -> bool:
        """Does this line belong to another word than the marked one?"""
        queries, keys = self.mark
        return link.source not in queries if queries else bool(keys) and link.target not in keys

    def is_grey(self, link: Link) -> bool:
        """Does it join a special token, where one head alone is drawn?"""
        return len(self.links) == 1 and (self.queries[link.source].special or self.keys[link.target].special)


def _draw(
    layout: _Layout,
    each: Sequence[PatternData],
    names: Sequence[str],
    *,
    provenance: Mapping[str, str],
    title: str | None,
    theme: ThemeName,
    translate: Translate,
) -> Drawing:
    cross = each[0].memory.kind == "cross"
    columns_of = (phrases.TARGET_AXIS, phrases.SOURCE_AXIS) if cross else (phrases.QUERY_AXIS, phrases.KEY_AXIS)
    sides = translate(columns_of[0]), translate(columns_of[1])
    over = [max(0.0, measure(name, size=SMALL) - room) for name, room in zip(sides, _rooms(layout), strict=True)]
    heading = ", ".join(names) if title is None else title
    width = ceil(max(layout.width + sum(over) + 2 * MARGIN, NARROWEST))
    left = (width - layout.width - sum(over)) / 2 + over[0]
    lines = [*notes(each[0], translate)[1:], translate(phrases.LINE_WIDTH)]
    if layout.links_left_out:
        count = sum(map(len, layout.links))
        lines.append(say(translate, phrases.FEWER_LINKS, count=count, total=count + layout.links_left_out))
    if layout.words_left_out:
        lines.append(say(translate, phrases.FEWER_WORDS, count=MOST_WORDS))
    below = footer([" · ".join(lines), " · ".join(origin(provenance))], width=width - 2 * MARGIN)
    titles = footer([heading], width=width - 2 * MARGIN, size=HEADING, bold=True) if heading else []
    top = MARGIN + 25 * len(titles) + (22 if len(names) > 1 else 0) + 30
    bottom = top + layout.height + 30
    drawing = Drawing(
        (width, bottom + LINE * len(below) + MARGIN - 10),
        title=heading or names[0],
        alt_text=_alt_text(layout, names, translate),
        provenance=provenance,
        theme=theme,
        translate=translate,
    )
    for place, line in enumerate(titles):
        drawing.text((MARGIN, MARGIN + 14 + 25 * place), line, size=HEADING, bold=True)
    if len(names) > 1:
        _draw_legend(drawing, names, (MARGIN, MARGIN + 25 * len(titles) + 12), theme=theme)
    muted = drawing.theme.muted
    drawing.text((left + layout.edges[0], top - 10), sides[0], size=SMALL, colour=muted, anchor="right")
    drawing.text((left + layout.edges[1], top - 10), sides[1], size=SMALL, colour=muted)
    _draw_field(drawing, layout, (left, top), theme=theme, translate=translate)
    drawing.notes((MARGIN, bottom), below)
    return drawing


def _rooms(layout: _Layout) -> tuple[float, float]:
    """How much room do the words of both columns take?"""
    return layout.edges[0], layout.width - layout.edges[1]


def _head_colour(place: int, theme: ThemeName) -> Colour:
    """The colour of the head at this place."""
    code = HEADS[place][("light", "dark").index(theme)]
    red, green, blue = (int(code[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def _draw_legend(drawing: Drawing, names: Sequence[str], at: Point, *, theme: ThemeName) -> None:
    """Which colour is which head."""
    left, base = at
    for place, name in enumerate(names):
        drawing.box((left, base - 8), (22, 7), fill=_head_colour(place, theme), radius=3.5)
        drawing.text((left + 28, base), name, size=SMALL)
        left += 28 + measure(name, size=SMALL) + 20


def _draw_field(drawing: Drawing, layout: _Layout, at: Point, *, theme: ThemeName, translate: Translate) -> None:
    """The lines of each head, weak ones first, then the words."""
    field = drawing.group(transform=f"translate({number(at[0])} {number(at[1])})")
    for place, links in enumerate(layout.links):
        beside = (place - (len(layout.links) - 1) / 2) * BESIDE
        group = drawing.group(field, **{"class": "links", "transform": f"translate(0 {number(beside)})"})
        full = _head_colour(place, theme)
        for link in sorted(links, key=layout.is_faint, reverse=True):
            share = float(strength(np.array(link.weight))) * (FAINT if layout.is_faint(link) else 1.0)
            ink = drawing.theme.muted if layout.is_grey(link) else full
            red, green, blue = mixed(drawing.theme.paper, ink, share).tolist()
            start, *rest = (" ".join(map(number, p)) for p in (link.start, *_bend(link), link.stop))
            data = {
                "data-query": str(layout.first[0] + link.source),
                "data-key": str(layout.first[1] + link.target),
                "data-weight": repr(link.weight),
                "data-head": str(place),
            }
            line = drawing.path(
                f"M{start}C{' '.join(rest)}", width=link.width, colour=(red, green, blue), group=group, **data
            )
            write_text(SubElement(line, "title"), _looks(layout, link, translate))
    for name, places, marked in zip(("queries", "keys"), (layout.queries, layout.keys), layout.mark, strict=True):
        group = drawing.group(field, **{"class": name})
        for place, word in enumerate(places):
            drawing.text(
                word.base,
                word.text,
                size=layout.size,
                colour=drawing.theme.muted if word.special else drawing.theme.ink,
                anchor=word.anchor,
                bold=place in marked,
                right_to_left=word.right_to_left,
                group=group,
            )


def _bend(link: Link) -> tuple[Point, Point]:
    return curve_bend(link.start, link.stop, in_rows=False)


def _looks(layout: _Layout, link: Link, translate: Translate) -> str:
    """One line in words."""
    texts = {"query": layout.queries[link.source].text, "key": layout.keys[link.target].text}
    sentence = say(translate, phrases.LOOKS, **{name: isolated(text) for name, text in texts.items()})
    return f"{sentence} ({percent(link.weight)})"


def _alt_text(layout: _Layout, names: Sequence[str], translate: Translate) -> str:
    """The picture for someone who cannot see it: of each query the strongest line of the first head."""
    best: dict[int, Link] = {link.source: link for link in layout.links[0]}  # the strongest comes last
    sentences = [_looks(layout, link, translate) for _, link in sorted(best.items())]
    return say(
        translate,
        phrases.LINES_ALT,
        head=", ".join(names),
        queries=len(layout.queries),
        keys=len(layout.keys),
        strongest=", ".join(sentences[:NAMED]) + (", …" if len(sentences) > NAMED else "")
        or translate(phrases.NOTHING),
    )
