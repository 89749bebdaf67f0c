"""A figure in the making: plain dictionaries, of which Plotly makes a figure once, at the end.

Every change to a figure of Plotly's own looks at all its properties again: a heatmap that is changed six times takes
eight times as long as the same heatmap made at once.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


class Draft:
    """What a figure will be; the methods are called, and take, what those of `plotly.graph_objects.Figure` do."""

    def __init__(self) -> None:
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"annotations": [], "shapes": []}

    @classmethod
    def of(cls, figure: go.Figure) -> Draft:
        """What Plotly laid out, such as the places of many pictures, to go on with."""
        draft = cls()
        layout = figure.layout.to_plotly_json()
        layout.pop("template", None)
        draft.layout |= layout | {"annotations": [*layout.get("annotations", ())]}
        return draft

    def add_trace(self, kind: str, **properties: Any) -> None:
        """One more trace of this ``kind``: "heatmap", "bar", "scatter"."""
        self.traces.append({"type": kind, **properties})

    def add_heatmap(self, **properties: Any) -> None:
        """One more field of cells."""
        self.add_trace("heatmap", **properties)

    def add_bar(self, **properties: Any) -> None:
        """One more row of bars."""
        self.add_trace("bar", **properties)

    def add_scatter(self, **properties: Any) -> None:
        """One more line, or more points."""
        self.add_trace("scatter", **properties)

    def update_layout(self, **properties: Any) -> None:
        """What belongs to the whole figure; dictionaries go into those that are there."""
        merge(self.layout, properties)

    def update_xaxes(self, number: int = 1, **properties: Any) -> None:
        """The horizontal axis of this ``number``."""
        merge(self.layout.setdefault(f"xaxis{number if number > 1 else ''}", {}), properties)

    def update_yaxes(self, number: int = 1, **properties: Any) -> None:
        """The vertical axis of this ``number``."""
        merge(self.layout.setdefault(f"yaxis{number if number > 1 else ''}", {}), properties)

    def add_annotation(self, **properties: Any) -> None:
        """Text in the figure."""
        self.layout["annotations"].append(properties)

    def add_shape(self, **properties: Any) -> None:
        """A line or a box in the figure."""
        self.layout["shapes"].append(properties)

    def add_hline(self, y: float, *, axis: int = 1, **properties: Any) -> None:
        """A line across the whole width, at ``y`` of the vertical axis of this number."""
        at = axis if axis > 1 else ""
        self.add_shape(type="line", xref=f"x{at} domain", yref=f"y{at}", x0=0, x1=1, y0=y, y1=y, **properties)

    def add_vline(self, x: float, *, axis: int = 1, **properties: Any) -> None:
        """A line across the whole height, at ``x`` of the horizontal axis of this number."""
        at = axis if axis > 1 else ""
        self.add_shape(type="line", xref=f"x{at}", yref=f"y{at} domain", x0=x, x1=x, y0=0, y1=1, **properties)

    def add_hrect(self, y0: float, y1: float, **properties: Any) -> None:
        """A band across the whole width, from ``y0`` to ``y1``."""
        self.add_shape(type="rect", xref="x domain", yref="y", x0=0, x1=1, y0=y0, y1=y1, **properties)

    def figure(self) -> go.Figure:
        """The figure: Plotly checks every property. Raises its `ValueError` for one that there is not."""
        return go.Figure(data=self.traces, layout=self.layout)


def merge(target: dict[str, Any], properties: dict[str, Any]) -> None:
    """Puts ``properties`` into a ``target``; a dictionary goes into the one that has its place."""
    for name, value in properties.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = value
