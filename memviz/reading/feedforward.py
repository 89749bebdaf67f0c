"""The feed-forward networks (MLPs) of a model: what is left when some of them write nothing?

In every layer, the last linear map outside attention brings what the network found back to the width of the stream;
where its output is zero, the network has written nothing. Models whose layers have several networks (experts) are
refused: none of their maps is that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from memviz.errors import MeasureError, TraceError
from memviz.reading.engine.engine import Engine
from memviz.reading.engine.hooks import Hook, on_output

FeedForwards = tuple[tuple[int, int], ...]
"""Feed-forward networks by (layer, position)."""


def blocks(model: Any) -> list[nn.Module]:
    """The layers of a network: the parts of its largest list of modules."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=lambda module: sum(1 for _ in module.modules()), default=[]))


@contextmanager
def without_feedforwards(engine: Engine, rows: Sequence[FeedForwards], *, start: int = 0) -> Iterator[None]:
    """In a batch of texts, each of the ``rows`` without some networks; the text is read from position ``start`` on.

    Raises `MeasureError` where the networks of a model cannot be told, `TraceError` for a layer that is not there.
    """
    wanted: dict[int, list[tuple[int, int]]] = {}
    for row, places in enumerate(rows):
        for layer, position in places:
            if position >= start:
                wanted.setdefault(layer, []).append((row, position - start))
    with ExitStack() as stack:
        maps = output_maps(engine) if wanted else {}
        for layer, cells in wanted.items():
            if layer not in maps:
                raise TraceError(
                    "There is no layer {layer}: this model has {layers} of them.",
                    todo="Layers are counted from 0.",
                    layer=layer,
                    layers=len(maps),
                )
            stack.enter_context(on_output([maps[layer]], _zero(cells, len(rows))))
        yield


def _zero(cells: Sequence[tuple[int, int]], count: int) -> Hook:
    def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
        changed = output.clone()
        by_row = changed.view(count, -1, changed.shape[-1])
        for row, position in cells:
            by_row[row, position] = 0
        return changed

    return hook


def output_maps(engine: Engine) -> Mapping[int, nn.Module]:
    """The last linear map of the network of every layer. Raises `MeasureError` where they cannot be told."""
    projections = engine.plan.projections.get("self", [])
    layers = blocks(engine.model.base_model)
    found = [_output_map(engine, block, projections) for block in layers]
    if engine.plan.dense or len(layers) != engine.plan.layers.get("self") or None in found:
        raise MeasureError(
            "The feed-forward networks of {model} cannot be told apart, so none can be unplugged.",
            todo="Choose a model such as smollm2 or minilm.",
            model=engine.info.name,
        )
    return {layer: module for layer, module in enumerate(found) if module is not None}


def _output_map(engine: Engine, block: nn.Module, projections: Sequence[nn.Module | None]) -> nn.Module | None:
    """The last linear map of a layer, outside attention, from another width to that of the stream."""
    width = engine.model.config.get_text_config().hidden_size
    attention = {
        id(part) for module in block.modules() if module in engine.plan.places for part in module.modules()
    } | {id(module) for module in projections}
    maps = [
        module
        for module in block.modules()
        if isinstance(module, nn.Linear | Conv1D) and id(module) not in attention and _widths(module)[1] == width
    ]
    wider = [module for module in maps if _widths(module)[0] != width]
    best = wider or maps
    return best[-1] if best else None


def _widths(module: nn.Linear | Conv1D) -> tuple[int, int]:
    """(numbers in, numbers out)."""
    first, second = module.weight.shape
    return (first, second) if isinstance(module, Conv1D) else (second, first)
