"""Models on a cluster that Ray itself begins: the same numbers, who leaves, and a replica that is killed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from memviz.serving import cache
from memviz.serving.cluster import NAMESPACE, Cluster
from memviz.serving.engine import Job, Watcher
from tests.conftest import CAT
from tests.pages.crowd import GoneError
from tests.pages.test_cache import patient, same, silent

pytestmark = [pytest.mark.models, pytest.mark.serving, pytest.mark.filterwarnings("ignore")]


def job(text: str) -> Job:
    return Job("traces", ("minilm", text), cache.Work("read", "minilm", len(text)), partial(cache._read, text, None))


@pytest.fixture(scope="module")
def far() -> Iterator[Cluster]:
    """A cluster on this machine, for as long as the tests run."""
    import ray

    yield Cluster("ray")
    ray.shutdown()


def test_ray_gives_the_same_numbers_and_tells_how_far_it_is(far: Cluster, minilm) -> None:
    labels: list[str] = []
    trace = far.run(job(CAT), Watcher(patient, lambda fraction, label: labels.append(label)))
    same(trace, minilm.read(CAT))
    np.testing.assert_array_equal(trace.memory().summary.entropy, minilm.read(CAT).memory().summary.entropy)
    assert labels[-1] == "6/6"


def test_who_leaves_and_what_is_killed_costs_nothing_else(far: Cluster, minilm) -> None:
    import ray

    def leave(fraction: float, label: str) -> None:
        if "/" in label:
            raise GoneError

    with pytest.raises(GoneError):
        far.run(job("Ann leaves in the middle."), Watcher(patient, leave))
    labels: list[str] = []

    def kill(fraction: float, label: str) -> None:
        if "/" in label and not any("/" in told for told in labels):
            ray.kill(ray.get_actor(ray.get(far._connect().next.remote()), namespace=NAMESPACE))
        labels.append(label)

    text = "Bob reads on, whatever happens to the process that read for him."
    same(far.run(job(text), Watcher(patient, kill)), minilm.read(text))
    same(far.run(job(CAT), Watcher(patient, silent)), minilm.read(CAT))
