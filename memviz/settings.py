"""What an operator sets by environment variables: numbers that are checked."""

from __future__ import annotations

import os
from typing import TypeVar

from memviz.errors import ModelError

Number = TypeVar("Number", int, float)


def number(name: str, usual: Number, *, least: float) -> Number:
    """The setting of this name, a number of the kind of ``usual``; that one where it is not set.

    Raises `ModelError` for what is no number, or less than ``least``.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        return usual
    try:
        found = type(usual)(value)
    except ValueError:
        found = type(usual)(-1)
    if not (found >= least and found != float("inf")):
        raise ModelError(
            "The setting {name} is {value}, which is not a number from {least} on.",
            todo="Set it to a number such as {usual}, or remove it.",
            name=name,
            value=value,
            least=least,
            usual=usual,
        )
    return found
