"""Who may run a model now? A few at a time; short work goes before long work, and nobody waits without knowing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from memviz.errors import BusyError
from memviz.progress import standing_aside
from memviz.settings import number

INTERVAL = 0.25  # seconds between two looks at the queue, so that someone who leaves is noticed
LONG = 2.0  # seconds of work from which a turn gives way to shorter ones


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

    seconds   how long the work is expected to take; ``None``: not known
    ahead     the work goes on from a turn that has just ended: it goes before the other short ones
    """

    gate: Gate
    on_wait: OnWait = nobody_waits
    seconds: float | None = None
    ahead: bool = False
    began: float = 0.0
    passing: set[Turn] = field(default_factory=set)  # those that are let through before it goes on

    @property
    def long(self) -> bool:
        """Is this work that gives way to shorter work?"""
        return self.seconds is not None and self.seconds >= LONG

    @property
    def left(self) -> float | None:
        """About how many seconds of its work are left."""
        if self.seconds is None:
            return None
        passed = time.monotonic() - self.began if self.began else 0.0
        return max(self.seconds - passed, 0.1 * self.seconds)

    def give_way(self) -> None:
        """Between two pieces of long work: lets everyone pass who waits with short work, then goes on.

        Who comes meanwhile waits for the next piece, so that the long work always advances. May raise what
        ``on_wait`` raises.
        """
        if self.long:
            self.gate.let_pass(self)


class Gate:
    """Lets ``runs`` people through at once; ``places`` more wait.

    Short work goes in the order in which it came, long work after it; the long work that is inside gives way between
    its pieces (`Turn.give_way`). At most ``runs`` long turns have begun at any time, as each holds its memory.
    """

    def __init__(self, runs: int, places: int) -> None:
        self.runs, self.places = runs, places
        self._waiting: list[Turn] = []  # in the order of arrival
        self._paused: list[Turn] = []  # long work that has begun, and gives way
        self._inside: list[Turn] = []
        self._change = threading.Condition()

    def __len__(self) -> int:
        """How many are inside or wait."""
        return len(self._inside) + len(self._paused) + len(self._waiting)

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
            turn.began = time.monotonic()
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
        """Long work stands aside until all the short work has run that waits now."""
        with self._change:
            short = {other for other in self._waiting if not other.long}
            if not short or turn not in self._inside:
                return
            self._inside.remove(turn)
            self._paused.append(turn)
            turn.passing = short
            self._admit()
        with standing_aside():
            self._wait_inside(turn)

    def _join(self, turn: Turn) -> None:
        with self._change:
            full = len(self) >= self.runs + self.places
            self._waiting.append(turn)
            if full:
                wait = self._before(turn)
                self._waiting.remove(turn)
                raise _busy(wait)
            self._admit()

    def _wait_inside(self, turn: Turn) -> None:
        """Waits until the turn is inside; tells what is before it meanwhile."""
        while True:
            with self._change:
                if self._change.wait_for(lambda: turn in self._inside, timeout=INTERVAL):
                    return
                wait = self._before(turn)
            turn.on_wait(wait)

    def _admit(self) -> None:
        """Lets in whoever comes next, as long as there is room. Needs the lock."""
        while len(self._inside) < self.runs and (order := self._order()):
            turn = order[0]
            (self._paused if turn in self._paused else self._waiting).remove(turn)
            self._inside.append(turn)
        self._change.notify_all()

    def _order(self) -> list[Turn]:
        """Those outside who may come in, in the order in which they will."""
        begun = len(self._paused) + sum(turn.long for turn in self._inside)
        short = [turn for turn in self._waiting if not turn.long]
        return [
            *(turn for turn in self._paused if not turn.passing),
            *(turn for turn in short if turn.ahead),
            *(turn for turn in short if not turn.ahead),
            *[turn for turn in self._waiting if turn.long][: max(self.runs - begun, 0)],
        ]

    def _before(self, turn: Turn) -> Wait:
        """What is before someone who is outside. Needs the lock."""
        later = [other for other in (*self._waiting, *self._paused) if other.long]
        order = list(dict.fromkeys([*self._order(), *later]))
        outside = order[: order.index(turn)]
        if not turn.long:  # long work gives way to it
            outside = [other for other in outside if not other.long]
        before = [*self._inside, *outside]
        lefts = [other.left for other in before if turn.long or not other.long]
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
