"""Pictures of what a Transformer remembers. Numbers come from a memory; a figure only draws them.

pattern        one head in full, or a mean: who looks at what            plotly
by_distance    how far back it looks, over chance                        plotly
received_bars  which words are looked at most                            plotly
slots_bars     which words spread their look widest                      plotly
scores         one measure of every head                                 plotly
pattern_png, grid_png, words_png   the same as bytes, without a browser
html           figures in one page that opens offline
provenance, caption   where it comes from, as names and values, and in one line
alt, record    a figure in plain words, and what was done to get it
"""

from memviz.figures.bars import received_bars, slots_bars
from memviz.figures.cards import words_png
from memviz.figures.cells import weights
from memviz.figures.curves import by_distance
from memviz.figures.frame import alt, record
from memviz.figures.heatmap import pattern
from memviz.figures.page import html
from memviz.figures.palette import head_name, percent, times
from memviz.figures.phrases import PHRASES
from memviz.figures.provenance import caption, provenance
from memviz.figures.raster import grid_png, pattern_png
from memviz.figures.scores import scores

__all__ = [
    "PHRASES",
    "alt",
    "by_distance",
    "caption",
    "grid_png",
    "head_name",
    "html",
    "pattern",
    "pattern_png",
    "percent",
    "provenance",
    "received_bars",
    "record",
    "scores",
    "slots_bars",
    "times",
    "weights",
    "words_png",
]
