"""A few readings at a time, a short queue, and nobody waits without knowing."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from memviz.errors import BusyError
from memviz.serving.gate import Gate
from tests.pages.crowd import Crowd, GoneError, until


def nobody_waits(count: int) -> None:
    raise AssertionError(f"{count} before us, but the way is free")


def test_so_many_at_once_and_no_more() -> None:
    gate, inside, most, go = Gate(runs=2, places=10), [], [], threading.Event()

    def visit(number: int) -> None:
        with gate.enter(lambda count: None):
            inside.append(number)
            most.append(len(inside))
            go.wait(10)
            inside.remove(number)

    crowd = Crowd()
    for number in range(8):
        crowd.send(lambda number=number: visit(number))
    until(lambda: len(inside) == 2)
    go.set()
    assert crowd.join() == [None] * 8
    assert max(most) == 2
    with gate.enter(nobody_waits), gate.enter(nobody_waits):
        pass


@pytest.mark.parametrize(("runs", "places"), [(1, 0), (1, 3), (2, 0), (2, 3)])
def test_a_full_queue_says_how_many_and_is_full_only_then(runs: int, places: int) -> None:
    gate, go, calls = Gate(runs=runs, places=places), threading.Event(), []
    crowd = Crowd()

    def wait() -> None:
        with gate.enter(calls.append):
            pass

    with ExitStack() as held:
        for _ in range(runs):
            held.enter_context(gate.enter(nobody_waits))
        for place in range(places):
            crowd.send(wait)
            until(lambda place=place: len(gate._queue) == runs + place + 1)
        with pytest.raises(BusyError) as refused, gate.enter(nobody_waits):
            pass
        assert refused.value.values["count"] == runs + places
        assert str(runs + places) in str(refused.value)
        go.set()
    assert crowd.join() == [None] * places
    with gate.enter(nobody_waits):
        pass


def test_those_who_wait_hear_how_many_are_before_them_and_enter_in_order() -> None:
    gate, crowd, order = Gate(runs=1, places=5), Crowd(), []
    calls: dict[int, list[int]] = {number: [] for number in range(3)}

    def wait(number: int) -> None:
        with gate.enter(calls[number].append):
            order.append(number)

    with gate.enter(nobody_waits):
        for number in range(3):
            crowd.send(lambda number=number: wait(number))
            until(lambda number=number: calls[number])
    crowd.join()
    assert order == [0, 1, 2]
    assert [counts[0] for counts in calls.values()] == [1, 2, 3]
    assert all(counts == sorted(counts, reverse=True) for counts in calls.values())


def test_who_leaves_the_queue_frees_the_place() -> None:
    gate, crowd = Gate(runs=1, places=1), Crowd()

    def leave(count: int) -> None:
        raise GoneError

    def wait() -> None:
        with gate.enter(leave):
            raise AssertionError("never entered")

    with gate.enter(nobody_waits):
        for _ in range(3):
            crowd.send(wait)
            until(lambda: isinstance(crowd.results[-1], GoneError))
    with gate.enter(nobody_waits):
        pass


def test_who_fails_inside_frees_the_place() -> None:
    gate = Gate(runs=1, places=0)
    for _ in range(3):
        with pytest.raises(GoneError), gate.enter(nobody_waits):
            raise GoneError
