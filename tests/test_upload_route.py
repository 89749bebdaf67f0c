"""Nothing on the pages uploads: the server takes no file, however it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config
from streamlit.web.server.starlette import starlette_routes

SENT: dict[str, dict[str, Any]] = {
    "a byte": {"files": {"file": ("x.txt", b"x")}},
    "ten megabytes": {"files": {"file": ("x.bin", bytes(9_900_000))}},
    "in chunks of no stated length": {
        "content": iter(
            [b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n', b"x" * 9, b"\r\n--b--\r\n"]
        ),
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
def test_no_file_is_taken(uploads: tuple[TestClient, list[Any]], kind: str) -> None:
    client, taken = uploads
    answer = client.put("/_stcore/upload_file/session/file", **SENT[kind])
    assert (answer.status_code, taken) == (413, [])
