"""What can be said of a mean over texts, and of the difference of two: by drawing texts again, or their labels.

Everything works through blocks of texts, so that no corpus is ever held: a bootstrap's draws, and the labels of a
permutation, are dealt out block by block, exactly as if they had been drawn for all texts at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

DRAWS = 1000
SHARE = 0.95
Blocks = Iterable[np.ndarray]
"""Numbers of consecutive texts, float [text, head], NaN where one is not known; as often as they are iterated."""
Correction = Literal["holm", "bh"]


@dataclass(frozen=True, eq=False)
class Interval:
    """The mean of every head over the texts where it is known, and where it may lie: float64 [head] each.

    ``low`` and ``high`` are NaN where fewer than two texts have the number; ``count`` says how many have it.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, eq=False)
class Difference:
    """How much larger is the mean of every head in the second corpus, and could the labels be exchanged?

    difference   float64 [head], second less first; NaN where either has no number
    p            float64 [head], two-sided, of the permutation test; at least 1 / (draws + 1)
    adjusted     the same, corrected for the number of heads
    draws        how often the labels were drawn
    """

    difference: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray
    draws: int


def bootstrap(blocks: Blocks, texts: int, *, draws: int = DRAWS, share: float = SHARE, seed: int = 0) -> Interval:
    """Where does the mean over all texts lie, if these are a sample of them?

    Draws the ``texts`` again with replacement, whole texts (their heads and tokens together), ``draws`` times. The
    interval that holds ``share`` of the means, widened for few texts as a t interval is (Hesterberg 2015, What Teachers
    Should Know About the Bootstrap, section 4.3: the expanded percentile interval).
    """
    draw = np.random.default_rng(seed)
    left = np.full(draws, texts, dtype=np.int64)  # draws that are not dealt out yet
    rest = texts
    totals = weights = sums = counts = np.zeros(0)
    for block in blocks:
        size = len(block)
        dealt = draw.binomial(left, size / rest) if rest > size else left.copy()
        left, rest = left - dealt, rest - size
        times = draw.multinomial(dealt, np.full(size, 1 / size)).astype(np.float64)  # [draw, text]
        known = np.isfinite(block)
        values = np.where(known, block, 0.0).astype(np.float64)
        if not len(sums):
            sums, counts = np.zeros(block.shape[1]), np.zeros(block.shape[1])
            totals, weights = np.zeros((draws, block.shape[1])), np.zeros((draws, block.shape[1]))
        totals += times @ values
        weights += times @ known.astype(np.float64)
        sums += values.sum(axis=0)
        counts += known.sum(axis=0)
    means = np.divide(totals, weights, out=np.full_like(totals, np.nan), where=weights > 0)
    mean = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    low, high = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    for count in np.unique(counts[counts >= 2]):
        heads = counts == count
        tail = _tail(int(count), share)
        low[heads], high[heads] = np.nanquantile(means[:, heads], [tail, 1 - tail], axis=0)
    return Interval(mean, low, high, counts.astype(np.int64))


def _tail(count: int, share: float) -> float:
    """Which share of the means lies outside on each side: Φ(−t √(n / (n − 1))) instead of (1 − share) / 2."""
    normal = NormalDist()
    z, free = normal.inv_cdf((1 + share) / 2), count - 1
    t = (  # the quantile of Student's t, Cornish–Fisher (Abramowitz & Stegun 26.7.5)
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )
    return normal.cdf(-t * math.sqrt(count / free))


def permutation_test(
    first: Blocks,
    second: Blocks,
    texts: tuple[int, int],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    correction: Correction = "holm",
) -> Difference:
    """Would two corpora differ as much if it were chance which text belongs to which?

    The labels of all texts are dealt out anew, ``draws`` times; ``texts`` are how many each has. p is the share of
    labellings, the true one among them, whose means differ at least as much (Phipson & Smyth 2010). ``correction``:
    see `adjusted`.
    """
    draw = np.random.default_rng(seed)
    to_second = np.full(draws, texts[1], dtype=np.int64)  # labels of the second corpus that are not dealt out yet
    rest = sum(texts)
    drawn: list[np.ndarray] = []  # of both corpora: sums and counts [draw, head]
    true: list[np.ndarray] = []
    for label, blocks in enumerate((first, second)):
        for block in blocks:
            size = len(block)
            many = draw.hypergeometric(to_second, rest - to_second, size)
            to_second, rest = to_second - many, rest - size
            ranks = draw.random((draws, size)).argsort(axis=1).argsort(axis=1)
            labels = (ranks < many[:, None]).astype(np.float64)  # [draw, text]: in the second corpus
            known = np.isfinite(block).astype(np.float64)
            values = np.where(known > 0, block, 0.0).astype(np.float64)
            if not drawn:
                drawn = [np.zeros((draws, block.shape[1])) for _ in range(4)]
                true = [np.zeros(block.shape[1]) for _ in range(4)]
            inside = labels @ values, labels @ known
            whole = values.sum(axis=0), known.sum(axis=0)
            for place in (0, 1):
                drawn[place] += whole[place] - inside[place]
                drawn[2 + place] += inside[place]
                true[2 * label + place] += whole[place]
    difference = _difference(true)
    others = np.abs(_difference(drawn))
    far = (others >= np.abs(difference) * (1 - 1e-9)) | np.isnan(others)
    p = np.where(np.isnan(difference), np.nan, (1 + far.sum(axis=0)) / (draws + 1))
    return Difference(difference, p, adjusted(p, correction), draws)


def _difference(sums: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the second less that of the first, from (sum, count) of each."""
    first, second = (
        np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        for total, count in (sums[:2], sums[2:])
    )
    return second - first


def adjusted(p: np.ndarray, correction: Correction) -> np.ndarray:
    """The p-values of many heads, corrected: float64 of the same shape, NaN where there is none.

    "holm" keeps the chance that any head is called different by mistake (Holm 1979); "bh" the share of such heads
    among all that are called different (Benjamini & Hochberg 1995).
    """
    flat = np.asarray(p, dtype=np.float64).ravel()
    known = np.flatnonzero(np.isfinite(flat))
    out = np.full(len(flat), np.nan)
    order = known[np.argsort(flat[known], kind="stable")]
    ranks, count = np.arange(1, len(order) + 1), len(order)
    if correction == "holm":
        out[order] = np.maximum.accumulate(flat[order] * (count + 1 - ranks))
    else:
        out[order] = np.minimum.accumulate((flat[order] * count / ranks)[::-1])[::-1]
    return np.minimum(out, 1.0).reshape(np.shape(p))
