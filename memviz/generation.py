"""What a language model wrote after a prompt, and what its cache held while it wrote."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from memviz.memory import read_only
from memviz.note import Note

STOPS = {
    "end": Note("It came to its end by itself."),
    "length": Note("It stopped because as many tokens as were asked for are written."),
    "context": Note("It stopped because the model has no room for more tokens."),
    "string": Note("It stopped at a text that was to stop it."),
    "cancelled": Note("It was stopped from outside."),
}
"""Why nothing more was written, by name."""


def _nothing() -> np.ndarray:
    return read_only(np.zeros(0, dtype=np.float32))


@dataclass(frozen=True)
class CacheSize:
    """How much memory do the keys and values of the past take? Measured on the cache that a model wrote with.

    layers, kv_heads, head_dim   how many there are of each
    tokens                       how many it holds, at the end and in the fullest layer; the last token that was written
                                 is never put in
    bytes                        keys and values of all layers together
    bytes_per_token              what one more token takes: 2 · layers · kv_heads · head_dim · bytes of a number
    precision                    the type of the numbers, such as "float32"
    """

    layers: int
    kv_heads: int
    head_dim: int
    tokens: int
    bytes: int
    bytes_per_token: int
    precision: str

    @property
    def number_bytes(self) -> int:
        """How many bytes one number takes."""
        return self.bytes_per_token // (2 * self.layers * self.kv_heads * self.head_dim)


def cache_bytes(
    tokens: int, *, layers: int, kv_heads: int, head_dim: int, number_bytes: int, window: int | None = None
) -> int:
    """How many bytes would the cache of so many ``tokens`` take?

    2 · layers · kv_heads · head_dim · number_bytes · min(tokens, window), the 2 for keys and values. Every head has its
    own keys in multi-head attention (``kv_heads`` is the number of heads), all share one in multi-query attention (1;
    Shazeer 2019), groups share them in between (Ainslie et al. 2023). With a ``window`` older keys are let go.
    """
    held = tokens if window is None else min(tokens, window)
    return 2 * layers * kv_heads * head_dim * number_bytes * held


@dataclass(frozen=True, eq=False)
class Generation:
    """How a text was continued.

    first         the position of the first token that was written
    stop          why nothing more was written: one of `STOPS`
    ranks         int32 [token written]: 1 for the likeliest token at this step, 2 for the next likely, …
    entropies     float32 [token written]: how undecided the model was, −Σ p · ln p over its vocabulary, in nats
    cache         how much its cache took; ``None`` where the model keeps none that can be measured
    temperature   0 for the likeliest token at every step, otherwise what the logits were divided by
    top_k, top_p  only the likeliest ``top_k`` tokens, only so many that they make up ``top_p``, could be drawn
    seed          of the draw
    stops         the texts that were to stop it
    chat          the prompt was a chat, put into words by the model's own template
    prefix        how many of the first tokens were chosen by somebody else, and not by the model
    """

    first: int
    stop: str
    ranks: np.ndarray = field(default_factory=_nothing)
    entropies: np.ndarray = field(default_factory=_nothing)
    cache: CacheSize | None = None
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    stops: tuple[str, ...] = ()
    chat: bool = False
    prefix: int = 0
