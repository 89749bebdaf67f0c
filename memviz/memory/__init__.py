"""One attention store: who may look where, and how hard each slot is addressed.

A `Memory` is linear in the text. It keeps the query and key vectors of every layer, together
with whatever finishes the scores (scale, visible span, bias, soft cap, sink), and rebuilds
the attention pattern that is asked for. Its `Summary` was computed while the model was reading.

Axis order is always layer, head, query, key.
"""

from memviz.memory.forget import EdgeMask, Forget, require_forget
from memviz.memory.places import Index, integers, is_integer, positions
from memviz.memory.scores import Scores, read_only
from memviz.memory.store import Kind, Memory
from memviz.memory.summary import Summary

__all__ = [
    "EdgeMask",
    "Forget",
    "Index",
    "Kind",
    "Memory",
    "Scores",
    "Summary",
    "integers",
    "is_integer",
    "positions",
    "read_only",
    "require_forget",
]
