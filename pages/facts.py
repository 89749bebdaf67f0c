"""What did it know before it read?"""

from memviz.ui import share
from memviz.ui.parts import facts
from memviz.ui.shell import show

show.question(
    "facts",
    "A model has a second memory: its weights, written in training. What do they know, and what does the text say? "
    "Whatever is changed stands beside a control.",
)
name = facts.choose_view()
trace = facts.read_text(name)
view = facts.show_view(name, trace)
if view is None:
    share.link_bar(trace, "facts", facts.BOXES[name])
else:
    share.bar(share.Findings(trace, view, "facts"))
show.model_line(trace)
