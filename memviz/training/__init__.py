"""How is a memory written? Models that are trained here, while one watches.

born = memviz.training.induction.train(layers=2, seed=0, steps=2000)
born.second_copy_loss                                   # one a checkpoint, in nats
born.reader().read(born.text).memory("self").pattern(1, 0)

classifier = memviz.train(texts, labels, model="minilm", layers=1)
classifier.accuracy, classifier.interval, classifier.majority
classifier.predict(["Where is the station?"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {"Classifier": "classifier", "train": "classifier"}
_FILES = ("classifier", "examples", "induction")

__all__ = ["Classifier", "classifier", "examples", "induction", "train"]

if TYPE_CHECKING:
    from memviz.training import classifier, examples, induction
    from memviz.training.classifier import Classifier, train


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return import_module(f"memviz.training.{name}")
    if name in _HOMES:
        return getattr(import_module(f"memviz.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'memviz.training' has no attribute {name!r}; it has {', '.join(__all__)}")
