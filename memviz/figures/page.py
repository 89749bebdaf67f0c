"""Can the pictures be taken along? One HTML page that opens offline, with its provenance in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from memviz.figures.charts.layout import alt
from memviz.figures.style import phrases
from memviz.figures.style.colours import page_css
from memviz.figures.style.phrases import Translate

_HERE = Path(__file__).parent


def html(
    figures: Sequence[go.Figure],
    *,
    title: str,
    provenance: Mapping[str, str],
    drawings: Sequence[str] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
    intro: str = "",
    language: str = "en",
    translate: Translate = str,
) -> str:
    """The ``figures`` in one self-contained page: it loads nothing, opens offline, and follows the reader's theme.

    Plotly is inside once (about 5 MB). ``title`` and ``intro`` are plain text, in the ``language`` of that
    code. ``drawings`` (what `lines_svg` and its like give) and ``tables`` stand below the figures, the tables by their
    headings, every cell plain text. ``provenance`` can be read at the foot of the page, and by programs in
    ``<script type="application/json" id="provenance">``. The page forbids itself every load by its content security
    policy.
    """
    return Template(_part("page.html")).substitute(
        language=escape(language),
        title=escape(title),
        style=page_css() + _part("page.css") + table_css(),
        intro=f'<p class="intro">{escape(intro)}</p>' if intro else "",
        figures="\n".join([*map(_figure, figures), *(f'<div class="drawing">{svg}</div>' for svg in drawings)]),
        tables=tables_html(tables or {}),
        where_from=escape(translate(phrases.WHERE_FROM)),
        provenance="\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance.items()),
        provenance_json=_inert(json.dumps(dict(provenance), ensure_ascii=False)),
        plotly=get_plotlyjs(),
        script=_part("page.js"),
    )


def tables_html(tables: Mapping[str, pd.DataFrame]) -> str:
    """Tables by their headings, as HTML that holds nothing but text."""
    return "\n".join(
        f'<section class="numbers"><h2>{escape(heading)}</h2>{_table(frame)}</section>'
        for heading, frame in tables.items()
    )


def table_css() -> str:
    """The style of `tables_html`, over the colours of the page."""
    return _part("table.css")


def _table(frame: pd.DataFrame) -> str:
    names = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in frame.columns)
    rows = (
        "".join(f"<td><bdi>{escape(str(cell))}</bdi></td>" for cell in row)
        for row in frame.itertuples(index=False, name=None)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _figure(figure: go.Figure) -> str:
    words = escape(alt(figure))
    data = _inert(figure.to_json())
    picture = f'<div class="picture" role="img" aria-label="{words}"></div><figcaption>{words}</figcaption>'
    return f'<figure>{picture}<script type="application/json">{data}</script></figure>'


def _inert(text: str) -> str:
    """JSON that cannot end the script element it stands in: the same value, spelt without "<"."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").strip()
