"""The page Generate: where does the next word come from?

choices     the prompt, the settings, and which branch is shown
text        what was written, word by word, with what was read to write each
branches    the other ways in which the text went on
"""

from memviz.ui.parts.generation.branches import show_branches
from memviz.ui.parts.generation.choices import GenerationJob, generate_text
from memviz.ui.parts.generation.text import show_text

__all__ = ["GenerationJob", "generate_text", "show_branches", "show_text"]
