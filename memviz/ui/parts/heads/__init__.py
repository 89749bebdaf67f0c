"""The page Heads: which heads do what?

grid       all heads as small pictures
choices    which head is seen in full, and how
sentence   the text, with the word that is marked
picture    one head in full
lines      the same as lines between words, of several heads if wished
"""

from memviz.ui.parts.heads.choices import HeadsView, choose_view, picture_count
from memviz.ui.parts.heads.grid import choose_memory, show_grid
from memviz.ui.parts.heads.lines import can_show_lines, lines_labels, lines_payload, lines_pin, show_view
from memviz.ui.parts.heads.picture import PictureOptions, mark_of, pattern_figure, picture_options, show_numbers
from memviz.ui.parts.heads.sentence import show_sentence

__all__ = [
    "HeadsView",
    "PictureOptions",
    "can_show_lines",
    "choose_memory",
    "choose_view",
    "lines_labels",
    "lines_payload",
    "lines_pin",
    "mark_of",
    "pattern_figure",
    "picture_count",
    "picture_options",
    "show_grid",
    "show_numbers",
    "show_sentence",
    "show_view",
]
