"""What is asked for with a text to continue, and can it be had?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memviz.errors import ReadingError
from memviz.reading.writing.request import LONGEST, whole_number

SEEDS = 2**63 - 1


@dataclass(frozen=True)
class GenerationRequest:
    """How a text should be continued.

    max_new_tokens   how many tokens are written at most
    temperature      0: the likeliest token at every step; else one is drawn, from logits divided by this
    top_k, top_p     only the likeliest ``top_k``, only so many that they make up the share ``top_p``, may be drawn
    seed             of the draw
    stop             texts that end it as soon as one of them is written
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        max_new_tokens: Any,
        *,
        temperature: Any,
        top_k: Any,
        top_p: Any,
        seed: Any,
        stop: str | Sequence[str],
    ) -> GenerationRequest:
        """The same of what a caller gave. Raises `ReadingError` for what cannot be had."""
        if not _is_number(temperature) or not 0 <= temperature <= 100:
            raise ReadingError(
                "The temperature is {value}; it may be 0 to 100.",
                todo="0 writes the likeliest token at every step, 1 draws from what the model says.",
                value=repr(temperature)[:80],
            )
        if top_p is not None and (not _is_number(top_p) or not 0 < top_p <= 1):
            raise ReadingError(
                "top_p is {value}; it is a share above 0, up to 1.",
                todo="Leave it out, or give a share such as 0.9.",
                value=repr(top_p)[:80],
            )
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        if any(not isinstance(text, str) or not text for text in stops):
            raise ReadingError("A text that stops the writing must not be empty.", todo="Leave it out.")
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= SEEDS:
            raise ReadingError(
                "The seed is {value}; it is a whole number from 0 on.",
                todo="Give one such as 0.",
                value=repr(seed)[:80],
            )
        return cls(
            max_new_tokens=whole_number("max_new_tokens", max_new_tokens, largest=LONGEST),
            temperature=float(temperature),
            top_k=None if top_k is None else whole_number("top_k", top_k, largest=LONGEST),
            top_p=None if top_p is None else float(top_p),
            seed=seed,
            stop=stops,
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
