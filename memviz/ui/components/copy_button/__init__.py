"""How does a text get out of the page with one click? A button that copies it, and says that it did."""

from __future__ import annotations

from pathlib import Path

from memviz.ui.components.assets import register

_mount = register(Path(__file__).parent, name="copy_button")


def copy_button(label: str, text: str, *, done: str, by_hand: str, key: str) -> None:
    """A button that copies ``text``, a link.

    ``label``: the words on the button. ``done`` is said when it was copied; ``by_hand`` beside the text itself, where
    the browser lets no page copy.
    """
    _mount(data={"label": label, "text": text, "done": done, "byHand": by_hand}, key=key)
