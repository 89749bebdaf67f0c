"""Arrays on named axes as tidy tables: one row a number, with the texts of the tokens beside the positions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from memviz import measures
from memviz.errors import MeasureError
from memviz.measures import MEASURES, Links, Measure
from memviz.memory import Index, Memory, positions
from memviz.note import Note
from memviz.tokens import Word
from memviz.trace import Trace

ROWS = 5_000_000  # of one table; above it a file helps nobody
AXES = ("layer", "head", "query", "key", "distance")


def tidy(
    values: np.ndarray,
    axes: Sequence[str],
    memory: Memory,
    *,
    name: str = "value",
    at: Mapping[str, Sequence[int] | np.ndarray] | None = None,
) -> pd.DataFrame:
    """One row for each number of an array on named axes.

    ``axes`` names the axes of ``values`` in order: layer, head, query, key, distance. Columns: one
    for each axis with its positions (0-based), ``query_token`` and ``key_token`` with the texts,
    and ``name`` with the numbers. ``at`` gives the positions along an axis that is not whole.
    Raises `MeasureError` where the array does not fit the axes or the table would have more than
    5 million rows.
    """
    values = np.asarray(values)
    places = _places(values, axes, memory, at or {})
    if values.size > ROWS:
        raise MeasureError(
            "A table of {rows} rows is too long to be of use; {most} is the most.",
            todo="Choose fewer layers, heads, rows or columns.",
            rows=f"{values.size:,}",
            most=f"{ROWS:,}",
        )
    grid = np.meshgrid(*places, indexing="ij") if places else []
    columns: dict[str, Any] = {axis: flat.ravel() for axis, flat in zip(axes, grid, strict=True)}
    for axis, tokens in (("query", memory.queries), ("key", memory.keys)):
        if axis in columns:
            columns[f"{axis}_token"] = np.array([token.text for token in tokens], dtype=object)[columns[axis]]
    return pd.DataFrame({**columns, name: values.ravel()})


def _places(
    values: np.ndarray, axes: Sequence[str], memory: Memory, at: Mapping[str, Sequence[int] | np.ndarray]
) -> list[np.ndarray]:
    """The positions along each axis."""
    lengths = {"layer": memory.layers, "head": memory.heads, "query": len(memory.queries), "key": len(memory.keys)}
    expected = [len(at[axis]) if axis in at else lengths.get(axis) for axis in axes]
    are_axes = len(set(axes)) == len(axes) and set(axes) <= set(AXES)
    fits = values.ndim == len(axes) and all(n in (None, m) for n, m in zip(expected, values.shape, strict=False))
    if not (are_axes and fits):
        raise MeasureError(
            "An array of shape {shape} does not fit the axes {axes}.",
            todo="Name one axis for each dimension, from {names}; this memory is {memory}.",
            shape=" × ".join(map(str, values.shape)),
            axes=", ".join(axes),
            names=", ".join(AXES),
            memory=repr(memory),
        )
    sized = zip(axes, values.shape, strict=True)
    return [positions(list(at[a]), lengths.get(a, 10**9)) if a in at else np.arange(n) for a, n in sized]


def measure_table(name: str, memory: Memory, **where: int | slice | Sequence[int]) -> pd.DataFrame:
    """One measure of a memory, a row for each number.

    ``name`` is one of `measures.MEASURES`; the numbers stand in a column of that name, and
    ``frame.attrs`` holds its label, unit and caveat. ``where`` chooses positions along an axis
    (``layer=5``, ``query=[3, 4]``, ``key=slice(0, 9)``); a measure of one head needs its ``layer``
    and ``head``. Raises `MeasureError` for an unknown name or axis, `TraceError` for a position
    that is not there.
    """
    measure = _measure(name)
    choices: dict[str, Any] = dict(where)
    place_of_head = {axis: choices.pop(axis, None) for axis in ("layer", "head")} if measure.of_one_head else {}
    if None in place_of_head.values():
        raise MeasureError(
            "“{name}” is measured in one head.", todo="Say which: layer=… and head=….", name=Note(measure.label)
        )
    values = measure.compute(memory, **place_of_head)
    odd = [axis for axis in choices if axis not in measure.axes]
    if odd:
        raise MeasureError(
            "“{name}” has no axis “{axis}”.",
            todo="It has: {axes}.",
            name=Note(measure.label),
            axis=odd[0],
            axes=", ".join(measure.axes),
        )
    at = {axis: _positions_along(index, values.shape[measure.axes.index(axis)]) for axis, index in choices.items()}
    for axis, index in at.items():
        values = np.take(values, index, axis=measure.axes.index(axis))
    frame = tidy(values, measure.axes, memory, name=name, at=at)
    for place, (axis, number) in enumerate(place_of_head.items()):
        frame.insert(place, axis, number)
    frame.attrs |= {"label": measure.label, "unit": measure.unit, "caveat": measure.caveat}
    return frame


def measures_table() -> pd.DataFrame:
    """Every measure, a row each: name, label, question, unit, axes, range, formula, source, caveat."""
    fields = ("name", "label", "group", "question", "unit", "low", "high", "formula", "source", "caveat")
    rows = [
        {field: getattr(measure, field) for field in fields} | {"axes": " × ".join(measure.axes)}
        for measure in MEASURES.values()
    ]
    return pd.DataFrame(rows)


def _measure(name: str) -> Measure:
    if name not in MEASURES:
        near = sorted(MEASURES, key=lambda other: -difflib.SequenceMatcher(None, name, other).ratio())
        raise MeasureError(
            "There is no measure “{name}”.", todo="Choose one of: {names}.", name=name, names=", ".join(near)
        )
    return MEASURES[name]


def _positions_along(index: int | Index, length: int) -> np.ndarray:
    if isinstance(index, slice) or (isinstance(index, np.ndarray) and index.dtype == bool):
        return np.arange(length)[index]
    return positions([index] if isinstance(index, int | np.integer) else list(index or ()), length)


def pattern_table(
    memory: Memory, layer: int, head: int, rows: Index = None, cols: Index = None, *, name: str = "value"
) -> pd.DataFrame:
    """The weights of one head, a row for each pair of tokens: query, key, their texts, weight (0..1).

    ``rows`` and ``cols`` choose queries and keys, as a slice or a list; weights keep their share of
    the whole row. Raises `TraceError` for a head or position that is not there, `MeasureError` for
    more than 5 million pairs.
    """
    at = {
        "query": np.arange(len(memory.queries)) if rows is None else _positions_along(rows, len(memory.queries)),
        "key": np.arange(len(memory.keys)) if cols is None else _positions_along(cols, len(memory.keys)),
    }
    values = memory.pattern(layer, head, rows=at["query"], cols=at["key"])
    return tidy(values, ("query", "key"), memory, name=name, at=at)


def top_weights_table(weights: np.ndarray, memory: Memory, *, count: int = 200, name: str = "weight") -> pd.DataFrame:
    """The largest numbers of a pattern of this memory, largest first: query, key, their texts, number.

    ``weights`` is float [query, key]; the table has ``count`` rows at most, and the numbers under ``name``.
    """
    count = min(count, weights.size)
    places = np.argpartition(weights, weights.size - count, axis=None)[weights.size - count :]
    places = places[np.argsort(-weights.ravel()[places], kind="stable")]
    query, key = np.unravel_index(places, weights.shape)
    return pd.DataFrame(
        {
            "query": query,
            "key": key,
            "query_token": [memory.queries[place].text for place in query],
            "key_token": [memory.keys[place].text for place in key],
            name: weights[query, key],
        }
    )


def received_table(
    memory: Memory,
    words: Sequence[Word],
    *,
    layer: int | None = None,
    head: int | None = None,
    without: Sequence[int] = (),
) -> pd.DataFrame:
    """Which words are looked at most? A row for each of ``words``, those of the keys, in the order of the text.

    Columns: ``word``, its place (0-based), ``text``, ``received`` (0..1), the mean weight that it gets from each token
    that can see it, its tokens added up, the mean over heads or layers where ``head`` or ``layer`` is ``None``, and
    ``rank``, 1 for the word looked at most. Words with a token where attention only rests (`measures.sink_positions`)
    have no rank.
    ``without`` are keys (token positions) that are taken out: their words have a gap. Raises `TraceError` for a head or
    position that is not there.
    """
    memory.require_head(layer or 0, head or 0)
    values = measures.received(memory)
    values = values if layer is None else values[[layer]]
    values = values if head is None else values[:, [head]]
    tokens = measures.known_mean(values, axis=(0, 1)).astype(np.float64)
    tokens[positions(without, len(memory.keys))] = np.nan
    sums = np.array([np.nansum(tokens[list(word.tokens)]) for word in words])
    is_known = np.array([bool(np.isfinite(tokens[list(word.tokens)]).any()) for word in words])
    received = np.where(is_known, sums, np.nan)
    resting = set(measures.sink_positions(memory))
    ranked = [n for n, word in enumerate(words) if is_known[n] and not resting.intersection(word.tokens)]
    ranked.sort(key=lambda n: -received[n])
    places = {n: rank for rank, n in enumerate(ranked, start=1)}
    return pd.DataFrame(
        {
            "word": np.arange(len(words)),
            "text": [word.text for word in words],
            "received": received.astype(np.float32),
            "rank": pd.array([places.get(n, pd.NA) for n in range(len(words))], dtype="Int64"),
        }
    )


def look_table(memory: Memory, words: Sequence[Word], word: int, *, layer: int, head: int) -> pd.DataFrame:
    """What does one word look at, in one head? A row for each of ``words``, in the order of the text.

    Columns: ``word``, its place (0-based), ``text``, ``weight`` (0..1; `measures.word_row`) and ``sink``, whether
    attention only rests on it. Raises `TraceError` for a head or a place that is not there.
    """
    resting = set(measures.sink_positions(memory))
    return pd.DataFrame(
        {
            "word": np.arange(len(words)),
            "text": [other.text for other in words],
            "weight": measures.word_row(memory, words, word, layer=layer, head=head),
            "sink": [bool(resting.intersection(other.tokens)) for other in words],
        }
    )


def difference_table(result: measures.Difference, words: Sequence[Word]) -> pd.DataFrame:
    """Where do two patterns differ, and how much? A row a pair of words, the largest difference first.

    ``result`` is that of `memviz.measures.difference`, ``words`` are those of the first text. Columns: ``query`` and
    ``key``, places in the first text (0-based), ``query_text``, ``key_text``, ``first``, ``second`` (0..1) and
    ``difference``, second − first.
    """
    places, texts = np.array([first for first, _ in result.places]), [word.text for word in words]
    query, key = (places[side.ravel()] for side in np.indices(result.first.shape))
    frame = pd.DataFrame(
        {
            "query": query,
            "key": key,
            "query_text": [texts[place] for place in query],
            "key_text": [texts[place] for place in key],
            "first": result.first.ravel(),
            "second": result.second.ravel(),
            "difference": result.values.ravel(),
        }
    )
    return frame.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def next_tokens_table(trace: Trace) -> pd.DataFrame:
    """What would the model say next? A row for each token of ``trace.next_tokens``, likeliest first.

    Columns: ``rank``, 1 for the likeliest, ``text``, ``id`` in the vocabulary, ``probability`` (0..1). No row where the
    model does not predict the next token.
    """
    candidates = trace.next_tokens
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(candidates) + 1),
            "text": pd.Series([candidate.text for candidate in candidates], dtype=object),
            "id": np.array([candidate.id for candidate in candidates], dtype=np.int64),
            "probability": np.array([candidate.probability for candidate in candidates], dtype=np.float64),
        }
    )


def links_table(links: Links, words: Sequence[Word], others: Sequence[Word]) -> pd.DataFrame:
    """The strongest links of every word, best first: word, rank, other, weight, lift, excess, layer, head.

    ``links`` has one row for each of ``words``, and leads to ``others``; "word" and "other" are their
    positions, "word_text" and "other_text" what stands there.
    """
    word, rank = np.nonzero((links.index >= 0) & (links.weight > 0))
    other = links.index[word, rank]
    columns = {"word": word, "rank": rank, "other": other}
    columns["word_text"] = np.array([each.text for each in words], dtype=object)[word]
    columns["other_text"] = np.array([each.text for each in others], dtype=object)[other]
    names = ("weight", "lift", "excess", "layer", "head")
    return pd.DataFrame(columns | {name: getattr(links, name)[word, rank] for name in names})
