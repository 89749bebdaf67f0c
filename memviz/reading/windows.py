"""Which stretch of a text can a model read at once, when the whole is too long?

A stretch is read as a text of its own: the space before its first word is gone, and a character that was cut into
bytes is whole again, so it can have more tokens than it had in the whole. It is tried, and shortened until it fits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import regex

from memviz.errors import TextTooLongError
from memviz.tokens import Token

_CHARACTER = regex.compile(r"\X")


def fit_window(
    text: str,
    own: Sequence[Token],
    *,
    start: int,
    most: int,
    count: Callable[[str], int],
    limit: int,
) -> tuple[int, int]:
    """From which character to which: from token ``start`` on, ``most`` tokens or as many as fit.

    ``own``: the text's tokens; ``count(part)``: with how many tokens a part is read, of which ``limit`` are allowed.
    Begins and ends between two characters as a person counts them. Raises `TextTooLongError` where not one fits.
    """
    kept = own[start : start + most]
    if not kept:
        return 0, 0
    edges = [0, *(found.end() for found in _CHARACTER.finditer(text))]
    first = edges[bisect_right(edges, kept[0].start) - 1]
    while kept:
        last = edges[bisect_right(edges, kept[-1].end) - 1]
        over = count(text[first:last]) - limit if last > first else 1
        if over <= 0 < last - first:
            return first, last
        kept = kept[: -min(over, len(kept) // 2 + 1)]
    raise TextTooLongError(
        "At most {limit:,} tokens can be read at once, and not one character of the text fits among them.",
        todo="Choose another window of the text, or another model.",
        limit=limit,
    )


def require_room(room: int, *, beside: int, limit: int) -> None:
    """Raises `TextTooLongError` when ``beside``, the tokens that go with the text, leave no room for it."""
    if room < 1:
        raise TextTooLongError(
            "The second sentence and what the model adds have {beside:,} tokens; at most {limit:,} can be read at once,"
            " so there is no room for the text.",
            todo="Shorten the second sentence.",
            beside=beside,
            limit=limit,
        )
