"""What is kept for this tab, and how is all of it let go?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from memviz.serving import cache
from memviz.ui.shell import address
from memviz.ui.shell.i18n import KEY

ASKER = "asker"
GONE = "forgotten"  # how many things were let go just now


@contextmanager
def noted() -> Iterator[None]:
    """What the server keeps while this run goes on is kept for this tab."""
    if ASKER not in st.session_state:
        st.session_state[ASKER] = cache.Asker()
    with cache.asked_by(st.session_state[ASKER]):
        yield


def forget() -> None:
    """Lets go of what the server keeps for this tab, uploaded files among it, of its texts and choices, and of the
    address; to be called by a button. The language stays.
    """
    asker: cache.Asker = st.session_state.get(ASKER) or cache.Asker()
    dropped = cache.forget_asked(asker)
    context = get_script_run_ctx()
    if context is not None:  # those of the page before are let go only after the next run
        context.uploaded_file_mgr.remove_session_files(context.session_id)
    address.forget(but=(KEY,))
    st.session_state[GONE] = dropped


def count() -> int:
    """How many readings and results were asked for by this tab."""
    return len(st.session_state[ASKER].keys) if ASKER in st.session_state else 0
