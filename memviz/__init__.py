"""MemViz: see what a Transformer remembers.

    trace = memviz.read("The cat sat on the mat because it was tired.", model="minilm")
    trace.memory("self").pattern(layer=5, head=11)        # exact weights, [query, key]
    memviz.measures.received(trace.memory("self"))        # [layer, head, key]
    memviz.figures.pattern(trace.memory("self"), layer=5, head=11)

Importing memviz imports neither torch nor streamlit nor plotly: each name brings in what it needs
when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memviz.version import __version__ as __version__

_HOMES = {
    "Ablate": "memviz.memory",
    "Eviction": "memviz.memory",
    "Forget": "memviz.memory",
    "Memory": "memviz.memory",
    "Reader": "memviz.reading",
    "Token": "memviz.tokens",
    "Trace": "memviz.trace",
    "generate": "memviz.reading",
    "load": "memviz.reading",
    "look": "memviz.reading",
    "read": "memviz.reading",
    "train": "memviz.training",
    "transcribe": "memviz.reading",
    "translate": "memviz.reading",
}
_ROOMS = (
    "corpus",
    "costs",
    "embeddings",
    "errors",
    "experiments",
    "figures",
    "measures",
    "models",
    "notebook",
    "tables",
    "training",
)

__all__ = [
    "Ablate",
    "Eviction",
    "Forget",
    "Memory",
    "Reader",
    "Token",
    "Trace",
    "corpus",
    "costs",
    "embeddings",
    "errors",
    "experiments",
    "figures",
    "generate",
    "load",
    "look",
    "measures",
    "models",
    "notebook",
    "read",
    "tables",
    "train",
    "training",
    "transcribe",
    "translate",
]

if TYPE_CHECKING:
    from memviz import (
        corpus,
        costs,
        embeddings,
        errors,
        experiments,
        figures,
        measures,
        models,
        notebook,
        tables,
        training,
    )
    from memviz.memory import Ablate, Eviction, Forget, Memory
    from memviz.reading import Reader, generate, load, look, read, transcribe, translate
    from memviz.tokens import Token
    from memviz.trace import Trace
    from memviz.training import train


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"memviz.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'memviz' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
