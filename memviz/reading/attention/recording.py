"""What a reading keeps while the model runs: queries, keys, and the summary of every head."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import ReadingError
from memviz.memory import Forget, Kind, Memory, Scores, Summary, read_only
from memviz.progress import Progress
from memviz.reading.attention.function import AttentionCall, attend
from memviz.reading.attention.interventions import with_forgotten
from memviz.reading.attention.summary import Axes, BlockSummariser, Repeats, summary_fields

TOGETHER = 2**18  # weights: layers of a short text are summed up together while theirs stay in the processor's cache


@dataclass
class Recording:
    """The memories of one reading, growing layer by layer.

    ``kinds`` says which memory an attention module writes to; ``sides`` the two sides of each;
    ``layers`` how many layers each has in all, for the progress; ``looking_back`` those that see nothing later.
    """

    kinds: dict[int, Kind]
    sides: dict[Kind, Axes]
    layers: dict[Kind, int]
    looking_back: frozenset[Kind] = frozenset()
    grams: dict[Kind, list[Tensor | None]] = field(default_factory=dict)
    forget: Forget | None = None
    forget_in: Kind = "self"
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.scores: dict[Kind, list[Scores]] = {kind: [] for kind in self.sides}
        self._waiting: dict[Kind, list[AttentionCall]] = {kind: [] for kind in self.sides}  # layers not summed up yet
        self._repeats: dict[Kind, Repeats | None] = {}
        self._rooms: dict[tuple[Kind, str], np.ndarray] = {}

    def attend(self, module: nn.Module, lookup: AttentionCall) -> Tensor:
        """The attention output; on the way, everything that is kept."""
        kind = self._kind(module)
        layer = len(self.scores[kind])
        lookup = with_forgotten(lookup, self.forget if kind == self.forget_in else None, layer)
        if self._waiting[kind] and not _joins(lookup, self._waiting[kind]):
            self._sum_up(kind)
        self.scores[kind].append(self._kept(kind, layer, lookup))
        self._waiting[kind].append(lookup)
        output = attend(lookup) if _waits(lookup) else self._sum_up(kind)
        if self.progress is not None:
            done = sum(len(scores) for scores in self.scores.values())
            total = sum(self.layers.values())
            self.progress(done / total, f"{done}/{total}")
        return output

    def memory(self, kind: Kind) -> Memory:
        """The finished memory of that kind."""
        if self._waiting[kind]:
            self._sum_up(kind)
        sides, scores = self.sides[kind], self.scores[kind]
        repeats = self._repeats.get(kind)
        fields = [field.name for field in dataclasses.fields(Summary) if field.name != "repeats"]
        stacked = {name: read_only(self._rooms[kind, name][: len(scores)]) for name in fields}
        summary = Summary(repeats=0 if repeats is None else repeats.queries, **stacked)
        rows = np.arange(len(sides.queries))
        causal = kind in self.looking_back and all((layer.visible[:, 1] <= rows + 1).all() for layer in scores)
        return Memory(
            kind=kind,
            queries=sides.queries,
            keys=sides.keys,
            layers=len(scores),
            heads=scores[0].query.shape[0],
            causal=causal,
            scores=tuple(scores),
            summary=summary,
            forget=self.forget if kind == self.forget_in else None,
        )

    def _kind(self, module: nn.Module) -> Kind:
        if id(module) not in self.kinds:
            raise ReadingError(
                "A part of the model ({part}) attends to this text that did not attend when the model was opened.",
                todo="Shorten the text, or choose another model.",
                part=type(module).__name__,
            )
        return self.kinds[id(module)]

    def _sum_up(self, kind: Kind) -> Tensor:
        """Sums up the layers that wait as one with all their heads, and returns what those read [head, query, dim]."""
        layers, sides = self._waiting[kind], self.sides[kind]
        self._waiting[kind] = []
        stop = len(self.scores[kind])
        which = slice(stop - len(layers), stop)
        lookup = _stacked(layers)
        watcher = BlockSummariser(lookup, sides, self._repeats_of(kind, lookup.query.device))
        output = attend(lookup, watch=watcher, cell=sides.cell)
        for name, part in summary_fields(watcher, self._value_norm(kind, which, lookup)).items():
            by_layer = part.reshape(len(layers), len(part) // len(layers), *part.shape[1:])
            self._room(kind, name, (stop, *by_layer.shape[1:]), part.dtype)[which] = by_layer
        return output

    def _repeats_of(self, kind: Kind, device: torch.device) -> Repeats | None:
        if kind not in self._repeats:
            ids = self.sides[kind].ids
            self._repeats[kind] = Repeats(ids, device) if ids else None
        return self._repeats[kind]

    def _kept(self, kind: Kind, layer: int, lookup: AttentionCall) -> Scores:
        """What rebuilds the patterns of a layer."""

        def stored(name: str, tensor: Tensor) -> np.ndarray:
            place = self._room(kind, name, (layer + 1, *tensor.shape), np.dtype(np.float32))[layer]
            torch.from_numpy(place).copy_(tensor.detach())
            return read_only(place)

        return to_scores(lookup, stored=stored)

    def _room(self, kind: Kind, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Where something is kept, of so many layers or more [layer, ...]: one array for all layers.

        Made layer by layer, what stays would lie between what the model throws away, and the memory of a
        reading would be twice as large.
        """
        whole = (max(self.layers.get(kind, 0), shape[0]), *shape[1:])
        room = self._rooms.get((kind, name))
        if room is None or room.shape != whole:  # the first layer, or one unlike those before
            before, room = room, np.empty(whole, dtype=dtype)
            if before is not None and before.shape[1:] == whole[1:]:  # more layers than were expected
                room[: len(before)] = before
            self._rooms[kind, name] = room
        return room

    def _value_norm(self, kind: Kind, which: slice, lookup: AttentionCall) -> np.ndarray:
        """‖value · W_O‖ of consecutive layers [layer and head, key], from the Gram matrices of the output projections.

        [layer and head, 0] when the projection of any layer is not known.
        """
        grams, heads = self.grams.get(kind) or [None], lookup.query.shape[0]
        if any(gram is None for gram in grams):
            return np.zeros((heads, 0), dtype=np.float32)
        value = lookup.value.float().repeat_interleave(heads // lookup.value.shape[0], dim=0)
        square = (torch.bmm(value, torch.cat(grams[which])) * value).sum(-1)
        return square.clamp_min_(0.0).sqrt_().cpu().numpy()


def _count(lookup: AttentionCall) -> int:
    """How many weights has a layer?"""
    return lookup.query.shape[0] * lookup.query.shape[1] * lookup.key.shape[1]


def _waits(lookup: AttentionCall) -> bool:
    """Is a layer so short and so plain that it can be summed up with others?"""
    return lookup.plain and lookup.cut is None and 2 * _count(lookup) <= TOGETHER


def _joins(lookup: AttentionCall, waiting: Sequence[AttentionCall]) -> bool:
    """Can a layer be summed up with those that wait: is there room, and is as much to be seen in it?"""
    last = waiting[-1]
    sides = [(getattr(lookup, name), getattr(last, name)) for name in ("query", "key", "value")]
    alike = all((a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device) for a, b in sides)
    if not alike or lookup.scale != last.scale or (len(waiting) + 1) * _count(lookup) > TOGETHER:
        return False
    return _waits(lookup) and torch.equal(lookup.visible, last.visible)


def _stacked(layers: Sequence[AttentionCall]) -> AttentionCall:
    """Layers as one, whose heads are those of the first, then those of the second, and so on."""
    if len(layers) == 1:
        return layers[0]
    parts = {name: torch.cat([getattr(layer, name) for layer in layers]) for name in ("query", "key", "value")}
    return replace(layers[0], **parts)


def to_numpy(name: str, tensor: Tensor) -> np.ndarray:
    """The tensor as an array of its own, read-only."""
    return read_only(tensor.detach().float().cpu().contiguous().clone().numpy())


def to_scores(lookup: AttentionCall, *, stored: Callable[[str, Tensor], np.ndarray] = to_numpy) -> Scores:
    """The part of an attention call that rebuilds its patterns, as read-only numpy arrays."""
    return Scores(
        query=stored("query", lookup.query),
        key=stored("key", lookup.key),
        scale=lookup.scale,
        visible=read_only(lookup.visible.to(torch.int32).cpu().numpy()),
        bias=None if lookup.bias is None else read_only(_compact(lookup.bias.float()).cpu().numpy()),
        softcap=lookup.softcap,
        sink=None if lookup.sink is None else to_numpy("sink", lookup.sink),
    )


def _compact(bias: Tensor) -> Tensor:
    """A bias that depends only on distance, as one row [head, query + key − 1]; any other bias unchanged."""
    _, rows, cols = bias.shape
    if rows > 1 and cols > 1 and not torch.equal(bias[:, 1:, 1:], bias[:, :-1, :-1]):
        return bias
    # along the first column from the bottom up, then along the first row: key − query from −(rows − 1)
    return torch.cat([bias[:, 1:, 0].flip(1), bias[:, 0]], dim=1).contiguous()
