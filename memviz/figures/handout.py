"""A sheet to be printed: text, questions with boxes to tick, and a table. One small HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from memviz.figures.page import table_css, tables_html
from memviz.figures.style import colours, phrases
from memviz.figures.style.colours import page_css
from memviz.figures.style.phrases import Translate

_STYLE = f"""body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }}
blockquote {{ margin: 1rem 0; padding: .4rem 1rem; border-left: 4px solid {colours.BLUE}; font-size: 1.1em; }}
ul.boxes {{ list-style: "☐  "; }} .line {{ border-bottom: 1px solid {colours.GREY}; height: 2.2rem; }}
section.numbers {{ margin-top: 1.2rem; }}
.fresh {{ break-before: page; }} footer {{ margin-top: 3rem; font-size: .8em; }}
"""


@dataclass(frozen=True)
class Part:
    """A part of the sheet.

    heading     above it; "" for none
    paragraphs  plain text
    quotation   a text to be read, with its lines
    boxes       answers to tick
    lines       how many empty lines to write on
    table       numbers
    fresh       does it begin on a page of its own?
    """

    heading: str
    paragraphs: Sequence[str] = ()
    quotation: str = ""
    boxes: Sequence[str] = ()
    lines: int = 0
    table: pd.DataFrame | None = None
    fresh: bool = False


def handout(
    parts: Sequence[Part], *, title: str, provenance: Mapping[str, str], language: str, translate: Translate = str
) -> str:
    """The ``parts`` below a ``title`` as HTML in the ``language`` of that code; everything in them is plain text.

    ``provenance`` stands at the foot, as names and values.
    """
    body = "\n".join(map(_part, parts))
    source = " · ".join(f"{name}: {value}" for name, value in provenance.items())
    return f"""<!doctype html>
<html lang="{escape(language)}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{page_css()}{_STYLE}{table_css()}</style></head>
<body><h1>{escape(title)}</h1>
{body}
<footer>{escape(translate(phrases.WHERE_FROM))}: {escape(source)}</footer></body></html>
"""


def _part(part: Part) -> str:
    pieces = [f"<h2>{escape(part.heading)}</h2>"] if part.heading else []
    pieces += [f"<p>{escape(paragraph)}</p>" for paragraph in part.paragraphs if paragraph]
    if part.quotation:
        pieces.append(f"<blockquote>{'<br>'.join(map(escape, part.quotation.splitlines()))}</blockquote>")
    if part.boxes:
        pieces.append('<ul class="boxes">' + "".join(f"<li>{escape(box)}</li>" for box in part.boxes) + "</ul>")
    pieces += ['<div class="line"></div>'] * part.lines
    if part.table is not None:
        pieces.append(tables_html({"": part.table}).replace("<h2></h2>", ""))
    return f"<section{' class=fresh' if part.fresh else ''}>{''.join(pieces)}</section>"
