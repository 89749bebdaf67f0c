"""What does a reading cost in memory and time, and what would the same text cost elsewhere?

costs.reading(trace).bytes, costs.reading(trace).dense_bytes    # what is kept, and what every weight would take
costs.KNOWN["Llama 3 8B"].cache_bytes(1_000)                    # by arithmetic, from its published configuration
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from memviz.trace import Trace

WEIGHT = 4  # bytes of an attention weight in float32, in which models are read here
HALF = 2  # bytes of a number in float16 or bfloat16, in which large models are mostly run


@dataclass(frozen=True)
class Cost:
    """What one reading took.

    tokens        that were read, and written
    bytes         that its memories keep: queries, keys, and what is known of every head
    dense_bytes   that all attention weights would take in float32, the naive way: layers · heads · n², kept whole
    seconds       that it took when it was made, on the machine that made it
    """

    tokens: int
    bytes: int
    dense_bytes: int
    seconds: float

    @property
    def seconds_per_token(self) -> float:
        """NaN for no token."""
        return self.seconds / self.tokens if self.tokens else float("nan")


def reading(trace: Trace) -> Cost:
    """What did this reading take? Of a text that is read in parts, all parts together."""
    return Cost(
        tokens=len(trace.tokens) + len(trace.targets),
        bytes=trace.nbytes,
        dense_bytes=_dense(trace),
        seconds=float(trace.seconds.get("total", float("nan"))),
    )


def _dense(trace: Trace) -> int:
    own = sum(
        memory.layers * memory.heads * len(memory.queries) * len(memory.keys) for memory in trace.memories.values()
    )
    return WEIGHT * own + sum(map(_dense, trace.parts))


@dataclass(frozen=True)
class KnownModel:
    """A model as it was published.

    parameters         how many numbers its weights are
    layers, heads      of attention; ``kv_heads`` of the heads have keys and values of their own
    head_dim           numbers of a key
    source             where that is said
    """

    name: str
    parameters: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    source: str

    @property
    def weight_bytes(self) -> int:
        """Of the weights, at two bytes a number."""
        return HALF * self.parameters

    def cache_bytes(self, tokens: int) -> int:
        """Of the keys and values of so many ``tokens``: 2 · layers · key-value heads · head dimension · 2 bytes."""
        return 2 * self.layers * self.kv_heads * self.head_dim * HALF * tokens

    def dense_bytes(self, tokens: int) -> int:
        """Of all attention weights to so many ``tokens``, kept whole: layers · heads · n² · 2 bytes."""
        return self.layers * self.heads * tokens**2 * HALF

    def operations(self, tokens: int) -> float:
        """About how many it takes to read so many ``tokens``: 2 a parameter and token (Kaplan et al. 2020)."""
        return 2.0 * self.parameters * tokens


# Layers, heads and key-value heads of Llama 3 are those of the paper's table 3 and of Meta's own llama-models,
# models/sku_list.py; their parameters, and those of GPT-2 XL, are counted by building the published configuration.
_LLAMA = "Grattafiori et al. 2024, The Llama 3 Herd of Models, table 3"
KNOWN = {
    model.name: model
    for model in (
        KnownModel("GPT-2 XL", 1_557_611_200, 48, 25, 25, 64, "huggingface.co/openai-community/gpt2-xl, config.json"),
        KnownModel("Llama 3 8B", 8_030_261_248, 32, 32, 8, 128, _LLAMA),
        KnownModel("Llama 3 70B", 70_553_706_496, 80, 64, 8, 128, _LLAMA),
        KnownModel("GPT-3", 175_000_000_000, 96, 96, 96, 128, "Brown et al. 2020, table 2.1"),
        KnownModel("Llama 3 405B", 405_853_388_800, 126, 128, 8, 128, _LLAMA),
    )
}
"""Larger models, by name: none of them is here, and what they would take is arithmetic."""


def table(tokens: int) -> pd.DataFrame:
    """One row a model of `KNOWN`: what so many ``tokens`` would take there, in bytes and operations."""
    return pd.DataFrame(
        [
            {
                "model": model.name,
                "parameters": model.parameters,
                "weight_bytes": model.weight_bytes,
                "cache_bytes": model.cache_bytes(tokens),
                "dense_bytes": model.dense_bytes(tokens),
                "operations": model.operations(tokens),
                "source": model.source,
            }
            for model in KNOWN.values()
        ]
    )
