"""A text while it is being written: token by token, with a button that stops it.

A click runs the page again, in a thread of its own; the thread that writes gets a `StopException` with the next thing
that it draws. The two meet in the `GrowingText`: the writing ends, what is written is read and remembered, and the new
run goes on from there. Without a click somebody left, and the writing just ends.
"""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable

from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException, StopException

from memviz.tokens import printable
from memviz.ui.shell.i18n import t

OFTEN = 0.06  # seconds between two pictures of the text
CLICK = 0.5  # seconds until a click is known where the page runs again
PATIENCE = 60.0  # seconds that the new run waits for what was written to be read


class GrowingText:
    """What is written so far after ``begun``, in ``place``. Moving on in the page ends it; the button only stops it.

    on_stop   called in the new run, with the number of tokens that were written until the click
    key       of the button
    written   what was written so far
    request   why the page ends or runs again, where it was for the button
    """

    def __init__(self, place: DeltaGenerator, begun: str, *, key: str, on_stop: Callable[[int], None]) -> None:
        self.place, self.written, self.key, self.on_stop = place, "", key, on_stop
        self.request: StopException | RerunException | None = None
        self._begun, self._drawn = begun, 0.0
        self._parts: tuple[DeltaGenerator, DeltaGenerator] | None = None  # drawn with the first thing that is told
        self._clicked, self._ended = threading.Event(), threading.Event()
        self._count: int | None = None

    def take(self, piece: str) -> bool:
        """One more piece of the text; is there to be more?"""
        self.written += piece
        if self.request is None and time.monotonic() - self._drawn >= OFTEN:
            self._unless_stopped(self._draw)
        return self.request is None

    def progress(self, fraction: float, label: str) -> None:
        """What is being done besides writing; while it writes, the text itself shows how far it is."""
        if self.request is None:
            self._unless_stopped(lambda: self._tell(fraction, label))

    def wait(self, line: str) -> None:
        """How many are before us."""
        self._places()[0].info(line, icon=":material/hourglass_top:")

    def end(self, count: int | None) -> None:
        """The writing is over: so many tokens until it was stopped, ``None`` where it came to its end."""
        if not self._ended.is_set():
            self._count = count
            self._ended.set()

    def _stop(self) -> None:
        """The click, in the new run: waits until what was written is there."""
        self._clicked.set()
        self._ended.wait(PATIENCE)
        if self._count is not None:
            self.on_stop(self._count)

    def _unless_stopped(self, draw: Callable[[], None]) -> None:
        """Draws; keeps the request of the button, and passes on every other."""
        try:
            draw()
        except (StopException, RerunException) as request:
            if not self._is_click(request):
                raise
            self.request = request

    def _is_click(self, request: StopException | RerunException) -> bool:
        """Does the page run again because the button was clicked? The new run says so at once."""
        if isinstance(request, StopException):
            return self._clicked.wait(CLICK)
        states = request.rerun_data.widget_states
        return states is not None and any(
            item.trigger_value and item.id.endswith(f"-{self.key}") for item in states.widgets
        )

    def _places(self) -> tuple[DeltaGenerator, DeltaGenerator]:
        """Where a line stands on what is being done, and where the text."""
        if self._parts is None:
            box = self.place.container()
            self._parts = box.empty(), box.empty()
            box.button(t("Stop writing"), key=self.key, icon=":material/stop_circle:", on_click=self._stop)
            self._draw()
        return self._parts

    def _tell(self, fraction: float, label: str) -> None:
        line, _ = self._places()
        if label == "Writing":
            line.empty()
        elif "/" not in label:  # the layers of the reading that follows, which is short
            line.progress(min(max(fraction, 0.0), 1.0), text=t(label))

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        _, place = self._places()
        parts = "".join(
            f'<span class="{name}">{html.escape(printable(text))}</span>'
            for name, text in (("prompt", self._begun), ("written", self.written))
        )
        place.html(f'<p class="memviz-writing" dir="auto" data-testid="memviz-writing">{parts}<i></i></p>')
