"""Reads a model that bypasses the attention interface: through its own eager weights, all of them kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from memviz.errors import ReadingError
from memviz.memory import Forget, Kind, Memory, Summary, read_only
from memviz.progress import Progress
from memviz.reading.attention.eager import EAGER_OUTPUTS, handled_by, is_attention
from memviz.reading.attention.function import AttentionCall, Block, blocks
from memviz.reading.attention.summary import Axes, BlockSummariser, Repeats, summary_fields


def read(
    model: PreTrainedModel,
    tensors: dict[str, Tensor],
    sides: Mapping[Kind, Axes],
    *,
    looking_back: frozenset[Kind],
    forget: Forget | None,
    progress: Progress | None,
) -> tuple[dict[Kind, Memory], Any]:
    """(memories by kind, the model's output). Raises as `check` does.

    ``looking_back``: the memories where no query sees a later key.
    """
    check(model, forget)
    extra = {"use_cache": False} if getattr(model.config, "use_cache", None) is not None else {}
    with handled_by(None):
        outputs = model(**tensors, **extra, output_attentions=True, return_dict=True)
    memories: dict[Kind, Memory] = {}
    for number, (kind, side) in enumerate(sides.items()):
        layers = [layer for layer in (getattr(outputs, EAGER_OUTPUTS[kind], None) or ()) if layer is not None]
        if not all(is_attention(layer, (len(side.queries), len(side.keys))) for layer in layers):
            raise ReadingError(
                "{model} gives away something else than its attention for a text of {tokens} tokens.",
                todo="Shorten the text, or choose another model.",
                model=type(model).__name__,
                tokens=len(side.queries),
            )
        if layers:
            weights = torch.stack([layer[0].float().cpu() for layer in layers])
            memories[kind] = _memory(kind, side, weights, causal=kind in looking_back)
        if progress is not None:
            progress((number + 1) / len(sides), kind)
    return memories, outputs


def check(model: PreTrainedModel, forget: Forget | None) -> None:
    """Raises `ReadingError` when edges should be forgotten."""
    if forget is not None:
        raise ReadingError(
            "{model} cannot be made to forget: its attention does not pass through a place MemViz can reach.",
            todo="Choose another model, such as minilm or smollm2.",
            model=type(model).__name__,
        )


def _memory(kind: Kind, sides: Axes, weights: Tensor, *, causal: bool) -> Memory:
    repeats = Repeats(sides.ids, weights.device) if sides.ids else None
    parts = [_summary(layer, sides, repeats) for layer in weights]
    stacked = {name: read_only(np.stack([part[name] for part in parts])) for name in parts[0]}
    array = weights.numpy()
    return Memory(
        kind=kind,
        queries=sides.queries,
        keys=sides.keys,
        layers=array.shape[0],
        heads=array.shape[1],
        causal=causal and not np.triu(array, k=1).any(),
        scores=(),
        summary=Summary(repeats=0 if repeats is None else repeats.queries, **stacked),
        weights=read_only(array),
    )


def _summary(weights: Tensor, sides: Axes, repeats: Repeats | None) -> dict[str, np.ndarray]:
    """The summary of one layer's weights [head, query, key], by the same watcher as a recorded reading."""
    heads, rows, cols = weights.shape
    nothing = torch.zeros(heads, rows, 1), torch.zeros(heads, cols, 1)
    visible = torch.tensor([[0, cols]]).expand(rows, 2)
    watcher = BlockSummariser(AttentionCall(nothing[0], nothing[1], nothing[1], 1.0, visible), sides, repeats)
    unknown = torch.full((heads, rows), float("nan"))
    for start, stop in blocks(rows, sides.cell[0]):
        part = weights[:, start:stop].clone()
        watcher(Block(start, stop, 0, cols, part, normaliser=unknown[:, start:stop]))
    return summary_fields(watcher, np.zeros((heads, 0), dtype=np.float32))
