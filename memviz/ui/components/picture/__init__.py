"""What does a head look at in a picture? The picture, with its patches tinted; a click chooses one."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
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
    "cover": "The picture in {rows} by {columns} patches. Arrow keys move, Enter covers a patch or uncovers it, Escape "
    "uncovers all.",
    "covered": "row {row}, column {column}: covered",
    "open": "row {row}, column {column}: not covered",
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
    share: bool = True,
    key: str,
) -> int:
    """Which patch was chosen? Its number, row by row, or −1 for the token without a place.

    ``jpeg``: the picture; ``weights``: float [row, column], the share of each patch; ``selected`` is the page's choice,
    and whoever chose last, page or person, is followed. ``opacity`` (0..1) is that of the tint of the strongest patch;
    below ``threshold`` (a share of the strongest) nothing is tinted. ``share``: are the weights shares of one, said in
    percent?
    """
    rows, columns = weights.shape
    choice = choose(key, subject=(rows, columns), page_value=selected, report=_report(key, rows * columns))
    data = {"selected": choice.sent_value, "turn": choice.turn, "covered": [], "covers": False}
    data |= {"opacity": opacity, "threshold": threshold, "largest": float(weights.max(initial=0)), "share": share}
    _mount(data={"id": key, **data, **_drawing(jpeg, weights, labels)}, key=key, on_patch_change=_rerun)
    return choice.value


def patches_view(
    jpeg: bytes, *, rows: int, columns: int, covered: Sequence[int], labels: dict[str, str], key: str
) -> tuple[int, ...]:
    """Which patches of a picture are covered? Their numbers, row by row.

    The same picture as in `picture_view`, without weights, in so many ``rows`` and ``columns``: a click covers a patch
    or uncovers it, and the mouse draws a rectangle. ``covered`` is the page's choice; whoever chose last is followed.
    """
    page_value = tuple(sorted({number for number in covered if 0 <= number < rows * columns}))
    report = _cover_report(key, rows * columns)
    choice = choose(key, subject=(rows, columns, hash(jpeg)), page_value=page_value, report=report)
    data = {"selected": -1, "turn": choice.turn, "covered": list(choice.sent_value), "covers": True}
    data |= {"opacity": 0.0, "threshold": 0.0, "largest": 0.0, "share": True}
    weights = np.zeros((rows, columns))
    _mount(data={"id": key, **data, **_drawing(jpeg, weights, labels)}, key=key, on_cover_change=_rerun)
    return choice.value


def _drawing(jpeg: bytes, weights: np.ndarray, labels: dict[str, str]) -> dict[str, Any]:
    """What both views draw."""
    return {
        "image": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
        "rows": weights.shape[0],
        "columns": weights.shape[1],
        "labels": {**LABELS, **labels},
        "arrays": pack({"weights": weights.astype(np.float32)}),
    }


def _cover_report(key: str, count: int) -> Report[tuple[int, ...]] | None:
    """What did the browser report as covered? Nothing is believed that is not a patch of this picture."""
    state: Any = st.session_state.get(key) or {}
    report = state.get("cover")
    if not isinstance(report, Mapping) or not isinstance(report.get("numbers"), Sequence):
        return None
    numbers = {number for number in report["numbers"] if isinstance(number, int) and 0 <= number < count}
    return Report(tuple(sorted(numbers)), report.get("click", 0))


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
