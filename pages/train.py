"""How is a memory written?"""

from memviz.ui import share
from memviz.ui.parts import training
from memviz.ui.shell import show

show.question(
    "train",
    "Watch a model learn: from nothing, on random symbols, or an encoder that learns to tell labels apart.",
)
views = {"induction": training.show_induction, "classifier": training.show_classifier}
view = views[training.choose_experiment()]()
share.training_bar(None if view is None else share.Training(view))
