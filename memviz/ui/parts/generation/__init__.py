"""The page Generate: where does the next word come from?

choices     the prompt, the settings, and which branch is shown
text        what was written, word by word, with what was read to write each
branches    the other ways in which the text went on
passage     from which sentence of the prompt the answer was read
cache_size  what the keys and values of the text take
"""

from memviz.ui.parts.generation.branches import show_branches
from memviz.ui.parts.generation.cache_size import show_cache
from memviz.ui.parts.generation.choices import GenerationJob, generate_text
from memviz.ui.parts.generation.passage import show_passage
from memviz.ui.parts.generation.text import labels, links_of, show_text, writing_of

__all__ = [
    "GenerationJob",
    "generate_text",
    "labels",
    "links_of",
    "show_branches",
    "show_cache",
    "show_passage",
    "show_text",
    "writing_of",
]
