"""Means of numbers of which some are not known."""

from __future__ import annotations

import warnings

import numpy as np


def known_mean(values: np.ndarray, *, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """What is the mean of those ``values`` that are known?

    Along ``axis``, one or several, or over all, without what is NaN; NaN where nothing is known.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "mean of empty slice" is an answer here
        return np.asarray(np.nanmean(values, axis=axis))
