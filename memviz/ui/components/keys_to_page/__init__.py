"""Whose are the keys while a page is presented? The page's: a switch that was just flipped would keep them.

Streamlit hands no shortcut on while the focus is in a box or on a switch. So the focus goes on to what the switch
changed: the heading, where a screen reader goes on reading, too.
"""

from __future__ import annotations

from pathlib import Path

from memviz.ui.components.assets import register

_mount = register(Path(__file__).parent, name="keys_to_page")


def keys_to_page() -> None:
    """Moves the focus from a switch to the heading of the page's subject."""
    _mount(key="keys_to_page")
