"""How is a model that somebody else holds given back as it was?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from transformers import PreTrainedModel

from memviz.errors import UnsupportedModelError

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


@contextmanager
def temporarily_configured(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    """The model in eval mode and with this attention implementation ("" leaves its own).

    Afterwards, also after an error, every module's training flag and every configuration's
    implementation are what they were. One borrower at a time: all readers of a model share one lock.
    """
    with _lock(model):
        modes = [(module, module.training) for module in model.modules()]
        implementations = [(config, config._attn_implementation_internal) for config in _configs(model)]
        try:
            model.eval()
            if implementation:
                model.set_attn_implementation(implementation)
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            for (
                config,
                name,
            ) in implementations:  # not through its property, which would also set the configurations inside
                config._attn_implementation_internal = name


@contextmanager
def restoring_modules(model: PreTrainedModel) -> Iterator[None]:
    """The parts of the model, and what they are set to, are what they were, also after an error.

    BigBird swaps its sparse attention for a full one when it reads a short text, and keeps it for all texts after.
    Raises `UnsupportedModelError` when something was swapped, once it is put back: what was read is not this model.
    """
    before = [(module, dict(module._modules), _string_settings(module)) for module in model.modules()]
    refusal, swapped = None, []
    try:
        yield
    except UnsupportedModelError as problem:  # what is wrong with the swapped model is not wrong with this one
        refusal = problem
    finally:
        for module, parts, settings in before:
            swapped += _put_back(module, parts, settings)
    if swapped:
        now, was = swapped[0]
        raise UnsupportedModelError(
            "{model} changes for good with the length of a text ({now} in place of {was}), so it cannot be read.",
            todo="Open it with full attention from the start, or choose another model, such as minilm or smollm2.",
            model=type(model).__name__,
            now=now,
            was=was,
        ) from refusal
    if refusal is not None:
        raise refusal


@contextmanager
def trained_frequencies(model: nn.Module) -> Iterator[None]:
    """Rotary positions as in training, and afterwards as they were: dynamic ones grow with a long text and stay so.

    Without this, a text would be read otherwise after a longer one.
    """
    before = [(module, frequencies) for module in model.modules() if (frequencies := _frequencies(module))]
    for module, frequencies in before:
        for prefix in frequencies:
            original = getattr(module, f"{prefix}original_inv_freq").to(getattr(module, f"{prefix}inv_freq").device)
            _set_frequencies(module, prefix, original, module.original_max_seq_len)
    try:
        yield
    finally:
        for module, frequencies in before:
            for prefix, (tensor, length) in frequencies.items():
                _set_frequencies(module, prefix, tensor, length)


def _frequencies(module: nn.Module) -> dict[str, tuple[Tensor, Any]]:
    """The dynamic frequencies of a module, and how many tokens they are for: by prefix, one for each kind of layer."""
    by_prefix, kind = {}, getattr(module, "rope_type", "")
    kinds = {f"{layer}_": part for layer, part in kind.items()} if isinstance(kind, dict) else {"": kind}
    for prefix, kind in kinds.items():
        if kind == "dynamic" and hasattr(module, f"{prefix}original_inv_freq"):
            length = getattr(module, f"{prefix}max_seq_len_cached", module.original_max_seq_len)
            by_prefix[prefix] = getattr(module, f"{prefix}inv_freq"), length
    return by_prefix


def _set_frequencies(module: nn.Module, prefix: str, tensor: Tensor, length: Any) -> None:
    module.register_buffer(f"{prefix}inv_freq", tensor, persistent=False)
    setattr(module, f"{prefix}max_seq_len_cached", length)


def _string_settings(module: nn.Module) -> dict[str, str]:
    """What a module is set to by a word, such as the kind of its attention."""
    return {name: value for name, value in vars(module).items() if isinstance(value, str)}


def _put_back(module: nn.Module, parts: dict[str, nn.Module | None], strings: dict[str, str]) -> list[tuple[str, str]]:
    """Gives a module its parts and settings again; returns (what was there, what belongs there) where that differs."""
    settings = vars(module)
    changes = [
        (str(settings.get(name)), expected) for name, expected in strings.items() if settings.get(name) != expected
    ]
    swapped = [(now, parts.get(name)) for name, now in module._modules.items() if now is not parts.get(name)]
    changes += [(type(now).__name__, type(was).__name__) for now, was in swapped]
    if changes:
        module._modules.clear()
        module._modules.update(parts)
        settings.update(strings)
    return changes


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
