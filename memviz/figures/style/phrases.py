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
WEIGHT = "weight, 0 to 1 (colour scale: √weight)"
LOG = "weight, 0.0001 to 1 (logarithmic)"
NORM = "value norm ‖a·f‖, 0 to the trace's largest (colour scale: √norm)"
RAW_WEIGHTS = "raw weights"
LOG_WEIGHTS = "raw weights on a logarithmic scale; smaller than 0.0001 is drawn as nothing"
VALUE_NORM = "value norm: how much is written, not how large the weight is"
ROLLOUT = "rollout: what is left of each input token, if attention only averaged"
ROLLOUT_UNIT = "share of the input token, 0 to 1 (colour scale: √share)"
EVERY_LAYER = "all {layers} layers, one after the other"
BETWEEN_WORDS = "subwords merged: summed over keys, averaged over queries"
NORMS_BETWEEN_WORDS = (
    "between words: of a split word, the length of what its pieces write together; from it values are averaged"
)
NORMS_UNKNOWN = "left blank: split words whose value norm this reading did not keep"
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
SHIFTED = "shifted by {steps}: the weights are those of a later step, when the word was what the decoder entered"
LOOKS = "“{query}” attends to “{key}”"
READ_FROM = "“{query}” was read from “{key}”"
QUERY_AXIS = "query (looks)"
KEY_AXIS = "key (is looked at)"
TARGET_AXIS = "query (target)"
SOURCE_AXIS = "key (source)"
HOVER_WEIGHT = "weight {value}"
HOVER_NORM = "value norm {value}"
HOVER_POOLED = "the strongest of {down} × {across}: {value}"
PATTERN_ALT = (
    "Heatmap of attention, {head}: {rows} rows (queries), {cols} columns (keys); {values}. Strongest: {strongest}."
)
LINES_ALT = (
    "Lines of attention, {head}: {queries} words on the left (queries), {keys} on the right (keys). Strongest: "
    "{strongest}."
)
CROSS_ALT = (
    "Heatmap of cross-attention, {head}: {rows} rows (target), {cols} columns (source); {values}. Strongest: "
    "{strongest}."
)
NOTHING = "nothing"

BY_DISTANCE = "Attention by distance"
DISTANCE = "distance, in tokens (logarithmic)"
OVER_UNIFORM = "attention ÷ uniform attention (×, logarithmic)"
UNIFORM = "1 × = uniform attention"
EVERY_HEAD = "mean of all heads"
ONE_LAYER = "mean of layer {layer}"
FEW_PAIRS = "dotted: fewer than {pairs} pairs of tokens are this far apart"
TOO_SHORT = "The text is too short: no two tokens after the first are a step apart."
THINNED = "beyond {exact} tokens, neighbouring distances are averaged"
FIRST_LEFT_OUT = "the first token and each token's attention to itself are left out"
DISTANCE_HOVER = "{distance} tokens apart: {value} × uniform"
DISTANCE_ALT = (
    "Curve of attention by distance over the uniform baseline, for {head}. At distance 1 it is {near}; "
    "largest at distance {peak_at}, {peak}; at the longest distance with enough pairs, {far_at}, it is {far}."
)

PATCHES = "Where does {token} look?"
PATCHES_RANGE = (
    "Each square is one head on the whole picture, in {rows} × {columns} patches: what {token} gives to each (colour "
    "scale: √weight); its full colour is its own strongest patch."
)
PATCHES_MOST = "The highest weight: {head} on row {row}, column {column}, {share}."

RECEIVED = "Attention received"
RECEIVED_UNIT = "mean weight received"
RECEIVED_NOTE = "the mean over the tokens that could see the word"
RECEIVED_HOVER = "“{word}” gets {value} on average"
LOOK = "What one word attends to"
LOOK_OF = "What “{word}” attends to"
LOOK_UNIT = "weight"
LOOK_HOVER = "“{word}” gets {value}"
LOOK_ALT = "Bars of the attention of “{word}” on each of {count} words, {head}. Most: {most}."
SINKS_OF_LOOK = "grey: attention sinks {sinks}"
SINKS_GREY = "grey, not ranked: attention sinks {sinks}"
CUT_OFF = "a bar higher than the picture is cut off"
SINKS_LEFT_OUT = "left out: attention sinks {sinks}"
RECEIVED_ALT = "Bars of the attention that each of {count} words received, {head}. Most: {most}."
MOST_ATTENTION = "Words that receive the most attention"
WORD_PLACE = "word, its place in the text counted from 0, mean weight received"
SLOTS = "Effective number of tokens"
SLOTS_UNIT = "tokens that attention spreads over"
SLOTS_HOVER = "“{word}”: attention spreads over {value} tokens"
SLOTS_ALT = "Bars of the effective number of tokens that each of {count} words attends to, {head}. Widest: {most}."
POOLED_BARS = "one bar = {count} words, the largest of them"
SCORES_ALT = "{label} of every head, {layers} layers by {heads} heads, in {unit}. Highest: {most}."

TEXTS = "texts"
MEAN_LINE = "dotted: the mean over all texts, {mean}"
SPREAD_ALT = "Bars of how {label} is spread over {count} texts: from {low} to {high}, mean {mean}."

WHICH_SOURCE = "Which source word was each target word read from?"
SOURCE_WORDS = "source words"
TARGET_WORDS = "target words"
LINE_WIDTH = "line width: the weight"
STRONGEST_LINKS = "only the strongest links of each target word, up to {share} of it"
FEWER_LINKS = "only the {count} strongest of {total} links"
FEWER_WORDS = "only the first {count} words of each side"
ADDED_LINKS = "grey: read to write a special token"
JOINED_ALT = (
    "{sources} source words above or to the left, {targets} target words, and lines between them, as wide as the "
    "weight. Each target word was read most from: {strongest}."
)
COVERAGE = "Coverage"
COVERAGE_UNIT = "target tokens it was read for"
COVERAGE_ONE = "read for one token"
COVERAGE_TOTAL = "over all {words} source words the bars sum to the {tokens} target tokens"
COVERAGE_HOVER = "“{word}” was read for {value} target tokens"
COVERAGE_ALT = "Bars of how many target tokens each of {count} source words was read for, {head}. {values}."
ADDED_BARS = "grey: special tokens"
PROBABILITY = "How confident was the model of each token?"
PROBABILITY_UNIT = "probability"
PROBABILITY_NOTE = "the probability that the model gave each token at the step that wrote it"
PROBABILITY_HOVER = "“{word}” had a probability of {value}"
INSTEAD = "instead: {others}"
PROBABILITY_ALT = "Bars of the probability of each of {count} target tokens. Least probable: {least}."
LEAST_SHARED = "one bar = {count} tokens, the least probable of them"

RECURRENT = "What does the recurrent state still hold?"
RECURRENT_WEIGHT = "share of what is held, 0 to 1 (colour scale: √share)"
EMPTY_START = "still the initial state"
MEAN_UNITS = "layer {layer}, the mean over {units} units"
ONE_UNIT = "layer {layer}, unit {unit} of {units}"
FADES = "no look-up happens: what was written fades"
RECURRENT_ROWS = "each row sums to 100 %: what came in at each step, and what is still the initial state"
POOLED_STEPS = "max-pooled, one cell = {down} × {across} steps"
RECURRENT_HOVER = "{value} of what is held after writing “{query}” came in with “{key}”"
START_HOVER = "{value} of what is held after writing “{query}” is still the initial state"
RECURRENT_ALT = (
    "Heatmap of a recurrent state, {units}: {rows} steps. After a step, on average {newest} of what is held has "
    "just come in; after the last one, {left} is still the initial state."
)
HALF_LIVES = "How long do the units remember?"
HALF_LIFE = "half-life, in tokens (logarithmic)"
UNITS = "units"
HALF_LIFE_NOTE = "how many tokens until a unit has lost half of what it held, if its gate were always its mean here"
HALF_LIFE_ENDS = "the first and the last bar hold all that is shorter or longer"
HALF_LIFE_HOVER = "{count} units: {low} to {high} tokens"
MEDIAN = "median {value}"
HALF_LIFE_ALT = "Histograms of the half-lives, in tokens, of {units} units in {layers} layers. Medians: {medians}."

CACHE = "How much memory does the past take?"
CACHE_TOKENS = "tokens in the cache"
CACHE_UNIT = "megabytes"
CACHE_HOVER = "{tokens} tokens: {value} MB"
CACHE_MHA = "multi-head (MHA): {heads} key-value heads"
CACHE_GQA = "grouped (GQA): {heads} key-value heads"
CACHE_MQA = "multi-query (MQA): 1 key-value head"
CACHE_WINDOW = "window of {window} tokens, {heads} key-value heads"
CACHE_MEASURED = "measured: {tokens} tokens, {value} MB"
CACHE_FORMULA = "2 × layers × key-value heads × head dimension × bytes of a number × tokens"
CACHE_ALT = "Lines of the bytes of a cache by its tokens. {values}."
SURPRISE_LEGEND = "tint: probability that the model gave the word"
BEFORE_AND_AFTER = "What changed?"
NOT_COVERED = "nothing covered"
COVERED = "covered"
OTHERS_COVERED = "another word covered"
COVERED_INSTEAD = "covered instead"
CONTROLS_NOTE = "grey: each of {count} others covered instead, their range and, as a diamond, their median"
PATCHES_COVERED = "as many others covered"
PATCHES_ALT = (
    "Bars of how far {answer} moved, 1 − cosine: {before} with nothing covered, {after} with the chosen patches "
    "covered; with each of {count} others covered instead, in the middle {median}."
)
NUMBERS_ALT = "Bars, {unit}. {values}."
COVER_ALT = (
    "Bars of the answer “{answer}”: {before} with nothing covered, {after} with the words covered; with each of "
    "{count} others covered instead, in the middle {median}."
)
BY_LAYER = "In which layers is it fetched?"
COVERED_HERE = "covered only in layers"
LAYERS_COVERED = "layers in which it is covered"
LAYER_NOTE = "dashed: nothing covered; grey: the range with another word covered in all layers"
BY_LAYER_ALT = (
    "Bars of the answer with the words covered in each of {count} windows of layers. It is least in layers {layers}: "
    "{value}; with nothing covered {before}."
)

ALL_HEADS_IN = "all heads"
UNPLUGGED = "unplugged"
OTHERS_UNPLUGGED = "other heads unplugged"
UNPLUGGED_INSTEAD = "unplugged instead"
DRAWS_NOTE = "grey: each of {count} random draws of other heads, their range and, as a diamond, their median"
UNPLUG_ALT = (
    "Bars of the answer “{answer}”: {before} with all heads, {after} without the unplugged ones; without each of "
    "{count} random draws of others, in the middle {median}."
)
CURVE = "Perplexity by size of the cache"
CURVE_SIZE = "keys that the cache holds (logarithmic)"
CURVE_UNIT = "perplexity (logarithmic)"
CURVE_FULL = "the whole past: {value}"
CURVE_HOVER = "{size} keys"
CURVE_NOTE = (
    "exp(−mean log p) of the tokens {first} to {last}, counted from 0: the same for every cache; lower is better"
)
CURVE_ALT = "Lines of the perplexity of a text, for caches of {sizes} keys. {values}. With the whole past: {full}."
NEEDLE = "Is the needle found?"
NEEDLE_DEPTH = "where it stands in the text"
NEEDLE_LENGTH = "length of the text around it, in tokens"
NEEDLE_WITHOUT = "without it"
NEEDLE_UNIT = "exp of the mean log probability of the answer's tokens"
NEEDLE_TICK = "✓: the model would write all of it by itself"
NEEDLE_ALT = (
    "Grid of {lengths} lengths by {depths} depths: the probability of the answer lies between {low} and {high}; in "
    "{exact} texts the model would write all of it by itself; without the needle at most {control}."
)
AGREEMENT = "Which rankings agree with taking the words away?"
AGREEMENT_UNIT = "Spearman's rank correlation with the effect of taking each word away"
AGREEMENT_NOTE = "grey band: 95 % of 200 random orders of the same scores; a grey dot lies inside it"
AGREEMENT_ALT = "Dots of the rank correlation of {count} rankings, and the band of random orders. {values}."
RANDOM_BAND = "95 % of random orders"

COLUMN_WEIGHT = "weight"
COLUMN_LIFT = "lift"
COLUMN_HEAD = "head"
REMEMBERS = "“{word}” attends to"
REMEMBERED_BY = "“{word}” is attended to by"
NO_LINK = "It attends to no other word."
NO_READER = "No other word attends to it."
SOUND = "A sound, and when its words were heard"
SOUND_SCALE = "Full colour: the largest weight of each word; frame: its moment by the alignment heads and a path"
SOUND_ALT = "Waveform and spectrogram of a sound, and the moments of {count} words: {words}."
ALL_HEADS = "All heads"
GRID_RANGE = "Empty: weight 0. Full colour: weight 1. Colour scale: √weight."
GRID_POOLED = "One cell is the largest weight among {down} × {across} tokens."
LATER_STEP = "each word shows the step after it was written"
WORDS_SHOWN = "words {first}–{last} of {count}"
BOXES = "Drawn as boxes, because no font on this computer has them: {codes}."
WHERE_FROM = "Where this comes from"

SOFTMAX = "From scores to weights"
SOFTMAX_SHOWN = "the {shown} keys with most weight, of {count} that may be seen, in reading order"
SOFTMAX_SCORE = "score"
SOFTMAX_WEIGHT = "weight"
SOFTMAX_ALT = (
    "Two rows of bars, one bar for each of {count} keys: the scores, and the weights that softmax makes of them. The "
    "largest weight is that of “{word}”: {weight}."
)

DIFFERENCE = "Where is attention different?"
DIFFERENCE_NOTE = "second − first, of the words that both have in common; attention to other words is left out"
DIFFERENCE_BAR = "second − first, −1 to 1 (colour scale: √difference)"
DIFFERENCE_HOVER = "“{query}” attends to “{key}”<br>first <b>{first}</b>, second <b>{second}</b>"
DIFFERENCE_FIRST = "the first {count} of {total} common words"
DIFFERENCE_ALT = (
    "Heatmap of the difference of two patterns, second − first, over {count} words. Most different: {most}."
)
LENS = "What would every layer say?"
LENS_BEFORE = "before"
LENS_RANK = "rank of the answer (1: the likeliest; logarithmic)"
LENS_PROBABILITY = "probability of the answer, 0 to 1 (colour scale: √probability)"
LENS_RANK_BAR = "rank (1: the likeliest)"
LENS_PROBABILITY_BAR = "probability, 0 to 1"
LENS_HOVER = "rank <b>{rank}</b>, probability <b>{probability}</b><br>this layer would say “{choice}”, {confidence}"
LENS_ALT = (
    "Heatmap of a logit lens: {layers} states by {count} positions. Where the answer “{answer}” is made, its rank is "
    "{first} before the first layer and {last} after the last."
)
SURPRISAL = "How surprising is each token?"
SURPRISAL_UNIT = "surprisal of a token, −ln p, in nats; dashed: the mean"
SURPRISAL_ALT = "{count} rows of bars on one scale: the surprisal of each token. Means: {means}."

PHRASES: tuple[str, ...] = tuple(
    text for name, text in list(globals().items()) if name.isupper() and isinstance(text, str)
)


def say(translate: Translate, template: str, **values: Any) -> str:
    """A template in the reader's language, with its values filled in."""
    return translate(template).format(**values)
