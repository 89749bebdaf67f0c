"""The page Train: how is a memory written?

induction    a small Transformer learns to look up what came next, while one watches
classify     an encoder learns to tell labels apart, and is judged on lines that it never saw
lines        the lines that it learns from: the sample, pasted ones, a file
view         what the page shows, to be taken along
"""

from memviz.ui.parts.training.classify import Settings, show_classifier, watch_classifier
from memviz.ui.parts.training.induction import birth_charts, show_induction, watch_birth
from memviz.ui.parts.training.view import TrainView, choose_experiment

__all__ = [
    "Settings",
    "TrainView",
    "birth_charts",
    "choose_experiment",
    "show_classifier",
    "show_induction",
    "watch_birth",
    "watch_classifier",
]
