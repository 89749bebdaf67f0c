"""How does a Whisper hear a short sound without the half minute of silence that it was trained to hear behind it?

Its encoder adds one vector for each of 1,500 positions, and refuses features of any other length. With the first n of
these vectors alone it hears n positions, two to three times as fast, and its maps have n² weights a head instead of
2,250,000. The layers and their weights are the very same objects: only the encoder around them is another.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn


def with_window(model: Any, positions: int) -> Any:
    """The same model whose encoder hears so many ``positions``; the model itself where it hears just as many."""
    encoder = model.get_encoder()
    if positions == encoder.embed_positions.num_embeddings:
        return model
    weights = encoder.embed_positions.weight[:positions]
    shorter = _with_parts(encoder, embed_positions=nn.Embedding.from_pretrained(weights))
    shorter.config = copy.copy(encoder.config)
    shorter.config.max_source_positions = positions
    shorter.max_source_positions = positions
    return _with_parts(model, model=_with_parts(model.model, encoder=shorter))


def _with_parts(module: nn.Module, **parts: nn.Module) -> Any:
    """A module like this one, with some of its parts replaced; all others are shared."""
    other = copy.copy(module)
    other.__dict__["_modules"] = {**module._modules, **parts}
    return other
