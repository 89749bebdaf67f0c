"""What was read besides text: sounds and pictures, each as a source of units.

A unit is one slot of a memory: a token with its characters, a frame with its seconds, a patch with its box. Each has a
``text`` (what a person sees of it), is ``special`` or not, and belongs to a ``word`` (a word, a moment, a block), by
its running number; its ``geometry`` says whether the units of its source stand in a line or in a grid.
"""

from memviz.sources.picture import Patch, Picture
from memviz.sources.picture_file import open_picture, picture_as_jpeg
from memviz.sources.sound import Frame, Sound
from memviz.sources.sound_file import Recording, open_sound, resample
from memviz.sources.source import (
    Geometry,
    Source,
    Unit,
    Units,
    pieces_of_words,
    special_places,
    tokens_of,
    words_of_units,
)
from memviz.sources.text import Text

__all__ = [
    "Frame",
    "Geometry",
    "Patch",
    "Picture",
    "Recording",
    "Sound",
    "Source",
    "Text",
    "Unit",
    "Units",
    "open_picture",
    "open_sound",
    "picture_as_jpeg",
    "pieces_of_words",
    "resample",
    "special_places",
    "tokens_of",
    "words_of_units",
]
