"""How long may a text be, and will its reading fit into memory? Known before the run, refused with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from memviz.errors import MemoryBudgetError, TextTooLongError
from memviz.free_memory import free_memory
from memviz.memory import Interventions
from memviz.reading.attention.attention_function import BLOCK
from memviz.reading.engine.predictions import CHUNK
from memviz.reading.engine.probe import Plan
from memviz.settings import number
from memviz.trace import ModelInfo


class _Measured(Protocol):
    """What is asked of an engine here."""

    model: Any
    info: ModelInfo

    def estimate(self, tokens: int, interventions: Interventions | None = None) -> float:
        """About how many bytes a reading of so many tokens takes."""


GB = 1e9
SHARE = 0.7  # of the free memory that a reading may take
BETWEEN = 1.3  # of what is kept: measured on SmolLM2 with 6,000 tokens
MASKS = 6  # bytes for each query and key: the mask, and copies of it while its spans are looked for
OVERHEAD = 150e6  # what a reading of a short text takes: allocator, buffers, tokens


def available(device: torch.device | str = "cpu") -> float:
    """Bytes a reading may use: ``MEMVIZ_MEMORY_GB``, else a share of what is free now where the model is.

    In a container, of what that leaves.
    """
    limit = number("MEMVIZ_MEMORY_GB", 0.0, minimum=0)
    if limit:
        return limit * GB
    if torch.device(device).type == "cuda":
        return SHARE * torch.cuda.mem_get_info(device)[0]
    return SHARE * free_memory()


def estimate(model: PreTrainedModel, plan: Plan, tokens: int, interventions: Interventions | None = None) -> float:
    """About how many bytes does a reading of so many tokens take, the model itself not counted?

    What is kept: queries, keys and the summary, linear in the text, and what the allocator cannot
    give back between them; or every weight twice, when the reading is dense. What is passed through:
    a layer's activations, blocks of scores, the mask that transformers makes with what is read off
    it, and a piece of the logits.
    """
    config = model.config.get_text_config()
    layers, heads, hidden = sum(plan.layers.values()), max(plan.heads.values()), config.hidden_size
    inner = getattr(config, "intermediate_size", None) or getattr(config, "ffn_dim", None) or 4 * hidden
    inner = max(inner) if isinstance(inner, list | tuple) else inner  # one for each layer in some models
    stored: float
    if plan.dense:
        stored = 2 * layers * heads * tokens * tokens * 4
    else:
        stored = BETWEEN * layers * tokens * 4 * ((heads + plan.kv_heads) * plan.head_dim + 9 * heads)
    words = getattr(config, "vocab_size", None) or 0
    passing: float = tokens * 4 * (6 * hidden + 3 * inner) + BLOCK * tokens * heads * 4 * 3 + MASKS * tokens * tokens
    passing += 3 * min(tokens, CHUNK) * words * 4
    return OVERHEAD + stored + passing + _cuts(interventions, plan, tokens)


def _cuts(interventions: Interventions | None, plan: Plan, tokens: int) -> float:
    """Bytes for what is cut in a layer: a few numbers a token for each fact, and the mask of a block.

    Where attention decides what goes, there is a fact for each key-value head, a number of it stays for each layer,
    and the scores of a block are there once more.
    """
    if interventions is None or (interventions.forget is None and interventions.eviction is None):
        return 0.0
    facts = 0 if interventions.forget is None else len(interventions.forget.members)
    masks = 2 * BLOCK * tokens
    if (eviction := interventions.eviction) is None:
        return 16 * tokens * facts + masks
    if not eviction.adaptive:
        return 16 * tokens * (facts + 1) + masks
    stays = 4 * tokens * sum(plan.layers.values()) * plan.kv_heads
    scores = 3 * 4 * BLOCK * tokens * max(plan.heads.values())
    return 16 * tokens * (facts + 2 * plan.kv_heads) + masks + stays + scores


def check(engine: _Measured, tokens: int, interventions: Interventions | None = None) -> None:
    """Raises `TextTooLongError` or `MemoryBudgetError` when a text of so many tokens cannot be read."""
    check_length(tokens, context=engine.info.context)
    check_memory(engine.estimate(tokens, interventions), tokens=tokens, device=engine.model.device)


@contextmanager
def kept_within(*, tokens: int) -> Iterator[None]:
    """Turns an accelerator that ran out of memory into a `MemoryBudgetError`: an estimate may be wrong."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryBudgetError(
            "Reading {tokens:,} tokens took more memory than the accelerator has.",
            todo="Shorten the text, choose a smaller model, or read on the CPU.",
            tokens=tokens,
        ) from error


def check_length(tokens: int, *, context: int | None) -> None:
    """Raises `TextTooLongError` for more tokens than the model, or the server, reads at once."""
    limit = context_limit(context)
    if limit is not None and tokens > limit:
        raise TextTooLongError(
            "This text has {tokens:,} tokens; at most {limit:,} can be read at once, special tokens included.",
            todo="Read its beginning, or choose another window of the text.",
            tokens=tokens,
            limit=limit,
        )


def check_opening(need: float, *, name: str, device: torch.device | str) -> None:
    """Raises `MemoryBudgetError` when the weights of a model need more bytes than there are."""
    have = available(device)
    if need > have:
        raise MemoryBudgetError(
            "Opening {name} would take about {need:.1f} GB of memory; {have:.1f} GB may be used.",
            todo="Choose a smaller model, or raise MEMVIZ_MEMORY_GB.",
            name=name,
            need=need / GB,
            have=have / GB,
        )


def check_memory(need: float, *, tokens: int, device: torch.device | str = "cpu") -> None:
    """Raises `MemoryBudgetError` when reading so many tokens needs more bytes than there are."""
    have = available(device)
    if need > have:
        raise MemoryBudgetError(
            "Reading {tokens:,} tokens would take about {need:.1f} GB of memory; {have:.1f} GB may be used.",
            todo="Shorten the text, choose a smaller model, or raise MEMVIZ_MEMORY_GB.",
            tokens=tokens,
            need=need / GB,
            have=have / GB,
        )


def context_limit(context: int | None) -> int | None:
    """The model's context, or the server's limit ``MEMVIZ_MAX_TOKENS`` when that is smaller."""
    limit = number("MEMVIZ_MAX_TOKENS", 0, minimum=0)
    bounds = [bound for bound in (context, limit or None) if bound is not None]
    return min(bounds) if bounds else None
