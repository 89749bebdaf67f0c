"""What changes when a word is forgotten?"""

from memviz.ui import share
from memviz.ui.parts import experiment
from memviz.ui.shell import show
from memviz.ui.shell.i18n import t

show.question(
    "forget",
    "Something is taken away from the model, and its answer is looked at again: beside what happens when something "
    "else is taken away instead.",
)
name = experiment.choose_view(t("What is taken away?"))
trace = experiment.read_text(name)
view = experiment.show_view(name, trace)
if view is None:
    share.link_bar(trace, "forget", experiment.BOXES[name])
else:
    share.bar(share.Findings(trace, view, "forget"))
show.model_line(trace)
