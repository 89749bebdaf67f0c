"""What is the mean of the numbers that are known?"""

from __future__ import annotations

import warnings

import numpy as np


def mean_known(values: np.ndarray, *, axis: int | tuple[int, ...]) -> np.ndarray:
    """The mean along some axes without what is NaN; NaN where nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "mean of empty slice" is an answer here
        return np.nanmean(values, axis=axis)
