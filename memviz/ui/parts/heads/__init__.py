"""The page Heads: which heads do what?

grid       all heads as small pictures
choices    which head is seen in full, and how
sentence   the text, with the word that is marked
picture    one head in full
"""

from memviz.ui.parts.heads.choices import HeadsView, choose_view
from memviz.ui.parts.heads.grid import choose_memory, show_grid
from memviz.ui.parts.heads.picture import (
    PictureOptions,
    mark_of,
    pattern_figure,
    picture_options,
    show_numbers,
    show_picture,
)
from memviz.ui.parts.heads.sentence import show_sentence

__all__ = [
    "HeadsView",
    "PictureOptions",
    "choose_memory",
    "choose_view",
    "mark_of",
    "pattern_figure",
    "picture_options",
    "show_grid",
    "show_numbers",
    "show_picture",
    "show_sentence",
]
