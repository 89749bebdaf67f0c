"""Which files of a tab are held by the server? Those that its page asks for, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from memviz.serving.uploads import FULL, most_of_all
from memviz.ui.shell.address import PageEnd
from memviz.ui.shell.i18n import t

_RUN = "uploads_run"  # the files that this run's widgets gave; there only where a widget asked for one
_SEEN = "uploads_seen"  # the files that were held when the run before began
_asking: set[str] = set()  # the sessions whose page asks for a file


def take(widget: Callable[[], Any]) -> Any:
    """The file that a ``widget`` gives, or ``None``: says so where the server has no room for any."""
    context = get_script_run_ctx()
    taken: set[str] = st.session_state.setdefault(_RUN, set())
    if context is not None and not held(context.session_id)[0] and held("")[1] >= most_of_all():
        st.info(t(FULL), icon=":material/cloud_off:")
        return None
    if context is not None:
        _asking.add(context.session_id)
    file = widget()
    if file is not None:
        taken.add(file.file_id)
    return file


@contextmanager
def kept() -> Iterator[None]:
    """After a run the session may upload where a widget asked for a file, and files that none of them gave are let go.

    Of these only such as were there when the run before began: the browser may just have sent another.
    """
    context = get_script_run_ctx()
    session = "" if context is None else context.session_id
    now = _files(session)
    st.session_state.pop(_RUN, None)
    try:
        yield
    except PageEnd:
        _end(session, now)
        raise
    _end(session, now)


def _end(session: str, now: frozenset[str]) -> None:
    taken: set[str] | None = st.session_state.pop(_RUN, None)
    if taken is None:
        _asking.discard(session)
    if runtime.exists():
        active = runtime.get_instance().is_active_session
        _asking.difference_update([name for name in [*_asking] if not active(name)])  # others add theirs meanwhile
    before = st.session_state.get(_SEEN, frozenset())
    st.session_state[_SEEN] = now
    if (manager := _manager()) is not None:
        for file in (before & now) - (taken or set()):
            manager.remove_file(session, file)


def asks(session: str) -> bool:
    """Does the page that is open in this session ask for a file?"""
    return session in _asking


def held(session: str) -> tuple[int, int]:
    """Bytes of uploaded files that the server holds: (of this session, of all)."""
    manager = _manager()
    if manager is None:
        return 0, 0
    sizes = {name: sum(len(file.data) for file in [*files.values()]) for name, files in [*manager.file_storage.items()]}
    return sizes.get(session, 0), sum(sizes.values())


def _files(session: str) -> frozenset[str]:
    manager = _manager()
    return frozenset() if manager is None else frozenset([*manager.file_storage.get(session, ())])


def _manager() -> MemoryUploadedFileManager | None:
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None
