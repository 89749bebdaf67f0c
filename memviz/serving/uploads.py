"""How much may be uploaded to a server: nothing where no page asks for a file, and never more than it has room for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from memviz.serving.headers import AsgiApp, Event, Receive, Send
from memviz.settings import number

ROUTE = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
OF_ONE = 2 * 64 * 1024 * 1024  # bytes: two of the largest files, which is more than any page asks for
FULL = "This server holds as many uploaded files as it has room for. Try again when others have closed theirs."
CLOSED = "No page that is open in this tab asks for a file."
UNKNOWN = "How long the file is must be said in front of it."


def most_of_all() -> int:
    """Bytes of uploaded files that a server holds at most, of all who are there: the setting ``MEMVIZ_UPLOAD_GB``."""
    return int(number("MEMVIZ_UPLOAD_GB", 1.0, minimum=0) * 1e9)


@dataclass
class Uploads:
    """ASGI middleware: refuses a file that no page asked for, or that there is no room for, before any of it is read.

    asks   does a page of this session ask for a file?
    held   bytes that are held already, (of this session, of all)

    What is on its way counts as if it were there.
    """

    app: AsgiApp
    asks: Callable[[str], bool]
    held: Callable[[str], tuple[int, int]]
    _coming: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answers one request."""
        route = ROUTE.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        session, length = route[1], _length(scope)
        refusal = self._refusal(session, length)
        if refusal is not None or length is None:
            await _refuse(send, *(refusal or (411, UNKNOWN)))
            return
        self._coming[session] += length
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming[session] -= length
            if self._coming[session] <= 0:
                del self._coming[session]

    def _refusal(self, session: str, length: int | None) -> tuple[int, str] | None:
        if not self.asks(session):
            return 403, CLOSED
        if length is None:
            return 411, UNKNOWN
        own, all_ = self.held(session)
        if own + self._coming[session] + length > OF_ONE or all_ + self._coming.total() + length > most_of_all():
            return 413, FULL
        return None


def _length(scope: Event) -> int | None:
    text = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-length"), "")
    return int(text) if text.isascii() and text.isdigit() else None


async def _refuse(send: Send, status: int, sentence: str) -> None:
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": sentence.encode()})
