"""A text while it is being written: token by token, with a button that stops it."""

from __future__ import annotations

import html
import time

from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException

from memviz.tokens import printable
from memviz.ui.shell.i18n import t

OFTEN = 0.06  # seconds between two pictures of the text


class GrowingText:
    """What is written so far after ``begun``, in ``place``. Moving on in the page ends it; the button only stops it.

    key       of the button
    written   what was written so far
    request   the click on the button, which the page follows once there is a trace of what was written
    """

    def __init__(self, place: DeltaGenerator, begun: str, *, key: str) -> None:
        self.place, self.written, self.key = place, "", key
        self.request: RerunException | None = None
        self._begun, self._drawn = begun, 0.0
        self._parts: tuple[DeltaGenerator, DeltaGenerator] | None = None  # drawn with the first thing that is told

    def _places(self) -> tuple[DeltaGenerator, DeltaGenerator]:
        """Where a line stands on what is being done, and where the text."""
        if self._parts is None:
            box = self.place.container()
            self._parts = box.empty(), box.empty()
            box.button(t("Stop"), key=self.key, icon=":material/stop_circle:")
            self._draw()
        return self._parts

    def take(self, piece: str) -> bool:
        """One more piece of the text; is there to be more?"""
        self.written += piece
        if time.monotonic() - self._drawn < OFTEN:
            return True
        try:
            self._draw()
        except RerunException as request:
            if not is_click(request, self.key):
                raise
            self.request = request
            return False
        return True

    def progress(self, fraction: float, label: str) -> None:
        """What is being done besides writing; while it writes, the text itself shows how far it is."""
        if self.request is not None:
            return
        try:
            line, _ = self._places()
            if label == "Writing":
                line.empty()
            elif "/" not in label:  # the layers of the reading that follows, which is short
                line.progress(min(max(fraction, 0.0), 1.0), text=t(label))
        except RerunException as request:
            if not self.written or not is_click(request, self.key):
                raise
            self.request = request  # too late to stop the writing: its reading is nearly done

    def wait(self, line: str) -> None:
        """How many are before us."""
        self._places()[0].info(line, icon=":material/hourglass_top:")

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        _, place = self._places()
        parts = "".join(
            f'<span class="{name}">{html.escape(printable(text))}</span>'
            for name, text in (("prompt", self._begun), ("written", self.written))
        )
        place.html(f'<p class="memviz-writing" dir="auto" data-testid="memviz-writing">{parts}<i></i></p>')


def is_click(request: RerunException, key: str) -> bool:
    """Does the page run again because the button of this key was clicked?"""
    states = request.rerun_data.widget_states
    return states is not None and any(item.trigger_value and item.id.endswith(f"-{key}") for item in states.widgets)
