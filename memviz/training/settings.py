"""Is what a training is told a number that it can be told?"""

from __future__ import annotations

import numpy as np

from memviz.errors import TrainingError
from memviz.note import Note


def require_whole_number(what: Note, number: object, least: int, most: int) -> None:
    """Raises `TrainingError` unless ``number``, which is called ``what``, is whole and from ``least`` to ``most``."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or not least <= number <= most:
        raise TrainingError(
            "{what}: {number} is not a whole number from {least} to {most}.",
            todo="Give one between these.",
            what=what,
            number=repr(number)[:40],
            least=least,
            most=most,
        )
