"""A few readings at a time, in an order that favours short ones, and nobody waits without knowing."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from memviz.errors import BusyError
from memviz.progress import work_clock
from memviz.serving import gate as gate_module
from memviz.serving.gate import LONG, VERY_LONG, Gate, Turn, Wait
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


def test_a_full_queue_says_how_many_seconds_it_is_long() -> None:
    gate, crowd = Gate(runs=1, places=4), Crowd()

    def wait(seconds: float) -> None:
        with gate.enter(nobody_waits, seconds=seconds):
            pass

    with gate.enter(nobody_waits, seconds=1.9):
        for count, seconds in enumerate([1.9, 30.0, 1.9, 1.9]):
            crowd.send(lambda seconds=seconds: wait(seconds))
            until(lambda count=count: len(gate) == count + 2)
        with pytest.raises(BusyError) as short, gate.enter(nobody_waits, seconds=0.5):
            pass
        with pytest.raises(BusyError) as long, gate.enter(nobody_waits, seconds=9.0):
            pass
        assert len(gate) == 5, "who was refused is not in the queue"
    crowd.join()
    assert short.value.values["count"] == 4, "the long work gives way to it"
    assert 6 <= short.value.values["seconds"] <= 8
    assert f"4 readings are waiting before you, about {short.value.values['seconds']} s." in str(short.value)
    assert long.value.values["count"] == 5
    assert 36 <= long.value.values["seconds"] <= 38


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

    def __init__(self, gate: Gate) -> None:
        self.gate, self.log, self.crowd = gate, list[str](), Crowd()
        self.turns: dict[str, Turn] = {}
        self.go: dict[str, threading.Semaphore] = {}

    def send(self, name: str, seconds: float | None, pieces: int, *, ahead: bool = False) -> None:
        """Somebody comes with such work, and is in the queue or inside."""
        before = len(self.gate)
        self.crowd.send(lambda: self.run(name, seconds, pieces, ahead=ahead))
        until(lambda: len(self.gate) == before + 1)

    def finish(self, *names: str) -> None:
        """Each does a piece, one after the other, as soon as it is inside."""
        for name in names:
            until(lambda name=name: name in self.turns)
            self.go[name].release()

    def run(self, name: str, seconds: float | None, pieces: int, *, ahead: bool = False) -> None:
        self.go[name] = threading.Semaphore(0)
        with self.gate.enter(lambda wait: None, seconds=seconds, ahead=ahead) as turn:
            self.turns[name] = turn
            for piece in range(pieces):
                assert self.go[name].acquire(timeout=10)
                self.log.append(f"{name}{piece}")
                turn.give_way()


@pytest.fixture
def piecework(monkeypatch: pytest.MonkeyPatch) -> Piecework:
    """One run at a time; no piece is so short that it is done together with the next."""
    monkeypatch.setattr(gate_module, "SHARE", 0.0)
    return Piecework(Gate(runs=1, places=20))


def test_long_work_lets_short_work_pass_between_its_pieces_and_still_advances(piecework: Piecework) -> None:
    piecework.send("long", LONG, 3)
    piecework.send("a", 0.1, 1)
    piecework.send("b", 0.1, 1)
    piecework.finish("long")
    until(lambda: "a" in piecework.turns)
    piecework.send("late", 0.1, 1)
    piecework.finish("a", "b", "long", "late", "long")
    piecework.crowd.join()
    assert piecework.log == ["long0", "a0", "b0", "long1", "late0", "long2"]
    assert len(piecework.gate) == 0


def test_who_would_be_done_first_goes_first_and_what_goes_on_before_all(piecework: Piecework) -> None:
    with piecework.gate.enter(nobody_waits):
        piecework.send("long", LONG, 1)
        piecework.send("short", 0.4, 1)
        piecework.send("unknown", None, 1)
        piecework.send("links", 0.4, 1, ahead=True)
        piecework.send("long links", LONG + 1, 1, ahead=True)
    piecework.finish("links", "unknown", "short", "long", "long links")
    piecework.crowd.join()
    assert piecework.log == ["links0", "unknown0", "short0", "long0", "long links0"]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gate_module, "_now", clock.monotonic)
    return clock


def test_long_work_is_not_passed_for_ever_by_short_work(piecework: Piecework, clock: Clock) -> None:
    """In a queue that is never empty, work of 3 s begins after those that came in its first 3 s, and stays inside."""
    with piecework.gate.enter(nobody_waits):
        piecework.send("translation", 3.0, 2)
        for second in range(5):
            piecework.send(f"reading {second}", 0.5, 1)
            clock.now += 1
    piecework.finish("reading 0", "reading 1", "reading 2", "translation")
    until(lambda: "translation0" in piecework.log)
    piecework.finish("translation", "reading 3", "reading 4")
    piecework.crowd.join()
    order = ["reading 00", "reading 10", "reading 20", "translation0", "translation1", "reading 30", "reading 40"]
    assert piecework.log == order


def test_very_long_work_gives_way_to_all_much_shorter_work_however_late_it_is(
    piecework: Piecework, clock: Clock
) -> None:
    """A translation is no long work beside a book: it does not stand behind it, not even in the book's last seconds."""
    piecework.send("book", 60.0, 3)
    clock.now += 300
    piecework.send("translation", 5.0, 1)
    piecework.finish("book", "translation", "book")
    until(lambda: "book1" in piecework.log)
    piecework.send("reading", 0.5, 1)
    piecework.send("story", 16.0, 1)
    piecework.finish("book", "reading", "story")
    piecework.crowd.join()
    assert piecework.log[:3] == ["book0", "translation0", "book1"]
    assert piecework.log.index("story0") > piecework.log.index("book2"), "more than a quarter of it"


def test_work_of_some_length_gives_way_to_what_is_due_before_it(piecework: Piecework, clock: Clock) -> None:
    piecework.send("page", 8.0, 3)
    clock.now += 2
    piecework.send("early", 0.5, 1)
    clock.now += 6
    piecework.send("late", 0.5, 1)
    piecework.finish("page", "early", "page", "page", "late")
    piecework.crowd.join()
    assert piecework.log == ["page0", "early0", "page1", "page2", "late0"]


def test_after_a_long_time_aside_more_than_a_piece_is_done(clock: Clock) -> None:
    gate, crowd = Gate(runs=1, places=9), Crowd()

    def short() -> None:
        with gate.enter(lambda wait: None, seconds=0.1):
            clock.now += 8

    with gate.enter(nobody_waits, seconds=VERY_LONG) as turn:
        turn.on_wait = lambda wait: None
        for work, waiting in ((1.0, 0), (0.9, 1), (0.1, 0)):
            if not len(gate) - 1:
                crowd.send(short)
                until(lambda: len(gate) == 2)
            clock.now += work
            turn.give_way()
            assert len(gate) == 1 + waiting
        assert turn.left == pytest.approx(VERY_LONG - 2.0), "the time aside is no time at work"
    crowd.join()


def test_a_second_long_work_does_not_begin_while_the_first_gives_way(piecework: Piecework, clock: Clock) -> None:
    """Not even where it has waited for so long that it is due before those who pass: both would hold their memory."""
    piecework.send("first", VERY_LONG, 2)
    piecework.send("second", VERY_LONG, 1)
    clock.now += 100
    piecework.send("short", 0.1, 1)
    piecework.finish("first", "short", "first", "second")
    piecework.crowd.join()
    assert piecework.log == ["first0", "short0", "first1", "second0"]


def test_the_time_that_long_work_stands_aside_is_not_its_own() -> None:
    gate, crowd, inside, leave = Gate(runs=1, places=9), Crowd(), threading.Event(), threading.Event()
    times: dict[str, float] = {}

    def short() -> None:
        with gate.enter(lambda wait: None, seconds=0.1):
            began = time.perf_counter()
            inside.set()
            assert leave.wait(10)
            times["short"] = time.perf_counter() - began

    with gate.enter(nobody_waits, seconds=LONG) as turn:
        crowd.send(short)
        until(lambda: len(gate) == 2)
        threading.Timer(0.3, leave.set).start()
        wall, work = time.perf_counter(), work_clock()
        turn.on_wait = lambda wait: None
        turn.give_way()
        wall, work = time.perf_counter() - wall, work_clock() - work
    crowd.join()
    assert inside.is_set()
    assert wall - work >= times["short"] > 0.1


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
    assert (last["unknown"].count, last["short"].count, last["long"].count) == (1, 2, 3)
    assert 0 < last["unknown"].seconds <= 1.0
    assert last["short"].seconds is None
    assert last["long"].seconds is None, "nobody knows how long the unknown work takes"
