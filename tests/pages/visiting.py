"""One person on one page, without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
TIMEOUT = 240


class Visit:
    """A session: which page is open, and what stands on it."""

    def __init__(self, page: str, *, text: str | None, pair: str, query: Mapping[str, str]) -> None:
        self.app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT)
        for name, value in query.items():
            self.app.query_params[name] = value
        self.page, self.text, self.pair = page, text, pair
        self.app.switch_page(f"pages/{page}.py")  # by its address: no page was seen before
        self._write()
        self._run()

    def go(self, page: str) -> Visit:
        """Another page. The harness forgets what was typed when it changes the page; a browser does not."""
        if self.text is None:
            self.text, self.pair = self.app.session_state["text"], self.app.session_state["pair"]
        self.page = page
        self.app.switch_page(f"pages/{page}.py")
        self._write()
        return self._run()

    def read(self, text: str) -> Visit:
        """Types a text and reads it."""
        self.text = text
        self.app.text_area(key="text").set_value(text)
        return self._run()

    def press(self, key: str) -> Visit:
        """Presses a button."""
        self.app.button(key=key).click()
        return self._run()

    def choose(self, key: str, value: Any) -> Visit:
        """Chooses from a list."""
        self.app.selectbox(key=key).set_value(value)
        return self._run()

    def _run(self) -> Visit:
        """One run. The harness takes a name that was typed into a list only when the list holds it."""
        for box in self.app.selectbox:
            shown = box.format_func(box.value)
            if shown not in box.options:
                box.options.append(shown)
        self.app.run()
        return self

    def _write(self) -> None:
        if self.text is not None:
            self.app.session_state["text"], self.app.session_state["pair"] = self.text, self.pair

    @property
    def input(self) -> str:
        """What stands in the text box."""
        return self.app.text_area(key="text").value

    @property
    def address(self) -> dict[str, str]:
        """What the page wants to stand in the address."""
        return dict(parse_qsl(self._payloads("address_bar")[0]["query"]))

    @property
    def links(self) -> tuple[str, str]:
        """The links that the page copies: (with the text, without it)."""
        whole, bare = (payload["text"] for payload in self._payloads("copy_button"))
        return whole, bare

    def _payloads(self, name: str) -> list[dict[str, Any]]:
        """What the components of this name are drawn from."""
        items = [item.proto for item in self.app.get("bidi_component")]
        return [json.loads(item.json) for item in items if item.component_name == f"memviz.{name}"]

    @property
    def pictures(self) -> list[str]:
        """The components and charts on the page."""
        named = [item.proto.component_name.removeprefix("memviz.") for item in self.app.get("bidi_component")]
        unseen = ("page_language", "address_bar", "copy_button", "chart_keys", "keys_to_page")
        pictures = [name for name in named if name not in unseen]
        return pictures + ["chart"] * len(self.app.get("plotly_chart"))

    @property
    def errors(self) -> list[str]:
        """The error boxes."""
        return [box.value for box in self.app.error]

    @property
    def notes(self) -> list[str]:
        """The blue boxes."""
        return [box.value for box in self.app.info]

    @property
    def sentences(self) -> list[str]:
        """All sentences and figures on the page."""
        kinds = ("markdown", "caption", "metric", "subheader", "title", "info", "error")
        return [str(item.value) for kind in kinds for item in self.app.get(kind)]

    def state(self, name: str) -> Any:
        """What the session remembers under this name."""
        return self.app.session_state[name]

    def nothing_broke(self) -> None:
        """No run ended in a stack trace."""
        assert [(self.page, item.message, item.stack_trace) for item in self.app.exception] == []


def plain(sentences: list[str]) -> str:
    """All that a page says, without the marks that keep markdown away, and with common spaces."""
    return unmarked("\n".join(sentences))


def unmarked(text: str) -> str:
    """A text without the marks of markdown, and with common spaces."""
    return text.replace("\\", "").replace("**", "").replace("\u00a0", " ")
