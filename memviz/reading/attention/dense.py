"""Reads a model that bypasses the attention interface: through its own eager weights, all of them kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from memviz.errors import ReadingError
from memviz.memory import Interventions, Kind, Memory, Summary, read_only
from memviz.progress import Progress
from memviz.reading.attention.attention_function import Block, blocks, handled_by
from memviz.reading.attention.eager import EAGER_OUTPUTS, is_attention
from memviz.reading.attention.summary import Axes, BlockSummariser, Repeats, summary_fields


def read(
    model: PreTrainedModel,
    inputs: Mapping[str, Any],
    axes: Mapping[Kind, Axes],
    *,
    causal: frozenset[Kind],
    interventions: Interventions,
    progress: Progress | None,
) -> tuple[dict[Kind, Memory], Any]:
    """(memories by kind, the model's output). Raises as `check` does.

    ``causal``: the memories where no query sees a later key.
    """
    check(model, interventions)
    extra = {"use_cache": False} if getattr(model.config, "use_cache", None) is not None else {}
    with handled_by(None):
        outputs = model(**inputs, **extra, output_attentions=True, return_dict=True)
    memories: dict[Kind, Memory] = {}
    for number, (kind, side) in enumerate(axes.items()):
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
            memories[kind] = _memory(kind, side, weights, causal=kind in causal)
        if progress is not None:
            progress((number + 1) / len(axes), kind)
    return memories, outputs


def check(model: PreTrainedModel, interventions: Interventions) -> None:
    """Raises `ReadingError` when anything should be changed."""
    if interventions:
        raise ReadingError(
            "{model} cannot be made to forget: its attention does not pass through a place MemViz can reach.",
            todo="Choose another model, such as minilm or smollm2.",
            model=type(model).__name__,
        )


def _memory(kind: Kind, axes: Axes, weights: Tensor, *, causal: bool) -> Memory:
    repeats = Repeats(axes.ids, weights.device) if axes.ids else None
    parts = [_summary(layer, axes, repeats) for layer in weights]
    stacked = {name: read_only(np.stack([part[name] for part in parts])) for name in parts[0]}
    array = weights.numpy()
    return Memory(
        kind=kind,
        queries=axes.queries,
        keys=axes.keys,
        layers=array.shape[0],
        heads=array.shape[1],
        causal=causal and not np.triu(array, k=1).any(),
        scores=(),
        summary=Summary(repeats=0 if repeats is None else repeats.queries, **stacked),
        weights=read_only(array),
    )


def _summary(weights: Tensor, axes: Axes, repeats: Repeats | None) -> dict[str, np.ndarray]:
    """The summary of one layer's weights [head, query, key], by the same summariser as a recorded reading."""
    heads, rows, cols = weights.shape
    summariser = BlockSummariser(heads, torch.tensor([[0, cols]]).expand(rows, 2), axes, repeats)
    unknown = torch.full((heads, rows), float("nan"))
    for start, stop in blocks(rows, axes.cell[0]):
        part = weights[:, start:stop].clone()
        summariser(Block(start, stop, 0, cols, part, normaliser=unknown[:, start:stop]))
    unknown_values = np.zeros((heads, 0), dtype=np.float32)
    return summary_fields(summariser, unknown_values, unknown_values)
