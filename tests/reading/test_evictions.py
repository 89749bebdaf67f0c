"""Which keys a cache lets go is decided as it is written down, while reading and while writing, and stays known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from by_hand import cutting, keeping
from cases import eager, opened, patterns
from families import FAMILIES

from memviz import Eviction, Forget
from memviz.errors import ReadingError, TraceError
from memviz.memory import Interventions, read_only
from memviz.memory.edges import NEVER
from memviz.reading.attention import attention_function, heavy_hitters
from memviz.reading.engine import limits
from memviz.trace import Trace
from tests import oracle

IDS = np.random.default_rng(4).integers(100, 140, size=70).tolist()
PLACES = {
    "gpt2": "transformer.h.{}.attn",
    "llama": "model.layers.{}.self_attn",
    "gemma2": "model.layers.{}.self_attn",
    "gpt-oss": "model.layers.{}.self_attn",
    "t5": "decoder.block.{}.layer.0.SelfAttention",
}
GROUPED = ("llama", "gemma2", "gpt-oss")  # two heads share their keys
CASES = [
    ("gpt2", 6, 8), ("llama", 6, 8), ("gemma2", 6, 8), ("gpt-oss", 6, 8), ("t5", 6, 8),
    ("gpt2", 20, 1), ("llama", 1, 30), ("llama", 69, 1), ("gemma2", 1, 30), ("gpt-oss", 0, 9),
]  # fmt: skip
POLICIES = {
    "window": Eviction.window(7),
    "sinks": Eviction.sinks(3, 9),
    "heavy hitters": Eviction.heavy_hitters(5, 6),
    "heavy hitters and sinks": Eviction(recent=6, first=2, budget=4),
}


def read(name: str, **changes: object) -> Trace:
    used = opened(name)
    if used.model.config.is_encoder_decoder:
        return used.translate("the cat sat", used.tokenizer.decode(IDS[:40]), **changes)
    return used.read_ids(IDS, **changes)


@pytest.mark.parametrize(("name", "budget", "recent"), CASES)
def test_heavy_hitters_are_those_of_the_greedy_rule(
    name: str, budget: int, recent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention_function, "BLOCK", 24)  # several blocks, the last one shorter
    check_against_the_rule(name, budget, recent)


def test_they_are_so_where_what_is_left_is_a_trace_of_what_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy_hitters, "UNDERFLOW", -1.0)  # so that every query takes the careful way
    for name in ("llama", "gpt-oss"):
        check_against_the_rule(name, 6, 8)


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_what_is_forgotten_by_name_collects_nothing(name: str) -> None:
    cut = np.zeros((3, 4, len(IDS), len(IDS)), dtype=bool)
    cut[:, 1:3, :, [4, 30]] = True  # in one head of each two that share their keys
    cut[:, 1, 4, 4] = cut[:, 2, 4, 4] = False
    forget = Forget([4], heads=[1, 2], queries=[*range(4), *range(5, len(IDS))]) | Forget([30], heads=[1, 2])
    check_against_the_rule(name, 6, 8, forget=forget, cut=cut)
    before, after = (read(name, eviction=Eviction.heavy_hitters(6, 8), forget=f).memory() for f in (None, forget))
    assert not np.array_equal(before.expiry, after.expiry)


def check_against_the_rule(
    name: str, budget: int, recent: int, forget: Forget | None = None, cut: np.ndarray | None = None
) -> None:
    """The reading is that of a model whose eager attention keeps a set of keys, one query after the other."""
    kind = "decoder" if name == "t5" else "self"
    trace = read(name, eviction=Eviction.heavy_hitters(budget, recent), forget=forget)
    memory = trace.memory(kind)
    model = FAMILIES[name].build()
    target = [token.id for token in memory.keys] if name == "t5" else None
    with (
        nullcontext() if cut is None else cutting(model, PLACES[name], cut),
        keeping(model, PLACES[name], memory.layers, budget, recent) as gone,
    ):
        weights, logits = eager(model, [token.id for token in trace.tokens], target=target)
    assert memory.expiry is not None
    assert memory.expiry.dtype == np.int32
    assert np.array_equal(memory.expiry, np.stack(gone))
    assert np.abs(patterns(trace, kind) - weights[kind]).max() <= 1e-5
    lost = (
        np.arange(len(memory.queries))[:, None]
        >= memory.expiry.repeat(2 if name in GROUPED else 1, axis=1)[..., None, :]
    )
    oracle.check_summary(memory, weights[kind], cut=lost if cut is None else lost | cut)
    if kind == "self":
        assert logits is not None
        expected = logits[:-1].log_softmax(-1).gather(1, torch.tensor(IDS)[1:, None])[:, 0]
        np.testing.assert_allclose(trace.logprobs[1:], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_a_budget_for_the_whole_text_changes_nothing(name: str) -> None:
    before = read(name)
    for eviction in (Eviction.heavy_hitters(69, 1), Eviction.heavy_hitters(10, 60), Eviction.heavy_hitters(500, 500)):
        after = read(name, eviction=eviction)
        assert np.abs(patterns(before) - patterns(after)).max() == 0.0
        assert np.abs(before.logprobs[1:] - after.logprobs[1:]).max() == 0.0
        assert after.memory().expiry is not None
        assert (after.memory().expiry >= len(IDS)).all()
    less = read(name, eviction=Eviction.heavy_hitters(10, 58))
    assert np.abs(before.logprobs[1:] - less.logprobs[1:]).max() > 0


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_no_heavy_hitter_at_all_is_a_window(name: str) -> None:
    window, none = read(name, eviction=Eviction.window(9)), read(name, eviction=Eviction.heavy_hitters(0, 9))
    assert np.abs(patterns(window) - patterns(none)).max() == 0.0
    assert np.abs(window.logprobs[1:] - none.logprobs[1:]).max() == 0.0
    expiry = none.memory().expiry
    assert expiry is not None
    assert (expiry[:, :, : len(IDS) - 9] == np.arange(9, len(IDS))).all()


@pytest.mark.parametrize("how", POLICIES)
def test_what_is_alive_is_what_can_be_looked_at(how: str) -> None:
    trace = read("mistral", eviction=POLICIES[how])
    memory, room = trace.memory(), POLICIES[how].room
    seen = patterns(trace) > 0
    for query in (0, 7, 20, len(IDS) - 1):
        alive = memory.alive(query)
        assert alive.shape == (memory.layers, 2, len(IDS))
        assert np.array_equal(alive.repeat(2, axis=1), seen[:, :, query])
        assert (alive.sum(-1) <= (room or 0)).all()
    assert np.array_equal(memory.alive(-1), memory.alive(len(IDS) - 1))
    with pytest.raises(TraceError, match="There is no position 70"):
        memory.alive(len(IDS))


def test_everything_is_alive_where_nothing_is_let_go() -> None:
    assert np.array_equal(read("llama").memory().alive(5)[1, 0], np.arange(len(IDS)) <= 5)
    assert np.array_equal(read("llama", eviction=Eviction.none()).memory().alive(5), read("llama").memory().alive(5))
    assert read("t5").memory("encoder").alive(0).all()
    forgetful = read("llama", forget=Forget([3], queries=[5])).memory()
    assert forgetful.alive(5)[0, 0, 3], "it is there, and not looked at"


@pytest.mark.parametrize("how", POLICIES)
def test_a_trace_from_its_file_knows_which_key_went_when(how: str, tmp_path: Path) -> None:
    trace = read("llama", eviction=POLICIES[how])
    again = Trace.load(trace.save(tmp_path / "trace.npz"))
    assert again.eviction == trace.eviction == again.memory().eviction == POLICIES[how]
    assert np.array_equal(again.memory().expiry, trace.memory().expiry)
    assert np.array_equal(patterns(again), patterns(trace))
    assert np.array_equal(again.memory().alive(40), trace.memory().alive(40))
    assert np.array_equal(again.memory().keys_seen(1), trace.memory().keys_seen(1))


def test_which_key_went_when_takes_a_number_for_each_key() -> None:
    plain, trace = read("llama").memory(), read("llama", eviction=POLICIES["heavy hitters"]).memory()
    assert trace.expiry is not None
    assert trace.expiry.shape == (3, 2, len(IDS))
    assert trace.nbytes - plain.nbytes == 3 * 2 * len(IDS) * 4


@pytest.mark.parametrize(
    "expiry",
    [
        np.full((3, 2, 70), NEVER, dtype=np.int64),
        np.full((3, 2, 69), NEVER, dtype=np.int32),
        np.full((3, 3, 70), NEVER, dtype=np.int32),
        np.full((2, 2, 70), NEVER, dtype=np.int32),
        np.full(70, NEVER, dtype=np.int32),
        np.zeros((3, 2, 70), dtype=np.int32),
        None,
    ],
)
def test_a_file_that_says_otherwise_is_refused(expiry: np.ndarray | None, tmp_path: Path) -> None:
    trace = read("llama", eviction=POLICIES["heavy hitters"])
    object.__setattr__(trace.memory(), "expiry", expiry if expiry is None else read_only(expiry))
    path = trace.save(tmp_path / "trace.npz")
    with pytest.raises(TraceError, match="is not a trace that MemViz can read"):
        Trace.load(path)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Eviction.window(0), "recent"),
        (lambda: Eviction.window(-3), "recent"),
        (lambda: Eviction.window(None), "recent"),
        (lambda: Eviction.sinks(4, 0), "recent"),
        (lambda: Eviction.sinks(None, 4), "first"),
        (lambda: Eviction.sinks(1.0, 4), "first"),
        (lambda: Eviction.heavy_hitters(-1, 4), "budget"),
        (lambda: Eviction.heavy_hitters(None, 4), "budget"),
        (lambda: Eviction.heavy_hitters(2.5, 4), "budget"),
        (lambda: Eviction.heavy_hitters("8", 4), "budget"),
        (lambda: Eviction.heavy_hitters(8, 0), "recent"),
        (lambda: Eviction.heavy_hitters(8, None), "recent"),
        (lambda: Eviction.heavy_hitters(8, 4.0), "recent"),
    ],
)
def test_a_cache_of_no_such_size_is_refused_by_name(make: Callable[[], Eviction], name: str) -> None:
    with pytest.raises(TraceError, match=f"“{name}” of an eviction"):
        make()


def test_a_rule_that_follows_the_attention_needs_a_reading_and_recent_keys() -> None:
    with pytest.raises(TraceError, match="no number of recent keys"):
        Eviction(budget=4)
    eviction = Eviction.heavy_hitters(4, 3)
    assert (eviction.expiry(6) == NEVER).all()
    with pytest.raises(TraceError, match="decided while a text is read"):
        eviction.expiry(7)
    with pytest.raises(ReadingError, match="sees its whole text at once"):
        opened("bert").read_ids(IDS, eviction=eviction)
    with pytest.raises(ReadingError, match="cannot be made to forget"):
        opened("bloom").read_ids(IDS, eviction=eviction)
    with pytest.raises(ReadingError, match="hypotheses of a beam"):
        opened("t5").translate("the cat", beam=2, eviction=eviction)


def test_a_longer_memory_of_heavy_hitters_is_counted() -> None:
    used = opened("llama")
    plain, window, heavy = (
        limits.estimate(used.model, used.plan, 8192, None if eviction is None else Interventions(eviction=eviction))
        for eviction in (None, Eviction.window(64), Eviction.heavy_hitters(32, 32))
    )
    assert plain < window < heavy < window + 100e6
