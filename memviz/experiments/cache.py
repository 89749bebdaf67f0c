"""How well does a model predict a text when its cache holds only a part of it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.registry import experiment
from memviz.memory import Eviction, read_only
from memviz.progress import Progress, no_progress, progress_within
from memviz.reading import Reader

SIZES = (16, 32, 64, 128, 256)
SPANS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
COSTS = 1.01  # times the loss of the whole past: as good as that
SINKS = 4  # first tokens that stay in StreamingLLM's cache


@dataclass(frozen=True, eq=False)
class CacheCurve:
    """The perplexity of one text under caches of several kinds and sizes.

    tokens      how many tokens the text has
    first       the first token whose probability counts: the same for every cache
    full        perplexity with the whole past
    sizes       how many keys a cache holds, at most
    policies    the names of the rules: "window", "sinks 1", "sinks 4", "heavy hitters"
    perplexity  float64 [policy, size]: exp(−mean log p) of the tokens from ``first`` on; NaN for a cache too small for
                the rule
    """

    tokens: int
    first: int
    full: float
    sizes: tuple[int, ...]
    policies: tuple[str, ...]
    perplexity: np.ndarray

    def table(self) -> pd.DataFrame:
        """One row a rule and size: policy, size, perplexity, and its ratio to that of the whole past."""
        rows = [("full", self.tokens, self.full, 1.0)]
        for policy, line in zip(self.policies, self.perplexity, strict=True):
            for size, value in zip(self.sizes, line, strict=True):
                rows.append((policy, size, float(value), float(value / self.full)))
        return pd.DataFrame(rows, columns=["policy", "size", "perplexity", "ratio"])


def eviction_of(policy: str, size: int) -> Eviction | None:
    """The rule of that name that keeps so many keys (``size``), the query's own among them; ``None``: it cannot."""
    if policy == "window":
        return Eviction.window(size)
    if policy.startswith("sinks "):
        first = int(policy.removeprefix("sinks "))
        return Eviction.sinks(first, size - first) if size > first else None
    if policy == "heavy hitters":
        recent = size // 2
        return Eviction.heavy_hitters(size - recent, recent) if recent else None
    raise ReadingError(
        "There is no rule “{policy}” by which a cache lets keys go.",
        todo="Choose one of: {known}.",
        policy=policy[:80],
        known=", ".join(POLICIES),
    )


POLICIES = ("window", "sinks 1", f"sinks {SINKS}", "heavy hitters")


@experiment(
    "Perplexity by cache",
    cost="1 for each rule and size",
    source="Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks",
    caveat="Keys keep their places, and later states may still carry what was let go; one text is no benchmark.",
)
def perplexity_by_cache(
    reader: Reader,
    text: str,
    *,
    sizes: Sequence[int] = SIZES,
    policies: Sequence[str] = POLICIES,
    progress: Progress | None = None,
) -> CacheCurve:
    """How much does the model lose when its cache keeps only so many keys, and which rule loses least?

    ``sizes``: how many keys are kept; those that hold the whole text are left out. ``policies`` of `POLICIES`: a window
    of the latest, alone or with the first 1 or 4 tokens besides, or half of it
    for those that were looked at most. Perplexity is
    exp(−mean log p) over the tokens behind the largest cache, the same for all. ``progress`` as in `Reader.read`.

    Raises `ReadingError` for a model that predicts no next token, and a text too short for the smallest size.
    """
    whole = _logprobs(reader, text, None, progress_within(progress, 0, 0.1))
    kept = tuple(sorted({int(size) for size in sizes if 0 < int(size) < len(whole) - 8}))
    if not kept:
        raise ReadingError(
            "This text has {tokens} tokens: too few for a cache of {size} to lose anything.",
            todo="Paste a longer text, or try smaller caches.",
            tokens=len(whole),
            size=min(sizes, default=0),
        )
    first = max(1, min(max(kept) + 1, len(whole) - max(8, len(whole) // 4)))
    table = np.full((len(policies), len(kept)), np.nan)
    for row, policy in enumerate(policies):
        for column, size in enumerate(kept):
            number = row * len(kept) + column
            share = progress_within(progress, 0.1 + 0.9 * number / table.size, 0.1 + 0.9 * (number + 1) / table.size)
            rule = eviction_of(policy, size)
            if rule is not None:
                table[row, column] = _perplexity(_logprobs(reader, text, rule, share), first)
    return CacheCurve(len(whole), first, _perplexity(whole, first), kept, tuple(policies), read_only(table))


@dataclass(frozen=True, eq=False)
class Span:
    """How far back must a model see, for this text?

    sizes    how many of the latest keys every query could see, besides the first ``sinks``
    losses   float64 [size]: −mean log p of the text's tokens, in nats
    full     the same with the whole past
    span     the smallest size whose loss is at most 1.01 · ``full``; ``None``: none of them
    sinks    how many first tokens always stayed
    """

    sizes: tuple[int, ...]
    losses: np.ndarray
    full: float
    span: int | None
    sinks: int

    def table(self) -> pd.DataFrame:
        """One row a size: size, loss, ratio to that of the whole past."""
        return pd.DataFrame({"size": self.sizes, "loss": self.losses, "ratio": self.losses / self.full})


@experiment(
    "Effective memory span",
    cost="1 for each size",
    source="Effective context size: Khandelwal et al. 2018, Sharp Nearby, Fuzzy Far Away",
    caveat="Layers can pass on what lies further back, so the span counts the keys a query needs, not the words.",
)
def span(
    reader: Reader,
    text: str,
    *,
    sizes: Sequence[int] = SPANS,
    sinks: int = 1,
    progress: Progress | None = None,
) -> Span:
    """Beyond how many words does taking memory away cost nothing?

    ``sizes``: how many of the latest keys each query sees; ``sinks`` first tokens stay besides. The loss is −mean log p
    of all tokens but the first. ``progress`` as in `Reader.read`, which says what is raised; `ReadingError` for a model
    that predicts no next token.
    """
    whole = _logprobs(reader, text, None, progress_within(progress, 0, 0.1))
    full = _loss(whole)
    tried = tuple(sorted({int(size) for size in sizes if 0 < int(size) < len(whole)}))
    losses = []
    for number, size in enumerate(tried):
        share = progress_within(progress, 0.1 + 0.9 * number / len(tried), 0.1 + 0.9 * (number + 1) / len(tried))
        losses.append(
            -float(np.mean(_logprobs(reader, text, Eviction.sinks(sinks, size), share)[1:], dtype=np.float64))
        )
    enough = next((size for size, loss in zip(tried, losses, strict=True) if loss <= COSTS * full), None)
    return Span(tried, read_only(np.array(losses)), full, enough, sinks)


def _logprobs(reader: Reader, text: str, eviction: Eviction | None, progress: Progress | None) -> np.ndarray:
    """The log-probability of each token. Raises `ReadingError` for a model that predicts none."""
    logprobs = reader.read(text, eviction=eviction, progress=progress or no_progress).logprobs
    if len(logprobs) < 2 or np.isnan(logprobs[1:]).any() or reader.info.kind == "encoder-decoder":
        raise ReadingError(
            "{model} predicts no next token of this text: it has no perplexity.",
            todo="Choose a language model such as smollm2, and a text of two words or more.",
            model=reader.info.name,
        )
    return logprobs


def _loss(logprobs: np.ndarray) -> float:
    return -float(np.mean(logprobs[1:], dtype=np.float64))


def _perplexity(logprobs: np.ndarray, first: int) -> float:
    return float(np.exp(-np.mean(logprobs[first:], dtype=np.float64)))
