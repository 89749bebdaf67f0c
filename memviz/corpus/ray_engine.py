"""The same run on as many processes as Ray has processors for: on this machine, or on a cluster.

Actors, each with a reader of its own, are given chunks and give back parts. The input is read, and parts are written,
by the process that runs: a chunk is in the results once, whichever actor read it and however often it was tried.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from memviz.corpus.folder import Part, part_of
from memviz.corpus.rows import Row
from memviz.errors import CorpusError
from memviz.note import Note
from memviz.ray_cluster import TOKEN, knock, listens

if TYPE_CHECKING:
    from memviz.reading import Reader

RETRIES = 3  # times that a chunk is read again by a new actor, where one was lost
BEGINS = 2  # times that Ray is begun on this machine: it gives itself half a minute, which is little on a busy one
AHEAD = 2  # chunks that wait for each actor, so that it never waits


class Worker:
    """A reader in a process of its own."""

    def __init__(self, model: str | Reader, *, keep_texts: bool) -> None:
        from memviz.corpus.texts import require_reads
        from memviz.reading import load

        self._reader = load(model) if isinstance(model, str) else model
        self._keep_texts = keep_texts
        require_reads(self._reader)

    def part(self, number: int, rows: list[Row]) -> Part:
        """A chunk of rows as a part of the results."""
        from memviz.corpus.texts import read_rows

        return part_of(number, *read_rows(self._reader, rows), keep_texts=self._keep_texts)


def run_with_ray(
    chunks: Iterable[tuple[int, list[Row]]],
    take: Callable[[Part], None],
    *,
    engine: str,
    model: str | Reader,
    keep_texts: bool,
) -> None:
    """Gives the ``chunks`` to the actors, and every part to ``take`` as it comes, in any order.

    Raises `CorpusError` for a cluster that does not answer, or that loses its workers again and again.
    """
    import ray

    begun = _connect(ray, engine)
    try:
        size = max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(num_cpus=1, max_restarts=RETRIES, max_task_retries=RETRIES)(Worker)
        workers = [actor.remote(model, keep_texts=keep_texts) for _ in range(size)]
        _spread(ray, chunks, take, workers)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, CorpusError):
            raise cause from error
        raise CorpusError(
            "Ray lost its workers ({said}). What was read before is kept.",
            todo="Give them more memory, or use --engine local; go on with --resume.",
            said=(str(error).strip() or type(error).__name__).splitlines()[0][:200],
        ) from error
    finally:
        if begun:
            ray.shutdown()


def _connect(ray: Any, engine: str) -> bool:
    """Connects to the cluster, or begins one here; was nothing connected before?"""
    if ray.is_initialized():
        return False
    address = engine if "://" in engine else None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
    options = {"include_dashboard": False} if address is None else {"address": address}
    tries = 1 if address else BEGINS
    while True:
        tries -= 1
        try:
            if address is not None:
                knock(address)
            ray.init(log_to_driver=False, **options)
            return True
        except Exception as error:  # Ray raises plain ones, too, where it does not begin in time
            ray.shutdown()
            if tries:
                continue
            raise CorpusError(
                "The Ray cluster at {address} does not answer ({said}).",
                todo=TOKEN
                if address is not None and listens(address)
                else "Check the address, or use --engine ray for this machine.",
                address=address or Note("this machine"),
                said=(str(error).strip() or type(error).__name__).splitlines()[0][:200],
            ) from error


def _spread(
    ray: Any, chunks: Iterable[tuple[int, list[Row]]], take: Callable[[Part], None], workers: list[Any]
) -> None:
    """Two chunks for each worker at most, so that memory stays bounded whatever the input's size."""
    loads = dict.fromkeys(range(len(workers)), 0)
    waiting: dict[Any, int] = {}  # which worker reads what

    def receive() -> None:
        [done], _ = ray.wait([*waiting], num_returns=1)
        loads[waiting.pop(done)] -= 1
        take(ray.get(done))

    for number, rows in chunks:
        while len(waiting) >= AHEAD * len(workers):
            receive()
        worker = min(loads, key=lambda place: loads[place])
        waiting[workers[worker].part.remote(number, rows)] = worker
        loads[worker] += 1
    while waiting:
        receive()
