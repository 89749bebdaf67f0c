"""One attention store: who may look where, and how hard each slot is addressed.

A `Memory` is linear in the text. It keeps the query and key vectors of every layer, together
with whatever finishes the scores (scale, visible span, bias, soft cap, sink), and rebuilds
the attention pattern that is asked for. Its `Summary` was computed while the model was reading.
What may be changed in a reading is said by a `Forget`, an `Eviction` or an `Ablate`.

Axis order is always layer, head, query, key.
"""

from memviz.memory.ablate import Ablate
from memviz.memory.edges import EdgeMask, heads_by_mask
from memviz.memory.eviction import Eviction, layer_expiry
from memviz.memory.forget import Forget, require_forget
from memviz.memory.interventions import Interventions, interventions
from memviz.memory.kinds import Kind, Place
from memviz.memory.places import Index, integers, is_integer, positions
from memviz.memory.recurrent import Recurrent, recurrent_memory
from memviz.memory.scores import Scores, read_only
from memviz.memory.store import Memory
from memviz.memory.summary import THUMBNAIL, LayersRead, OnLayers, Summary, thumbnail_cell

__all__ = [
    "THUMBNAIL",
    "Ablate",
    "EdgeMask",
    "Eviction",
    "Forget",
    "Index",
    "Interventions",
    "Kind",
    "LayersRead",
    "Memory",
    "OnLayers",
    "Place",
    "Recurrent",
    "Scores",
    "Summary",
    "heads_by_mask",
    "integers",
    "interventions",
    "is_integer",
    "layer_expiry",
    "positions",
    "read_only",
    "recurrent_memory",
    "require_forget",
    "thumbnail_cell",
]
