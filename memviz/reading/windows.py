"""Which stretch of a text can a model read at once, when the whole is too long?

A stretch is read as a text of its own: the space before its first word is gone, and a character that was cut into
bytes is whole again, so it can have more tokens than it had in the whole. It is tried, and shortened until it fits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import regex

from memviz.errors import ReadingError, TextTooLongError
from memviz.memory import is_integer
from memviz.reading.engine import limits
from memviz.reading.engine.engine import Engine
from memviz.reading.texts import count_tokens
from memviz.tokens import Token, clean, tokenise

_CHARACTER = regex.compile(r"\X")


def window_of_text(
    engine: Engine,
    text: str,
    start: int,
    tokens: int | None,
    pair: str | None,
    prompt: Callable[[str], str],
) -> tuple[int, int]:
    """From which character to which can the model read the text at once, from token ``start`` on? See `Reader.stretch`.

    ``prompt`` puts in front of a text what goes with it.
    """
    text = clean(text)
    start, tokens = _whole(start), None if tokens is None else _whole(tokens)
    content = [token for token in tokenise(engine.tokenizer, text)[0] if not token.special]

    def count(part: str) -> int:
        return count_tokens(engine, prompt(part), pair)

    beside = count("a") - sum(not token.special for token in tokenise(engine.tokenizer, "a")[0])
    limit = limits.context_limit(engine.info.context) or len(content) + beside
    require_room(limit - beside, beside=beside, limit=limit)
    most = min(limit - beside, tokens or limit)
    return fit_window(text, content, start=max(start, 0), most=most, count=count, limit=min(limit, most + beside))


def fit_window(
    text: str,
    content: Sequence[Token],
    *,
    start: int,
    most: int,
    count: Callable[[str], int],
    limit: int,
) -> tuple[int, int]:
    """From which character to which: from token ``start`` on, ``most`` tokens or as many as fit.

    ``content``: the text's tokens; ``count(part)``: with how many tokens a part is read, at most ``limit``.
    Begins and ends between two characters as a person counts them. Raises `TextTooLongError` where not one fits.
    """
    inside = content[start : start + most]
    if not inside:
        return 0, 0
    edges = [0, *(match.end() for match in _CHARACTER.finditer(text))]
    first = edges[bisect_right(edges, inside[0].start) - 1]
    while inside:
        last = edges[bisect_right(edges, inside[-1].end) - 1]
        over = count(text[first:last]) - limit if last > first else 1
        if over <= 0 < last - first:
            return first, last
        inside = inside[: -min(over, len(inside) // 2 + 1)]
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


def _whole(number: int) -> int:
    """Where a window begins, or how many tokens it has. Raises `ReadingError` for what is no whole number."""
    if not is_integer(number):
        raise ReadingError(
            "A window is counted in whole tokens; this is {value}.",
            todo="Give a whole number, such as 400.",
            value=repr(number)[:80],
        )
    return int(number)
