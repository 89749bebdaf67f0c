"""Ray's actors as threads of this process, with everything that goes between them pickled: for tests of what is ours.

A call is done in a thread of its own; an actor can be killed, and the whole cluster can be lost.
"""

from __future__ import annotations

import os
import pickle
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any


class RayError(Exception):
    """Whatever Ray raises."""


class GetTimeoutError(RayError):
    """There is no answer yet."""


class Answer:
    """What a call gives, once it is done."""

    def __init__(self, call: Any = None) -> None:
        self.done, self.value, self.error = threading.Event(), b"", None
        if call is not None:
            threading.Thread(target=self._run, args=(call,), daemon=True).start()

    def _run(self, call: Any) -> None:
        try:
            self.value = pickle.dumps(call())
        except BaseException as error:
            self.error = RayError(str(error))
        self.done.set()


class Actor:
    """An object whose methods are called from afar."""

    def __init__(self, cluster: ShadowRay, make: Any) -> None:
        self.cluster, self.alive, self.object = cluster, True, None
        self.made = threading.Event()

        def begin() -> None:
            self.object = make()
            self.made.set()

        threading.Thread(target=begin, daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        def remote(*inputs: Any) -> Answer:
            sent = pickle.dumps(inputs)

            def call() -> Any:
                self.made.wait(30)
                if not self.alive:
                    raise RayError("the actor died")
                result = getattr(self.object, name)(*pickle.loads(sent))
                if not self.alive:
                    raise RayError("the actor died in the middle")
                return result

            return Answer(call)

        return SimpleNamespace(remote=remote)


class ShadowRay(ModuleType):
    """What of the module `ray` a cluster of replicas uses."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)
        self.exceptions = SimpleNamespace(RayError=RayError, GetTimeoutError=GetTimeoutError)
        self.actors: dict[str, Actor] = {}
        self.inits: list[dict] = []
        self.lost = False

    def is_initialized(self) -> bool:
        return bool(self.inits) and not self.lost

    def init(self, **options: Any) -> None:
        if self.lost:
            raise ConnectionError("nobody answers\nin several lines")
        self.inits.append(options | {"reports": os.environ.get("RAY_USAGE_STATS_ENABLED", "1")})

    def shutdown(self) -> None:
        pass

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, kind: type) -> Any:
        def options(name: str, get_if_exists: bool = False, **_: Any) -> Any:
            def remote(*inputs: Any) -> Actor:
                if not (get_if_exists and name in self.actors):
                    self.actors[name] = Actor(self, lambda: kind(*pickle.loads(pickle.dumps(inputs))))
                return self.actors[name]

            return SimpleNamespace(remote=remote)

        return SimpleNamespace(options=options)

    def get_actor(self, name: str, namespace: str) -> Actor:
        if self.lost or name not in self.actors:
            raise ValueError(f"no actor {name}")
        return self.actors[name]

    def get(self, answer: Answer, timeout: float) -> Any:
        if self.lost:
            raise ConnectionError("the cluster is gone")
        if not answer.done.wait(timeout):
            raise GetTimeoutError("not yet")
        if answer.error is not None:
            raise answer.error
        return pickle.loads(answer.value)

    def wait(self, answers: list[Answer], num_returns: int, timeout: float) -> None:
        for answer in answers:
            answer.done.wait(timeout)

    def kill(self, actor: Actor) -> None:
        actor.alive = False

    @property
    def replicas(self) -> list[Actor]:
        return [actor for name, actor in self.actors.items() if name.startswith("replica") and actor.alive]
