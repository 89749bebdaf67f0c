"""The summary of every head, taken from each block of weights while it is still in the processor's cache.

Nothing quadratic in the text is ever held, whatever the text says, however often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from memviz.memory import thumbnail_cell
from memviz.reading.attention.attention_function import Block
from memviz.sources import Units, pieces_of_words, special_places

FEW = 128  # pairs of copies for each query of a block: so many places are kept between layers


@dataclass(frozen=True)
class Axes:
    """The two axes of a memory.

    queries, keys   what looks, and what is looked at
    one_sequence    both are positions of one sequence, so that query − key is a distance
    ids             what stands at each position, where the same can stand at several; of one sequence only
    """

    queries: Units
    keys: Units
    one_sequence: bool = False
    ids: tuple[int, ...] = ()

    @classmethod
    def of_sequence(cls, queries: Units, keys: Units, ids: Sequence[int] = ()) -> Axes:
        """The axes of a memory whose queries and keys are positions of one sequence."""
        return cls(queries, keys, one_sequence=True, ids=tuple(ids))

    @property
    def cell(self) -> tuple[int, int]:
        """How many queries and keys share one cell of the thumbnail."""
        return thumbnail_cell(len(self.queries), len(self.keys))

    @cached_property
    def word_pairs(self) -> np.ndarray:
        """Which two keys are pieces of one word? int [pair, 2]."""
        return pieces_of_words(self.keys)

    @cached_property
    def special(self) -> list[int]:
        """The keys that are left out when the strongest is looked for; the first where none was added."""
        return special_places(self.keys) or [0]


class Repeats:
    """Where is an earlier copy of a token, and what came after it?

    Shared by all layers of a reading: the places in a block are found once, as long as they are few. A text that says
    one token over and over has as many pairs as weights; those are found again in every layer, and never kept.
    """

    def __init__(self, ids: Sequence[int], device: torch.device) -> None:
        self.ids = torch.tensor(ids, dtype=torch.int64, device=device)
        self.queries = len(ids) - len(set(ids))
        self._places_of: dict[tuple[int, int, int, int], tuple[Tensor, Tensor] | None] = {}  # None: too many

    def sums(self, block: Block) -> tuple[Tensor, Tensor]:
        """The weights on copies of the query's token, and on the tokens after the copies: [head] each."""
        flat = block.weights.view(len(block.weights), -1)
        where = (block.start, block.stop, block.first, block.last)
        if where not in self._places_of:
            self._places_of[where] = self._places(block)
        if (places := self._places_of[where]) is not None:
            return flat[:, places[0]].sum(1), flat[:, places[1]].sum(1)
        copy, after = self._masks(block)
        return flat @ copy.view(-1).to(flat.dtype), flat @ after.view(-1).to(flat.dtype)

    def _places(self, block: Block) -> tuple[Tensor, Tensor] | None:
        """The same as flat places in the block; ``None`` where they are too many to be kept."""
        copy, after = (mask.view(-1).nonzero()[:, 0] for mask in self._masks(block))
        return (copy, after) if len(copy) + len(after) <= FEW * (block.stop - block.start) else None

    def _masks(self, block: Block) -> tuple[Tensor, Tensor]:
        """(copies of the query's token, tokens after the copies), as bool [query, key]."""
        row = torch.arange(block.start, block.stop, device=self.ids.device)[:, None]
        col = torch.arange(block.first, block.last, device=self.ids.device)[None, :]
        tokens = self.ids[block.start : block.stop, None]
        copy = (tokens == self.ids[None, block.first : block.last]) & (col < row)
        before = self.ids[max(block.first - 1, 0) : block.last - 1]  # what stands just before each key
        after = torch.zeros_like(copy)
        after[:, block.last - block.first - len(before) :] = tokens == before
        return copy, after & (col < row)


@dataclass
class SummarySums:
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
    def empty(cls, heads: int, axes: Axes, device: torch.device) -> SummarySums:
        rows, cols = len(axes.queries), len(axes.keys)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(heads, *shape, device=device)

        return cls(
            mass=zeros(cols),
            entropy=zeros(rows),
            normaliser=zeros(rows),
            first=zeros(rows),
            top_key=torch.full((heads, rows), -1, dtype=torch.int32, device=device),
            top_weight=zeros(rows),
            distance=zeros(rows + cols - 1 if axes.one_sequence else 0),
            duplicate=zeros(),
            induction=zeros(),
            thumbnail=zeros(-(-rows // axes.cell[0]), -(-cols // axes.cell[1])),
        )


class BlockSummariser:
    """Turns the blocks of one attention call into the summary of its heads.

    ``visible`` int64 [query, 2]: the first key that each query may see, and one past the last.
    """

    def __init__(self, heads: int, visible: Tensor, axes: Axes, repeats: Repeats | None) -> None:
        self.axes = axes
        self.repeats = repeats
        self.sums = SummarySums.empty(heads, axes, visible.device)
        ends = torch.arange(1, len(axes.queries) + 1, device=visible.device)
        self.causal = axes.one_sequence and bool((visible[:, 1] <= ends).all())

    def __call__(self, block: Block) -> None:
        """Adds one block. Overwrites the weights of special keys at the end."""
        sums, weights = self.sums, block.weights
        rows, cols = slice(block.start, block.stop), slice(block.first, block.last)
        sums.mass[:, cols] += column_sums(weights)
        if block.first == 0:
            sums.first[:, rows] = weights[:, :, 0]
        cells = cell_maxima(weights, self.axes.cell[1])
        self._pool(block, cells)
        if self.axes.one_sequence:
            self._by_distance(block)
        if self.repeats is not None:
            copies, after = self.repeats.sums(block)
            sums.duplicate += copies
            sums.induction += after
        if block.scores is None:
            assert block.normaliser is not None
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
        weights, wide = block.weights, self.axes.cell[1]
        rows = slice(block.start, block.stop)
        inside = [key - block.first for key in self.axes.special if block.first <= key < block.last]
        special = [weights[:, :, key].clone() for key in inside]
        for key in inside:
            weights[:, :, key] = 0.0
        for changed in {key // wide for key in inside}:
            cells[:, :, changed] = weights[:, :, changed * wide : (changed + 1) * wide].amax(2)
        top, cell = cells.max(-1)
        place = (cell if wide == 1 else strongest_within(weights, cell, wide)) + block.first
        self.sums.top_weight[:, rows] = top
        self.sums.top_key[:, rows] = torch.where(top > 0, place, -1).to(torch.int32)
        if not inside:
            return top, place
        best, which = torch.stack(special, dim=-1).max(-1)
        where = torch.tensor(inside, device=weights.device)[which] + block.first
        return torch.maximum(top, best), torch.where(best > top, where, place)

    def _pool(self, block: Block, cells: Tensor) -> None:
        """Max-pools the block, whose columns are cells already, into the thumbnail."""
        tall, wide = self.axes.cell
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
        lower = self.causal and block.last == block.stop
        sums = (lower_diagonal_sums if lower else diagonal_sums)(block.weights).flip(-1)
        keys = len(self.axes.keys)
        low = block.start - block.last + keys  # query − key of the block's upper right corner, counted from −(keys − 1)
        self.sums.distance[:, low : low + sums.shape[1]] += sums

    def _from_scores(self, block: Block, products: Tensor, expected: Tensor, strongest: Tensor, place: Tensor) -> None:
        """Entropy without a logarithm for every weight: H = log Σ exp − Σ weight · score, the sum of the products.

        The softmax denominator comes back from the strongest weight: log Σ exp = score − log weight.
        """
        rows = slice(block.start, block.stop)
        highest = products.gather(2, (place - block.first).unsqueeze(-1))[:, :, 0] / strongest
        normaliser = highest - strongest.log()
        self.sums.normaliser[:, rows] = normaliser
        self.sums.entropy[:, rows] = (normaliser - expected).clamp_min_(0.0)


def strongest_within(weights: Tensor, cell: Tensor, wide: int) -> Tensor:
    """The strongest key of each query, where the cell of ``wide`` keys is known that it lies in: [head, query]."""
    heads, rows, cols = weights.shape
    if cols % wide == 0:  # a cell is one row of the same numbers, and rows are copied whole
        before = torch.arange(heads * rows, device=weights.device).view(heads, rows) * (cols // wide)
        cells = weights.view(-1, wide).index_select(0, (before + cell).view(-1))
        return cells.argmax(-1).view(heads, rows) + cell * wide
    places = (cell.unsqueeze(-1) * wide + torch.arange(wide, device=weights.device)).clamp_max_(weights.shape[2] - 1)
    return places.gather(2, weights.gather(2, places).argmax(2, keepdim=True))[:, :, 0]


def cell_maxima(weights: Tensor, wide: int) -> Tensor:
    """The largest weight in every cell of ``wide`` keys: [head, query, cell]; the last cell may be narrower.

    Torch pools cells two to three times as fast as it reduces them, except where they hold a multiple of 32.
    """
    if wide % 32:
        rows = weights.flatten(0, 1).unsqueeze(1)
        return nn.functional.max_pool1d(rows, wide, ceil_mode=True).view(*weights.shape[:2], -1)
    full = weights.shape[2] // wide * wide
    cells = weights[:, :, :full].unflatten(2, (-1, wide)).amax(3)
    if full == weights.shape[2]:
        return cells
    return torch.cat([cells, weights[:, :, full:].amax(2, keepdim=True)], dim=2)


def column_sums(weights: Tensor) -> Tensor:
    """The sums over the rows of [head, row, column]: a product with ones reads each weight once, in order."""
    return torch.bmm(weights.new_ones(len(weights), 1, weights.shape[1]), weights)[:, 0]


def diagonal_sums(weights: Tensor) -> Tensor:
    """The sum along every diagonal of [head, row, column]; [head, row + column − 1], lower left first.

    Views with a stride of one row plus one column turn diagonals into columns: the long ones need
    no copy, only the two corners are padded.
    """
    _, rows, cols = weights.shape
    if cols < 2 * rows:
        wide = nn.functional.pad(weights, (rows - 1, rows - 1))
        return column_sums(_skew(wide, rows + cols - 1))
    left = nn.functional.pad(weights[:, :, : rows - 1], (rows - 1, 0))
    right = nn.functional.pad(weights[:, :, cols - rows + 1 :], (0, rows - 1))
    middle = column_sums(_skew(weights, cols - rows + 1))
    if rows == 1:
        return middle
    return torch.cat([column_sums(_skew(left, rows - 1)), middle, column_sums(_skew(right, rows - 1))], dim=1)


def lower_diagonal_sums(weights: Tensor) -> Tensor:
    """The same as `diagonal_sums`, without a copy, where all is 0 above the diagonal of the lower right corner.

    As in the rows of a causal pattern: what stands in memory before a row is the end of the row above, and 0.
    """
    heads, rows, cols = weights.shape
    middle = column_sums(_skew(weights, cols - rows + 1))
    if rows == 1:
        return middle
    shape, strides = (heads, rows - 1, rows - 1), (rows * cols, cols + 1, 1)
    left = column_sums(weights.as_strided(shape, strides, weights.storage_offset() + cols - rows + 2))
    return torch.cat([left, middle, torch.zeros_like(left)], dim=1)


def _skew(weights: Tensor, width: int) -> Tensor:
    weights = weights.contiguous()
    heads, rows, cols = weights.shape
    return weights.as_strided((heads, rows, width), (rows * cols, cols + 1, 1))


def summary_fields(
    summariser: BlockSummariser, value_norm: np.ndarray, value_dots: np.ndarray
) -> dict[str, np.ndarray]:
    """The finished summary of one layer, by field."""
    plain = {name: tensor.cpu().numpy() for name, tensor in vars(summariser.sums).items()}
    plain["thumbnail"] = np.round(np.sqrt(np.clip(plain["thumbnail"], 0.0, 1.0)) * 255).astype(np.uint8)
    repeats = 0 if summariser.repeats is None else summariser.repeats.queries
    for name in ("duplicate", "induction"):
        plain[name] = plain[name] / np.float32(max(repeats, 1))
    return {**plain, "value_norm": value_norm, "value_dots": value_dots}
