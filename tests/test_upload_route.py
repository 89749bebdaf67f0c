"""The server takes files that a page asks for, up to the largest and while there is room, and lets go of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette import starlette_routes

from memviz.serving.uploads import CLOSED, FULL, OF_ONE, UNKNOWN, Uploads
from memviz.ui.parts.training.classify import MOST_UPLOAD
from memviz.ui.parts.training.lines import MOST_BYTES
from memviz.ui.shell import uploads as kept_uploads

LIMIT = 64 * 1024 * 1024  # bytes, as .streamlit/config.toml has it
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
SENT: dict[str, dict[str, Any]] = {
    "a byte too much": {"files": {"file": ("x.bin", bytes(LIMIT + 1))}},
    "in chunks of no stated length": {
        "content": iter([HEAD, *[bytes(1_000_000)] * 70, b"\r\n--b--\r\n"]),
        "headers": MULTIPART,
    },
}


@pytest.fixture
def uploads() -> Iterator[tuple[TestClient, list[Any]]]:
    """The route as the server has it, for a session that is open; and what it took."""
    taken: list[Any] = []
    runtime = SimpleNamespace(is_active_session=lambda session: True)
    manager = SimpleNamespace(add_file=lambda **file: taken.append(file))
    config.set_option("server.enableXsrfProtection", False)
    yield TestClient(Starlette(routes=starlette_routes.create_upload_routes(runtime, manager, None))), taken
    config.set_option("server.enableXsrfProtection", True)


@pytest.mark.parametrize("kind", SENT)
def test_what_is_too_large_is_not_taken(uploads: tuple[TestClient, list[Any]], kind: str) -> None:
    client, taken = uploads
    answer = client.put("/_stcore/upload_file/session/file", **SENT[kind])
    assert (answer.status_code, taken) == (413, [])


def test_a_file_is_taken(uploads: tuple[TestClient, list[Any]]) -> None:
    client, taken = uploads
    answer = client.put("/_stcore/upload_file/session/file", files={"file": ("x.wav", bytes(2_000_000))})
    assert answer.status_code == 204
    assert [len(each["file"].data) for each in taken] == [2_000_000]


def test_every_page_stays_below_it() -> None:
    assert config.get_option("server.maxUploadSize") * 1024 * 1024 == LIMIT
    assert max(MOST_BYTES, MOST_UPLOAD) <= LIMIT


@pytest.mark.parametrize(
    ("asks", "held", "sent", "status", "sentence"),
    [
        (True, (OF_ONE - 2_000, OF_ONE), {"files": {"file": ("x.wav", bytes(1_000))}}, 204, ""),
        (True, (OF_ONE - 1_000, OF_ONE), {"files": {"file": ("x.wav", bytes(1_000))}}, 413, FULL),
        (True, (0, 999_999_000), {"files": {"file": ("x.wav", bytes(1_000))}}, 413, FULL),
        (False, (0, 0), {"files": {"file": ("x.wav", bytes(1_000))}}, 403, CLOSED),
        (True, (0, 0), {"content": iter([HEAD, b"x", b"\r\n--b--\r\n"]), "headers": MULTIPART}, 411, UNKNOWN),
    ],
)
def test_only_what_a_page_asks_for_is_taken_and_while_there_is_room(
    uploads: tuple[TestClient, list[Any]], asks: bool, held: tuple[int, int], sent: Any, status: int, sentence: str
) -> None:
    client, taken = uploads
    asked = []
    bounded = Middleware(Uploads, asks=lambda session: asked.append(session) or asks, held=lambda session: held)
    server = TestClient(Starlette(routes=client.app.routes, middleware=[bounded]))
    answer = server.put("/_stcore/upload_file/session/file", **sent)
    assert (answer.status_code, answer.text, len(taken)) == (status, sentence, int(status == 204))
    assert asked == ["session"]


def test_files_on_their_way_count_and_are_forgotten_when_they_are_through() -> None:
    """Two at once that only together are too much."""
    statuses: list[int] = []
    here = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await here.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])
            here.set()

    bounded = Uploads(app, asks=lambda session: True, held=lambda session: (0, 0))
    length = [(b"content-length", b"%d" % (OF_ONE // 2 + 1))]
    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/one/a", "headers": length}

    async def two() -> None:
        await asyncio.gather(*(bounded({**scope}, None, send) for _ in range(2)))  # type: ignore[arg-type]
        await bounded({**scope}, None, send)  # type: ignore[arg-type]

    with ThreadPoolExecutor() as pool:  # in this thread a loop may be at work: that of the browser's tests
        pool.submit(lambda: asyncio.run(two())).result()
    assert statuses == [413, 204, 204]


def page() -> None:
    """A page that asks for a file where the session says so, and names the one that it was given."""
    from types import SimpleNamespace

    import streamlit as st

    from memviz.ui.shell import uploads

    with uploads.kept():
        given = st.session_state.get("given")
        if given is not None:
            uploads.take(lambda: SimpleNamespace(file_id=given) if given else None)


def test_a_file_is_let_go_when_its_page_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(kept_uploads, "_manager", lambda: manager)
    app = AppTest.from_function(page)
    app.session_state["given"] = ""
    app.run()
    session = "test session id"  # as the harness calls it
    assert kept_uploads.asks(session)
    for name in ("first", "second"):
        manager.add_file(session, UploadedFileRec(name, name, "audio/wav", bytes(1_000)))
    manager.add_file("another", UploadedFileRec("third", "third", "audio/wav", bytes(500)))
    assert kept_uploads.held(session) == (2_000, 2_500)
    app.session_state["given"] = "second"
    app.run()
    assert {*manager.file_storage[session]} == {"first", "second"}, "the browser may just have sent one"
    app.run()
    assert {*manager.file_storage[session]} == {"second"}, "another took its place"
    del app.session_state["given"]
    app.run()
    assert not kept_uploads.asks(session)
    assert kept_uploads.held(session) == (0, 500)


def test_a_page_that_opens_while_another_ends_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session has a thread of its own, and all of them share who asks for a file."""
    asking = {"ended", "ended too"}
    server = SimpleNamespace(is_active_session=lambda name: asking.add(f"opened beside {name}"))
    monkeypatch.setattr(kept_uploads, "_asking", asking)
    monkeypatch.setattr(kept_uploads, "_manager", lambda: None)
    monkeypatch.setattr(kept_uploads, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: server))
    app = AppTest.from_function(page)
    assert not app.run().exception
    assert asking == {"opened beside ended", "opened beside ended too"}


def test_a_server_without_room_says_so_in_place_of_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(kept_uploads, "_manager", lambda: manager)
    monkeypatch.setenv("MEMVIZ_UPLOAD_GB", "0.000001")
    manager.add_file("another", UploadedFileRec("third", "third", "audio/wav", bytes(1_000)))
    app = AppTest.from_function(page)
    app.session_state["given"] = ""
    assert [box.value for box in app.run().info] == [FULL]
    manager.remove_session_files("another")
    assert not app.run().info
