"""How do files and arrays reach the browser? Read once at import, packed as one Arrow row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st

from memviz.figures.live.assets import read_sources


def register(folder: Path, *, name: str) -> Callable[..., Any]:
    """Which function mounts the component kept in this folder?

    All its ``.html``, ``.css`` and ``.js`` files, after what every component needs: the colours
    (`colours.component_css`), the style (``base.css``) and a few functions (``shared.js``); the scripts
    together are one module.
    Call it once, when the Python module is imported: a name registered twice is a warning.
    """
    html, css, js = read_sources(folder)
    return st.components.v2.component(f"memviz.{name}", html=html, css=css, js=js)


def pack(arrays: Mapping[str, np.ndarray]) -> pa.Table:
    """How are arrays sent without turning them into text?

    One row, one binary column for each array (C order, little endian). Bytes inside a plain
    dict would silently become a string; Arrow columns arrive as ``Uint8Array``.
    """
    columns = {
        name: pa.array([np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()], pa.binary())
        for name, array in arrays.items()
    }
    return pa.table(columns)
