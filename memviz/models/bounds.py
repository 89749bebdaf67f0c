"""Does a model's configuration ask for more than any model has? Refused before it costs time or memory.

A configuration is a small text, and transformers builds whatever it says: a hundred thousand layers, a name for each
of a thousand million labels. The bounds are far above every published model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memviz.errors import ModelFileError

_LARGEST = (  # what the end of a setting's name says it counts, and the largest number that is believed
    (re.compile(r"(layers?|depths?|blocks?|block_count|groups?|group_num)$"), 1_000),
    (re.compile(r"experts?$|expert_count$"), 100_000),
    (re.compile(r"labels$"), 1_000_000),
    (re.compile(r"positions?(_embeddings)?$|positions?_count$|context_length$|n_ctx$"), 1 << 24),
)
_NOT_NEGATIVE = re.compile(
    r"(^|\.)(num_(\w+_)?(layers|heads)|n_layers?|n_heads?|(encoder|decoder)_(layers|attention_heads)|block_count"
    r"|(attention\.)?head_count(_kv)?|hidden_size|d_model|n_embd|embedding_length|intermediate_size|vocab_size"
    r"|type_vocab_size)$"
)
"""Settings of the model itself that count something."""
_NOT_ZERO = re.compile(
    r"(^|\.)(num_hidden_layers|num_attention_heads|hidden_size|d_model|vocab_size|block_count|embedding_length)$"
)
"""Those that no model that reads texts is without."""
_NAMES = ("id2label", "label2id")  # settings whose settings are the names that a person gave
_LARGEST_SETTINGS = 1 << 26  # bytes of a file of settings: a config.json, an index of weights
_LARGEST_VOCABULARY = 1 << 29  # bytes of any other small file


def check_settings(settings: Mapping[str, Any], *, name: str, file: str) -> None:
    """Raises ``ModelFileError`` for a setting, at any depth, that is larger than that of any model, or a senseless one.

    ``name``: what messages call the model; ``file``: where the settings stand.
    """
    for setting, value in settings.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and _NOT_NEGATIVE.search(setting) and (value < 0 or (value == 0 and _NOT_ZERO.search(setting))):
            raise ModelFileError(
                "The file {file} of {name} says that {setting} is {value}; no model has so many.",
                todo="Copy the model again, with its own files.",
                file=file,
                name=name,
                setting=setting[:80],
                value=str(value)[:20],
            )
    for setting, value in _numbers(settings):
        largest = next((largest for pattern, largest in _LARGEST if pattern.search(setting)), None)
        if largest is not None and value > largest:
            raise ModelFileError(
                "The file {file} of {name} says that {setting} is {value:.3g}; at most {largest:,} is believed.",
                todo="Copy the model again, with its own files.",
                file=file,
                name=name,
                setting=setting[:80],
                value=value,
                largest=largest,
            )


def check_size(path: Path, *, name: str) -> None:
    """Raises ``ModelFileError`` where a file beside the weights is larger than that of any model."""
    largest = _LARGEST_SETTINGS if path.name.endswith(("config.json", ".index.json")) else _LARGEST_VOCABULARY
    if path.stat().st_size > largest:
        raise ModelFileError(
            "The file {file} of {name} has {size:,} bytes; at most {largest:,} are read.",
            todo="Copy the model again, with its own files.",
            file=path.name,
            name=name,
            size=path.stat().st_size,
            largest=largest,
        )


def _numbers(settings: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Every number with the setting that it belongs to, those inside of lists and of other settings included."""
    waiting: list[tuple[str, Any]] = list(settings.items())
    while waiting:
        setting, value = waiting.pop()
        if isinstance(value, Mapping) and setting not in _NAMES:
            waiting += [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(setting, item) for item in value]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield setting.lower(), float(min(value, 10**300))
