"""The page Corpus: what does every head do, over many texts?

source    the results that are looked at: a folder, or lines that are pasted and read now
atlas     every head: its mean with an interval, and the role that it keeps
one_head  one head: how its numbers are spread, and the texts behind the extremes
contrast  two corpora side by side, with a test for every head
"""

from memviz.ui.parts.corpus.atlas import CorpusView, show_atlas
from memviz.ui.parts.corpus.contrast import show_contrast
from memviz.ui.parts.corpus.one_head import show_head
from memviz.ui.parts.corpus.source import choose_results

__all__ = ["CorpusView", "choose_results", "show_atlas", "show_contrast", "show_head"]
