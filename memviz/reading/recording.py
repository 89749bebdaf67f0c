"""What a reading keeps while the model runs: queries, keys, and the summary of every head.

The summary is taken from each block of weights while it is still in the processor's cache, so
that nothing quadratic in the text is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import ReadingError
from memviz.memory import Forget, Kind, Memory, Scores, Summary, frozen
from memviz.reading.attention import Block, Lookup, attend
from memviz.tokens import Token

THUMBNAIL = 32  # cells a side

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Sides:
    """The two sides of a memory: its tokens, and for repeats the ids of the texts they stand for."""

    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    ids: tuple[int, ...] = ()  # what stands at each position; empty when the sides are two texts

    @property
    def cell(self) -> tuple[int, int]:
        """How many queries and keys share one cell of the thumbnail."""
        return max(1, -(-len(self.queries) // THUMBNAIL)), max(1, -(-len(self.keys) // THUMBNAIL))


class Repeats:
    """Where is an earlier copy of a token, and what came after it?

    Shared by all layers of a reading: the pairs of a block are found once.
    """

    def __init__(self, ids: Sequence[int], device: torch.device) -> None:
        self.ids = torch.tensor(ids, dtype=torch.int64, device=device)
        seen: set[int] = set()
        self.queries = sum(1 for token in ids if token in seen or seen.add(token))  # type: ignore[func-returns-value]
        self._found: dict[tuple[int, int, int, int], tuple[Tensor, Tensor]] = {}

    def pairs(self, block: Block) -> tuple[Tensor, Tensor]:
        """Flat places in the block's weights: (copies of the query's token, tokens after the copies)."""
        where = (block.start, block.stop, block.first, block.last)
        if where not in self._found:
            row = torch.arange(block.start, block.stop, device=self.ids.device)[:, None]
            col = torch.arange(block.first, block.last, device=self.ids.device)[None, :]
            same = self.ids[block.start : block.stop, None] == self.ids[None, block.first : block.last]
            copy = same & (col < row)
            before = self.ids[max(block.first - 1, 0) : block.last - 1]  # what stands just before each key
            after = torch.zeros_like(copy)
            after[:, block.last - block.first - len(before) :] = self.ids[block.start : block.stop, None] == before
            after &= col < row
            self._found[where] = copy.view(-1).nonzero()[:, 0], after.view(-1).nonzero()[:, 0]
        return self._found[where]


@dataclass
class Running:
    """Running sums over the heads of one layer, filled block by block."""

    mass: Tensor
    entropy: Tensor
    normaliser: Tensor
    first: Tensor
    top_key: Tensor
    top_weight: Tensor
    distance: Tensor
    duplicate: Tensor
    induction: Tensor
    thumbnail: Tensor

    @classmethod
    def empty(cls, heads: int, sides: Sides, device: torch.device) -> Running:
        rows, cols = len(sides.queries), len(sides.keys)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(heads, *shape, device=device)

        return cls(
            mass=zeros(cols),
            entropy=zeros(rows),
            normaliser=zeros(rows),
            first=zeros(rows),
            top_key=torch.full((heads, rows), -1, dtype=torch.int32, device=device),
            top_weight=zeros(rows),
            distance=zeros(rows + cols - 1 if sides.ids else 0),
            duplicate=zeros(),
            induction=zeros(),
            thumbnail=zeros(-(-rows // sides.cell[0]), -(-cols // sides.cell[1])),
        )


class Watcher:
    """Turns the blocks of one attention call into the summary of its heads."""

    def __init__(self, lookup: Lookup, sides: Sides, repeats: Repeats | None) -> None:
        self.lookup = lookup
        self.sides = sides
        self.repeats = repeats
        self.sums = Running.empty(lookup.query.shape[0], sides, lookup.query.device)
        special = [n for n, token in enumerate(sides.keys) if token.special] or [0]
        self.special = torch.tensor(special, device=lookup.query.device)

    def __call__(self, block: Block) -> None:
        """Adds one block. Overwrites the weights of special keys at the end."""
        sums, weights = self.sums, block.weights
        rows, cols = slice(block.start, block.stop), slice(block.first, block.last)
        sums.mass[:, cols] += weights.sum(1)
        if block.first == 0:
            sums.first[:, rows] = weights[:, :, 0]
        cells = cell_maxima(weights, self.sides.cell[1])
        self._pool(block, cells)
        if self.sides.ids:
            self._by_distance(block)
        if self.repeats is not None:
            flat = weights.view(weights.shape[0], -1)
            copies, after = self.repeats.pairs(block)
            sums.duplicate += flat[:, copies].sum(1)
            sums.induction += flat[:, after].sum(1)
        if block.scores is None:
            sums.normaliser[:, rows] = block.normaliser
            sums.entropy[:, rows] = torch.special.entr(weights).sum(-1)
            self._strongest(block, cells)
        else:
            products = block.scores.mul_(weights)  # in place: the scores alone are not needed any more
            expected = products.sum(-1)
            strongest, place = self._strongest(block, cells)
            self._from_scores(block, products, expected, strongest, place)

    def _strongest(self, block: Block, cells: Tensor) -> tuple[Tensor, Tensor]:
        """The strongest weight of each query and its key, special tokens included; the summary keeps it without.

        Only the cell that holds the maximum is searched for its place.
        """
        weights, wide = block.weights, self.sides.cell[1]
        rows, width = slice(block.start, block.stop), weights.shape[2]
        inside = self.special[(self.special >= block.first) & (self.special < block.last)] - block.first
        special = weights[:, :, inside]
        weights[:, :, inside] = 0.0
        for cell in (inside // wide).unique().tolist():
            cells[:, :, cell] = weights[:, :, cell * wide : (cell + 1) * wide].amax(2)
        top, cell = cells.max(-1)
        spread = torch.arange(wide, device=weights.device)
        places = (cell.unsqueeze(-1) * wide + spread).clamp_max_(width - 1)
        place = places.gather(2, weights.gather(2, places).argmax(2, keepdim=True))[:, :, 0] + block.first
        self.sums.top_weight[:, rows] = top
        self.sums.top_key[:, rows] = torch.where(top > 0, place, -1).to(torch.int32)
        if not len(inside):
            return top, place
        special, which = special.max(-1)
        return torch.maximum(top, special), torch.where(special > top, inside[which] + block.first, place)

    def _pool(self, block: Block, cells: Tensor) -> None:
        """Max-pools the block, whose columns are cells already, into the thumbnail."""
        tall, wide = self.sides.cell
        whole = cells.shape[1] // tall * tall
        parts = []
        if whole:
            parts.append(cells[:, :whole].unflatten(1, (-1, tall)).amax(2))
        if whole < cells.shape[1]:
            parts.append(cells[:, whole:].amax(1, keepdim=True))
        pooled = torch.cat(parts, dim=1)
        down, low = block.start // tall, block.first // wide
        view = self.sums.thumbnail[:, down : down + pooled.shape[1], low : low + pooled.shape[2]]
        torch.maximum(view, pooled, out=view)

    def _by_distance(self, block: Block) -> None:
        """Adds the sums over the block's diagonals, to where query − key stays the same."""
        sums = diagonal_sums(block.weights).flip(-1)
        keys = len(self.sides.keys)
        low = block.start - block.last + keys  # query − key of the block's upper right corner, counted from −(keys − 1)
        self.sums.distance[:, low : low + sums.shape[1]] += sums

    def _from_scores(
        self, block: Block, products: Tensor, expected: Tensor, strongest: Tensor, place: Tensor
    ) -> None:
        """Entropy without a logarithm for every weight: H = log Σ exp − Σ weight · score, the sum of the products.

        The softmax denominator comes back from the strongest weight: log Σ exp = score − log weight.
        """
        rows = slice(block.start, block.stop)
        highest = products.gather(2, (place - block.first).unsqueeze(-1))[:, :, 0] / strongest
        normaliser = highest - strongest.log()
        self.sums.normaliser[:, rows] = normaliser
        self.sums.entropy[:, rows] = (normaliser - expected).clamp_min_(0.0)


def cell_maxima(weights: Tensor, wide: int) -> Tensor:
    """The largest weight in every cell of ``wide`` keys: [head, query, cell]; the last cell may be narrower."""
    full = weights.shape[2] // wide * wide
    cells = weights[:, :, :full].unflatten(2, (-1, wide)).amax(3)
    if full == weights.shape[2]:
        return cells
    return torch.cat([cells, weights[:, :, full:].amax(2, keepdim=True)], dim=2)


def diagonal_sums(weights: Tensor) -> Tensor:
    """The sum along every diagonal of [head, row, column]; [head, row + column − 1], lower left first.

    Views with a stride of one row plus one column turn diagonals into columns: the long ones need
    no copy, only the two corners are padded.
    """
    _, rows, cols = weights.shape
    if cols < 2 * rows:
        wide = nn.functional.pad(weights, (rows - 1, rows - 1))
        return _skew(wide, rows + cols - 1).sum(1)
    left = nn.functional.pad(weights[:, :, : rows - 1], (rows - 1, 0))
    right = nn.functional.pad(weights[:, :, cols - rows + 1 :], (0, rows - 1))
    middle = _skew(weights, cols - rows + 1).sum(1)
    if rows == 1:
        return middle
    return torch.cat([_skew(left, rows - 1).sum(1), middle, _skew(right, rows - 1).sum(1)], dim=1)


def _skew(weights: Tensor, width: int) -> Tensor:
    weights = weights.contiguous()
    heads, rows, cols = weights.shape
    return weights.as_strided((heads, rows, width), (rows * cols, cols + 1, 1))


@dataclass
class Recording:
    """The memories of one reading, growing layer by layer.

    ``kinds`` says which memory an attention module writes to; ``sides`` the two sides of each;
    ``layers`` how many layers each has in all, for the progress.
    """

    kinds: dict[int, Kind]
    sides: dict[Kind, Sides]
    layers: dict[Kind, int]
    grams: dict[Kind, list[Tensor | None]] = field(default_factory=dict)
    forget: Forget | None = None
    forget_in: Kind = "self"
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.scores: dict[Kind, list[Scores]] = {kind: [] for kind in self.sides}
        self.parts: dict[Kind, list[dict[str, np.ndarray]]] = {kind: [] for kind in self.sides}
        self._repeats: dict[Kind, Repeats | None] = {}
        self._rooms: dict[tuple[Kind, str], np.ndarray] = {}

    def attend(self, module: nn.Module, lookup: Lookup) -> Tensor:
        """The attention output; on the way, everything that is kept."""
        kind = self._kind(module)
        layer = len(self.scores[kind])
        lookup = self._forgetting(lookup, kind, layer)
        sides = self.sides[kind]
        watcher = Watcher(lookup, sides, self._repeats_of(kind, lookup.query.device))
        output = attend(lookup, watch=watcher, cell=sides.cell)
        self.scores[kind].append(self._kept(kind, layer, lookup))
        self.parts[kind].append(summarised(watcher, self._value_norm(kind, layer, lookup)))
        if self.progress is not None:
            done = sum(len(scores) for scores in self.scores.values())
            total = sum(self.layers.values())
            self.progress(done / total, f"{done}/{total}")
        return output

    def memory(self, kind: Kind) -> Memory:
        """The finished memory of that kind."""
        sides, scores, parts = self.sides[kind], self.scores[kind], self.parts[kind]
        repeats = self._repeats.get(kind)
        stacked = {name: frozen(np.stack([part[name] for part in parts])) for name in parts[0]}
        summary = Summary(repeats=0 if repeats is None else repeats.queries, **stacked)
        rows = np.arange(len(sides.queries))
        causal = bool(sides.ids) and all((layer.visible[:, 1] <= rows + 1).all() for layer in scores)
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

    def _forgetting(self, lookup: Lookup, kind: Kind, layer: int) -> Lookup:
        if self.forget is None or kind != self.forget_in or not self.forget.touches(layer):
            return lookup
        rows, cols = lookup.query.shape[1], lookup.key.shape[1]
        cut = torch.from_numpy(self.forget.edges(rows, cols, visible=lookup.visible.cpu().numpy()))
        heads = torch.tensor([self.forget.covers(head) for head in range(lookup.query.shape[0])])
        cut = (heads[:, None, None] & cut) if self.forget.heads is not None else cut[None]
        return Lookup(**{**vars(lookup), "cut": cut.to(lookup.query.device)})

    def _repeats_of(self, kind: Kind, device: torch.device) -> Repeats | None:
        if kind not in self._repeats:
            ids = self.sides[kind].ids
            self._repeats[kind] = Repeats(ids, device) if ids else None
        return self._repeats[kind]

    def _kept(self, kind: Kind, layer: int, lookup: Lookup) -> Scores:
        """What rebuilds the patterns of a layer; queries and keys lie in one array for all layers.

        Made layer by layer, what stays would lie between what the model throws away, and the memory of a
        reading would be twice as large.
        """

        def stored(name: str, tensor: Tensor) -> np.ndarray:
            shape = (max(self.layers.get(kind, 0), layer + 1), *tensor.shape)
            room = self._rooms.get((kind, name))
            if room is None or room.shape != shape:  # the first layer, or one unlike those before
                room = self._rooms[kind, name] = np.empty(shape, dtype=np.float32)
            torch.from_numpy(room[layer]).copy_(tensor.detach())
            return frozen(room[layer])

        return kept(lookup, stored=stored)

    def _value_norm(self, kind: Kind, layer: int, lookup: Lookup) -> np.ndarray:
        """‖value · W_O‖ by head [head, key], from the Gram matrix of each head's output projection.

        [head, 0] in every layer when the projection of any layer is not known.
        """
        grams = self.grams.get(kind) or [None]
        gram = None if any(gram is None for gram in grams) else grams[layer]
        if gram is None:
            return np.zeros((lookup.query.shape[0], 0), dtype=np.float32)
        value = lookup.value.float().repeat_interleave(lookup.query.shape[0] // lookup.value.shape[0], dim=0)
        square = (torch.bmm(value, gram) * value).sum(-1)
        return square.clamp_min_(0.0).sqrt_().cpu().numpy()


def summarised(watcher: Watcher, value_norm: np.ndarray) -> dict[str, np.ndarray]:
    """The finished summary of one layer, by field."""
    plain = {name: tensor.cpu().numpy() for name, tensor in vars(watcher.sums).items()}
    plain["thumbnail"] = np.round(np.sqrt(np.clip(plain["thumbnail"], 0.0, 1.0)) * 255).astype(np.uint8)
    repeats = 0 if watcher.repeats is None else watcher.repeats.queries
    for name in ("duplicate", "induction"):
        plain[name] = plain[name] / np.float32(max(repeats, 1))
    return {**plain, "value_norm": value_norm}


def copied(name: str, tensor: Tensor) -> np.ndarray:
    """The tensor as an array of its own, read-only."""
    return frozen(tensor.detach().float().cpu().contiguous().clone().numpy())


def kept(lookup: Lookup, *, stored: Callable[[str, Tensor], np.ndarray] = copied) -> Scores:
    """The part of an attention call that rebuilds its patterns, as read-only numpy arrays."""
    return Scores(
        query=stored("query", lookup.query),
        key=stored("key", lookup.key),
        scale=lookup.scale,
        visible=frozen(lookup.visible.to(torch.int32).cpu().numpy()),
        bias=None if lookup.bias is None else frozen(_compact(lookup.bias.float()).cpu().numpy()),
        softcap=lookup.softcap,
        sink=None if lookup.sink is None else copied("sink", lookup.sink),
    )


def _compact(bias: Tensor) -> Tensor:
    """A bias that depends only on distance, as one row [head, query + key − 1]; any other bias unchanged."""
    _, rows, cols = bias.shape
    if rows > 1 and cols > 1 and not torch.equal(bias[:, 1:, 1:], bias[:, :-1, :-1]):
        return bias
    # along the first column from the bottom up, then along the first row: key − query from −(rows − 1)
    return torch.cat([bias[:, 1:, 0].flip(1), bias[:, 0]], dim=1).contiguous()
