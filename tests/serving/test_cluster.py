"""Models on a cluster: the same numbers, the same news, and one clear sentence where it is gone."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from cachetools import LRUCache

from memviz import Reader, errors
from memviz.errors import EngineError, MeasureError, TextTooLongError
from memviz.experiments import cover
from memviz.serving import cache, cluster, engine
from memviz.serving.cluster import Cluster
from memviz.serving.engine import Job, Watcher
from memviz.serving.gate import Gate, Wait
from memviz.serving.ticket import Ticket
from memviz.trace import Trace
from tests.pages.crowd import Crowd, GoneError, until
from tests.serving.shadow_ray import ShadowRay

TEXT = "the cat sat on the mat because it was tired"
STEPS = threading.Semaphore(0)  # the tests let a slow action go on
SEEN: list[str] = []


def patient(wait: Wait) -> None:
    pass


def silent(fraction: float, label: str) -> None:
    pass


QUIET = Watcher(patient, silent)


@pytest.fixture(scope="module")
def tiny() -> Reader:
    """A GPT-2 with random weights."""
    from tests.reading.families import FAMILIES, tokenizer

    return Reader(FAMILIES["gpt2"].build(), tokenizer(FAMILIES["gpt2"].tokenizer))


@pytest.fixture(autouse=True)
def _own_cache(tiny: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replicas, which are threads here, have gates and caches that no other test has."""
    monkeypatch.setattr(cache, "RUNNING", Gate(runs=1, places=8))
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: tiny)
    for kept in ("_traces", "_experiments", "_answers"):
        monkeypatch.setattr(cache, kept, LRUCache(maxsize=100))
    SEEN.clear()
    while STEPS.acquire(blocking=False):
        pass


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> ShadowRay:
    """A cluster of threads, on which the pages' models run."""
    shadow = ShadowRay()
    monkeypatch.setitem(sys.modules, "ray", shadow)
    monkeypatch.setattr("memviz.serving.cluster.importlib.util.find_spec", lambda name: shadow.__spec__)
    far = Cluster("ray")
    monkeypatch.setattr(cache, "engine", lambda: far)
    return shadow


@dataclass(frozen=True)
class Length:
    """So much work, with a stand-in."""

    model: str = "tiny"
    characters: int = 1
    seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        pass


def slowly(steps: int, reader: Reader, watcher: Watcher) -> str:
    """An action that tells how far it is, and waits for the test before every step."""
    try:
        for step in range(steps):
            watcher.progress(step / steps, f"{step}/{steps}")
            while not STEPS.acquire(timeout=0.02):
                watcher.progress(step / steps, f"{step}/{steps}")
    except Exception:
        SEEN.append("left")
        raise
    return "done"


TWO_STEPS = partial(slowly, 2)


def job(name: str, action: Callable = TWO_STEPS) -> Job:
    return Job("experiments", (name,), Length(), action)


def same(one: Trace, other: Trace) -> None:
    """The same numbers, to 1e-6."""
    assert (one.text, [token.text for token in one.tokens]) == (other.text, [token.text for token in other.tokens])
    np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-6)
    for kind, memory in other.memories.items():
        for layer in range(memory.layers):
            for head in range(memory.heads):
                expected = memory.pattern(layer, head)
                np.testing.assert_allclose(one.memory(kind).pattern(layer, head), expected, atol=1e-6)


def test_both_engines_give_the_same_numbers_and_the_same_news(ray: ShadowRay, tiny: Reader) -> None:
    layers, layers_here, labels, tokens = [], [], [], []

    def told(fraction: float, label: str) -> None:
        labels.append(label)

    trace = cache.read("tiny", TEXT, None, on_wait=patient, progress=told, on_layers=layers.append)
    here = tiny.read(TEXT, on_layers=layers_here.append)
    same(trace, here)
    assert trace.words == here.words
    for one, other in zip(layers, layers_here, strict=True):
        np.testing.assert_array_equal(one.thumbnails, other.thumbnails)
    assert labels[0] == "Looking for a free replica"
    assert labels[-1] == "3/3"
    options = cache.GenerationOptions(tokens=5)
    written = cache.generate(
        "tiny", TEXT, options, on_wait=patient, progress=silent, on_token=lambda text: tokens.append(text) is None
    )
    here = tiny.generate(TEXT, 5)
    same(written, here)
    assert here.text == TEXT + "".join(tokens)
    asked = cache.ask("tiny", engine.facts, on_wait=patient, progress=silent)
    assert asked == engine.facts(tiny)
    run = partial(covered, "mat")
    far = cache.experiment("cover", "tiny", TEXT, "mat", run, on_wait=patient, progress=silent)
    near = cache.InProcess().run(job("cover", partial(cache._experiment, run)), QUIET)
    np.testing.assert_allclose([far.effect, far.before], [near.effect, near.before], atol=1e-6)


def covered(word: str, reader: Reader, progress):
    return cover(reader, TEXT, word, progress=progress)


def test_what_was_read_there_is_remembered_here_and_had_again(ray: ShadowRay) -> None:
    trace = cache.read("tiny", TEXT, None, on_wait=patient, progress=silent)
    begun = len(ray.replicas[0].object._courses)
    assert cache.read("tiny", TEXT, None, on_wait=patient, progress=silent) is trace
    assert begun == 0
    ticket = Ticket(trace)
    cache._traces.clear()
    same(ticket.get(), trace)


def test_what_stops_the_writing_there_keeps_what_is_written(ray: ShadowRay, tiny: Reader) -> None:
    pieces: list[str] = []

    def enough(piece: str) -> bool:
        pieces.append(piece)
        return len(pieces) < 3

    options = cache.GenerationOptions(tokens=40)
    trace = cache.generate("tiny", TEXT, options, on_wait=patient, progress=silent, on_token=enough)
    assert len(pieces) == 3, "who has enough is told no more"
    assert 3 <= len(trace.steps) <= 40
    assert trace.text.startswith(TEXT + "".join(pieces))
    shorter = cache.GenerationOptions(tokens=len(trace.steps))
    assert cache.generate("tiny", TEXT, shorter, on_wait=patient, progress=silent) is trace


def test_who_leaves_ends_the_work_there(ray: ShadowRay) -> None:
    labels: list[str] = []

    def leave(fraction: float, label: str) -> None:
        labels.append(label)
        if label == "0/2":
            raise GoneError

    with pytest.raises(GoneError):
        cache.engine().run(job("a"), Watcher(patient, leave))
    until(lambda: SEEN == ["left"])
    assert len(cache.RUNNING) == 0


def test_a_front_end_that_is_gone_lets_go_of_its_place(ray: ShadowRay, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was killed, and nobody says that it leaves: what it waited for ends by itself, and others go on."""
    monkeypatch.setattr(cluster, "SILENCE", 0.3)
    cache.engine().ask("tiny", engine.facts, QUIET)
    replica = ray.replicas[0].object
    replica.begin("killed", cluster.Order(job("a", partial(slowly, 10_000))))
    until(lambda: SEEN == ["left"])
    STEPS.release(2)
    assert cache.engine().run(job("b"), QUIET) == "done"
    assert replica.load() == 0 or time.sleep(0.4) or replica.load() == 0


@pytest.mark.parametrize("kind", [TextTooLongError, MeasureError, KeyError])
def test_what_the_model_raises_is_raised_on_the_page(ray: ShadowRay, kind: type) -> None:
    with pytest.raises(kind) as here:
        refuse(kind, None, QUIET)
    with pytest.raises(kind) as there:
        cache.engine().run(job("a", partial(refuse, kind)), QUIET)
    assert str(there.value) == str(here.value)


def refuse(kind: type, reader: Reader | None, watcher: Watcher) -> None:
    if kind is KeyError:
        raise KeyError("mat")
    raise kind("{count} tokens are too many.", todo="Take {limit}.", count=9000, limit=8192)


def test_those_who_wait_hear_their_place_and_replicas_grow_with_the_queue(
    ray: ShadowRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SOON", 0.05)
    far, waits = cache.engine(), []
    far.ask("tiny", engine.facts, QUIET)
    assert len(ray.replicas) == 1
    crowd = Crowd()
    for number in range(4):
        crowd.send(lambda number=number: far.run(job(str(number)), Watcher(waits.append, silent)))
        until(
            lambda number=number: sum(len(each.object._courses) for each in ray.replicas if each.object) == number + 1
        )
    until(lambda: waits)
    assert len(ray.replicas) == 2, "as many as there are processors, and no more"
    assert all(wait.count >= 1 for wait in waits)
    STEPS.release(8)
    assert crowd.join() == ["done"] * 4
    monkeypatch.setattr(cluster, "IDLE", 0.0)
    until(lambda: far._get(far._connect().replicas.remote()) == 1)
    assert len(ray.replicas) == 1


def test_a_replica_that_is_lost_is_replaced_and_nothing_is_lost(ray: ShadowRay) -> None:
    labels: list[str] = []

    def told(fraction: float, label: str) -> None:
        if label == "0/2" and len(ray.actors) == 2:  # the dispatcher and the first replica
            ray.kill(ray.replicas[0])
            STEPS.release(4)
        labels.append(label)

    assert cache.engine().run(job("a"), Watcher(patient, told)) == "done"
    assert "A replica was lost: beginning again" in labels
    assert len(ray.actors) == 3


def test_a_cluster_that_is_lost_half_way_is_one_sentence_and_is_found_again(ray: ShadowRay) -> None:
    known = cache.read("tiny", TEXT, None, on_wait=patient, progress=silent)

    def told(fraction: float, label: str) -> None:
        ray.lost = ray.lost or label == "0/2"

    with pytest.raises(EngineError) as lost:
        cache.engine().run(job("a"), Watcher(patient, told))
    assert str(lost.value) == (
        "The cluster that runs the models, this machine, does not answer (nobody answers). "
        "Nothing is lost: try again in a moment, or tell whoever runs this server."
    )
    assert cache.read("tiny", TEXT, None, on_wait=patient, progress=silent) is known
    assert not cache.engine().is_open("tiny")
    ray.lost = False
    STEPS.release(4)
    assert cache.engine().run(job("b"), QUIET) == "done"


def test_replicas_that_are_lost_again_and_again_are_one_sentence(
    ray: ShadowRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SILENCE", 0.3)  # a thread cannot be killed: it lets go by itself

    def told(fraction: float, label: str) -> None:
        if label == "0/2":
            ray.kill(ray.replicas[-1])

    with pytest.raises(EngineError, match=r"^The cluster was lost in the middle of the work \(the actor died"):
        cache.engine().run(job("a"), Watcher(patient, told))


def test_ray_is_told_to_report_nothing(ray: ShadowRay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "")  # so that it is put back
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED")
    cache.engine()._connect()
    assert [each["reports"] for each in ray.inits] == ["0"]


def test_nobody_at_the_address_is_one_sentence_at_once(ray: ShadowRay) -> None:
    began = time.monotonic()
    with pytest.raises(
        EngineError, match=r"ray://127\.0\.0\.1:9, does not answer \(\[Errno 111\] Connection refused\)"
    ):
        Cluster("ray://127.0.0.1:9").ask("tiny", engine.facts, QUIET)
    assert time.monotonic() - began < 5
    assert ray.inits == []


def test_a_cluster_that_listens_and_does_not_answer_may_ask_for_its_token(ray: ShadowRay) -> None:
    ray.lost = True
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"ray://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(EngineError, match=rf"{address}, does not answer \(.*It listens.*RAY_AUTH_MODE=token"):
            Cluster(address).ask("tiny", engine.facts, QUIET)


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.serving.cluster.importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"Ray is not installed\. .* pip install ray\[client\]"):
        Cluster("ray").ask("tiny", engine.facts, QUIET)


@pytest.mark.parametrize(
    ("setting", "kind"), [("", cache.InProcess), ("local", cache.InProcess), (" ray ", Cluster), ("ray://a:1", Cluster)]
)
def test_the_setting_names_the_engine(setting: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_ENGINE", setting)
    assert type(cache.engine.__wrapped__()) is kind


@pytest.mark.parametrize("name", ["bert", "t5", "marian"])
def test_there_are_facts_of_every_kind_of_model(name: str) -> None:
    from tests.reading.families import FAMILIES, tokenizer

    reader = Reader(FAMILIES[name].build(), tokenizer(FAMILIES[name].tokenizer))
    assert engine.facts(reader).info.kind == ("encoder-only" if name == "bert" else "encoder-decoder")
    assert engine.facts(reader).spoken_languages == ()


def test_a_replica_remembers_nothing_of_what_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = partial(Reader.read, text=TEXT)
    own = job("read", lambda reader, watcher: run(reader))
    kept = cache.InProcess().run(own, QUIET)
    assert cache._experiments.pop(own.key) is kept
    module, name = cluster.HERE
    assert module == cache.__name__
    found = getattr(cache, name)().run(own, QUIET)
    assert np.array_equal(found.memory("self").pattern(0, 0), kept.memory("self").pattern(0, 0))
    assert own.key not in cache._experiments


@pytest.mark.parametrize("setting", ["spark", "ray:", "RAY://a:1", "http://a"])
def test_a_setting_that_names_none_is_one_sentence(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_ENGINE", setting)
    with pytest.raises(EngineError) as refused:
        cache.engine.__wrapped__()
    assert setting in str(refused.value)
    assert "Set it to local, to ray" in str(refused.value)


def test_the_settings_of_a_front_end_hold_where_a_machine_has_set_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "HERE", ("memviz.serving.cache", "InProcess"))
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "100")
    monkeypatch.setenv("MEMVIZ_CACHE", "/somewhere")
    settings = cluster._settings()
    assert "MEMVIZ_CACHE" not in settings
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "200")
    monkeypatch.delenv("MEMVIZ_RUNS", raising=False)
    cluster.Replica({**settings, "MEMVIZ_RUNS": "3"})
    assert (cluster.os.environ["MEMVIZ_MAX_TOKENS"], cluster.os.environ["MEMVIZ_RUNS"]) == ("200", "3")
    monkeypatch.delenv("MEMVIZ_RUNS")


def test_every_error_is_raised_where_somebody_waits() -> None:
    class LocalError(Exception):
        pass

    assert type(cluster._sent(LocalError("why"))) is RuntimeError
    assert str(cluster._sent(LocalError("why"))) == "LocalError: why"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MemVizError)]
    assert len(kinds) > 10
    for kind in kinds:
        assert type(cluster._sent(kind("a", todo="b"))) is kind
