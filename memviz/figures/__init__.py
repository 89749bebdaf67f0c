"""Pictures of what a Transformer remembers. Numbers come from a memory; a figure only draws them.

pattern        one head in full, or a mean: who looks at what            plotly
by_distance    how far back it looks, over chance                        plotly
look_bars      what one word looks at, in one head                       plotly
received_bars  which words are looked at most                            plotly
slots_bars     which words spread their look widest                      plotly
scores         one measure of every head                                 plotly
head_grid      any number of every head                                  plotly
spread_bars    how one head's numbers are spread over many texts         plotly
coverage_bars  how many target tokens each source word was read for      plotly
probability_bars   how sure the model was of each token it wrote         plotly
cache_lines    how much memory the keys and values of the past take      plotly
cover_bars     what changed when words were covered, beside others       plotly
layer_bars     the same in a few layers at a time                        plotly
lens_map       how an answer stands in every layer, at every position    plotly
surprisal_bars how surprising every token of several texts is           plotly
number_bars    several numbers beside each other                        plotly
perplexity_lines   what a text costs by the size of the cache            plotly
needle_map     whether a sentence is found, by length and depth          plotly
agreement_bands    which rankings agree with taking words away           plotly
softmax_bars   what softmax makes of the scores of a row                 plotly
value_lines    a few numbers from layer to layer, or from word to word  plotly
places         where words lie to each other                            plotly
recurrent      what a memory that fades still holds                      plotly
half_lives     how long its units remember                               plotly
learning_curves    losses and scores while a model learns (`Curve`)      plotly
checkpoint_patterns    all heads of a small model, at one checkpoint     plotly
confusion_map  which labels are taken for which                          plotly
layer_columns  how much something changed in each layer                  plotly
pattern_svg, pattern_png   one head in full, or a mean over heads, without a browser
lines_svg, lines_png       one head or several, as lines between two columns of words
grid_svg, grid_png         all heads as small pictures
patches_svg, patches_png   where every head looks in a picture
scores_svg, scores_png     one number of every head, as a field of layers and heads
thumbnails_png             the same while a model still reads, in a few milliseconds
words_svg, words_png       the text as words, with what one of them remembers
recall_svg, recall_png     the same, what is looked at most, and how far back
look_svg, look_png         what a word looks at in several texts
cross_svg, cross_png       two sentences joined by what was read from what
sound_svg, sound_png       a sound, and when its words were heard
experiment_svg, experiment_png   the text, what an experiment showed, its numbers as bars (`SheetRow`, `Bar`)
html           figures in one page that opens offline
handout        a sheet to be printed, of parts (`Part`)
provenance, caption   where it comes from, as names and values, and in one line
alt, provenance_fields    a figure in plain words, and what was done to get it
"""

from memviz.figures.charts.agreement_bands import agreement_bands
from memviz.figures.charts.bars import look_bars, received_bars, slots_bars
from memviz.figures.charts.cache_lines import cache_lines
from memviz.figures.charts.cover_bars import cover_bars, layer_bars
from memviz.figures.charts.difference_map import difference_map
from memviz.figures.charts.distance import by_distance
from memviz.figures.charts.head_grid import head_grid, spread_bars
from memviz.figures.charts.heatmap import pattern
from memviz.figures.charts.layout import alt, provenance_fields
from memviz.figures.charts.lens_map import LensValue, lens_map
from memviz.figures.charts.needle_map import needle_map
from memviz.figures.charts.number_bars import number_bars
from memviz.figures.charts.perplexity_lines import perplexity_lines
from memviz.figures.charts.places import places
from memviz.figures.charts.recurrent import half_lives, recurrent
from memviz.figures.charts.scores import scores
from memviz.figures.charts.softmax_bars import softmax_bars
from memviz.figures.charts.surprisal_bars import surprisal_bars
from memviz.figures.charts.training import Curve, checkpoint_patterns, confusion_map, layer_columns, learning_curves
from memviz.figures.charts.translation_bars import coverage_bars, probability_bars
from memviz.figures.charts.value_lines import value_lines
from memviz.figures.data.captions import which_head
from memviz.figures.data.cells import weights
from memviz.figures.handout import Part, handout
from memviz.figures.page import html
from memviz.figures.sheets.crossing_sheet import cross_png, cross_svg
from memviz.figures.sheets.experiment_sheet import Bar, SheetRow, experiment_png, experiment_svg
from memviz.figures.sheets.grid_sheet import grid_png, grid_svg, patches_png, patches_svg
from memviz.figures.sheets.heatmap_sheet import pattern_png, pattern_svg
from memviz.figures.sheets.lines_sheet import lines_png, lines_svg
from memviz.figures.sheets.look_sheet import look_png, look_svg
from memviz.figures.sheets.recall_sheet import recall_png, recall_svg
from memviz.figures.sheets.scores_sheet import scores_png, scores_svg
from memviz.figures.sheets.sound_sheet import sound_png, sound_svg
from memviz.figures.sheets.thumbnails import thumbnails_png
from memviz.figures.sheets.words_sheet import words_png, words_svg
from memviz.figures.style.numbers import decimal, head_name, percent, times
from memviz.figures.style.phrases import PHRASES
from memviz.figures.style.provenance import caption, provenance

__all__ = [
    "PHRASES",
    "Bar",
    "Curve",
    "LensValue",
    "Part",
    "SheetRow",
    "agreement_bands",
    "alt",
    "by_distance",
    "cache_lines",
    "caption",
    "checkpoint_patterns",
    "confusion_map",
    "cover_bars",
    "coverage_bars",
    "cross_png",
    "cross_svg",
    "decimal",
    "difference_map",
    "experiment_png",
    "experiment_svg",
    "grid_png",
    "grid_svg",
    "half_lives",
    "handout",
    "head_grid",
    "head_name",
    "html",
    "layer_bars",
    "layer_columns",
    "learning_curves",
    "lens_map",
    "lines_png",
    "lines_svg",
    "look_bars",
    "look_png",
    "look_svg",
    "needle_map",
    "number_bars",
    "patches_png",
    "patches_svg",
    "pattern",
    "pattern_png",
    "pattern_svg",
    "percent",
    "perplexity_lines",
    "places",
    "probability_bars",
    "provenance",
    "provenance_fields",
    "recall_png",
    "recall_svg",
    "received_bars",
    "recurrent",
    "scores",
    "scores_png",
    "scores_svg",
    "slots_bars",
    "softmax_bars",
    "sound_png",
    "sound_svg",
    "spread_bars",
    "surprisal_bars",
    "thumbnails_png",
    "times",
    "value_lines",
    "weights",
    "which_head",
    "words_png",
    "words_svg",
]
