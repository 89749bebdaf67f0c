"""How is a model that somebody else holds given back as it was?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn
from transformers import PreTrainedModel

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


@contextmanager
def borrowed(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    """The model in eval mode and with this attention implementation ("" leaves its own).

    Afterwards, also after an error, every module's training flag and every configuration's
    implementation are what they were. One borrower at a time: all readers of a model share one lock.
    """
    with _lock(model):
        modes = [(module, module.training) for module in model.modules()]
        own = [(config, config._attn_implementation_internal) for config in _configs(model)]
        try:
            model.eval()
            if implementation:
                model.set_attn_implementation(implementation)
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            for config, name in own:  # not through its property, which would also set the configurations inside
                config._attn_implementation_internal = name


def _lock(model: nn.Module) -> threading.RLock:
    with _LOCKS_LOCK:
        return _LOCKS.setdefault(model, threading.RLock())


def _configs(model: PreTrainedModel) -> list[Any]:
    """Every configuration inside the model, once."""
    waiting = [module.config for module in model.modules() if isinstance(module, PreTrainedModel)]
    found: dict[int, Any] = {}
    while waiting:
        config = waiting.pop()
        if id(config) not in found:
            found[id(config)] = config
            inner = (getattr(config, name, None) for name in config.sub_configs)
            waiting.extend(part for part in inner if part is not None)
    return list(found.values())
