"""The page Look: what does every head look at in a picture?

subject   the picture: uploaded, taken by the camera, or a sample
heads     every head as a small picture, one of them in full over the picture
taking    its numbers, its picture, and the Python that repeats it
"""

from memviz.ui.parts.look.heads import show_heads
from memviz.ui.parts.look.subject import choose_picture
from memviz.ui.parts.look.taking import model_line, take_along

__all__ = ["choose_picture", "model_line", "show_heads", "take_along"]
