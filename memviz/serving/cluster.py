"""Models on a cluster: every replica is a process with models and a queue of its own, as an actor of Ray.

A front end hands a job to a replica and asks it, again and again, what there is to be told: waits, progress, layers,
tokens, in the end the result. So a page sees the same as with a model in its own process, and may leave at any time. A
replica that nobody asks any more lets go of the job. The `Dispatcher`, one for all front ends, says which replica is
next, and begins more of them where all have somebody waiting.

Plain actors, and neither Serve nor streams, neither of which goes through Ray Client: see `docs/decisions`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from memviz.errors import EngineError, MemVizError
from memviz.note import Note
from memviz.ray_cluster import TOKEN, knock, listens
from memviz.serving.engine import Engine, Job, Question, Watcher
from memviz.serving.gate import PLACES, Wait
from memviz.settings import number
from memviz.version import __version__

HERE = ("memviz.serving.cache", "forgetful_engine")  # what a replica runs its jobs with, in its own process
NAMESPACE = "memviz"
DISPATCHER = f"dispatcher {__version__}"  # another version has other traces, and replicas of its own
LONG_POLL = 0.25  # seconds that a replica holds a question for news
SILENCE = 60.0  # seconds without a question after which a front end is gone
PATIENCE = 180.0  # seconds for one answer, which a replica gives beside its work, once it has been begun
TRIES = 3  # replicas that a job is given to, one after the other, where they are lost
CROWDED = 2  # jobs of the emptiest replica from which another one is begun
SOON = 0.2  # seconds that the dispatcher waits to hear how many jobs there are
IDLE = 300.0  # seconds without a job after which a replica is ended, the last one excepted
THREADS = PLACES + 24  # of a replica: one for each who waits, and some to spare

Way = Literal["ask", "run"]
News = tuple[str, Any]


class _LeftError(Exception):
    """Nobody watches this job any more."""


@dataclass(frozen=True)
class Order:
    """A job or a question for a replica; who watches ``layers`` and ``tokens`` is told them."""

    job: Job | tuple[str, Question]
    layers: bool = False
    tokens: bool = False

    def follow(self, engine: Engine, watcher: Watcher) -> Any:
        """What comes of it."""
        if isinstance(self.job, Job):
            return engine.run(self.job, watcher)
        return engine.ask(*self.job, watcher)

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.job.work.model if isinstance(self.job, Job) else self.job[0]


# -- on the cluster -----------------------------------------------------------------------------------


class _Course:
    """A job on its way: what there is to be told of it, and whether somebody still asks."""

    def __init__(self, order: Order) -> None:
        self.order, self.stop, self.leave, self.done = order, False, False, False
        self.asked = time.monotonic()
        self._news: list[News] = []
        self._change = threading.Condition()

    def run(self, engine: Engine) -> None:
        """Follows the order to its end, and tells it."""
        layers = (lambda layers: self._tell("layers", layers)) if self.order.layers else None
        watcher = Watcher(
            lambda wait: self._tell("wait", wait),
            lambda fraction, label: self._tell("progress", (fraction, label)),
            layers,
            self._token if self.order.tokens else None,
        )
        try:
            self._tell("result", self.order.follow(engine, watcher))
        except _LeftError:
            pass
        except BaseException as error:  # it is raised where somebody waits for it
            with contextlib.suppress(_LeftError):
                self._tell("error", _sent(error))
        self.done = True

    def news(self) -> list[News]:
        """What there is to be told since the last question; empty after a while."""
        self.asked = time.monotonic()
        with self._change:
            self._change.wait_for(lambda: self._news, LONG_POLL)
            news, self._news = self._news, []
        return news

    def _token(self, text: str) -> bool:
        self._tell("token", text)
        return not self.stop

    def _tell(self, kind: str, value: Any) -> None:
        if self.leave or time.monotonic() - self.asked > SILENCE:
            raise _LeftError
        with self._change:
            if kind in ("wait", "progress") and self._news and self._news[-1][0] == kind:
                self._news.pop()  # only the last counts
            self._news.append((kind, value))
            self._change.notify_all()


def _sent(error: BaseException) -> BaseException:
    """The error as it can be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class Replica:
    """A process with models and a queue of its own; ``settings`` hold where the machine has set nothing."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            os.environ.setdefault(name, value)
        module, name = HERE
        self._engine: Engine = getattr(importlib.import_module(module), name)()
        self._courses: dict[str, _Course] = {}

    def begin(self, place: str, order: Order) -> None:
        """Begins a job in a thread of its own, which is called ``place``."""
        course = self._courses[place] = _Course(order)
        threading.Thread(target=course.run, args=(self._engine,), daemon=True).start()

    def news(self, place: str) -> list[News]:
        """What there is to be told of a job; after its result, nothing more."""
        news = self._courses[place].news()
        if news and news[-1][0] in ("result", "error"):
            self._courses.pop(place, None)
        return news

    def stop(self, place: str) -> None:
        """What is being written is enough."""
        if course := self._courses.get(place):
            course.stop = True

    def leave(self, place: str) -> None:
        """Nobody waits for this job any more: it ends with the next thing that it tells."""
        if course := self._courses.pop(place, None):
            course.leave = True

    def load(self) -> int:
        """How many jobs it has, also those that have just ended."""
        for place, course in [*self._courses.items()]:
            if course.done and time.monotonic() - course.asked > SILENCE:
                self._courses.pop(place, None)
        return len(self._courses)

    def is_open(self, model: str) -> bool:
        """Is this model open here?"""
        return self._engine.is_open(model)


@dataclass
class _Place:
    """A replica as the dispatcher knows it: its jobs, when it last had one, and whether it ever answered."""

    name: str
    actor: Any
    jobs: int = 0
    busy: float = 0.0
    ready: bool = False
    answer: Any = None  # what it has been asked for and has not told yet


class Dispatcher:
    """Which replica is next? One for all front ends. As many replicas as the queue needs, ``most`` at most."""

    def __init__(self, most: int, settings: Mapping[str, str]) -> None:
        import ray

        self._ray, self._most, self._settings = ray, most, dict(settings)
        self._places: list[_Place] = []
        self._lock = threading.Lock()
        self._add()

    def next(self) -> str:
        """The name of the replica with the fewest jobs; where even that has somebody waiting, another one is begun."""
        with self._lock:
            self._look()
            if not self._places:
                self._add()
            place = min(self._places, key=lambda place: (not place.ready, place.jobs))
            if place.ready and place.jobs >= CROWDED and all(each.ready for each in self._places):
                self._add()
            place.jobs += 1
            place.busy = time.monotonic()
            return place.name

    def replicas(self) -> int:
        """How many replicas are there, those that are being begun included?"""
        with self._lock:
            self._look()
            return len(self._places)

    def is_open(self, model: str) -> bool:
        """Is this model open in any replica?"""
        with self._lock:
            actors = [place.actor for place in self._places if place.ready]
        return any(self._ask(actor.is_open.remote(model), 1.0) is True for actor in actors)

    def _add(self) -> None:
        if len(self._places) >= self._most:
            return
        name = f"replica {uuid.uuid4().hex[:8]}"
        made = self._ray.remote(Replica).options(name=name, namespace=NAMESPACE, num_cpus=1, max_concurrency=THREADS)
        self._places.append(_Place(name, made.remote(self._settings), busy=time.monotonic()))

    def _look(self) -> None:
        """Asks every replica for its jobs; forgets those that are gone, and ends those that are idle."""
        for place in self._places:
            place.answer = place.answer or place.actor.load.remote()
        ready = [place.answer for place in self._places if place.ready]
        if ready:
            self._ray.wait(ready, num_returns=len(ready), timeout=SOON)
        for place in [*self._places]:
            load = self._ask(place.answer, SOON if not ready else 0.0)
            if load is None:
                continue
            place.answer = None
            if load is GONE:
                self._places.remove(place)
                continue
            place.ready, place.jobs = True, load
            place.busy = time.monotonic() if load else place.busy
        for place in self._places[1:]:
            if place.ready and not place.jobs and time.monotonic() - place.busy > IDLE:
                self._ray.kill(place.actor)
                self._places.remove(place)

    def _ask(self, answer: Any, seconds: float) -> Any:
        """An answer; ``None`` where there is none yet, `GONE` where there is nobody."""
        try:
            return self._ray.get(answer, timeout=seconds)
        except self._ray.exceptions.GetTimeoutError:
            return None
        except self._ray.exceptions.RayError:
            return GONE


GONE = object()


# -- in a front end -----------------------------------------------------------------------------------


class Cluster:
    """The engine that runs models on a cluster of Ray, at an ``address``: "ray://HOST:PORT", or "ray" for one here.

    It connects when it is first needed, and again after it was lost. Raises `EngineError` where it cannot.
    """

    def __init__(self, address: str) -> None:
        if address != "ray" and not address.startswith("ray://"):
            raise EngineError(
                "The setting MEMVIZ_ENGINE is {value}, which names no engine.",
                todo="Set it to local, to ray, or to ray://HOST:PORT.",
                value=address,
            )
        self._address = address
        self._ray: Any = None
        self._dispatcher: Any = None
        self._lock = threading.Lock()

    def is_open(self, model: str) -> bool:
        """Is this model open in any replica? Not where nobody answers: whoever needs the model is told why."""
        try:
            with self._losses():
                return bool(self._get(self._connect().is_open.remote(model)))
        except (EngineError, _LostError):
            return False

    def ask(self, model: str, question: Question, watcher: Watcher) -> Any:
        """The answer of a model, which is opened (and fetched) first."""
        return self._follow(Order((model, question)), watcher)

    def run(self, job: Job, watcher: Watcher) -> Any:
        """What came of a job, after those that are before it."""
        order = Order(job, layers=watcher.on_layers is not None, tokens=watcher.on_token is not None)
        return self._follow(order, watcher)

    def _follow(self, order: Order, watcher: Watcher) -> Any:
        """Gives the order to a replica; to another one where it is lost."""
        cause, progress = "", watcher.progress
        for attempt in range(TRIES):
            progress(0.0, "A replica was lost: beginning again" if attempt else "Looking for a free replica")
            try:
                return self._follow_once(order, watcher)
            except _LostError as error:
                cause = str(error)
        raise EngineError(
            "The cluster was lost in the middle of the work ({cause}).",
            todo="Nothing is lost of what is on the page: read the text again in a moment.",
            cause=cause,
        )

    def _follow_once(self, order: Order, watcher: Watcher) -> Any:
        with self._losses():
            dispatcher = self._connect()
            replica = self._ray.get_actor(self._get(dispatcher.next.remote()), namespace=NAMESPACE)
            place = uuid.uuid4().hex
            self._get(replica.begin.remote(place, order))
        is_over = stopped = False
        try:
            while True:
                with self._losses():
                    news = self._get(replica.news.remote(place))
                for kind, value in news:
                    is_over = kind in ("result", "error")
                    if kind == "result":
                        return value
                    if kind == "error":
                        raise value
                    if kind == "token" and not stopped and not cast(Callable, watcher.on_token)(value):
                        stopped = True
                        with self._losses():
                            replica.stop.remote(place)
                    _tell(kind, value, watcher)
        finally:
            if not is_over:
                with contextlib.suppress(_LostError, EngineError), self._losses():
                    replica.leave.remote(place)

    def _get(self, answer: Any) -> Any:
        return self._ray.get(answer, timeout=PATIENCE)

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        """What Ray raises inside is a `_LostError`; after it the cluster is looked for anew."""
        try:
            yield
        except (MemVizError, _LostError):
            raise
        except Exception as error:
            with self._lock:
                self._dispatcher = None
            raise _LostError(_first_line(error)) from error

    def _connect(self) -> Any:
        """The dispatcher of the cluster, which is begun where there is none."""
        with self._lock:
            if self._dispatcher is not None:
                return self._dispatcher
            needs = ("ray",) if self._address == "ray" else ("ray", "grpc")
            if any(importlib.util.find_spec(name) is None for name in needs):
                raise EngineError(
                    "Models are to run on a cluster of Ray, and Ray is not installed.",
                    todo="Whoever runs this server installs it with: pip install ray[client]. "
                    "With MEMVIZ_ENGINE=local it is not needed.",
                )
            try:
                self._dispatcher = self._begin()
            except Exception as error:
                raise EngineError(
                    "The cluster that runs the models, {address}, does not answer ({cause}).",
                    todo=TOKEN
                    if self._address != "ray" and listens(self._address)
                    else "Nothing is lost: try again in a moment, or tell whoever runs this server.",
                    address=Note("this machine") if self._address == "ray" else self._address,
                    cause=_first_line(error),
                ) from error
            return self._dispatcher

    def _begin(self) -> Any:
        import ray

        self._ray = ray
        if self._address != "ray":
            knock(self._address)
        if ray.is_initialized():
            with contextlib.suppress(Exception):
                return self._named(ray)
            ray.shutdown()
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
        local = {"include_dashboard": False} if self._address == "ray" else {"address": self._address}
        ray.init(namespace=NAMESPACE, log_to_driver=False, **local)
        return self._named(ray)

    def _named(self, ray: Any) -> Any:
        """The dispatcher by its name: the first front end begins it, and it outlives that one."""
        most = number("MEMVIZ_REPLICAS", max(1, int(ray.cluster_resources().get("CPU", 1))), minimum=1)
        made = ray.remote(Dispatcher).options(
            name=DISPATCHER,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            max_concurrency=16,
            max_restarts=-1,
        )
        dispatcher = made.remote(most, _settings())
        ray.get(dispatcher.replicas.remote(), timeout=PATIENCE)
        return dispatcher


class _LostError(Exception):
    """Ray lost a replica, the dispatcher or the way there."""


def _tell(kind: str, value: Any, watcher: Watcher) -> None:
    """One piece of news to whoever watches."""
    if kind == "wait":
        watcher.on_wait(cast(Wait, value))
    elif kind == "progress":
        watcher.progress(*value)
    elif kind == "layers" and watcher.on_layers is not None:
        watcher.on_layers(value)


def _settings() -> dict[str, str]:
    """What the operator has set for this front end, for replicas whose machine has set nothing."""
    own = ("MEMVIZ_ENGINE", "MEMVIZ_CACHE")  # of each machine
    return {name: value for name, value in os.environ.items() if name.startswith("MEMVIZ_") and name not in own}


def _first_line(error: BaseException) -> str:
    lines: Sequence[str] = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
