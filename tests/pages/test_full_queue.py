"""Where even the queue is full, a page says so, with place and seconds, and goes on by itself: nobody presses."""

from __future__ import annotations

import threading

import pytest

from memviz.serving import cache
from memviz.serving.gate import Gate, nobody_waits
from memviz.ui.shell import runs
from tests.pages.crowd import Crowd, until
from tests.pages.test_cache import Reader


class Place:
    """Where a page says something; ``lines`` are what it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str, icon: str) -> None:
        self.lines.append(line)


def test_who_finds_no_place_is_told_how_many_and_how_long_and_comes_in_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, go, crowd, place = Gate(runs=1, places=1), threading.Event(), Crowd(), Place()
    monkeypatch.setattr(cache, "RUNNING", gate)
    monkeypatch.setattr(cache, "_readers", {"stand-in": Reader()})
    monkeypatch.setattr(runs, "FULL", 0.01)

    def read(text: str = "the last") -> str:
        return cache.read("stand-in", text, None, on_wait=nobody_waits, progress=lambda *_: None).text

    read("the first")  # brings in what a first reading brings in

    def stay() -> None:
        with gate.enter(nobody_waits, seconds=1.5):
            assert go.wait(60)

    for number in range(2):
        crowd.send(stay)
        until(lambda number=number: len(gate) == number + 1)

    crowd.send(lambda: runs.patiently(place, read))
    until(lambda: len(place.lines) > 2)
    go.set()
    assert crowd.join() == [None, None, "the last"]
    assert place.lines[0] == (
        "2 readings are waiting before you, about 3 s: more than the queue holds. "
        "This page goes on by itself as soon as there is a place."
    )
