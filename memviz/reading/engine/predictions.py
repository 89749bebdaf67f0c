"""What did the model expect? Log-probabilities of the tokens it read or wrote, and what else it could have said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from memviz.errors import ReadingError
from memviz.memory import read_only
from memviz.trace import Candidate

CHUNK = 256  # positions at a time: all logits of a long text would be larger than the model
ROWS = 8  # positions whose logits are worked on at once
TALL, WIDE = 1024, 2048  # positions and tokens of the vocabulary whose logits stay in the processor's cache
SHOWN = 10

Logits = Callable[[slice], Tensor]
"""The logits of some positions, [position, vocabulary]."""


@dataclass(frozen=True)
class Step:
    """One token that was written: its log-probability, and the likeliest tokens at this step with theirs."""

    id: int
    logprob: float
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]

    def candidates(self, shown: Callable[[int], str]) -> tuple[Candidate, ...]:
        """The likeliest tokens with their probabilities, likeliest first; ``shown``: what a token looks like."""
        pairs = zip(self.ids, self.logprobs, strict=True)
        return tuple(Candidate(shown(token), token, math.exp(logprob)) for token, logprob in pairs)


def require_numbers(logits: Tensor) -> None:
    """Raises `ReadingError` where a model gives no numbers (NaN): any token would look likeliest."""
    if bool(logits.isnan().any()):
        raise ReadingError(
            "The model gave no numbers for the next token (NaN).",
            todo="Its weights may be broken, or too large for half precision: fetch it again, or open it in float32.",
        )


def no_pause() -> None:
    """Nobody waits between the parts."""


def token_logprobs(
    logits: Logits, ids: Sequence[int], *, pause: Callable[[], None] = no_pause
) -> tuple[np.ndarray, Tensor]:
    """How probable was each token before it was seen? (float32 [token], logits of the last position).

    Row i of the logits predicts token i + 1; the first token gets NaN. ``pause()`` is called between the parts of a
    long text, and may raise to stop.
    """
    found = torch.full((len(ids),), float("nan"))
    wanted = torch.tensor(ids)
    last = torch.empty(0)
    for start in range(0, len(ids), CHUNK):
        if start:
            pause()
        rows = slice(start, min(start + CHUNK, len(ids)))
        block = logits(rows).float()
        last = block[-1].clone()
        asked = wanted[start + 1 : rows.stop + 1].to(block.device)
        block = block[: len(asked)]
        chosen = block.gather(1, asked[:, None])
        chosen = chosen[:, 0] - _logsumexp(block)
        found[start + 1 : start + 1 + len(asked)] = chosen.cpu()
    return read_only(found.numpy()), last


def head_logprobs(
    head: nn.Module, hidden: Tensor, ids: Sequence[int], *, pause: Callable[[], None] = no_pause
) -> tuple[np.ndarray, Tensor]:
    """The same from the last hidden states [token, size] and the output ``head`` that turns them into logits.

    Only a part of the vocabulary at a time, for all positions at once: its weights are read once, and the log Σ exp
    of a part is taken before its logits leave the cache. That is faster than the product alone, all logits at once.
    ``pause()`` as in `token_logprobs`.
    """
    if type(head) is not nn.Linear or head._forward_hooks or head._forward_pre_hooks:
        return token_logprobs(lambda rows: head(hidden[rows]), ids, pause=pause)
    following = torch.tensor([*ids[1:], 0], device=hidden.device)  # nothing follows the last
    last = torch.empty(head.out_features, device=hidden.device)
    found = []
    for start in range(0, len(ids), TALL):
        if start:
            pause()
        found.append(_tall_logprobs(head, hidden[start : start + TALL], following[start : start + TALL], last))
    logprobs = np.concatenate([[np.nan], *found], dtype=np.float32)
    return read_only(logprobs[:-1]), last


def _tall_logprobs(head: nn.Linear, hidden: Tensor, following: Tensor, last: Tensor) -> np.ndarray:
    """The log-probability of the token that follows each position [position]; ``last``: the last position's logits."""
    parts = range(0, head.out_features, WIDE)
    totals = torch.empty(len(parts), len(hidden), device=hidden.device)
    chosen = torch.empty(len(hidden), device=hidden.device)
    buffer = hidden.new_empty(len(hidden) * WIDE)
    for number, start in enumerate(parts):
        weight = head.weight[start : start + WIDE]
        logits = buffer[: len(hidden) * len(weight)].view(len(hidden), len(weight))
        if head.bias is None:
            torch.mm(hidden, weight.T, out=logits)
        else:
            torch.addmm(head.bias[start : start + WIDE], hidden, weight.T, out=logits)
        logits = logits.float()
        last[start : start + WIDE] = logits[-1]
        rows = ((start <= following) & (following < start + WIDE)).nonzero()[:, 0]
        chosen[rows] = logits[rows, following[rows] - start]
        totals[number] = _few(logits)
    return (chosen - totals.logsumexp(0)).cpu().numpy()


def _logsumexp(block: Tensor) -> Tensor:
    """log Σ exp along the last axis, without a second array of the size of the block: overwrites it."""
    return torch.cat([_few(rows) for rows in block.split(ROWS)])


def _few(rows: Tensor) -> Tensor:
    """The same of so few logits that they stay in the processor's cache from one step to the next."""
    peak = rows.amax(-1, keepdim=True)
    return rows.sub_(peak).exp_().sum(-1).log_() + peak[:, 0]


def writing_steps(logits: Logits, ids: Sequence[int]) -> tuple[Step, ...]:
    """The steps of writing exactly these tokens; row i of the logits is what the model had for token i."""
    found: list[Step] = []
    with torch.inference_mode():
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            block = logits(slice(start, start + len(part))).float()
            top, logprobs, total = top_tokens(block)
            own = block.gather(1, torch.tensor(part, device=block.device)[:, None])[:, 0] - total
            found += map(Step, part, own.tolist(), top, logprobs)
    return tuple(found)


def token_ranks(logits: Logits, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """How surprising was each of these tokens, and how undecided was the model? (int32 [token], float32 [token]).

    The rank counts from 1; tokens that are exactly as likely share the better one. The entropy is −Σ p · ln p over the
    vocabulary, in nats. Row i of the logits is what the model had for token i.
    """
    ranks, entropies = [], []
    with torch.inference_mode():
        for start in range(0, len(ids), CHUNK):
            part = torch.tensor(ids[start : start + CHUNK])
            block = logits(slice(start, start + len(part))).float()
            own = block.gather(1, part.to(block.device)[:, None])
            ranks.append(1 + (block > own).sum(-1))
            logprobs = block.log_softmax(-1)
            entropies.append(-(logprobs.exp() * logprobs.clamp(min=torch.finfo(torch.float32).min)).sum(-1))
    return torch.cat(ranks).int().cpu().numpy(), torch.cat(entropies).cpu().numpy()


def top_tokens(logits: Tensor) -> tuple[list[tuple[int, ...]], list[tuple[float, ...]], Tensor]:
    """(the likeliest tokens at each position, their log-probabilities, log Σ exp [position]) of [position, token]."""
    total = logits.logsumexp(-1)
    best = logits.topk(min(SHOWN, logits.shape[1]))
    ids, logprobs = best.indices.tolist(), (best.values - total[:, None]).tolist()
    return [tuple(row) for row in ids], [tuple(row) for row in logprobs], total


def top_candidates(logits: Tensor, decode: Callable[[list[int]], str]) -> tuple[Candidate, ...]:
    """The likeliest next tokens with their probabilities, likeliest first."""
    top = logits.float().softmax(-1).topk(min(SHOWN, logits.shape[-1]))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return tuple(Candidate(text=decode([token]), id=token, probability=share) for token, share in pairs)
