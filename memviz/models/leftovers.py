"""Which weights of a file found no place in the class that was opened, and which of those would change its attention?

transformers leaves them out without a word: positions of another kind, biases that the configuration denies, layers
beyond its number. What is read is then another model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_COMPUTED = re.compile(
    r"(^|\.)("
    r"position_ids|token_type_ids"  # numbers that count from 0, or are 0
    r"|inv_freq|original_inv_freq|cos_cached|sin_cached"  # rotary positions
    r"|embed_positions\.(weights|_float_tensor)"  # sines of positions
    r"|masked_bias|(attn|attention)\.bias"  # which tokens are later ones, and what to write there
    r"|version"  # of the program that saved it
    r")$"
)
"""Names of buffers that follow from the configuration: a file may bring them, the model makes its own."""

_UNUSED = re.compile(r"(^|\.)cls\.seq_relationship\.")
"""The guess of the next sentence: it stands inside another head, and nothing reads it."""


def harmful_leftovers(keys: Iterable[str], *, model: Any) -> list[str]:
    """Which keys without a place belong to what ``model`` computes? In order; none where all are harmless.

    ``keys`` are those of the file that the class has no weight for. Harmless are buffers that follow from the
    configuration (`_COMPUTED`), the guess of the next sentence (`_UNUSED`), and whatever stands outside of the model
    and of the heads that it was opened with: another head, a pooler that the class does without, or another model in
    the same file.
    """
    prefix = f"{model.base_model_prefix}."
    parts = {name for part in (model, model.base_model) for name in _names(part)} - {model.base_model_prefix}

    def is_harmful(key: str) -> bool:
        if _COMPUTED.search(key) or _UNUSED.search(key):
            return False
        return any(name.partition(".")[0] in parts for name in (key, key.removeprefix(prefix)))

    return sorted(key for key in keys if is_harmful(key))


def wrapper_prefixes(keys: Iterable[str], weights: Iterable[str]) -> list[str]:
    """Under which names are all the ``weights`` among the ``keys`` of the file, one within another class?

    ``["module."]`` for a model that was saved out of a ``DataParallel``, ``["encoder."]`` for one that is the attribute
    ``encoder`` of somebody's class. Several where a file holds the same kind of model several times.
    """
    names, parts = set(keys), sorted(weights)
    starts = (name.removesuffix(parts[0]) for name in names if name.endswith(f".{parts[0]}"))
    return sorted(start for start in starts if all(start + key in names for key in parts))


def _names(module: Any) -> list[str]:
    """The parts and the weights that stand in a module itself."""
    inside = [name for name, _ in module.named_children()]
    return inside + [name for name, _ in module.named_parameters(recurse=False)]
