"""The page Translate: what did the decoder read to write this word?

choices       the text, what it should become, and how to look at it
languages     what the languages are called that models know by codes
graph         two rows of words, joined by links
details       the same weights as other pictures and as numbers
covered_run   the sentence again, while a word of it is covered
"""

from memviz.ui.parts.translation.choices import (
    TranslationJob,
    TranslationView,
    choose_sentence,
    choose_view,
    translate_text,
)
from memviz.ui.parts.translation.covered_run import CoveredRun, compare_covered, edges_to_forget
from memviz.ui.parts.translation.details import gold_of, show_details
from memviz.ui.parts.translation.graph import show_graph

__all__ = [
    "CoveredRun",
    "TranslationJob",
    "TranslationView",
    "choose_sentence",
    "choose_view",
    "compare_covered",
    "edges_to_forget",
    "gold_of",
    "show_details",
    "show_graph",
    "translate_text",
]
