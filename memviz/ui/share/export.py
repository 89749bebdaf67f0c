"""A component as a page of its own: one HTML file that opens offline and still answers the pointer."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from memviz.figures import caption
from memviz.figures.live import assets
from memviz.figures.page import table_css, tables_html
from memviz.figures.style.colours import page_css
from memviz.measures import Links
from memviz.trace import Trace
from memviz.ui.components import cross, words
from memviz.ui.parts import words as words_panel
from memviz.ui.parts.heads import lines as heads_panel
from memviz.ui.shell.i18n import language_tag, t

TEMPLATE = Path(__file__).parent / "component_page.html"


def words_page(
    trace: Trace,
    remembers: Links,
    remembered_by: Links,
    *,
    word: int | None,
    provenance: Mapping[str, str],
    note: str = "",
    tint: words.Tint = "weight",
    without: Sequence[int] = (),
    labels: Mapping[str, str] | None = None,
    writing: words.Writing | None = None,
    title: str = "",
    hint: str = "",
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> str:
    """The text as words with its cards, the same script as on the page, and where it comes from. No network."""
    plain, arrays = words.drawing(
        words_panel.payload(trace.words, trace.text, trace.pair),
        remembers=remembers,
        remembered_by=remembered_by,
        labels=words_panel.labels(without) if labels is None else labels,
        note=note,
        tint=tint,
        writing=writing,
    )
    return _page(
        words,
        plain | {"id": "words", "pinned": word, "turn": 0},
        arrays,
        title=title or t("Which words does the model's attention connect?"),
        hint=hint
        or t("Hover or tap a word. Blue words are those it attends to (looks at); orange words attend to it."),
        provenance=provenance,
        tables=tables,
    )


def cross_page(
    sources: Sequence[cross.SourceWord],
    targets: Sequence[cross.TargetWord],
    weights: np.ndarray,
    *,
    labels: Mapping[str, str],
    pinned: cross.Pin | None,
    provenance: Mapping[str, str],
    keep: float = 1.0,
    right_to_left: tuple[bool, bool] = (False, False),
    note: str = "",
) -> str:
    """A translation and what each of its words was read from, as `cross_view` draws it, and where it comes from."""
    plain, arrays = cross.drawing(
        sources,
        targets,
        weights,
        labels=labels,
        keep=keep,
        right_to_left=right_to_left,
        note=note,
    )
    return _page(
        cross,
        plain | {"id": "cross", "pinned": cross.pin_payload(pinned), "turn": 0},
        arrays,
        title=t("What did the decoder read to write this word?"),
        hint=t("Lines join each written word to the source words it was read from. The wider, the more."),
        provenance=provenance,
    )


def lines_page(
    payload: heads_panel.LinesPayload,
    *,
    labels: Mapping[str, str],
    pinned: cross.Pin | None,
    provenance: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> str:
    """One head or several as lines between two columns of words, as on the page, and where they come from."""
    plain, arrays = cross.drawing(**payload, labels=labels, steps=False, facing=True)
    return _page(
        cross,
        plain | {"id": "lines", "pinned": cross.pin_payload(pinned), "turn": 0},
        arrays,
        title=t("Which heads do what?"),
        hint=t("Lines join each word to the words it attends to. The wider, the more."),
        provenance=provenance,
        tables=tables,
    )


def _page(
    component: ModuleType,
    plain: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    title: str,
    hint: str,
    provenance: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> str:
    """The component with its data in one file, and ``tables`` by their headings below it."""
    markup, style, script = assets.read_sources(Path(str(component.__file__)).parent)
    bytes_ = {name: base64.b64encode(array.tobytes()).decode("ascii") for name, array in arrays.items()}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language=language_tag(),
        title=html.escape(title),
        hint=html.escape(hint),
        caption=html.escape(caption(provenance)),
        colours=page_css(),
        table_style=table_css(),
        style=style,
        tables=tables_html(tables or {}),
        markup=markup,
        script=script.replace("export default function", "const mount = function", 1),
        data=_inert(plain),
        arrays=_inert(bytes_),
        provenance=_inert(dict(provenance)),
    )


def _inert(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
