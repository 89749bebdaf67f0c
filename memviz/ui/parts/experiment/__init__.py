"""The page Forget: what changes when a word is forgotten?

subject   the text, the words that are covered, the answer that is asked for
cover     what covering them did, beside what covering others did
view      what the page shows, to be taken along
"""

from memviz.ui.parts.experiment.cover import show_cover
from memviz.ui.parts.experiment.subject import Subject, choose_answer, choose_words, read_text
from memviz.ui.parts.experiment.view import ForgetView

__all__ = ["ForgetView", "Subject", "choose_answer", "choose_words", "read_text", "show_cover"]
