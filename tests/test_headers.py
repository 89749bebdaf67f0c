"""What a server tells the browser with every answer, and to which names it answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from streamlit import config
from streamlit.web.server.app_discovery import discover_asgi_app
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from memviz.serving.headers import HEADERS, Headers

ROOT = Path(__file__).parents[1]


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("here")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    """Someone at a server with these headers."""
    routes = [
        Route("/", lambda request: PlainTextResponse("page", headers={"X-Frame-Options": "ALLOWALL", "X-Kept": "1"})),
        WebSocketRoute("/stream", echo),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Headers, allowed=is_host_allowed)]))


@pytest.fixture
def one_host() -> Iterator[None]:
    """The operator named the host."""
    config.set_option("server.allowedHosts", ["memviz.school.example"])
    yield
    config.set_option("server.allowedHosts", [])


def test_every_answer_has_them_once(client: TestClient) -> None:
    for path, status in (("/", 200), ("/nowhere", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value]
    assert client.get("/").headers["X-Kept"] == "1"


def test_nothing_comes_from_elsewhere_and_no_other_site_frames_it() -> None:
    rules = dict(rule.split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == "'self'"
    assert not any("http" in sources or "*" in sources for sources in rules.values())


@pytest.mark.usefixtures("one_host")
def test_it_answers_to_its_name_alone(client: TestClient) -> None:
    assert client.get("/", headers={"host": "memviz.school.example:8501"}).status_code == 200
    refused = client.get("/", headers={"host": "elsewhere.example"})
    assert (refused.status_code, refused.text) == (421, "This server has another name.")
    assert refused.headers["X-Content-Type-Options"] == "nosniff"


def test_a_websocket_is_left_alone(client: TestClient) -> None:
    with client.websocket_connect("/stream") as socket:
        assert socket.receive_text() == "here"


def test_streamlit_finds_the_server_with_its_headers() -> None:
    found = discover_asgi_app(ROOT / "server.py")
    assert found.is_asgi_app
    calls = [node for node in ast.walk(ast.parse((ROOT / "server.py").read_text())) if isinstance(node, ast.Call)]
    assert [ast.unparse(node.args[0]) for node in calls if ast.unparse(node.func) == "st.App"] == ["'app.py'"]
    assert [ast.unparse(node.args[0]) for node in calls if ast.unparse(node.func) == "Middleware"] == [
        "Headers",
        "Uploads",
    ]
