"""A page opened by its own address, before anyone has opened the app: the frame must still be drawn.

Streamlit runs files in a folder called ``pages`` by themselves until some session has called
`st.navigation`; the first visitor of a fresh server who follows a link to a page would see that
page without language, model and titles. So a page that finds itself alone says that this app
has a frame, and starts over.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def ensure_frame() -> None:
    """Starts the run over when the page was started without app.py."""
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
