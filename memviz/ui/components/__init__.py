"""Which pictures does Streamlit not have? Heads, words, links, patches, moments.

Each folder is one component: a typed Python function, and the markup, style and script that
draw it in the browser. Hover, pin, filter and order happen there, without asking the server;
only a choice comes back.
"""

from __future__ import annotations

from memviz.ui.components.address import address_bar
from memviz.ui.components.chart_keys import chart_keys
from memviz.ui.components.copy_button import copy_button
from memviz.ui.components.cross import cross_view
from memviz.ui.components.grid import heads_grid
from memviz.ui.components.keys_to_page import keys_to_page
from memviz.ui.components.page_language import page_language
from memviz.ui.components.picture import patches_view, picture_view
from memviz.ui.components.sound import sound_view
from memviz.ui.components.words import cover_view, words_view

__all__ = [
    "address_bar",
    "chart_keys",
    "copy_button",
    "cover_view",
    "cross_view",
    "heads_grid",
    "keys_to_page",
    "page_language",
    "patches_view",
    "picture_view",
    "sound_view",
    "words_view",
]
