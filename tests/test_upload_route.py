"""The server takes files up to the largest that a page takes, and refuses what is larger, however it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config
from streamlit.web.server.starlette import starlette_routes

from memviz.ui.parts.training.classify import MOST_UPLOAD
from memviz.ui.parts.training.lines import MOST_BYTES

LIMIT = 64 * 1024 * 1024  # bytes, as .streamlit/config.toml has it
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
SENT: dict[str, dict[str, Any]] = {
    "a byte too much": {"files": {"file": ("x.bin", bytes(LIMIT + 1))}},
    "in chunks of no stated length": {
        "content": iter([HEAD, *[bytes(1_000_000)] * 70, b"\r\n--b--\r\n"]),
        "headers": {"content-type": "multipart/form-data; boundary=b"},
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
