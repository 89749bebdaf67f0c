"""Which words are looked at most, and which spread their look widest? One bar a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from memviz import measures
from memviz.errors import TraceError
from memviz.figures import palette, phrases
from memviz.figures.averages import mean_known
from memviz.figures.describing import named_keys, which_head
from memviz.figures.frame import finish, label_axis
from memviz.figures.labels import WIDTH, escape, isolated, shorten, width
from memviz.figures.palette import percent
from memviz.figures.phrases import Translate, say
from memviz.memory import Memory, positions
from memviz.tokens import Word

LARGEST = 256  # bars; above it neighbours share one
SIZE = (760, 240)
PHONE = 300  # pixels: labels stand upright only where they fit on a phone


@dataclass(frozen=True)
class _Kind:
    """What the bars say: templates, and whether a bar is a share of one."""

    name: str
    unit: str
    hover: str
    alt: str
    share: bool


_RECEIVED = _Kind(phrases.RECEIVED, phrases.RECEIVED_UNIT, phrases.RECEIVED_HOVER, phrases.RECEIVED_ALT, share=True)
_SLOTS = _Kind(phrases.SLOTS, phrases.SLOTS_UNIT, phrases.SLOTS_HOVER, phrases.SLOTS_ALT, share=False)


def received_bars(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Which words are looked at most by the words that can see them?

    One bar a word (``words`` are those of the keys): the mean weight, 0..1, that it gets from each
    token that can see it; a split word adds up its tokens. The mean over layers or heads where
    ``layer`` or ``head`` is ``None``. ``without`` are keys (token positions) that get no bar; the
    others keep their share. More than 256 words share bars, and the largest of them counts. The
    scale is the whole trace's: the same for every head, and the same for every layer's mean.

    Raises `TraceError` for a head or position that is not there, and for words of another text.
    """
    memory.check(layer or 0, head or 0)
    taken = positions(without, len(memory.keys))
    values = measures.received(memory).copy()
    values[:, :, taken] = np.nan
    notes = [which_head(memory, layer, head, translate), translate(phrases.RECEIVED_NOTE)]
    if len(taken):
        notes.append(say(translate, phrases.TAKEN_OUT_BARS, keys=named_keys(memory, taken.tolist(), translate)))
    series = _series(_by_word(values, words, total=True), layer, head)
    return _figure(
        _RECEIVED,
        series,
        words,
        notes=notes,
        shown=_record(memory, layer, head, "attention received"),
        title=title,
        caption=caption,
        translate=translate,
    )


def slots_bars(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    title: str | None = None,
    caption: str | None = None,
    translate: Translate = str,
) -> go.Figure:
    """Over about how many tokens does each word spread its look?

    One bar a word (``words`` are those of the queries): the effective number of slots, e^entropy,
    from 1; the mean over the tokens of a split word, and over layers or heads where ``layer`` or
    ``head`` is ``None``. Scale, pooling and errors as in `received_bars`.
    """
    memory.check(layer or 0, head or 0)
    series = _series(_by_word(measures.slots(memory), words, total=False), layer, head)
    return _figure(
        _SLOTS,
        series,
        words,
        notes=[which_head(memory, layer, head, translate)],
        shown=_record(memory, layer, head, "effective slots"),
        title=title,
        caption=caption,
        translate=translate,
    )


def _by_word(values: np.ndarray, words: Sequence[Word], *, total: bool) -> np.ndarray:
    """Sum or mean over the tokens of each word: [layer, head, word], NaN where nothing is known."""
    if sorted(place for word in words for place in word.tokens) != list(range(values.shape[-1])):
        raise TraceError(
            "These {words} words are not made of the {tokens} tokens on this side of the memory.",
            todo="Take both sides from `trace.sides(kind)`.",
            words=len(words),
            tokens=values.shape[-1],
        )
    known = np.isfinite(values)
    parts = [mean_known(values[:, :, list(word.tokens)], axis=-1) for word in words]
    counted = [known[:, :, list(word.tokens)].sum(axis=-1) for word in words]
    return np.stack(parts, axis=-1) * (np.stack(counted, axis=-1) if total else 1)


def _series(values: np.ndarray, layer: int | None, head: int | None) -> tuple[np.ndarray, float]:
    """(the chosen bars, the largest of all that could be chosen in their place)."""
    axes = tuple(axis for axis, wanted in enumerate((layer, head)) if wanted is None)
    alike = mean_known(values, axis=axes) if axes else values
    place = tuple(wanted for wanted in (layer, head) if wanted is not None)
    return alike[place], float(np.nanmax(alike)) if np.isfinite(alike).any() else 1.0


def _figure(
    kind: _Kind,
    series: tuple[np.ndarray, float],
    words: Sequence[Word],
    *,
    notes: list[str],
    shown: dict[str, str],
    title: str | None,
    caption: str | None,
    translate: Translate,
) -> go.Figure:
    step = -(-len(words) // LARGEST)
    labels = _labels(words, step)
    bars = np.fmax.reduceat(series[0], np.arange(0, len(words), step)).astype(np.float32)
    if step > 1:
        notes = [*notes, say(translate, phrases.POOLED_BARS, count=step)]
    figure = go.Figure(_bar(kind, bars, translate=translate))
    flat = max(map(width, labels)) * 8 * len(labels) < PHONE
    figure.update_xaxes(**label_axis([*map(escape, labels)]), tickangle=0 if flat else -60)
    figure.update_xaxes(range=[-0.6, len(labels) - 0.4])
    figure.update_yaxes(
        range=[0, series[1] * 1.05],
        tickformat=".0%" if kind.share and series[1] > 0.05 else None,
        title={"text": translate(kind.unit), "font": {"size": 12}},
        gridcolor=palette.FAINT,
        zeroline=False,
        automargin=True,
    )
    return finish(
        figure,
        heading=translate(kind.name) if title is None else title,
        notes=[*notes, caption or ""],
        drawn=caption != "",
        size=SIZE,
        below=26 if flat else 20 + int(max(map(width, labels)) * 6.7),
        alt=_told(kind, bars, labels, count=len(words), head=notes[0], translate=translate),
        shown=shown | ({"pooled": f"max over {step} words"} if step > 1 else {}),
    )


def _labels(words: Sequence[Word], step: int) -> list[str]:
    """The word of each bar; where words share a bar, the first of them with its number."""
    starts = range(0, len(words), step)
    labels = [isolated(shorten(words[unit].text, WIDTH if step == 1 else WIDTH - 6)) for unit in starts]
    return labels if step == 1 else [f"{unit} {label}…" for unit, label in zip(starts, labels, strict=True)]


def _bar(kind: _Kind, bars: np.ndarray, *, translate: Translate) -> go.Bar:
    value = "%{y:.1%}" if kind.share else "%{y:.1f}"
    hover = say(translate, kind.hover, word="%{x}", value=f"<b>{value}</b>")
    marker = {"color": palette.BLUE, "line": {"width": 0}}
    return go.Bar(x0=0, dx=1, y=bars, marker=marker, width=0.82, hovertemplate=hover + "<extra></extra>")


def _told(kind: _Kind, bars: np.ndarray, labels: Sequence[str], *, count: int, head: str, translate: Translate) -> str:
    best = [place for place in np.argsort(-np.nan_to_num(bars), kind="stable")[:3] if bars[place] > 0]
    named = (f"“{labels[i]}” {percent(float(bars[i])) if kind.share else f'{bars[i]:.1f}'}" for i in best)
    most = ", ".join(named) or translate(phrases.NOTHING)
    return say(translate, kind.alt, count=count, head=head, most=most)


def _record(memory: Memory, layer: int | None, head: int | None, what: str) -> dict[str, str]:
    return {
        "layer": f"mean over {memory.layers} layers" if layer is None else str(layer),
        "head": f"mean over {memory.heads} heads" if head is None else str(head),
        "view": what,
        "between": "words",
    }
