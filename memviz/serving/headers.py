"""What every answer of a server tells the browser: nothing from elsewhere, in nobody's frame, under no other name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Event, Receive, Send], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # of Streamlit and its components, none from elsewhere
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # an address may hold a text
}


class Headers:
    """ASGI middleware: adds `HEADERS` to every answer; refuses requests for a host that is not ``allowed(host)``."""

    def __init__(self, app: AsgiApp, allowed: Callable[[str | None], bool] = lambda host: True) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # Streamlit looks at the host of a websocket itself
            await self._app(scope, receive, send)
            return

        async def send_with_headers(event: Event) -> None:
            if event["type"] == "http.response.start":
                ours = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                names = {name for name, _ in ours}
                others = [(name, value) for name, value in event.get("headers", ()) if name.lower() not in names]
                event = {**event, "headers": [*others, *ours]}
            await send(event)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), None)
        if self._allowed(host):
            await self._app(scope, receive, send_with_headers)
            return
        plain = [(b"content-type", b"text/plain; charset=utf-8")]
        await send_with_headers({"type": "http.response.start", "status": 421, "headers": plain})
        await send_with_headers({"type": "http.response.body", "body": b"This server has another name."})
