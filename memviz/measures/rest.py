"""What is left of rows of attention when some keys, such as attention sinks, are taken out?"""

from __future__ import annotations

import numpy as np

LEAST_REST = 1e-4  # of a row: with less than this left, there is nothing to renormalise


def without_keys(weights: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The same rows without some keys, renormalised to sum to one: float32 [query, key].

    ``weights`` are rows of a pattern, ``keys`` the positions of the columns to take out. A row of which less than
    0.01 % is left stays empty (all zero): weights are exact to 1e-5, it would show rounding.
    """
    rest = weights.copy()
    rest[:, keys] = 0.0
    total = rest.sum(axis=1, keepdims=True)
    return np.divide(rest, total, out=np.zeros_like(rest), where=total > LEAST_REST)
