"""The words along one side of a memory, and sums over their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memviz.tokens import Word

FEW = 16  # tokens a word


@dataclass(frozen=True, eq=False)
class Side:
    """The words along one side of a memory.

    tokens         int [token]: the positions of all tokens, word after word
    starts, sizes  int [word]: where each word begins in ``tokens``, and of how many it is made
    """

    tokens: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, words: Sequence[Word]) -> Side:
        """The side that these words make."""
        sizes = np.array([len(word.tokens) for word in words], dtype=np.int64)
        tokens = np.array([token for word in words for token in word.tokens], dtype=np.int64)
        return cls(tokens, np.cumsum(sizes) - sizes, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def part(self, words: slice) -> Side:
        """The side of some of the words, one after the other."""
        starts, sizes = self.starts[words], self.sizes[words]
        return Side(self.tokens[starts[0] : starts[-1] + sizes[-1]], starts - starts[0], sizes)

    def of_words(self, words: np.ndarray) -> Side:
        """The side of these words, in any order, a word as often as it is named."""
        sizes = self.sizes[words]
        starts = np.cumsum(sizes) - sizes
        place = np.arange(sizes.sum()) - np.repeat(starts, sizes)
        return Side(self.tokens[np.repeat(self.starts[words], sizes) + place], starts, sizes)

    def sums(self, values: np.ndarray, *, axis: int = 0) -> np.ndarray:
        """Values of tokens, in the order of ``tokens``, summed by word along the first or the last axis."""
        longest = self.sizes.max()
        if longest > FEW:
            return np.add.reduceat(values, self.starts, axis=axis)
        sums = np.take(values, self.starts, axis=axis)
        for number in range(1, longest):  # most words have one token: adding up the others is much faster than reduceat
            longer = np.nonzero(self.sizes > number)[0]
            sums[longer if axis == 0 else (..., longer)] += np.take(values, self.starts[longer] + number, axis=axis)
        return sums

    def owners(self, length: int) -> np.ndarray:
        """The word that each position belongs to, −1 for none; int [position]."""
        owners = np.full(length, -1, dtype=np.int64)
        owners[self.tokens] = np.repeat(np.arange(len(self)), self.sizes)
        return owners
