"""A few readings at a time, short ones before long ones, and nobody waits without knowing."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from memviz.errors import BusyError
from memviz.serving.gate import LONG, Gate, Turn, Wait
from tests.pages.crowd import Crowd, GoneError, until


def nobody_waits(wait: Wait) -> None:
    raise AssertionError(f"{wait} before us, but the way is free")


def test_so_many_at_once_and_no_more() -> None:
    gate, inside, most, go = Gate(runs=2, places=10), [], [], threading.Event()

    def visit(number: int) -> None:
        with gate.enter(lambda wait: None):
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
            until(lambda place=place: len(gate) == runs + place + 1)
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
        with gate.enter(lambda wait: calls[number].append(wait.count)):
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

    def leave(wait: Wait) -> None:
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


class Piecework:
    """Work of a few pieces: each is written down when it is done, and waits for ``go``."""

    def __init__(self, gate: Gate, log: list[str]) -> None:
        self.gate, self.log = gate, log
        self.turns: dict[str, Turn] = {}
        self.go: dict[str, threading.Semaphore] = {}

    def run(self, name: str, seconds: float | None, pieces: int, *, ahead: bool = False) -> None:
        self.go[name] = threading.Semaphore(0)
        with self.gate.enter(lambda wait: None, seconds=seconds, ahead=ahead) as turn:
            self.turns[name] = turn
            for piece in range(pieces):
                assert self.go[name].acquire(timeout=10)
                self.log.append(f"{name}{piece}")
                turn.give_way()


@pytest.fixture
def piecework() -> Piecework:
    """One run at a time."""
    return Piecework(Gate(runs=1, places=20), [])


def test_long_work_lets_short_work_pass_between_its_pieces_and_still_advances(piecework: Piecework) -> None:
    crowd, log = Crowd(), piecework.log
    crowd.send(lambda: piecework.run("long", LONG, 3))
    until(lambda: "long" in piecework.turns)
    for name in ("a", "b"):
        crowd.send(lambda name=name: piecework.run(name, 0.1, 1))
        until(lambda name=name: name in piecework.go)
        until(lambda name=name: len(piecework.gate) == len(piecework.go))
    piecework.go["long"].release()
    until(lambda: "a" in piecework.turns)
    crowd.send(lambda: piecework.run("late", 0.1, 1))
    until(lambda: len(piecework.gate) == 4)
    piecework.go["a"].release()
    until(lambda: "b" in piecework.turns)
    piecework.go["b"].release()
    piecework.go["long"].release()
    until(lambda: "late" in piecework.turns)
    piecework.go["late"].release()
    piecework.go["long"].release()
    crowd.join()
    assert log == ["long0", "a0", "b0", "long1", "late0", "long2"]
    assert len(piecework.gate) == 0


def test_long_work_waits_for_all_short_work_and_what_goes_on_goes_first(piecework: Piecework) -> None:
    crowd, log = Crowd(), piecework.log
    with piecework.gate.enter(nobody_waits):
        for count, (name, seconds, ahead) in enumerate(
            [("long", LONG, False), ("short", 0.1, False), ("unknown", None, False), ("links", 0.1, True)]
        ):
            crowd.send(lambda name=name, seconds=seconds, ahead=ahead: piecework.run(name, seconds, 1, ahead=ahead))
            until(lambda count=count: len(piecework.gate) == count + 2)
    for name in ("links", "short", "unknown", "long"):
        until(lambda name=name: name in piecework.turns)
        piecework.go[name].release()
    crowd.join()
    assert log == ["links0", "short0", "unknown0", "long0"]


def test_a_second_long_work_does_not_begin_while_the_first_gives_way(piecework: Piecework) -> None:
    crowd, log = Crowd(), piecework.log
    crowd.send(lambda: piecework.run("first", LONG, 2))
    until(lambda: "first" in piecework.turns)
    crowd.send(lambda: piecework.run("second", LONG, 1))
    until(lambda: len(piecework.gate) == 2)
    crowd.send(lambda: piecework.run("short", 0.1, 1))
    until(lambda: len(piecework.gate) == 3)
    piecework.go["first"].release()
    until(lambda: "short" in piecework.turns)
    piecework.go["short"].release()
    piecework.go["second"].release()
    piecework.go["first"].release()
    crowd.join()
    assert log == ["first0", "short0", "first1", "second0"]


def test_who_leaves_while_giving_way_frees_the_place(piecework: Piecework) -> None:
    gate, crowd = piecework.gate, Crowd()
    away = threading.Event()

    def wait_or_leave(wait: Wait) -> None:
        if away.is_set():
            raise GoneError

    def long() -> None:
        with gate.enter(wait_or_leave, seconds=LONG) as turn:
            while True:
                turn.give_way()

    crowd.send(long)
    until(lambda: len(gate) == 1)
    with gate.enter(lambda wait: None, seconds=0.1):
        away.set()
        until(lambda: isinstance(crowd.results[0], GoneError))
    assert len(gate) == 0
    with gate.enter(nobody_waits):
        pass


def test_those_who_wait_hear_of_the_short_work_before_them_in_seconds() -> None:
    gate, crowd = Gate(runs=1, places=9), Crowd()
    waits: dict[str, list[Wait]] = {"short": [], "long": [], "unknown": []}

    def wait(name: str, seconds: float | None) -> None:
        with gate.enter(waits[name].append, seconds=seconds):
            pass

    with gate.enter(nobody_waits, seconds=1.0):
        for count, (name, seconds) in enumerate([("long", 30.0), ("short", 1.5), ("unknown", None)]):
            crowd.send(lambda name=name, seconds=seconds: wait(name, seconds))
            until(lambda count=count: len(gate) == count + 2)
        until(lambda: all(len(calls) > 1 for calls in waits.values()))
    crowd.join()
    last = {name: calls[-1] for name, calls in waits.items()}
    assert (last["short"].count, last["unknown"].count, last["long"].count) == (1, 2, 3)
    assert 0 < last["short"].seconds <= 1.0
    assert 1.5 < last["unknown"].seconds <= 2.5
    assert last["long"].seconds is None, "nobody knows how long the unknown work takes"
