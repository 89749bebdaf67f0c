"""Which words stand in the pictures? English templates, translated by whoever shows the picture.

Every figure takes ``translate``, a function from a template to the same template in the reader's
language; the values are filled in afterwards. `PHRASES` lists all templates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Translate = Callable[[str], str]

MEAN_ALL = "mean of all {heads} heads in {layers} layers"
MEAN_HEADS = "mean of the {heads} heads of layer {layer}"
MEAN_LAYERS = "mean of head {head} over {layers} layers"
WEIGHT = "weight, 0 to 1 (colour: its square root)"
LOG = "weight, 0.0001 to 1 (logarithmic)"
NORM = "value norm ‖a·f‖, 0 to the trace's largest (colour: its square root)"
RAW_WEIGHTS = "raw weights"
LOG_WEIGHTS = "raw weights on a logarithmic scale; smaller than 0.0001 is drawn as nothing"
VALUE_NORM = "value norm: how much is written, not how hard is looked"
BETWEEN_WORDS = "between words: to a split word weights add up, from it they are averaged"
TAKEN_OUT = "taken out: {keys}; the rest of each row is renormalised to 100 %"
TAKEN_OUT_NORM = "taken out: {keys}; nothing is renormalised"
TAKEN_OUT_BARS = "taken out: {keys}; the others keep their share"
MANY_KEYS = "{count} tokens"
STRONGEST = "only the strongest weights of each row, up to {share} of it"
WINDOW = "rows {row_first}–{row_last} of {rows}, columns {col_first}–{col_last} of {cols}"
POOLED_TOKENS = "max-pooled, one cell = {down} × {across} tokens"
POOLED_WORDS = "max-pooled, one cell = {down} × {across} words"
SINK = "rows sum to less than 100 %: the model's learned sink takes the rest"
FORGOTTEN = "read with {count} keys forgotten"
PAIR = "A is the first text, B the second"
MARKED = "{count} labels contain “{find}”"
LOOKS = "“{query}” looks at “{key}”"
HOVER_WEIGHT = "weight {value}"
HOVER_NORM = "value norm {value}"
HOVER_POOLED = "the strongest of {down} × {across}: {value}"
PATTERN_ALT = (
    "Heatmap of attention, {head}: {rows} rows that look, {cols} columns that are looked at; {values}. "
    "Strongest: {strongest}."
)
NOTHING = "nothing"

BY_DISTANCE = "Attention by distance"
DISTANCE = "distance, in tokens (logarithmic)"
OVER_UNIFORM = "attention over a uniform look (×, logarithmic)"
UNIFORM = "1 × = a uniform look"
EVERY_HEAD = "mean of all heads"
ONE_LAYER = "mean of layer {layer}"
FEW_PAIRS = "dotted: fewer than {pairs} pairs of tokens are this far apart"
TOO_SHORT = "The text is too short: no two tokens after the first are a step apart."
THINNED = "beyond {exact} tokens, neighbouring distances are averaged"
FIRST_LEFT_OUT = "the first token and each token's look at itself are left out"
DISTANCE_HOVER = "{distance} tokens apart: {value} × uniform"
DISTANCE_ALT = (
    "Curve of attention by distance over the uniform baseline, for {head}. At distance 1 it is {near}; "
    "largest at distance {peak_at}, {peak}; at the longest distance with enough pairs, {far_at}, it is {far}."
)

RECEIVED = "Attention received"
RECEIVED_UNIT = "mean weight received"
RECEIVED_NOTE = "the mean over the tokens that could see the word"
RECEIVED_HOVER = "“{word}” gets {value} on average"
RECEIVED_ALT = "Bars of the attention that each of {count} words received, {head}. Most: {most}."
SLOTS = "Effective slots"
SLOTS_UNIT = "tokens it spreads over"
SLOTS_HOVER = "“{word}” spreads over {value} tokens"
SLOTS_ALT = "Bars of the effective number of tokens that each of {count} words looks at, {head}. Widest: {most}."
POOLED_BARS = "one bar = {count} words, the largest of them"
SCORES_ALT = "{label} of every head, {layers} layers by {heads} heads, in {unit}. Highest: {most}."

REMEMBERS = "“{word}” remembers"
REMEMBERED_BY = "“{word}” is remembered by"
NO_LINK = "It looks at no other word."
NO_READER = "No other word looks at it."
ALL_HEADS = "All heads"
GRID_RANGE = "Empty: weight 0. Full colour: weight 1; shown as its square root."
GRID_POOLED = "One cell is the largest weight among {down} × {across} tokens."
WORDS_SHOWN = "words {first}–{last} of {count}"
BOXES = "Drawn as boxes, because no font on this computer has them: {codes}."
WHERE_FROM = "Where this comes from"

PHRASES: tuple[str, ...] = tuple(
    text for name, text in list(globals().items()) if name.isupper() and isinstance(text, str)
)


def say(translate: Translate, template: str, **values: Any) -> str:
    """A template in the reader's language, with its values filled in."""
    return translate(template).format(**values)
