"""What does a picture show, in words? Its title, its notes, its text alternative, its record."""

from __future__ import annotations

import numpy as np

from memviz.figures.data.view import PatternData
from memviz.figures.style import phrases
from memviz.figures.style.labels import isolated, shorten
from memviz.figures.style.numbers import decimal, head_name, percent
from memviz.figures.style.phrases import Translate, say
from memviz.figures.style.provenance import removal_text, shift_text, threshold_text
from memviz.measures.weights import WordPieces
from memviz.memory import Memory

_VALUES = {
    "weight": phrases.RAW_WEIGHTS,
    "log": phrases.LOG_WEIGHTS,
    "value norm": phrases.VALUE_NORM,
    "rollout": phrases.ROLLOUT,
}
UNITS = {"weight": phrases.WEIGHT, "log": phrases.LOG, "value norm": phrases.NORM, "rollout": phrases.ROLLOUT_UNIT}


def which_head(memory: Memory, layer: int | None, head: int | None, translate: Translate = str) -> str:
    """L5.H11, or which mean it is: never silently a mean."""
    if layer is not None and head is not None:
        return head_name(layer, head)
    if layer is None and head is None:
        return say(translate, phrases.MEAN_ALL, heads=memory.layers * memory.heads, layers=memory.layers)
    if head is None:
        return say(translate, phrases.MEAN_HEADS, heads=memory.heads, layer=layer)
    return say(translate, phrases.MEAN_LAYERS, head=head, layers=memory.layers)


def named_keys(memory: Memory, keys: tuple[int, ...] | list[int], translate: Translate = str) -> str:
    """A few keys by their text, many by their number."""
    if len(keys) > 4:
        return say(translate, phrases.MANY_KEYS, count=len(keys))
    return ", ".join(f"“{isolated(shorten(memory.keys[key].text))}”" for key in keys)


def notes(data: PatternData, translate: Translate = str) -> list[str]:
    """Everything that was done to the numbers, a phrase each; the first says which head it is."""
    view, memory, rows, cols = data.view, data.memory, data.rows, data.cols
    first = which_head(memory, view.layer, view.head, translate)
    if view.values == "rollout":
        first = say(translate, phrases.EVERY_LAYER, layers=memory.layers)
    parts = [first, translate(_VALUES[view.values])]
    if rows.by_word or cols.by_word:
        norms = view.values == "value norm" and cols.by_word
        parts.append(translate(phrases.NORMS_BETWEEN_WORDS if norms else phrases.BETWEEN_WORDS))
        if norms and not WordPieces.of(memory, cols.tokens).has_norm.all():
            parts.append(translate(phrases.NORMS_UNKNOWN))
    if view.shift:
        parts.append(say(translate, phrases.SHIFTED, steps=view.shift))
    if len(view.without):
        template = phrases.TAKEN_OUT_NORM if view.values == "value norm" else phrases.TAKEN_OUT
        parts.append(say(translate, template, keys=named_keys(memory, list(view.without), translate)))
    if view.cumulative < 1:
        parts.append(say(translate, phrases.STRONGEST, share=percent(view.cumulative)))
    if not (rows.is_whole and cols.is_whole):
        parts.append(_window(data, translate))
    if rows.step > 1 or cols.step > 1:
        template = phrases.POOLED_WORDS if rows.by_word or cols.by_word else phrases.POOLED_TOKENS
        parts.append(say(translate, template, down=rows.step, across=cols.step))
    if memory.has_sink_logits and view.values != "value norm" and not len(view.without):
        parts.append(translate(phrases.SINK))
    if memory.forget is not None:
        keys = {key for part in memory.forget.members for key in part.keys}
        parts.append(say(translate, phrases.FORGOTTEN, count=len(keys)))
    return parts


def _window(data: PatternData, translate: Translate) -> str:
    rows, cols = data.rows, data.cols
    return say(
        translate,
        phrases.WINDOW,
        row_first=rows.first + 1,
        row_last=rows.stop,
        rows=len(rows.texts),
        col_first=cols.first + 1,
        col_last=cols.stop,
        cols=len(cols.texts),
    )


def provenance_fields(data: PatternData) -> dict[str, str]:
    """The same in English and without any text, for ``provenance(trace, memory, **provenance_fields(data))``."""
    view, memory, rows, cols = data.view, data.memory, data.rows, data.cols
    every = "all" if view.values == "rollout" else "mean over"
    fields = {
        "layer": f"{every} {memory.layers} layers" if view.layer is None else str(view.layer),
        "head": f"{every} {memory.heads} heads" if view.head is None else str(view.head),
        "view": view.values,
        "between": "words" if rows.by_word or cols.by_word else "tokens",
        "taken out": removal_text(view.without),
        "kept": threshold_text(view.cumulative),
        "shift": shift_text(view.shift),
        "window": "" if rows.is_whole and cols.is_whole else _window(data, str),
        "pooled": f"max over {rows.step} × {cols.step}" if rows.step > 1 or cols.step > 1 else "",
    }
    return {name: value for name, value in fields.items() if value}


def cell_template(memory: Memory) -> str:
    """The template for what one cell says: a word looks at another, or was read from it."""
    return phrases.READ_FROM if memory.kind == "cross" else phrases.LOOKS


def cell_text(value: float, *, norm: bool) -> str:
    """A cell in words: a share, or a length."""
    return decimal(value, digits=2) if norm else percent(value)


def alt_text(data: PatternData, translate: Translate = str) -> str:
    """The picture for someone who cannot see it: which head, how large, and its strongest looks."""
    cross, down, across = data.memory.kind == "cross", data.rows.labels, data.cols.labels
    strongest = [
        say(
            translate,
            cell_template(data.memory),
            query=down[row],
            key=across[col],
        )
        + f" ({cell_text(float(data.values[row, col]), norm=data.view.values == 'value norm')})"
        for row, col in _top(data.values)
    ]
    first, *rest = notes(data, translate)
    return say(
        translate,
        phrases.CROSS_ALT if cross else phrases.PATTERN_ALT,
        head=first,
        rows=len(data.values),
        cols=data.values.shape[1],
        values=", ".join(rest),
        strongest="; ".join(strongest) or translate(phrases.NOTHING),
    )


def _top(values: np.ndarray, count: int = 3) -> list[tuple[int, int]]:
    """The largest cells, best first."""
    flat = np.nan_to_num(values, nan=0.0).ravel()
    best = np.argsort(-flat, kind="stable")[:count]
    return [divmod(int(place), values.shape[1]) for place in best if flat[place] > 0]
