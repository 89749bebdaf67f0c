"""One function sees every attention, and computes the softmax of every layer, block by block.

transformers calls it for every layer of every model that uses the attention interface. A
`ContextVar` tells it what to do, so one shared model serves many people at once and its
configuration never changes: nothing asked, and it answers with plain SDPA; a handler,
and that one records what it sees, or cuts what may not be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "memviz"
MASKED = torch.finfo(torch.float32).min / 2  # weight exactly 0 after the softmax; 0 · HIDDEN is 0, 0 · −∞ is not
BLOCK = 128  # queries at a time: their scores stay in the processor's cache


class CutEdges(Protocol):
    """Which edges may not be used, told block by block, so that nothing is ever as large as the text squared."""

    def hide(self, scores: Tensor, *, start: int, first: int) -> None:
        """Sets the scores [head, query, key] of the edges that are cut to `MASKED`.

        ``start`` and ``first`` are the first query and the first key of the block.
        """


@dataclass(frozen=True)
class AttentionCall:
    """One attention call on one text.

    query [head, query, dim], key [key-value head, key, dim], value [key-value head, key, dim];
    visible int64 [query, 2] is the first key a query may see, and one past the last; bias is
    [head or 1, query, key]; sink is [head].
    """

    query: Tensor
    key: Tensor
    value: Tensor
    scale: float
    visible: Tensor
    bias: Tensor | None = None
    softcap: float | None = None
    sink: Tensor | None = None
    cut: CutEdges | None = None  # the edges that may not be used
    item: int = 0  # which text of a batch

    @property
    def plain(self) -> bool:
        """Are the scores nothing but scaled dot products?"""
        return self.bias is None and self.softcap is None and self.sink is None


class Handler(Protocol):
    """What is done with each attention call while a model runs."""

    def attend(self, module: nn.Module, call: AttentionCall) -> Tensor:
        """The attention output [head, query, dim]."""


HANDLER: ContextVar[Handler | None] = ContextVar("memviz_handler", default=None)


@contextmanager
def handled_by(handler: Handler | None) -> Iterator[None]:
    """Attention calls inside go to this handler; ``None``: to nobody."""
    token = HANDLER.set(handler)
    try:
        with torch.inference_mode():
            yield
    finally:
        HANDLER.reset(token)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """transformers' attention interface: [batch, head, position, dim] in, [batch, position, head, dim] out."""
    handler = HANDLER.get()
    if handler is None and softcap is None and s_aux is None:
        return sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            dropout=dropout,
            scaling=scaling,
            is_causal=is_causal,
            position_bias=position_bias,
            **kwargs,
        )
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    outputs = []
    for item in range(query.shape[0]):
        mask = None if attention_mask is None else attention_mask[min(item, attention_mask.shape[0] - 1)]
        visible, bias = spans(mask, query.shape[2], key.shape[2], causal=causal, device=query.device)
        if position_bias is not None:
            bias = position_bias[0] if bias is None else bias + position_bias[0]
        call = AttentionCall(
            query=query[item],
            key=key[item],
            value=value[item],
            scale=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
            visible=visible,
            bias=bias,
            softcap=softcap,
            sink=s_aux,
            item=item,
        )
        outputs.append(attend(call) if handler is None else handler.attend(module, call))
    stacked = outputs[0][None] if len(outputs) == 1 else torch.stack(outputs)
    return stacked.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def spans(
    mask: Tensor | None, rows: int, cols: int, *, causal: bool, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Which keys may each query see? (int64 [query, 2], what is left of the mask as a bias or ``None``).

    A boolean mask keeps where it is true; a float mask is added. Where the keys a query may see
    are not one stretch, the mask is returned as a bias.
    """
    if mask is None:
        stop = torch.full((rows,), cols, device=device)
        if causal and rows > 1:
            stop = torch.arange(1, rows + 1, device=device)
        return torch.stack([torch.zeros_like(stop), stop], dim=1), None
    mask = mask.expand(-1, rows, -1)  # one row may stand for all queries
    keep = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    seen = keep[0].sum(-1)
    start = keep[0].to(torch.uint8).argmax(-1)
    last = cols - 1 - keep[0].flip(-1).to(torch.uint8).argmax(-1)
    one_stretch = bool((last - start + 1 == seen).all()) and bool((keep == keep[:1]).all())
    leftover = None
    if mask.dtype != torch.bool and bool((mask[keep] != 0).any()):
        leftover = mask.float()
    if not one_stretch:
        leftover = torch.where(keep, 0.0 if leftover is None else leftover, float("-inf"))
        start, last = torch.zeros_like(start), torch.full_like(last, cols - 1)
    return torch.stack([start, last + 1], dim=1), leftover


@dataclass
class Block:
    """The weights of a few consecutive queries: [head, query, key] from ``start`` and ``first`` on."""

    start: int
    stop: int
    first: int
    last: int
    weights: Tensor
    scores: Tensor | None = None  # before the softmax; kept apart only where they are plain and somebody watches
    normaliser: Tensor | None = None  # log of the softmax denominator [head, query], where it was computed


def attend(
    call: AttentionCall,
    *,
    watch: Callable[[Block], None] | None = None,
    cell: tuple[int, int] = (1, 1),
    buffers: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """What does each query read? [head, query, dim], exactly as softmax attention defines it.

    Works through blocks of queries; ``watch`` is shown each block's weights (and may overwrite
    them: the output has been taken). Blocks never straddle a ``cell`` of queries, and begin at
    a multiple of a cell of keys. ``buffers`` are where scores and weights are worked on, float32, as many of each as
    the largest block has.
    """
    heads, rows, _ = call.query.shape
    kv_heads, cols, depth = call.value.shape
    groups = heads // kv_heads
    output = torch.empty(rows, heads, depth, dtype=call.value.dtype, device=call.value.device).transpose(0, 1)
    visible = call.visible.cpu().numpy()
    ranges = list(blocks(rows, cell[0]))
    longest = max(stop - start for start, stop in ranges)
    if buffers is None:
        scores_buffer = torch.empty(heads * longest * cols, dtype=torch.float32, device=output.device)
        weights_buffer = torch.empty_like(scores_buffer) if watch is not None and call.plain else scores_buffer
    else:
        scores_buffer, weights_buffer = buffers
    for start, stop in ranges:
        first = int(visible[start:stop, 0].min()) // cell[1] * cell[1]
        last = int(visible[start:stop, 1].max())
        scores = block_scores(call, visible, scores_buffer, (start, stop, first, last))
        weights = weights_buffer[: scores.numel()].view_as(scores)
        block = Block(start, stop, first, last, weights)
        if call.plain:
            torch.softmax(scores, dim=-1, out=weights)
            block.scores = scores
        else:
            block.normaliser = _normalise(call, weights)
        stacked = weights.view(kv_heads, groups * (stop - start), last - first)
        mixed = _mixed(stacked.to(call.value.dtype), call.value[:, first:last])
        output[:, start:stop] = mixed.view(heads, stop - start, depth)
        if watch is not None:
            watch(block)
    return output


def _mixed(weights: Tensor, value: Tensor) -> Tensor:
    """The values weighed by the weights, for each key-value head: one product each where several heads share it.

    A few large products use all cores better than one batch of them, whose number need not suit the cores.
    """
    if weights.device.type != "cpu" or len(weights) > 4:
        return torch.bmm(weights, value)
    out = weights.new_empty(*weights.shape[:2], value.shape[2])
    for head, mixed in enumerate(out):
        torch.mm(weights[head], value[head], out=mixed)
    return out


def blocks(rows: int, cell: int) -> Iterator[tuple[int, int]]:
    """Which stretches of queries are worked on together? At most about BLOCK, none across two cells."""
    step = BLOCK // cell * cell if cell <= BLOCK else -(-cell // -(-cell // BLOCK))
    limit = step if cell <= BLOCK else cell
    for begin in range(0, rows, limit):
        for start in range(begin, min(begin + limit, rows), step):
            yield start, min(start + step, begin + limit, rows)


def block_scores(
    call: AttentionCall, visible: np.ndarray, scores_buffer: Tensor, where: tuple[int, int, int, int]
) -> Tensor:
    """The scores of one block, `MASKED` where nothing may be seen: float32 [head, query, key], in ``scores_buffer``.

    ``visible`` are the call's, in numpy; ``where`` the first query and one past the last, the first key and one past
    the last: at least those that the queries may see.
    """
    start, stop, first, last = where
    heads, rows, dim = call.query.shape
    kv_heads, height, width = len(call.key), stop - start, last - first
    groups = heads // kv_heads
    query = call.query.view(kv_heads, groups, rows, dim)
    scores = scores_buffer[: heads * height * width].view(kv_heads, groups * height, width)
    query_block = query[:, :, start:stop].reshape(kv_heads, groups * height, dim)
    keys = call.key[:, first:last].transpose(1, 2)
    if query_block.dtype == scores.dtype:
        torch.baddbmm(scores, query_block, keys, beta=0, alpha=call.scale, out=scores)
    else:  # half precision: scale in float32, so that nothing more is rounded than in the model
        scores.copy_(torch.bmm(query_block, keys)).mul_(call.scale)
    scores = scores.view(heads, height, width)
    if call.softcap is not None:
        scores.div_(call.softcap).tanh_().mul_(call.softcap)
    if call.bias is not None:
        scores.add_(call.bias[:, start:stop, first:last])
    latest_begin, earliest_end = int(visible[start:stop, 0].max()), int(visible[start:stop, 1].min())
    if earliest_end < last:  # only the columns that some query of the block may not see
        ends = (visible[start:stop, 1] - earliest_end).astype(np.int64).tobytes()
        scores[:, :, earliest_end - first :].add_(_penalty(ends, last - earliest_end, scores.device, after=True))
    if latest_begin > first:
        begins = (visible[start:stop, 0] - first).astype(np.int64).tobytes()
        scores[:, :, : latest_begin - first].add_(_penalty(begins, latest_begin - first, scores.device, after=False))
    if call.cut is not None:
        call.cut.hide(scores, start=start, first=first)
    return scores


@lru_cache(maxsize=8)
def _penalty(bounds: bytes, width: int, device: torch.device, *, after: bool) -> Tensor:
    """`MASKED` from a bound of each query on (``after``) or before it, 0 elsewhere: float32 [query, column].

    The blocks of a causal text all have the same triangle, in every layer. Added to a score, `MASKED` leaves nothing
    of it; one addition for all heads takes a third of the time of filling in.
    """
    bound = torch.from_numpy(np.frombuffer(bounds, dtype=np.int64).copy()).to(device)[:, None]
    column = torch.arange(width, device=device)
    hidden = column >= bound if after else column < bound
    return torch.where(hidden, MASKED, 0.0)


def _normalise(call: AttentionCall, scores: Tensor) -> Tensor:
    """Softmax in place, a sink's logit included; returns the log of the denominator [head, query].

    The maximum of a row is taken away first, and the sum divided by last: score − log Σ exp would be rounded with the
    size of the scores, which T5 does not scale.
    """
    peak = scores.amax(-1)
    if call.sink is not None:
        peak = torch.maximum(peak, call.sink.float().view(-1, 1))
    total = scores.sub_(peak.unsqueeze(-1)).exp_().sum(-1)
    if call.sink is not None:
        total += (call.sink.float().view(-1, 1) - peak).exp_()
    scores.div_(total.unsqueeze(-1))
    return peak + total.log()
