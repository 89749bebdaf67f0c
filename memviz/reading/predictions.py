"""What did the model expect? Log-probabilities of the tokens it read, and what it would say next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from memviz.memory import frozen
from memviz.trace import Candidate

CHUNK = 128  # positions at a time: all logits of a long text would be larger than the model
SHOWN = 10


def expectations(logits: Callable[[slice], Tensor], ids: list[int], *, shift: int) -> tuple[np.ndarray, Tensor]:
    """How probable was each token before it was seen? (float32 [token], logits of the last position).

    ``logits(rows)`` gives [row, vocabulary]. With ``shift`` 1 row i predicts token i + 1
    (decoder-only), and the first token gets NaN; with 0 row i predicts token i (a target).
    """
    found = torch.full((len(ids),), float("nan"))
    wanted = torch.tensor(ids)
    last = torch.empty(0)
    for start in range(0, len(ids), CHUNK):
        rows = slice(start, min(start + CHUNK, len(ids)))
        block = logits(rows).float()
        last = block[-1]
        asked = wanted[start + shift : rows.stop + shift].to(block.device)
        block = block[: len(asked)]
        chosen = block.gather(1, asked[:, None])[:, 0] - block.logsumexp(-1)
        found[start + shift : start + shift + len(asked)] = chosen.cpu()
    return frozen(found.numpy()), last


def candidates(logits: Tensor, decode: Callable[[list[int]], str]) -> tuple[Candidate, ...]:
    """The likeliest next tokens with their probabilities, likeliest first."""
    top = logits.float().softmax(-1).topk(min(SHOWN, logits.shape[-1]))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return tuple(Candidate(text=decode([token]), id=token, probability=share) for token, share in pairs)
