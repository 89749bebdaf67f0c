"""The page Look: what does every head look at in a picture?

subject   the picture: uploaded, taken by the camera, or a sample
heads     every head as a small picture, one of them in full over the picture; where attention collects
patches   those that nobody can look at
"""

from memviz.ui.parts.look.heads import LookView, model_line, show_collectors, show_heads
from memviz.ui.parts.look.patches import PatchesView, show_cover
from memviz.ui.parts.look.subject import choose_picture

__all__ = [
    "LookView",
    "PatchesView",
    "choose_picture",
    "model_line",
    "show_collectors",
    "show_cover",
    "show_heads",
]
