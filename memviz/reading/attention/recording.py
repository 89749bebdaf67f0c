"""What a reading keeps while the model runs: queries, keys, and the summary of every head."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import ReadingError
from memviz.memory import Interventions, Kind, LayersRead, Memory, OnLayers, Place, Scores, Summary, read_only
from memviz.memory.edges import NEVER
from memviz.progress import Progress
from memviz.reading.attention.attention_function import AttentionCall, Block, attend, blocks
from memviz.reading.attention.heavy_hitters import HeavyHitters
from memviz.reading.attention.interventions import Places, expiry_by_attention, with_ablations, with_cuts
from memviz.reading.attention.summary import Axes, BlockSummariser, Repeats, summary_fields

BATCH = 2**20  # weights: layers of a short text are summed up together, so many at once


@dataclass(frozen=True)
class _Pending:
    """A layer that is not summed up yet, and its only block."""

    call: AttentionCall
    block: Block


@dataclass
class Recording:
    """The memories of one reading, growing layer by layer.

    ``places`` says which layer a module's call is; ``axes`` the two sides of each memory; ``layers`` how many layers
    each has in all; ``causal`` those in which no query sees a later key; ``grams`` the Gram matrices of the output
    projections; ``interventions`` what is changed. ``on_layers`` is called with the layers that are summed up.
    """

    places: Places
    axes: Mapping[Kind, Axes]
    layers: Mapping[Kind, int]
    causal: frozenset[Kind] = frozenset()
    grams: Mapping[Kind, list[Tensor | None]] = field(default_factory=dict)
    interventions: Interventions = field(default_factory=Interventions)
    progress: Progress | None = None
    on_layers: OnLayers | None = None

    def __post_init__(self) -> None:
        self.scores: dict[Kind, list[Scores]] = {kind: [] for kind in self.axes}
        self._pending: dict[Kind, list[_Pending]] = {kind: [] for kind in self.axes}
        self._batches: dict[Kind, tuple[Tensor, ...]] = {}  # scores and weights of the layers that are pending
        self._workspace: Tensor | None = None  # scores and weights of one block; fresh memory would cost every layer
        self._repeats: dict[Kind, Repeats | None] = {}
        self._buffers: dict[tuple[Kind, str], np.ndarray] = {}
        self._calls: dict[int, int] = {}

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output; on the way, everything that is kept."""
        place = self._place(module, call)
        kind = place.kind
        call = with_cuts(call, self.interventions, place, expiry=self._expiry(place, call))
        if self._pending[kind] and not _can_batch(call, self._pending[kind]):
            self._flush(kind)
        self.scores[kind].append(self._stored(place, call))
        output = self._postponed(kind, call) if _is_small(call, self.axes[kind]) else self._summarised(kind, call)
        self._report()
        return with_ablations(output, self.interventions, place)

    def memory(self, kind: Kind) -> Memory:
        """The finished memory of that kind."""
        if self._pending[kind]:
            self._flush(kind)
        axes, scores = self.axes[kind], self.scores[kind]
        repeats = self._repeats.get(kind)
        names = [field.name for field in dataclasses.fields(Summary) if field.name != "repeats"]
        stacked = {name: read_only(self._buffers[kind, name][: len(scores)]) for name in names}
        summary = Summary(repeats=0 if repeats is None else repeats.queries, **stacked)
        rows = np.arange(len(axes.queries))
        interventions = self.interventions
        return Memory(
            kind=kind,
            queries=axes.queries,
            keys=axes.keys,
            layers=len(scores),
            heads=scores[0].query.shape[0],
            causal=kind in self.causal and all((layer.visible[:, 1] <= rows + 1).all() for layer in scores),
            scores=tuple(scores),
            summary=summary,
            forget=interventions.forget if kind == interventions.usual else None,
            eviction=interventions.eviction if kind in interventions.evicting else None,
            expiry=self._expiry_of(kind),
        )

    def _expiry(self, place: Place, call: AttentionCall) -> np.ndarray | None:
        """From which query on is each key of this layer gone? ``None`` where attention need not be asked.

        int32 [key-value head, key].
        """
        eviction, keys = self.interventions.eviction, call.key.shape[1]
        if eviction is None or not self.interventions.evicts(place) or not eviction.adaptive:
            return None
        expiry = np.full((len(call.key), keys), NEVER, dtype=np.int32)
        if keys >= (eviction.room or 0):  # else there is room for all of them
            expiry[:] = expiry_by_attention(HeavyHitters(eviction), call, self.interventions, place)
        self._buffer(place.kind, "expiry", (place.layer + 1, *expiry.shape), expiry.dtype)[place.layer] = expiry
        return expiry

    def _expiry_of(self, kind: Kind) -> np.ndarray | None:
        """What was decided of all layers while they were read: int32 [layer, key-value head, key]."""
        expiry = self._buffers.get((kind, "expiry"))
        return None if expiry is None else read_only(expiry[: len(self.scores[kind])])

    def _report(self, left: float = 0.0) -> None:
        """Tells the progress: all layers so far are read, the last but for a share ``left``."""
        if self.progress is not None:
            read, every = sum(len(scores) for scores in self.scores.values()), sum(self.layers.values())
            done, total = self._layers_done()
            self.progress((read - left) / every, f"{done}/{total}")

    def _layers_done(self) -> tuple[int, int]:
        """(how many layers are read, of how many) as a person counts them: a decoder's two attentions are one layer's.

        An encoder that is not recorded here was read before.
        """
        counted = [kind for kind in self.layers if not (kind == "decoder" and "cross" in self.layers)]
        done = sum(
            len(self.scores[kind]) if kind in self.scores else self.layers[kind] * (kind == "encoder")
            for kind in counted
        )
        return max(done, 1), sum(self.layers[kind] for kind in counted)

    def _place(self, module: nn.Module, call: AttentionCall) -> Place:
        """Which layer is this call? The plan says it; the layers of a memory come one after the other."""
        if module in self.places:
            place = self.places.place(module, call, self._calls)
            if place.layer == len(self.scores[place.kind]):
                return place
        raise ReadingError(
            "A part of the model ({part}) attends to this text that did not attend when the model was opened.",
            todo="Shorten the text, or choose another model.",
            part=type(module).__name__,
        )

    def _summarised(self, kind: Kind, call: AttentionCall) -> Tensor:
        """What a layer reads [head, query, dim], which is summed up block by block."""
        axes = self.axes[kind]
        summariser = BlockSummariser(len(call.query), call.visible, axes, self._repeats_of(kind, call.query.device))
        size = _block_size(call, axes)
        if self._workspace is None or self._workspace.shape[1] < size or self._workspace.device != call.query.device:
            self._workspace = torch.empty(2, size, device=call.query.device)
        scores, weights = self._workspace

        def watch(block: Block) -> None:
            summariser(block)
            if block.stop < len(axes.queries):
                self._report(left=1 - block.stop / len(axes.queries))

        output = attend(call, watch=watch, cell=axes.cell, buffers=(scores, weights if call.plain else scores))
        self._store_summary(kind, summariser, [call])
        return output

    def _postponed(self, kind: Kind, call: AttentionCall) -> Tensor:
        """What a layer reads [head, query, dim]; its weights stay, to be summed up with those of the layers around."""
        pending, count = self._pending[kind], _count(call)
        if not pending:
            size = count * max(1, min(BATCH // count, self.layers.get(kind, 1)))
            self._batches[kind] = tuple(torch.empty(2, size, device=call.query.device))
        used = sum(layer.block.weights.numel() for layer in pending)
        scores, weights = (buffer[used:] for buffer in self._batches[kind])
        watched: list[Block] = []
        output = attend(call, watch=watched.append, cell=self.axes[kind].cell, buffers=(scores, weights))
        pending.append(_Pending(call, *watched))
        return output

    @torch.inference_mode()
    def _flush(self, kind: Kind) -> None:
        """Sums up the pending layers as one, whose heads are those of the first, then of the second, and so on."""
        pending, self._pending[kind] = self._pending[kind], []
        calls, block = [layer.call for layer in pending], pending[0].block
        shape = (len(pending) * len(block.weights), *block.weights.shape[1:])
        scores, weights = (buffer[: math.prod(shape)].view(shape) for buffer in self._batches.pop(kind))
        repeats = self._repeats_of(kind, weights.device)
        summariser = BlockSummariser(len(weights), calls[0].visible, self.axes[kind], repeats)
        summariser(replace(block, weights=weights, scores=scores))
        self._store_summary(kind, summariser, calls)

    def _store_summary(self, kind: Kind, summariser: BlockSummariser, calls: Sequence[AttentionCall]) -> None:
        """Keeps what was summed up of the latest layers."""
        stop = len(self.scores[kind])
        which = slice(stop - len(calls), stop)
        for name, part in summary_fields(summariser, *self._values(kind, which, calls)).items():
            by_layer = part.reshape(len(calls), len(part) // len(calls), *part.shape[1:])
            self._buffer(kind, name, (stop, *by_layer.shape[1:]), part.dtype)[which] = by_layer
            if name == "thumbnail" and self.on_layers is not None:
                self.on_layers(LayersRead(kind, which.start, max(stop, self.layers.get(kind, 0)), read_only(by_layer)))

    def _repeats_of(self, kind: Kind, device: torch.device) -> Repeats | None:
        if kind not in self._repeats:
            ids = self.axes[kind].ids
            self._repeats[kind] = Repeats(ids, device) if ids else None
        return self._repeats[kind]

    def _stored(self, place: Place, call: AttentionCall) -> Scores:
        """What rebuilds the patterns of a layer."""

        def store(name: str, tensor: Tensor) -> np.ndarray:
            shape = (place.layer + 1, *tensor.shape)
            array = self._buffer(place.kind, name, shape, np.dtype(np.float32))[place.layer]
            torch.from_numpy(array).copy_(tensor.detach())
            return read_only(array)

        return to_scores(call, store=store)

    def _buffer(self, kind: Kind, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Where something is kept, of so many layers or more [layer, ...]: one array for all layers.

        Made layer by layer, what stays would lie between what the model throws away, and the memory of a
        reading would be twice as large.
        """
        whole = (max(self.layers.get(kind, 0), shape[0]), *shape[1:])
        buffer = self._buffers.get((kind, name))
        if buffer is None or buffer.shape != whole:  # the first layer, or one unlike those before
            before, buffer = buffer, np.empty(whole, dtype=dtype)
            if before is not None and before.shape[1:] == whole[1:]:  # more layers than were expected
                buffer[: len(before)] = before
            self._buffers[kind, name] = buffer
        return buffer

    def _values(self, kind: Kind, which: slice, calls: Sequence[AttentionCall]) -> tuple[np.ndarray, np.ndarray]:
        """‖value · W_O‖ of consecutive layers [layer and head, key], and the products of two pieces of a word.

        From the Gram matrices of the output projections; [layer and head, pair] for the products. Both empty when the
        projection of any layer is not known.
        """
        grams, groups = self.grams.get(kind) or [None], len(calls[0].query) // len(calls[0].value)
        known = [gram for gram in grams if gram is not None]
        if len(known) < len(grams):
            unknown = np.zeros((sum(len(call.query) for call in calls), 0), dtype=np.float32)
            return unknown, unknown
        value = torch.cat([call.value for call in calls]).float().repeat_interleave(groups, dim=0)
        written = torch.bmm(value, torch.cat(known[which]))
        first, second = torch.from_numpy(self.axes[kind].word_pairs).to(value.device).T
        dots = (written[:, first] * value[:, second]).sum(-1)
        return (written * value).sum(-1).clamp_min_(0.0).sqrt_().cpu().numpy(), dots.cpu().numpy()


@dataclass(frozen=True)
class RecordingBatch:
    """The recordings of several texts that go through a model together: each sees its own attention calls."""

    recordings: Sequence[Recording]

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output of one text, recorded as if it were alone."""
        return self.recordings[call.item].attend(module, replace(call, item=0))


def _count(call: AttentionCall) -> int:
    """How many weights has a layer?"""
    return call.query.shape[0] * call.query.shape[1] * call.key.shape[1]


def _block_size(call: AttentionCall, axes: Axes) -> int:
    """How many weights has the largest block of a layer, at most?"""
    heads, rows, _ = call.query.shape
    return heads * max(stop - start for start, stop in blocks(rows, axes.cell[0])) * call.key.shape[1]


def _is_small(call: AttentionCall, axes: Axes) -> bool:
    """Is a layer so short, one block, and so plain that it can be summed up with others?"""
    one_block = len(list(blocks(call.query.shape[1], axes.cell[0]))) == 1
    return one_block and call.plain and call.cut is None and 2 * _count(call) <= BATCH


def _can_batch(call: AttentionCall, pending: Sequence[_Pending]) -> bool:
    """Can a layer be summed up with those that are pending: is there room, and is as much to be seen in it?"""
    last = pending[-1].call
    sides = [(getattr(call, name), getattr(last, name)) for name in ("query", "key", "value")]
    alike = all((a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) for a, b in sides)
    if not alike or (len(pending) + 1) * _count(call) > BATCH or not call.plain or call.cut is not None:
        return False
    return torch.equal(call.visible, last.visible)


def to_numpy(name: str, tensor: Tensor) -> np.ndarray:
    """The tensor as an array of its own, read-only."""
    return read_only(tensor.detach().float().cpu().contiguous().clone().numpy())


def to_scores(call: AttentionCall, *, store: Callable[[str, Tensor], np.ndarray] = to_numpy) -> Scores:
    """The part of an attention call that rebuilds its patterns, as read-only numpy arrays."""
    return Scores(
        query=store("query", call.query),
        key=store("key", call.key),
        scale=call.scale,
        visible=read_only(call.visible.to(torch.int32).cpu().numpy()),
        bias=None if call.bias is None else read_only(_compact(call.bias.float()).cpu().numpy()),
        softcap=call.softcap,
        sink=None if call.sink is None else to_numpy("sink", call.sink),
    )


def _compact(bias: Tensor) -> Tensor:
    """A bias that depends only on distance, as one row [head, query + key − 1]; any other bias unchanged."""
    _, rows, cols = bias.shape
    if rows > 1 and cols > 1 and not torch.equal(bias[:, 1:, 1:], bias[:, :-1, :-1]):
        return bias
    # along the first column from the bottom up, then along the first row: key − query from −(rows − 1)
    return torch.cat([bias[:, 1:, 0].flip(1), bias[:, 0]], dim=1).contiguous()
