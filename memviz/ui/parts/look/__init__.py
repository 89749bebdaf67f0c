"""The page Look: what does every head look at in a picture?

subject   the picture: uploaded, taken by the camera, or a sample
heads     every head as a small picture, one of them in full over the picture
"""

from memviz.ui.parts.look.heads import model_line, show_heads
from memviz.ui.parts.look.subject import choose_picture

__all__ = ["choose_picture", "model_line", "show_heads"]
