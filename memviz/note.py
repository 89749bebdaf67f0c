"""A sentence of MemViz with values in it: English in the library, the reader's language on the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Note:
    """A sentence, or a part of one, as a template filled with values.

    A value that is a `Note` itself is said in the same language; other texts are shown as they are.
    """

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def render(self, translate: Callable[[str], str] = str, quote: Callable[[str], str] = str) -> str:
        """The sentence: templates through ``translate``, the texts filled into them through ``quote``."""
        return translate(self.text).format(**{name: _value(one, translate, quote) for name, one in self.values.items()})

    def __str__(self) -> str:
        return self.render()


def _value(value: Any, translate: Callable[[str], str], quote: Callable[[str], str]) -> Any:
    if isinstance(value, Note):
        return value.render(translate, quote)
    return quote(value) if isinstance(value, str) else value
