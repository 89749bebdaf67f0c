"""The words component as a page of its own: one HTML file that opens offline and still answers the pointer."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from memviz.figures import caption
from memviz.measures import Links
from memviz.tokens import Word
from memviz.ui.components import assets, words
from memviz.ui.i18n import language, t

TEMPLATE = Path(__file__).parent / "words_page.html"


def words_page(
    text: Sequence[Word],
    remembers: Links,
    remembered_by: Links,
    *,
    word: int | None,
    provenance: Mapping[str, str],
    note: str = "",
    tint: words.Tint = "weight",
) -> str:
    """The text as words with its cards, the same script as on the page, and where it comes from. No network."""
    markup, style, script = assets.sources(Path(words.__file__).parent)
    plain, arrays = words.drawing(
        [{"text": w.text, "special": w.special, "space": w.space, "newline": int(w.newline)} for w in text],
        remembers=remembers,
        remembered_by=remembered_by,
        labels={name: t(label) for name, label in words.LABELS.items()},
        note=note,
        tint=tint,
    )
    plain |= {"id": "words", "pinned": word, "turn": 0}
    bytes_ = {name: base64.b64encode(array.tobytes()).decode("ascii") for name, array in arrays.items()}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language="zh-Hans" if language() == "zh" else language(),
        title=html.escape(t("What does this text remember?")),
        hint=html.escape(t("Point at a word. Blue words are what it looks at; orange words look at it.")),
        caption=html.escape(caption(provenance)),
        style=style,
        markup=markup,
        script=script.replace("export default function", "const mount = function", 1),
        data=_inert(plain),
        arrays=_inert(bytes_),
        provenance=_inert(dict(provenance)),
    )


def _inert(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
