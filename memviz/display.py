"""How does a thing show itself where a cell of a notebook ends in it? The room that draws it is asked then, by name.

A trace and a memory stand below everything that can draw them, so they cannot import it. This is the only arrow
upwards, and nothing is imported along it before a notebook asks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

ROOM = "memviz.notebook"


class Displayed:
    """What IPython asks for its pictures."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """(what to show, by its type; metadata): a widget, HTML or a picture, and always plain text."""
        return import_module(ROOM).bundle(self)
