"""Which language does a screen reader hear? Streamlit always says English; this says the page's own.

It is on every page, so what every text box and every picture needs is here too: half a character becomes a whole one,
and a picture that fills the screen has letters for a class, and its own size when it comes back.
"""

from __future__ import annotations

from pathlib import Path

from memviz.ui.components.assets import register

_mount = register(Path(__file__).parent, name="page_language")


def page_language(language: str) -> None:
    """Declares the language of the whole page, such as "en" or "zh"."""
    _mount(data={"language": language}, key="page_language")
