"""A sentence of MemViz with values in it: English in the library, the reader's language on the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Note:
    """A sentence, or a part of one, as a template filled with values.

    text    the template, with the names of its values in braces
    values  what is filled in: a `Note` is rendered in the same language, other texts are shown as they are
    code    a short name that stays when the sentence is worded anew, such as "output-cut": what programs compare; ""
            for a note that nothing depends on
    """

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""

    def render(self, translate: Callable[[str], str] = str, quote: Callable[[str], str] = str) -> str:
        """The sentence: templates through ``translate``, the texts filled into them through ``quote``."""
        values = {name: _rendered(value, translate, quote) for name, value in self.values.items()}
        return translate(self.text).format(**values)

    def __str__(self) -> str:
        return self.render()


def _rendered(value: Any, translate: Callable[[str], str], quote: Callable[[str], str]) -> Any:
    if isinstance(value, Note):
        return value.render(translate, quote)
    return quote(value) if isinstance(value, str) else value
