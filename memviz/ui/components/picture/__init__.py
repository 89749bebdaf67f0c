"""What does a head look at in a picture? The picture, with its patches tinted; a click chooses one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from memviz.ui.components.assets import pack, register
from memviz.ui.components.choice import Report, choose

LABELS = {
    "picture": "The picture in {rows} by {columns} patches. Arrow keys move, Enter chooses a patch, Escape chooses "
    "[CLS].",
    "patch": "row {row}, column {column}: {weight}",
}

_mount = register(Path(__file__).parent, name="picture_view")


def picture_view(
    jpeg: bytes,
    weights: np.ndarray,
    *,
    selected: int,
    labels: dict[str, str],
    opacity: float,
    threshold: float,
    covered: list[int],
    key: str,
) -> int:
    """Which patch was chosen? Its number, row by row, or −1 for the token without a place.

    ``jpeg``: the picture; ``weights``: float [row, column], the share of each patch; ``selected`` is the page's choice,
    and whoever chose last, page or person, is followed. ``opacity`` (0..1) is that of the tint of the strongest patch;
    below ``threshold`` (a share of the strongest) nothing is tinted. ``covered`` patches are crossed out.
    """
    rows, columns = weights.shape
    choice = choose(key, subject=(rows, columns), page_value=selected, report=_report(key, rows * columns))
    largest = float(weights.max(initial=0))
    data = {
        "id": key,
        "image": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
        "rows": rows,
        "columns": columns,
        "selected": choice.sent_value,
        "turn": choice.turn,
        "opacity": opacity,
        "threshold": threshold,
        "largest": largest,
        "covered": covered,
        "labels": {**LABELS, **labels},
        "arrays": pack({"weights": weights.astype(np.float32)}),
    }
    _mount(data=data, key=key, on_patch_change=_rerun)
    return choice.value


def _report(key: str, count: int) -> Report[int] | None:
    """What did the browser report? Nothing is believed that is not a patch of this picture."""
    state: Any = st.session_state.get(key) or {}
    patch = state.get("patch") or {}
    number = patch.get("number")
    if not isinstance(number, int) or not -1 <= number < count:
        return None
    return Report(number, patch.get("click", 0))


def _rerun() -> None:
    """Streamlit hands back only what has a callback; the run that follows is all we want."""
