"""Models and traces between reruns: read once, never mixed, bounded, and nothing lost when someone leaves."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from cachetools import LRUCache

from memviz import settings
from memviz.errors import BusyError
from memviz.serving import cache
from memviz.serving.gate import LONG, Gate, Turn, Wait
from memviz.serving.pace import Pace
from tests.pages.crowd import Crowd, GoneError, until

TEXTS = [
    "The cat sat on the mat because it was tired.",
    "He sat on the bank of the river and watched the water.",
    "She put her money in the bank and checked her account.",
    "小猫坐在垫子上，因为它累了。",
]
ROUNDS = 12


def limit() -> int:
    """How many tokens are read at once here."""
    return settings.number("MEMVIZ_MAX_TOKENS", 0, minimum=0)


def silent(fraction: float, label: str) -> None:
    pass


def patient(wait: Wait) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Reading:
    """A stand-in for a trace."""

    text: str
    pair: str | None
    nbytes: int
    notes: tuple[()] = ()


class Reader:
    """A model that writes down what it was asked; ``go`` holds a reading up."""

    def __init__(self, nbytes: int = 1_000) -> None:
        self.asked: Counter[str] = Counter()
        self.options: dict[str, object] = {}
        self.nbytes = nbytes
        self.inside = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()

    def translate(self, text: str, target: str | None, forget: object, *, progress, **options) -> Reading:
        self.options = options
        return self.read(text, target, progress=progress)

    def read(self, text: str, pair: str | None = None, *, on_layers=None, progress) -> Reading:
        self.asked[text] += 1
        if on_layers is not None:
            on_layers("the first layer")
        self.inside.release()
        while not self.go.wait(0.01):
            progress(0.5, "1/2")
        progress(1.0, "2/2")
        return Reading(text, pair, self.nbytes)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has gates and a cache of its own."""
    monkeypatch.setattr(cache, "RUNNING", Gate(runs=1, places=8))
    monkeypatch.setattr(cache, "OPENING", Gate(runs=1, places=8))
    fresh = LRUCache(maxsize=cache._traces.maxsize, getsizeof=cache._traces.getsizeof)
    monkeypatch.setattr(cache, "_traces", fresh)
    monkeypatch.setattr(cache, "_searches", LRUCache(maxsize=cache._searches.maxsize))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A stand-in for a model."""
    reader = Reader()
    monkeypatch.setattr(cache, "_readers", LRUCache(maxsize=2))
    cache._readers["stand-in"] = reader
    return reader


def read(text: str, pair: str | None = None, *, progress=silent, on_wait=patient):
    return cache.read("stand-in", text, pair, on_wait=on_wait, progress=progress)


def test_a_text_is_read_once_and_a_pair_is_another_text(model: Reader) -> None:
    first = read("a")
    assert read("a") is first
    assert read("a", "b") is not first
    assert read("a", "") is not read("a", None)
    assert model.asked["a"] == 3


@pytest.mark.parametrize("extra", [{}, {"languages": ("en", "pt")}, {"task": "translate: "}])
def test_a_text_is_read_as_one_sentence_whatever_else_is_chosen(model: Reader, extra: dict) -> None:
    for whole in (False, True):
        options = cache.TranslationOptions(whole=whole, **extra)
        cache.translate("stand-in", "a. b.", options, on_wait=patient, progress=silent)
        assert model.options == {"languages": None, "task": None} | extra | {"split": not whole}
    assert model.asked["a. b."] == 2


@pytest.mark.parametrize("name", ["minilm ", " minilm", "  minilm  ", "\u2003minilm\u00a0"])
def test_a_model_is_open_once_under_all_its_spellings(name: str, model: Reader, monkeypatch) -> None:
    monkeypatch.setattr(cache.memviz, "load", lambda *a, **k: pytest.fail("opened twice"))
    cache._readers["minilm"] = model
    assert cache.is_open(name)
    assert cache.open_reader(name, on_wait=patient, progress=silent) is model
    first = cache.read("minilm", "a", None, on_wait=patient, progress=silent)
    assert cache.read(name, "a", None, on_wait=patient, progress=silent) is first
    assert model.asked["a"] == 1


@pytest.mark.parametrize("names", [("t5-small", "google-t5/t5-small"), ("./tiny", "tiny/../tiny"), ("a/b", " a/b ")])
def test_names_that_mean_one_model_share_it(names: tuple[str, str], model: Reader, monkeypatch, tmp_path) -> None:
    (tmp_path / "tiny").mkdir()
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(tmp_path))
    opened = []
    monkeypatch.setattr(cache.memviz, "load", lambda name, **k: opened.append(name) or model)
    for name in names:
        assert cache.open_reader(name, on_wait=patient, progress=silent) is model
    assert opened == [names[0]]


def test_a_server_reads_a_bounded_number_of_tokens_at_once(model: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMVIZ_MAX_TOKENS", raising=False)
    limits: list[int] = []
    read("a", progress=lambda fraction, label: limits.append(limit()))
    assert limits == [8192]
    assert limit() == 0, "a notebook has no such limit"


def test_short_work_runs_on_one_thread_and_long_work_on_all(model: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the pages that are drawn, two threads wait for each other: a pasted text took six times as long."""
    monkeypatch.setattr(cache, "PACE", Pace())
    counts: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for characters in (10_000, 10):
            read("a" * characters, progress=lambda fraction, label: counts.append(torch.get_num_threads()))
            counts.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert counts == [2, 2, 1, 2]


def test_a_trace_that_was_let_go_is_read_once_more_by_its_origin(model: Reader) -> None:
    trace = read("a", "b")
    origin = cache.origin(trace)
    assert origin is not None
    assert origin.trace() is trace
    cache._traces.clear()
    alive = weakref.ref(trace)
    del trace
    gc.collect()
    assert alive() is None
    assert (origin.trace().text, origin.trace().pair) == ("a", "b")
    assert model.asked["a"] == 2
    assert cache.origin(Reading("a", None, 3)) is None
    known = [origin for origin in cache._origins.values() if origin.work.model == "stand-in"]
    assert len(known) == len(cache._traces), "nothing is known of what is gone"


def test_what_is_read_once_more_is_drawn_on_no_page_that_is_gone(model: Reader) -> None:
    drawn: list[str] = []

    class Page:
        def take(self, layers: str) -> None:
            drawn.append(layers)

    page = Page()
    trace = cache.read("stand-in", "a", None, on_wait=patient, progress=silent, on_layers=page.take)
    origin = cache.origin(trace)
    assert origin is not None
    assert drawn == ["the first layer"]
    gone = weakref.ref(page)
    del page
    gc.collect()
    assert gone() is None, "what is known of the trace does not hold the page"
    cache._traces.clear()
    assert origin.trace().text == "a"
    assert (model.asked["a"], drawn) == (2, ["the first layer"])


def test_one_text_asked_by_many_at_once_is_read_once(model: Reader) -> None:
    model.go.clear()
    crowd = Crowd()
    for _ in range(6):
        crowd.send(lambda: read("a"))
    model.inside.acquire()
    until(lambda: len(cache.RUNNING) == 6)
    model.go.set()
    traces = crowd.join()
    assert model.asked["a"] == 1
    assert len({id(trace) for trace in traces}) == 1


def test_one_search_asked_by_many_at_once_is_made_once() -> None:
    go, searches, crowd = threading.Event(), [], Crowd()

    def run(turn: Turn) -> list[int]:
        searches.append(1)
        assert go.wait(10)
        return [1, 2]

    for _ in range(4):
        crowd.send(lambda: cache.search(("links", "a"), cache.Work("links", "stand-in", 9), run, on_wait=patient))
    until(lambda: len(cache.RUNNING) == 4)
    go.set()
    assert len({id(result) for result in crowd.join()}) == 1
    assert len(searches) == 1
    other = cache.search(("links", "b"), cache.Work("links", "stand-in", 9), lambda turn: [3], on_wait=patient)
    assert other == [3]


def test_a_full_queue_refuses_new_texts_and_still_shows_read_ones(model: Reader, monkeypatch) -> None:
    monkeypatch.setattr(cache, "RUNNING", Gate(runs=1, places=0))
    cached = read("known")
    model.inside.acquire()
    model.go.clear()
    crowd = Crowd()
    crowd.send(lambda: read("slow"))
    model.inside.acquire()
    with pytest.raises(BusyError):
        read("new")
    assert read("known") is cached
    model.go.set()
    assert crowd.join()[0].text == "slow"
    assert read("new").text == "new"


def test_who_leaves_in_the_middle_leaves_nothing_behind(model: Reader) -> None:
    def leave(fraction: float, label: str) -> None:
        raise GoneError

    for _ in range(3):
        with pytest.raises(GoneError):
            read("a", progress=leave)
    assert len(cache._traces) == 0
    assert len(cache.RUNNING) == 0
    assert read("a").text == "a"
    assert model.asked["a"] == 4


def test_who_leaves_while_another_reads_does_not_disturb(model: Reader) -> None:
    def leave(wait: Wait) -> None:
        raise GoneError

    model.go.clear()
    crowd = Crowd()
    crowd.send(lambda: read("slow"))
    model.inside.acquire()
    crowd.send(lambda: read("other", on_wait=leave))
    until(lambda: isinstance(crowd.results[1], GoneError))
    model.go.set()
    assert crowd.join()[0].text == "slow"
    assert model.asked["other"] == 0


def test_traces_are_bounded_by_bytes(model: Reader) -> None:
    model.nbytes = int(cache._traces.maxsize * 0.3)
    for text in "abcd":
        read(text)
    assert cache._traces.currsize <= cache._traces.maxsize
    assert len(cache._traces) == 3
    read("d")
    read("a")
    assert (model.asked["d"], model.asked["a"]) == (1, 2)


def test_a_trace_larger_than_the_cache_is_read_once_while_it_is_shown(model: Reader) -> None:
    read("small")
    model.nbytes = int(cache._traces.maxsize * 5)
    for _ in range(4):
        assert read("large").text == "large"
    assert model.asked["large"] == 1
    assert len(cache._traces) == 1, "it stands alone"


class Door:
    """`memviz.load` for a model that takes long to open; ``go`` lets it open."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.go = threading.Event()

    def load(self, name: str, **options) -> Reader:
        self.opened.append(name)
        while not self.go.wait(0.01):
            options["progress"](0.5, "Reading the tokenizer")
        return Reader()


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """No model is open, and each takes long to open."""
    slow_door = Door()
    monkeypatch.setattr(cache, "_readers", LRUCache(maxsize=2))
    monkeypatch.setattr("memviz.load", slow_door.load, raising=False)
    return slow_door


def opens(name: str, *, on_wait=patient, progress=silent) -> Reader:
    return cache.open_reader(name, on_wait=on_wait, progress=progress)


def leaves(*counts: object) -> None:
    raise GoneError


def test_a_model_is_opened_once_by_many(door: Door) -> None:
    crowd = Crowd()
    for _ in range(4):
        crowd.send(lambda: opens("stand-in"))
    until(lambda: len(cache.OPENING) == 4)
    door.go.set()
    assert len({id(reader) for reader in crowd.join()}) == 1
    assert door.opened == ["stand-in"]


def test_those_who_wait_for_a_model_to_open_hear_how_many_are_before_them(door: Door) -> None:
    crowd, counts = Crowd(), {number: [] for number in range(4)}
    for number in counts:
        crowd.send(lambda number=number: read("a", on_wait=lambda wait: counts[number].append(wait.count)))
        until(lambda number=number: len(cache.OPENING) == number + 1)
    until(lambda: all(counts[number] for number in (1, 2, 3)))
    assert [counts[number][:1] for number in counts] == [[], [1], [2], [3]]
    door.go.set()
    assert {trace.text for trace in crowd.join()} == {"a"}


def test_a_full_queue_for_a_model_that_opens_refuses_at_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "OPENING", Gate(runs=1, places=2))
    crowd = Crowd()
    for number in range(3):
        crowd.send(lambda: read("a"))
        until(lambda number=number: len(cache.OPENING) == number + 1)
    for _ in range(5):
        with pytest.raises(BusyError) as refused:
            read("a")
        assert refused.value.values["count"] == 3
    assert len(cache.OPENING) == 3
    door.go.set()
    crowd.join()
    assert read("a").text == "a"


def test_who_leaves_while_a_model_opens_frees_the_place(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "OPENING", Gate(runs=1, places=1))
    crowd = Crowd()
    crowd.send(lambda: opens("stand-in"))
    until(lambda: door.opened)
    for _ in range(3):
        with pytest.raises(GoneError):
            opens("stand-in", on_wait=leaves)
    door.go.set()
    assert len(crowd.join()) == 1

    door.go.clear()
    with pytest.raises(GoneError):
        opens("another", progress=leaves)
    assert len(cache.OPENING) == 0
    door.go.set()
    assert isinstance(opens("another"), Reader)


def test_an_open_model_reads_while_another_is_being_opened(door: Door) -> None:
    cache._readers["here"] = Reader()
    crowd = Crowd()
    crowd.send(lambda: opens("stand-in"))
    until(lambda: door.opened)
    assert cache.read("here", "a", None, on_wait=leaves, progress=silent).text == "a"
    door.go.set()
    crowd.join()


def same(one, other) -> None:
    """Are these two readings the same, number for number?"""
    assert one.text == other.text
    assert [token.text for token in one.tokens] == [token.text for token in other.tokens]
    for kind, memory in one.memories.items():
        for layer in range(memory.layers):
            for head in range(memory.heads):
                expected = other.memory(kind).pattern(layer, head)
                np.testing.assert_allclose(memory.pattern(layer, head), expected, atol=1e-6)
        np.testing.assert_allclose(memory.summary.mass, other.memory(kind).summary.mass, atol=1e-4)
        np.testing.assert_array_equal(memory.summary.thumbnail.shape, other.memory(kind).summary.thumbnail.shape)


@pytest.mark.models
@pytest.mark.parametrize("runs", [1, 4])
def test_people_who_read_at_the_same_moment_do_not_mix(minilm, monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    alone = {text: minilm.read(text) for text in TEXTS}
    monkeypatch.setattr(cache, "RUNNING", Gate(runs=runs, places=32))
    monkeypatch.setattr(cache, "_readers", LRUCache(maxsize=2))
    cache._readers["minilm"] = minilm
    for _ in range(ROUNDS):
        cache._traces.clear()
        start, crowd = threading.Barrier(len(TEXTS)), Crowd()

        def one(text: str, start: threading.Barrier = start):
            start.wait(10)
            return cache.read("minilm", text, None, on_wait=patient, progress=silent)

        for text in TEXTS:
            crowd.send(lambda text=text: one(text))
        for text, trace in zip(TEXTS, crowd.join(), strict=True):
            same(trace, alone[text])


@pytest.mark.models
def test_short_texts_pass_a_long_one_and_none_is_changed_by_it(smollm2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_readers", LRUCache(maxsize=2))
    monkeypatch.setattr(cache, "PACE", Pace())
    cache._readers["smollm2"] = smollm2
    long_text, ends, crowd, began = " ".join(TEXTS[:3]) * 20, [], Crowd(), threading.Event()
    assert cache.Work("read", "smollm2", len(long_text)).seconds >= LONG
    alone = {text: smollm2.read(text) for text in (*TEXTS, long_text)}

    def send(text: str, progress) -> None:
        def run():
            trace = cache.read("smollm2", text, None, on_wait=patient, progress=progress)
            ends.append(text)
            return trace

        crowd.send(run)

    send(long_text, lambda fraction, label: began.set())
    assert began.wait(60)
    for text in TEXTS:
        send(text, silent)
    traces = crowd.join()
    assert ends[-1] == long_text
    assert sorted(ends[:-1]) == sorted(TEXTS)
    for trace in traces:
        same(trace, alone[trace.text])


@pytest.mark.models
def test_who_leaves_a_real_reading_in_the_middle_does_not_spoil_the_next(minilm, monkeypatch) -> None:
    monkeypatch.setattr(cache, "_readers", LRUCache(maxsize=2))
    cache._readers["minilm"] = minilm
    alone = minilm.read(TEXTS[0])
    for last in range(1, 6):
        counts = []

        def leave(fraction: float, label: str, last: int = last, counts: list[str] = counts) -> None:
            counts.append(label)
            if len(counts) == last:
                raise GoneError

        with pytest.raises(GoneError):
            cache.read("minilm", TEXTS[0], None, on_wait=patient, progress=leave)
        assert counts[-1].startswith(str(last))
        assert len(cache._traces) == 0
        assert len(cache.RUNNING) == 0
    same(cache.read("minilm", TEXTS[0], None, on_wait=patient, progress=silent), alone)
