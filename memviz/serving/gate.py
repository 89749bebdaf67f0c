"""Who may run a model now? A few at a time, in one order that favours short work, and nobody waits without knowing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from memviz.errors import BusyError
from memviz.progress import standing_aside
from memviz.settings import number

INTERVAL = 0.25  # seconds between two looks at the queue, so that someone who leaves is noticed
CROWDED = 0.1  # seconds for each who waits, if that is more: what is told to thirty costs as much as reading for them
LONG = 2.0  # seconds of work from which a turn gives way to shorter ones that are due before it
VERY_LONG = 20.0  # seconds of work from which it gives way to whoever has much less
MUCH_LESS = 0.25  # of the seconds of another
SHARE = 0.125  # of the seconds that a turn stood aside, it works before it stands aside again


@dataclass(frozen=True)
class Wait:
    """What is before someone who waits: so many turns, and about so many seconds (``None``: not known)."""

    count: int
    seconds: float | None = None


OnWait = Callable[[Wait], None]
"""``on_wait(wait)``: told again and again while others are before us. It may raise to leave the queue."""


def nobody_waits(wait: Wait) -> None:
    """For work whose waiting is not shown."""


@dataclass(eq=False)
class Turn:
    """A place in the queue, and later at the model.

    seconds   how long the work is expected to take; ``None``: not known, so that it counts as none
    ahead     the work goes on from a turn that has just ended: unless it is long, it goes before all others
    """

    gate: Gate
    on_wait: OnWait = nobody_waits
    seconds: float | None = None
    ahead: bool = False
    passing: set[Turn] = field(default_factory=set)  # those that are let through before it goes on

    def __post_init__(self) -> None:
        self.due = 0.0 if self.ahead and not self.long else _now() + (self.seconds or 0.0)
        self._worked = self._aside = 0.0  # seconds: in all before it last stood aside; how long it then did
        self._entered: float | None = None
        self._left_at: float | None = None

    @property
    def long(self) -> bool:
        """Is this work that gives way to shorter work?"""
        return self.seconds is not None and self.seconds >= LONG

    @property
    def left(self) -> float | None:
        """About how many seconds of its work are left; at least a tenth, as long as it is not done."""
        if self.seconds is None:
            return None
        working = 0.0 if self._entered is None else _now() - self._entered
        return max(self.seconds - self._worked - working, 0.1 * self.seconds)

    def outweighs(self, other: Turn) -> bool:
        """Is this long work, and the other much less?"""
        return self.long and (other.seconds or 0.0) <= MUCH_LESS * (self.seconds or 0.0)

    def lets_pass(self, other: Turn) -> bool:
        """Does it give way to the other between its pieces?"""
        very_long = self.seconds is not None and self.seconds >= VERY_LONG
        return self.outweighs(other) and (very_long or other.due < self.due)

    def give_way(self) -> None:
        """Between two pieces of long work: lets those pass who wait with much shorter work, then goes on.

        Who comes meanwhile waits for the next piece, and after a long time aside the next pieces are done together, so
        that the long work always advances. May raise what ``on_wait`` raises.
        """
        if self.long and self._entered is not None and _now() - self._entered >= SHARE * self._aside:
            self.gate.let_pass(self)

    def enter(self) -> None:
        """It works from now on."""
        self._entered = _now()
        if self._left_at is not None:
            self._aside = self._entered - self._left_at

    def leave(self) -> None:
        """It stands aside from now on."""
        assert self._entered is not None
        self._left_at = _now()
        self._worked += self._left_at - self._entered
        self._entered = None


def _now() -> float:
    return time.monotonic()


class Gate:
    """Lets ``runs`` people through at once; ``places`` more wait.

    Who would be done first, alone, goes first: the order is that of arrival + expected seconds, so short work waits
    little, and long work not for ever. Long work that is inside gives way between its pieces (`Turn.give_way`). As
    each holds its memory, nothing begins beside ``runs`` long turns that have begun but what is much less than each.
    """

    def __init__(self, runs: int, places: int) -> None:
        self.runs, self.places = runs, places
        self._waiting: list[Turn] = []  # in the order of arrival
        self._paused: list[Turn] = []  # long work that has begun, and gives way
        self._inside: list[Turn] = []
        self._change = threading.Condition()

    def __len__(self) -> int:
        """How many are inside or wait."""
        return len(self._everyone())

    @contextmanager
    def enter(self, on_wait: OnWait, *, seconds: float | None = None, ahead: bool = False) -> Iterator[Turn]:
        """Holds a place at the model for as long as the block runs.

        ``on_wait(wait)`` is told again and again what is before us, and may raise to leave the queue. ``seconds``:
        how long the work is expected to take; ``ahead``: it belongs to a turn that has just ended.
        Raises `BusyError` when the queue is full.
        """
        turn = Turn(self, on_wait, seconds, ahead)
        self._join(turn)
        try:
            self._wait_inside(turn)
            yield turn
        finally:
            with self._change:
                for group in (self._waiting, self._paused, self._inside):
                    if turn in group:
                        group.remove(turn)
                for other in self._paused:
                    other.passing.discard(turn)
                self._admit()

    def let_pass(self, turn: Turn) -> None:
        """Long work stands aside until all those have run that wait now, and that it `lets_pass`."""
        with self._change:
            passing = {other for other in self._waiting if turn.lets_pass(other)}
            if not passing or turn not in self._inside:
                return
            self._inside.remove(turn)
            turn.leave()
            self._paused.append(turn)
            turn.passing = passing
            self._admit()
        with standing_aside():
            self._wait_inside(turn)

    def _join(self, turn: Turn) -> None:
        with self._change:
            full = len(self) >= self.runs + self.places
            self._waiting.append(turn)
            if full:
                self._waiting.remove(turn)
                lets_pass = {other for other in self._waiting if other.lets_pass(turn)}
                raise _busy(self._wait(turn, [other for other in self._everyone() if other not in lets_pass]))
            self._admit()

    def _wait_inside(self, turn: Turn) -> None:
        """Waits until the turn is inside; tells what is before it meanwhile."""
        while True:
            with self._change:
                interval = max(INTERVAL, CROWDED * len(self))
                if self._change.wait_for(lambda: turn in self._inside, timeout=interval):
                    return
                wait = self._before(turn)
            turn.on_wait(wait)

    def _admit(self) -> None:
        """Lets in whoever comes next, as long as there is room. Needs the lock."""
        while len(self._inside) < self.runs and (turn := self._next()) is not None:
            (self._paused if turn in self._paused else self._waiting).remove(turn)
            self._inside.append(turn)
            turn.enter()
        self._change.notify_all()

    def _next(self) -> Turn | None:
        """Who comes in next: long work that has let pass whom it should, else the first in the queue that may begin."""
        ready = [turn for turn in self._paused if not turn.passing]
        ready += [turn for turn in self._queue() if not self._held_up(turn)]
        return ready[0] if ready else None

    def _queue(self) -> list[Turn]:
        """Those who wait, in the order in which they will come in: who must wait for long work to end comes last."""
        return sorted(self._waiting, key=lambda turn: (self._held_up(turn), turn.due))

    def _held_up(self, turn: Turn) -> bool:
        """Must this wait until long work that has begun ends?"""
        begun = [*self._paused, *(other for other in self._inside if other.long)]
        return len(begun) >= self.runs and not all(other.outweighs(turn) for other in begun)

    def _before(self, turn: Turn) -> Wait:
        """What is before someone who is outside. Needs the lock."""
        if turn in self._paused:
            before = [*self._inside, *turn.passing.difference(self._inside)]
        else:
            queue = self._queue()
            begun = [*self._inside, *(other for other in self._paused if not other.lets_pass(turn))]
            before = [*begun, *queue[: queue.index(turn)]]
        return self._wait(turn, before)

    def _everyone(self) -> list[Turn]:
        return [*self._inside, *self._paused, *self._waiting]

    def _wait(self, turn: Turn, before: Sequence[Turn]) -> Wait:
        """All of these are before it; the seconds of those that give way to it do not count."""
        lefts = [other.left for other in before if not other.lets_pass(turn)]
        known = [left for left in lefts if left is not None]
        return Wait(len(before), sum(known) / self.runs if len(known) == len(lefts) else None)


def _busy(wait: Wait) -> BusyError:
    """There is no place in the queue: how long it is."""
    todo = "Try again in a moment."
    if wait.seconds is None:
        return BusyError("The model is busy: {count} readings are waiting before you.", todo=todo, count=wait.count)
    return BusyError(
        "The model is busy: {count} readings are waiting before you, about {seconds} s.",
        todo=todo,
        count=wait.count,
        seconds=whole_seconds(wait.seconds),
    )


def whole_seconds(seconds: float) -> int:
    """Seconds as they are told: at least one."""
    return max(1, round(seconds))


PLACES = number("MEMVIZ_QUEUE", 40, minimum=0)  # a class
RUNNING = Gate(runs=number("MEMVIZ_RUNS", 1, minimum=1), places=PLACES)  # of the readings
OPENING = Gate(runs=1, places=PLACES)  # of the models: one is opened at a time, while the open ones go on reading
