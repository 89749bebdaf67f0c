"""Which rotary frequencies does a GGUF file ask for? transformers reads only their base, so the rest is put back here.

Llama 3.1 and later slow the long waves of their positions down. A GGUF file has that as a vector, ``rope_freqs``: by
which each frequency is divided. transformers has it as a rule with four numbers (Llama 3.1, Meta 2024), of which the
vector shows the factor and the others are the same in every published model; the rule counts only if it gives the
vector back.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from memviz.models import gguf_header

FACTORS = "rope_freqs.weight"
OTHERS = ("rope_factors_long.weight", "rope_factors_short.weight")
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192  # wave lengths in the length of the texts it was first trained on
CLOSE = 1e-3  # relative: factors are stored in float32


def apply_frequencies(config: Any, path: Path) -> list[str]:
    """Write the frequencies of the file at ``path`` into ``config``; what cannot be written, by its name in the file.

    Factors of one everywhere change nothing.
    """
    header = gguf_header.fields(path)
    rope = getattr(config, "rope_parameters", None) or {}
    names = set(gguf_header.tensor_names(path))
    unread = [name for name in OTHERS if name in names and not _is_plain(gguf_header.vector(path, name))]
    plain = rope.get("rope_type", "default") == "default"
    scaled = [key for key in header if key.endswith(".rope.scaling.type")]
    if plain and any(str(header[key]) not in ("none", "") and _factor(header, key) != 1 for key in scaled):
        unread += scaled
    if FACTORS in names and not _is_plain(factors := gguf_header.vector(path, FACTORS)):
        rule = _rule(factors, float(rope.get("rope_theta", 0))) if factors and plain else None
        if rule is None:
            unread.append(FACTORS)
        else:
            config.rope_parameters = {**rope, **rule}
    return unread


def llama3_factors(count: int, base: float, factor: float) -> list[float]:
    """By what does Llama 3.1 divide each of ``count`` frequencies? From 1, short waves, to ``factor``, long ones."""
    factors = []
    for place in range(count):
        turns = ORIGINAL / (2 * math.pi * base ** (place / count))  # waves in a text of that length
        smooth = min(max((turns - LOW) / (HIGH - LOW), 0.0), 1.0)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def _rule(factors: tuple[float, ...], base: float) -> dict[str, Any] | None:
    """The rule of Llama 3.1 that gives these factors; ``None`` where none does."""
    factor = round(max(factors), 3)
    if base <= 1 or not math.isfinite(factor) or factor <= 1:
        return None
    expected = llama3_factors(len(factors), base, factor)
    if not all(math.isclose(*pair, rel_tol=CLOSE) for pair in zip(factors, expected, strict=True)):
        return None
    numbers = {"factor": factor, "low_freq_factor": LOW, "high_freq_factor": HIGH}
    return {"rope_type": "llama3", **numbers, "original_max_position_embeddings": ORIGINAL}


def _is_plain(factors: tuple[float, ...] | None) -> bool:
    return factors is not None and all(math.isclose(factor, 1, rel_tol=CLOSE) for factor in factors)


def _factor(header: gguf_header.Fields, key: str) -> float:
    """By how much positions are scaled, as the file says; 0 where it does not."""
    value = header.get(key.removesuffix("type") + "factor", 0)
    return float(value) if isinstance(value, int | float) else 0.0
