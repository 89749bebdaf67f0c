"""The real huggingface_hub client, in a process of its own, against a hub of forty lines on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import memviz

ID, SHA = "somebody/tiny", "0123456789abcdef0123456789abcdef01234567"

ASK = """
import json, sys
from memviz.errors import MemVizError
from memviz.models import locate, preview
for name in sys.argv[1:]:
    said = []
    try:
        size = preview(name).size
        model = locate(name, progress=lambda fraction, label: said.append((fraction, label)))
        answer = {"size": size, "revision": model.revision, "files": sorted(p.name for p in model.path.iterdir()),
                  "licence": model.licence, "said": said}
    except MemVizError as error:
        answer = {"error": type(error).__name__, "said": str(error)}
    print(json.dumps(answer))
"""


class FakeHub(BaseHTTPRequestHandler):
    """Answers what the client asks about one model, and refuses a gated one."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        sizes = {name: len(content) for name, content in self.files.items()}
        if path.startswith(f"/{ID}/resolve/{SHA}/"):
            self.answer(self.files[path.rpartition("/")[2]])
        elif path.startswith(f"/api/models/{ID}/tree/"):
            self.answer([{"type": "file", "path": n, "size": s, "oid": "0" * 40} for n, s in sizes.items()])
        elif path == f"/api/models/{ID}":
            siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
            self.answer({"id": ID, "sha": SHA, "siblings": siblings, "cardData": {"license": "mit"}, "tags": []})
        else:
            gated = path.startswith("/api/models/gated/")
            self.answer({}, status=403 if gated else 404, code="GatedRepo" if gated else "RepoNotFound")

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def answer(self, content: object, *, status: int = 200, code: str = "") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        blob = b"blob %d\0" % len(body) + body  # as git names it, and the hub
        self.send_header("ETag", f'"{hashlib.sha1(blob).hexdigest()}"')
        self.send_header("X-Repo-Commit", SHA)
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def server(make_model) -> Iterator[ThreadingHTTPServer]:
    folder = make_model("BertForMaskedLM", "bert")
    FakeHub.files = {path.name: path.read_bytes() for path in folder.iterdir()} | {"pytorch_model.bin": b"pickle"}
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(*names: str, port: int, at: Path) -> list[dict]:
    """What the client answers about each of these models, all in one process: it reads its settings once."""
    env = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HUB_CACHE": str(at / "hf"), "HF_TOKEN": ""}
    root = str(Path(memviz.__file__).parents[1])
    told = subprocess.run([sys.executable, "-c", ASK, *names], cwd=root, env=env, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_the_real_client(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    port = server.server_address[1]
    first, gated, nobody = ask(ID, "gated/model", "some/nobody", port=port, at=tmp_path)
    wanted = sorted(set(FakeHub.files) - {"pytorch_model.bin"})
    assert first["files"] == wanted
    assert first["size"] == sum(len(FakeHub.files[name]) for name in wanted)
    assert (first["revision"], first["licence"]) == (SHA, "mit")
    assert first["said"][-1] == [1.0, "Ready"]
    assert (gated["error"], nobody["error"]) == ("FetchError", "UnknownModelError")
    offline, other = ask(ID, "some/other", port=9, at=tmp_path)
    assert "error" not in offline, offline
    assert (offline["revision"], offline["files"]) == (SHA, first["files"])
    assert other["error"] == "UnreachableError"
