"""What an operator sets by environment variables: numbers that are checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TypeVar

from memviz.errors import ModelError

Number = TypeVar("Number", int, float)
_defaults: ContextVar[Mapping[str, float]] = ContextVar("defaults", default=MappingProxyType({}))


@contextmanager
def defaults(values: Mapping[str, float]) -> Iterator[None]:
    """Inside, these settings have other defaults: a server is more careful than a notebook."""
    token = _defaults.set(values)
    try:
        yield
    finally:
        _defaults.reset(token)


def number(name: str, default: Number, *, minimum: float) -> Number:
    """The setting of this name, a number of the kind of ``default``; the default where it is not set, see `defaults`.

    Raises `ModelError` for what is not a number, or less than ``minimum``.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        return type(default)(_defaults.get().get(name, default))
    try:
        setting = type(default)(value)
    except ValueError:
        setting = type(default)(-1)
    if not (setting >= minimum and setting != float("inf")):
        raise ModelError(
            "The setting {name} is {value}, which is not a number from {least} on.",
            todo="Set it to a number such as {usual}, or remove it.",
            name=name,
            value=value,
            least=minimum,
            usual=default,
        )
    return setting
