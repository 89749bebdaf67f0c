"""How does one look-up work, in numbers?"""

from memviz.ui import share
from memviz.ui.parts import formula
from memviz.ui.shell import show

show.question(
    "formula",
    "One token looks in one head: every step with its formula and its real numbers, and the sum beside what the model "
    "computed.",
)
trace = formula.read_text()
view = formula.show_look_up(trace)
if view is not None:
    share.bar(share.Formula(trace, view, "formula"))
show.model_line(trace)
