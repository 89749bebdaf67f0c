"""What changes when a word is forgotten?"""

from memviz.ui import share
from memviz.ui.parts import experiment
from memviz.ui.shell import show

show.question(
    "forget",
    "Tap a word to cover it: the model reads the same text, but cannot look at it. Beside it stands what happens when "
    "any other word is covered instead.",
)
trace = experiment.read_text()
covered = experiment.choose_words(trace)
subject = experiment.choose_answer(trace, covered)
view = None if subject is None else experiment.show_cover(subject)
if view is not None:
    share.bar(share.Findings(trace, view, "forget"))
show.model_line(trace)
