"""The components of the app as widgets: the same markup, style and script, mounted by ``adapter.js``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import anywidget
import numpy as np
import traitlets

from memviz.figures.live.assets import COMPONENTS, read_sources

ADAPTER = Path(__file__).parent / "adapter.js"


def script(component: str) -> str:
    """One module that draws this ``component`` of the app: it loads nothing, so that it works without a network."""
    markup, style, source = read_sources(COMPONENTS / component)
    mount = source.replace("export default function", "const mount = function", 1)
    constants = f"const MARKUP = {json.dumps(markup)};\nconst STYLE = {json.dumps(style)};\n"
    return f"{mount}\n{constants}{ADAPTER.read_text(encoding='utf-8')}"


class ComponentWidget(anywidget.AnyWidget):
    """A component of the app. ``drawing`` and ``arrays`` are what its script draws; ``pinned`` what is kept."""

    drawing = traitlets.Dict().tag(sync=True)
    arrays = traitlets.Dict().tag(sync=True)
    pinned = traitlets.Any(None, allow_none=True).tag(sync=True)

    @classmethod
    def of(cls, payload: tuple[dict[str, Any], dict[str, np.ndarray]]) -> Self:
        """The widget that draws (plain values, arrays)."""
        plain, arrays = payload
        little = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
        return cls(drawing=plain, arrays={name: array.tobytes() for name, array in little.items()})


class WordsWidget(ComponentWidget):
    """A text word by word; ``pinned`` is the place of the word that is kept, or ``None``."""

    _esm = script("words")


class CrossWidget(ComponentWidget):
    """A sentence and its translation; ``pinned`` is {"side", "index"} of the word that is kept, or ``None``."""

    _esm = script("cross")
