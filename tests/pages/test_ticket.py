"""An export holds a name of what it shows: the trace is let go with the cache, and read again when somebody asks."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from memviz.memory import Memory
from memviz.serving import cache
from memviz.serving.ticket import Ticket
from memviz.trace import Trace
from memviz.ui import share
from memviz.ui.parts import translation
from memviz.ui.parts.compare import Comparison
from memviz.ui.parts.heads import HeadsView
from memviz.ui.parts.recall import RecallView
from memviz.ui.share import actions
from tests.conftest import CAT
from tests.pages.test_cache import patient, silent

pytestmark = pytest.mark.models
SENTENCES = "The black cat drinks cold milk. It was tired."


def read() -> Trace:
    return cache.read("minilm", CAT, None, on_wait=patient, progress=silent)


def translate(**options) -> Trace:
    options = cache.TranslationOptions(**options)
    return cache.translate("firefox-en-pt", SENTENCES, options, on_wait=patient, progress=silent)


def translated() -> share.Translate:
    """The page Translate at the second sentence, with a word covered."""
    trace, job = translate(), translation.TranslationJob(SENTENCES, "firefox-en-pt", cache.TranslationOptions())
    before = trace.parts[1]
    covered = translation.CoveredRun(before.words[0], "cover", before, translate(whole=True), None)
    return share.Translate(trace, translation.TranslationView(before), job, covered_run=covered)


VIEWS: dict[str, Callable[[], share.Shared]] = {
    "home": lambda: share.Home(read(), word=2),
    "heads": lambda: share.Heads((trace := read()), HeadsView(trace.memory(), 1, 2)),
    "recall": lambda: share.Recall(read(), RecallView(None, None), word=2),
    "compare": lambda: share.Compare(
        read(), cache.read("minilm", SENTENCES, None, on_wait=patient, progress=silent), Comparison("was", 1, 2)
    ),
    "translate": translated,
}


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Nothing is known before a test, nor after it."""
    cache.forget_traces()
    yield
    cache.forget_traces()


@pytest.mark.parametrize("name", VIEWS)
def test_a_ticket_holds_no_trace_and_gives_the_same_files(name: str) -> None:
    view = VIEWS[name]()
    ticket = Ticket(view)
    assert ticket.get().trace is view.trace, "it is still in the cache"
    if isinstance(view, share.Translate):
        assert list(ticket.get().others()) == list(view.others())
    files = {kind: getattr(view, kind)() for kind in ("npz", "svg", "html")}
    dead = weakref.ref(view.trace)
    cache.forget_traces()
    del view
    gc.collect()
    assert dead() is None
    assert {kind: getattr(ticket.get(), kind)() for kind in files} == files


def test_what_is_not_from_the_cache_is_held_as_it_is(minilm) -> None:
    trace = minilm.read(CAT)
    memory: Memory = minilm.read("the cat").memory()
    pair = Ticket((trace, trace.memory(), memory, "text")).get()
    assert pair[0] is trace
    assert pair[1] is trace.memory()
    assert pair[2] is memory
    assert pair[3] == "text"


@pytest.mark.parametrize("page", ["home", "heads", "recall", "translate"])
def test_a_page_that_is_open_holds_no_trace(visit, page: str) -> None:
    here = visit(page)
    assert here.pictures
    traces = [weakref.ref(trace) for trace in cache._traces.values()]
    assert traces
    cache.forget_traces()
    gc.collect()
    assert [trace() for trace in traces if trace() is not None] == []


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaFileManager]:
    """Streamlit's own store of files, and who runs: the name of a session, "" for no page."""
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(actions.runtime, "exists", lambda: True)
    monkeypatch.setattr(actions.runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=manager))
    offered = actions._Offered()
    monkeypatch.setattr(actions, "_offered", offered)
    yield manager
    if offered._end is not None:
        offered._end.cancel()


def click(manager: MediaFileManager, number: int) -> str:
    """The address of a file of 300 bytes that somebody has clicked."""
    make = partial(actions._file_bytes, Ticket(Plain(f"{number:4}" * 75)), Plain.html, "en", file="a.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(media_file_manager, "_get_session_id", lambda: "a page")
        button = manager.add_deferred(partial(make, mime="text/html"), "text/html", f"1.{number}", "a.html")
    return manager.execute_deferred(button).rpartition("/")[2]


def size_of(manager: MediaFileManager) -> int:
    return sum(file.content_size for file in manager._storage._files_by_id.values())


def test_files_that_were_made_are_bounded(manager: MediaFileManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_BYTES", 1000)
    for number in range(40):
        address = click(manager, number)
        assert manager._storage.get_file(address).content == f"{number:4}".encode() * 75, "the last is there"
        assert size_of(manager) <= 1300


def test_a_file_waits_for_its_browser_however_many_pages_run_and_not_for_ever(
    manager: MediaFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(actions, "monotonic", lambda: now[0])
    address = click(manager, 7)
    for _ in range(30):  # a class: somebody's page begins or ends
        manager.clear_session_refs("a page")
        manager.remove_orphaned_files()
    assert manager._storage.get_file(address).content == b"   7" * 75
    now[0] = actions.PATIENCE + 1
    later = click(manager, 8)
    assert size_of(manager) == 300
    assert manager._storage.get_file(later).content == b"   8" * 75
    manager.clear_session_refs("a page")
    actions._offered.let_go()
    assert size_of(manager) == 0


@dataclass(frozen=True)
class Plain:
    """A view of nothing but a text."""

    text: str

    def html(self) -> bytes:
        return self.text.encode()
