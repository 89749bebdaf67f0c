"""How much memory do the keys and values of the past take, and how much would they in another kind of attention?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from memviz.errors import TraceError
from memviz.figures.charts.draft import Draft
from memviz.figures.charts.layout import finish
from memviz.figures.style import colours, phrases
from memviz.figures.style.phrases import Translate, say
from memviz.generation import CacheSize, cache_bytes
from memviz.trace import Trace

SIZE = (760, 300)
POINTS = 65
MEGABYTE = 1e6


@dataclass(frozen=True)
class CacheLine:
    """One kind of cache: its name, how many key-value heads it has, how many tokens it holds at most."""

    name: str
    kv_heads: int
    window: int | None
    colour: str
    is_own: bool = False

    def bytes(self, cache: CacheSize, tokens: int) -> int:
        """What so many tokens take, in a model of this size."""
        return cache_bytes(
            tokens,
            layers=cache.layers,
            kv_heads=self.kv_heads,
            head_dim=cache.head_dim,
            number_bytes=cache.number_bytes,
            window=self.window,
        )


def require_cache(trace: Trace) -> CacheSize:
    """The cache of a trace. Raises `TraceError` where none was measured."""
    if trace.cache is None:
        raise TraceError(
            "{model} left no cache that was measured.",
            todo="Let a language model write: memviz.generate.",
            model=trace.model.name,
        )
    return trace.cache


def cache_kinds(trace: Trace, *, window: int, translate: Translate = str) -> tuple[CacheLine, ...]:
    """The kinds of cache that are compared: multi-head, the model's own where it is grouped, multi-query, a window.

    Raises `TraceError` where no cache was measured.
    """
    cache, heads = require_cache(trace), trace.model.heads
    grouped = 1 < cache.kv_heads < heads
    own = cache.kv_heads
    lines = [
        CacheLine(say(translate, phrases.CACHE_MHA, heads=heads), heads, None, colours.ORANGE, own == heads),
        CacheLine(translate(phrases.CACHE_MQA), 1, None, colours.GREEN, own == 1),
        CacheLine(say(translate, phrases.CACHE_WINDOW, window=window, heads=own), own, window, colours.GREY),
    ]
    if grouped:
        lines.insert(1, CacheLine(say(translate, phrases.CACHE_GQA, heads=own), own, None, colours.BLUE, True))
    return tuple(lines)


def cache_lines(
    trace: Trace,
    *,
    window: int = 64,
    tokens: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """How much memory does the past take, and how much would it take in another kind of attention?

    Megabytes (10⁶ bytes) against tokens, by arithmetic (`memviz.generation.cache_bytes`) for a model of this size:
    every head with keys of its own, the model's own groups, one key for all heads, and a cache that holds only
    ``window`` tokens. The dot is what was measured on the model's own cache. ``tokens`` is where the lines end, twice
    what was measured if left out. ``title`` and ``caption`` as in `memviz.figures.by_distance`.

    Raises `TraceError` where no cache was measured.
    """
    cache = require_cache(trace)
    end = max(2 * cache.tokens if tokens is None else tokens, 2)
    at = np.unique(np.linspace(0, end, POINTS).round().astype(int))
    if window < end:
        at = np.unique(np.append(at, window))
    figure, ends = Draft(), []
    for line in cache_kinds(trace, window=window, translate=translate):
        values = [line.bytes(cache, int(count)) / MEGABYTE for count in at]
        ends.append(f"{line.name}: {values[-1]:.1f} MB")
        style = {"color": line.colour, "width": 4 if line.is_own else 2.5, "dash": "dash" if line.window else "solid"}
        hover = say(translate, phrases.CACHE_HOVER, tokens="%{x:,}", value="%{y:.2f}")
        figure.add_scatter(
            x=at, y=values, mode="lines", name=line.name, line=style, hovertemplate=f"{hover}<extra></extra>"
        )
    measured = say(translate, phrases.CACHE_MEASURED, tokens=cache.tokens, value=f"{cache.bytes / MEGABYTE:.2f}")
    figure.add_scatter(
        x=[cache.tokens],
        y=[cache.bytes / MEGABYTE],
        mode="markers",
        name=measured,
        marker={"size": 13, "color": colours.BLUE, "line": {"width": 2, "color": colours.WHITE}},
        hovertemplate=f"{measured}<extra></extra>",
    )
    axis: dict[str, Any] = {"gridcolor": colours.FAINT, "zeroline": False, "automargin": True, "rangemode": "tozero"}
    figure.update_yaxes(title={"text": translate(phrases.CACHE_UNIT), "font": {"size": 12}}, **axis)
    figure.update_xaxes(title={"text": translate(phrases.CACHE_TOKENS), "font": {"size": 12}}, tickformat=",d", **axis)
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}, showlegend=True
    )
    return finish(
        figure,
        heading=translate(phrases.CACHE) if title is None else title,
        notes=[translate(phrases.CACHE_FORMULA), caption or ""],
        with_notes=caption != "",
        size=SIZE,
        above=70,
        below=52,
        alt=say(translate, phrases.CACHE_ALT, values="; ".join([measured, *ends])),
        fields={"view": "bytes of the cache by tokens", "window": ""},
    )
