"""The page Translate: what did the decoder read to write this word?

choosing   the text, what it should become, and how to look at it
graph      two rows of words, joined by links
details    the same weights as other pictures and as numbers
covering   the sentence again, while a word of it is covered
"""

from memviz.ui.parts.translation.choosing import Asked, View, choose_sentence, choose_view, translated
from memviz.ui.parts.translation.covering import Again, again, forgotten
from memviz.ui.parts.translation.details import details, gold_of
from memviz.ui.parts.translation.graph import graph

__all__ = [
    "Again",
    "Asked",
    "View",
    "again",
    "choose_sentence",
    "choose_view",
    "details",
    "forgotten",
    "gold_of",
    "graph",
    "translated",
]
