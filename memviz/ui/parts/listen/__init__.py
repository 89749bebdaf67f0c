"""The page Listen: from which moment of a sound was each word read?

subject   the sound: a sample, uploaded, or recorded; and what the model wrote for it
view      which attention is shown, the sound with its words, and the same in words
times     when each word was heard, two ways or three side by side
again     the sound heard again, while a part of it or a word that was written is covered
"""

from memviz.ui.parts.listen.again import HeardAgain, listen_again
from memviz.ui.parts.listen.subject import Heard, choose_sound, model_line
from memviz.ui.parts.listen.times import show_times
from memviz.ui.parts.listen.view import ListenView, show_sound

__all__ = [
    "Heard",
    "HeardAgain",
    "ListenView",
    "choose_sound",
    "listen_again",
    "model_line",
    "show_sound",
    "show_times",
]
