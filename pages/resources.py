"""What does a reading cost, and where does the text go?"""

from memviz.ui import share
from memviz.ui.parts import resources
from memviz.ui.shell import frame, show

show.question("resources", "Measured on your text, on this server; beside it the naive way, and larger models.")
trace = frame.read_text()
view = resources.show_costs(trace)
resources.show_whereabouts()
share.bar(share.Findings(trace, view, "resources"))
show.model_line(trace)
