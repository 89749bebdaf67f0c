"""Whether the hub answers is asked seldom, and nobody waits long for it."""

from __future__ import annotations

import threading
import time

import pytest

from memviz.models import offer


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer, "_SIGN", offer._Sign())


@pytest.mark.parametrize("answers", [True, False])
def test_the_hub_is_asked_once_in_a_minute(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    calls = []
    monkeypatch.setattr("memviz.models.hub.answers", lambda: calls.append(1) or answers)
    assert [offer.is_hub_reachable() for _ in range(3)] == [answers] * 3
    assert len(calls) == 1
    monkeypatch.setattr(offer, "FRESH", 0.0)
    offer.is_hub_reachable()
    assert len(calls) == 2


def test_a_hub_that_hangs_is_not_waited_for_and_counts_as_there_until_it_is_known(monkeypatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("memviz.models.hub.answers", lambda: not release.wait(20))
    monkeypatch.setattr(offer, "PATIENCE", 0.05)
    started = time.monotonic()
    assert offer.is_hub_reachable()
    assert time.monotonic() - started < 5
    release.set()
    for thread in threading.enumerate():
        if thread.name == "memviz-hub-sign":
            thread.join()
    assert not offer.is_hub_reachable()
