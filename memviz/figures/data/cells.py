"""Which numbers does a picture of one head, or of a mean over heads, show?

The same numbers go to the Plotly heatmap and to the PNG: exact weights, merged to words, without
the keys that were taken out, cut to a window, and max-pooled where they are too many to draw.
Rows are computed in blocks, so a long text never holds its whole pattern at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from memviz.errors import MeasureError
from memviz.figures.data.view import PatternData, PatternView, Side, Values, side
from memviz.measures.rest import without_keys
from memviz.measures.weights import WordPieces, rollout, value_norms, word_value_norm
from memviz.memory import Memory, positions
from memviz.sources import tokens_of
from memviz.tokens import Token, merge

BLOCK = 4_000_000  # weights held at once


def pattern_data(memory: Memory, view: PatternView) -> PatternData:
    """Which numbers does this view of a memory show?

    Raises:
        TraceError: no such layer, head or position; words of another text; an empty window.
        MeasureError: value norms are asked for, but not known; a shift of anything but cross-attention.
    """
    heads = _heads(memory, view)
    window = view.window or (slice(None), slice(None))
    rows = side(tokens_of(memory.queries), view.query_words, window=window[0], largest=view.largest)
    cols = side(tokens_of(memory.keys), view.key_words, window=window[1], largest=view.largest)
    is_pair = rows.border is not None and cols.border is not None and rows.is_whole and cols.is_whole
    parts, mass = [], np.zeros((2, 2))
    for units, block in _blocks(memory, view, heads=heads, rows=rows, cols=cols):
        if is_pair:
            mass += _quadrants(block, units, rows=rows, cols=cols)
        block = _masked(memory, block, units, view=view, heads=heads, rows=rows, cols=cols)
        block = block[:, cols.first : cols.stop]
        parts.append(np.fmax.reduceat(block, np.arange(0, block.shape[1], cols.step), axis=1))
    values = np.concatenate(parts)
    values = np.fmax.reduceat(values, np.arange(0, len(values), rows.step), axis=0)
    share = mass / mass.sum(axis=1, keepdims=True) if is_pair and mass.sum(axis=1).all() else None
    return PatternData(memory, view, rows, cols, values, _high(memory, view), share)


def weights(
    memory: Memory,
    layer: int | None = None,
    head: int | None = None,
    *,
    view: Values = "weight",
    without: Sequence[int] = (),
    shift: int = 0,
) -> np.ndarray:
    """Which exact numbers stand behind a heatmap, between tokens?

    float32 [query, key], the whole pattern: the weights of one head, or their mean where ``layer``
    or ``head`` is ``None``; value norms with ``view="value norm"``, the rollout of an encoder with
    ``view="rollout"`` ("log" gives the weights themselves). ``without`` are keys to take out; the rest
    of each row is renormalised, value norms are not. ``shift=1`` takes each row from the step after
    it; NaN where there is none.
    """
    selection = PatternView(layer=layer, head=head, values=view, without=without, shift=shift)
    return _values(memory, selection, heads=_heads(memory, selection), rows=np.arange(len(memory.queries)))


def _heads(memory: Memory, view: PatternView) -> list[tuple[int, int]]:
    """The heads that are shown; raises where the view is none of this memory."""
    if view.shift and memory.kind != "cross":
        raise MeasureError(
            "Only cross-attention can be shifted to a later step; this memory is of the kind {kind}.",
            todo="Choose a shift of 0, or the cross-attention of a translation.",
            kind=memory.kind,
        )
    layers = range(memory.layers) if view.layer is None else [view.layer]
    heads = range(memory.heads) if view.head is None else [view.head]
    for layer in layers:
        memory.require_head(layer, heads[0])
    return [(layer, head) for layer in layers for head in heads]


def _blocks(
    memory: Memory, view: PatternView, *, heads: list[tuple[int, int]], rows: Side, cols: Side
) -> Iterator[tuple[range, np.ndarray]]:
    """(units, their values [unit, column unit]) of the rows in the window, some at a time."""
    queries, keys = _readers(tokens_of(memory.queries), rows), _readers(tokens_of(memory.keys), cols)
    words: WordPieces | None = None
    unknown = np.zeros(len(cols.tokens), dtype=bool)
    if view.values == "value norm" and cols.by_word:  # norms do not add up: to a word, what its pieces write together
        words = WordPieces.of(memory, cols.tokens)
        unknown = ~words.has_norm
        keys = [replace(keys[places[0]], word=number, special=True) for number, places in enumerate(cols.tokens)]
    tokens, first = 0, rows.first
    for unit in range(rows.first, rows.stop):
        tokens += len(rows.tokens[unit])
        if tokens * len(memory.keys) < BLOCK and unit + 1 < rows.stop:
            continue
        units = range(first, unit + 1)
        index = np.array([place for row in units for place in rows.tokens[row]])
        values = _values(memory, view, heads=heads, rows=index, words=words)
        if rows.by_word or cols.by_word:
            unit_of = np.repeat(np.arange(len(units)), [len(rows.tokens[row]) for row in units])
            values = _merge_rows(values, unit_of, [queries[place] for place in index], keys)
        if unknown.any():
            values[:, unknown] = np.nan
        yield units, values
        tokens, first = 0, unit + 1


def _readers(tokens: Sequence[Token], side: Side) -> list[Token]:
    """The tokens as `merge` shall see them: at token level each is a word of its own."""
    if side.by_word:
        return list(tokens)
    return [replace(token, word=place, special=True) for place, token in enumerate(tokens)]


def _merge_rows(values: np.ndarray, unit_of: np.ndarray, queries: Sequence[Token], keys: Sequence[Token]) -> np.ndarray:
    """Values between words: the mean over those tokens of a unit that have a row, NaN where none has."""
    defined = ~np.isnan(values).any(axis=1)
    if defined.all():
        return merge(values, queries, keys)
    part = merge(values[defined], [token for token, there in zip(queries, defined, strict=True) if there], keys)
    out = np.full((unit_of[-1] + 1, part.shape[1]), np.nan, dtype=np.float32)
    out[np.unique(unit_of[defined])] = part
    return out


def _values(
    memory: Memory,
    view: PatternView,
    *,
    heads: list[tuple[int, int]],
    rows: np.ndarray,
    words: WordPieces | None = None,
) -> np.ndarray:
    """Values between tokens, the mean over the heads: float32 [query, key]; NaN where a shift leads outside.

    With ``words``, those of the keys, value norms of whole words: [query, word].
    """
    if view.shift:
        there = (rows + view.shift >= 0) & (rows + view.shift < len(memory.queries))
        out = np.full((len(rows), len(memory.keys if words is None else words.sizes)), np.nan, dtype=np.float32)
        still = replace(view, shift=0)
        out[there] = _values(memory, still, heads=heads, rows=rows[there] + view.shift, words=words)
        return out
    removed = positions(view.without, len(memory.keys))
    if view.values == "rollout":
        return _without(rollout(memory)[rows], removed)
    total: np.ndarray | None = None
    for layer, head in heads:
        part = memory.pattern(layer, head, rows=rows)
        if view.values == "value norm":
            part[:, removed] = 0.0
            if words is None:
                part = part * value_norms(memory)[layer, head]
            else:
                part = np.nan_to_num(word_value_norm(memory, layer, head, words, weights=part))
        total = part if total is None else total + part
    assert total is not None
    total = total / np.float32(len(heads))
    return total if view.values == "value norm" else _without(total, removed)


def _without(weights: np.ndarray, removed: np.ndarray) -> np.ndarray:
    return without_keys(weights, removed) if len(removed) else weights


def _masked(
    memory: Memory,
    block: np.ndarray,
    units: range,
    *,
    view: PatternView,
    heads: list[tuple[int, int]],
    rows: Side,
    cols: Side,
) -> np.ndarray:
    """The block with NaN where nothing is to be drawn."""
    if view.cumulative < 1:
        block = np.where(strongest(np.nan_to_num(block), view.cumulative), block, np.nan)
    block = np.where(_visible(memory, heads, units, rows=rows, cols=cols), block, np.nan).astype(np.float32)
    removed = set(positions(view.without, len(memory.keys)).tolist())
    if removed:
        block[:, [removed.issuperset(unit) for unit in cols.tokens]] = np.nan
    return block


def strongest(values: np.ndarray, share: float) -> np.ndarray:
    """Which cells of each row are needed to make up this share of it, strongest first? bool [row, column]."""
    order = np.argsort(-values, axis=1, kind="stable")
    sizes = np.take_along_axis(values, order, axis=1).astype(np.float64)
    before = np.cumsum(sizes, axis=1) - sizes
    needed = (before < share * sizes.sum(axis=1, keepdims=True) - 1e-7) & (sizes > 0)
    keep = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(keep, order, needed, axis=1)
    return keep


def _visible(memory: Memory, heads: list[tuple[int, int]], units: range, *, rows: Side, cols: Side) -> np.ndarray:
    """Which units can each row see in any of the layers shown? bool [unit, column unit]."""
    spans = np.stack([memory.visible(layer) for layer in sorted({layer for layer, _ in heads})])
    low, high = spans[:, :, 0].min(axis=0), spans[:, :, 1].max(axis=0)
    first = np.array([low[list(rows.tokens[unit])].min() for unit in units])[:, None]
    stop = np.array([high[list(rows.tokens[unit])].max() for unit in units])[:, None]
    begins, ends = (np.array([pick(unit) for unit in cols.tokens]) for pick in (min, max))
    return (ends >= first) & (begins < stop)


def _quadrants(block: np.ndarray, units: range, *, rows: Side, cols: Side) -> np.ndarray:
    """What the rows of each text give to each text: [text, text], sums."""
    later = np.array([unit >= (rows.border or 0) for unit in units])
    known = np.nan_to_num(block)
    halves = (known[~later].sum(axis=0, dtype=np.float64), known[later].sum(axis=0, dtype=np.float64))
    return np.array([[half[: cols.border].sum(), half[cols.border :].sum()] for half in halves])


def _high(memory: Memory, view: PatternView) -> float:
    """Where does the colour scale end, for every picture of this memory alike?

    The largest value norm is taken over the strongest key of every head and token and over the first key.
    """
    if view.values != "value norm":
        return 1.0
    norms, summary = value_norms(memory), memory.summary
    weight = np.where(summary.top_key >= 0, summary.top_weight, 0.0)
    strongest = np.take_along_axis(norms, summary.top_key.clip(min=0), axis=2) * weight
    return float(max(strongest.max(initial=0.0), (summary.first * norms[:, :, :1]).max(initial=0.0))) or 1.0
