"""What is changed in a reading is exactly what a model does whose own eager attention is changed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from by_hand import CROSS, PLACES, cutting
from cases import eager, fresh, opened, patterns
from families import FAMILIES, words
from torch import nn

from memviz import Ablate, Eviction, Forget
from memviz.errors import ReadingError, TraceError
from memviz.memory import Interventions, Place
from memviz.reading.attention.attention_function import BLOCK
from memviz.reading.attention.interventions import HeadCuts
from memviz.reading.engine import limits
from memviz.trace import Trace
from tests import oracle

IDS = np.random.default_rng(9).integers(100, 140, size=80).tolist()
LLAMA = "model.layers.{}.self_attn"
SELF = {"bert": PLACES["bert"], "gpt2": PLACES["gpt2"], "llama": LLAMA, "gemma2": LLAMA}
CROSSED = {"t5": PLACES["t5"], "marian": CROSS}
DECODER = {"t5": "decoder.block.{}.layer.0.SelfAttention", "marian": "model.decoder.layers.{}.self_attn"}
OUTPUT = {
    "bert": "encoder.layer.{}.attention.output.dense",
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
    "gemma2": "model.layers.{}.self_attn.o_proj",
    "t5": "decoder.block.{}.layer.1.EncDecAttention.o",
    "marian": "model.decoder.layers.{}.encoder_attn.out_proj",
}
"""The output projection, by family: what every head writes goes into it, one after the other."""

UNIONS = {
    "two heads": Forget([9], layers=[1], heads=[0]) | Forget([3, 12], layers=[0], heads=[2]),
    "one head twice": Forget([9], heads=[1]) | Forget([10, 11], queries=[30, -1], heads=[1]),
    "three": Forget([2]) | Forget([5], layers=[1]) | Forget([7], queries=[40]),
}
EVICTIONS = {"window": Eviction.window(7), "sinks": Eviction.sinks(3, 9)}


def weights_of_patched(name: str, place: str, trace: Trace, cut: np.ndarray) -> dict[str, np.ndarray]:
    """Weights by kind of a model whose attention was patched by hand; ``cut`` is [layer, head, query, key]."""
    model = FAMILIES[name].build()
    with cutting(model, place, cut):
        return eager(model, [token.id for token in trace.tokens], target=inputs_of_decoder(trace))[0]


def inputs_of_decoder(trace: Trace) -> list[int] | None:
    return [token.id for token in trace.memory("decoder").keys] if trace.targets else None


def edges_of(trace: Trace, forget: Forget, kind: str) -> np.ndarray:
    """[layer, head, query, key], written down naively from what every part of `Forget` says."""
    memory = trace.memory(kind)
    cut = np.zeros((memory.layers, memory.heads, len(memory.queries), len(memory.keys)), dtype=bool)
    for part in (forget, *forget.also):
        for layer in range(memory.layers) if part.layers is None else part.layers:
            for head in range(memory.heads) if part.heads is None else part.heads:
                for query in range(len(memory.queries)) if part.queries is None else part.queries:
                    cut[layer, head, query, list(part.keys)] = True
    return cut


def read(name: str, **changes: object) -> Trace:
    used = opened(name)
    if used.model.config.is_encoder_decoder:
        return used.translate(words(60), words(50, seed=1), **changes)
    return used.read_ids(IDS, **changes)


@pytest.mark.parametrize("how", UNIONS)
@pytest.mark.parametrize("name", [*SELF, *CROSSED])
def test_a_union_forgets_what_any_of_its_parts_does(name: str, how: str) -> None:
    forget, kind = UNIONS[how], "cross" if name in CROSSED else "self"
    before, trace = read(name), read(name, forget=forget)
    cut = edges_of(trace, forget, kind)
    wanted = weights_of_patched(name, {**SELF, **CROSSED}[name], trace, cut)[kind]
    assert np.abs(patterns(trace, kind) - wanted).max() <= 1e-5
    assert (patterns(trace, kind)[cut] == 0.0).all()
    assert patterns(before, kind)[cut].max() > 0
    oracle.check_summary(trace.memory(kind), wanted, cut=cut)
    assert trace.forget == forget == trace.memory(kind).forget


@pytest.mark.parametrize("how", EVICTIONS)
@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "t5", "marian"])
def test_an_eviction_is_a_mask_of_what_is_gone_by_then(name: str, how: str) -> None:
    eviction, kind = EVICTIONS[how], "decoder" if name in DECODER else "self"
    before, trace = read(name), read(name, eviction=eviction)
    memory = trace.memory(kind)
    query, key = np.indices((len(memory.queries), len(memory.keys)))
    gone = (key >= eviction.first) & (query >= key + eviction.recent)
    cut = np.tile(gone, (memory.layers, memory.heads, 1, 1))
    wanted = weights_of_patched(name, {**SELF, **DECODER}[name], trace, cut)[kind]
    found = patterns(trace, kind)
    assert np.abs(found - wanted).max() <= 1e-5
    assert (found[cut] == 0.0).all()
    assert patterns(before, kind)[cut].max() > 0
    oracle.check_summary(memory, wanted, cut=cut)
    assert memory.eviction == eviction == trace.eviction


@contextmanager
def replaced(model: nn.Module, name: str, ablation: Ablate, *, heads: int) -> Iterator[None]:
    """The model with what one head wrote replaced, where it goes into the output projection."""
    projection = dict(model.named_modules())[OUTPUT[name].format(ablation.layer)]

    def replace(module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        states = args[0].clone().unflatten(-1, (heads, -1))
        mean = states[:, :, ablation.head].mean(1, keepdim=True)
        states[:, :, ablation.head] = mean if ablation.by == "mean" else 0
        return (states.flatten(2), *args[1:])

    hook = projection.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        hook.remove()


@pytest.mark.parametrize("by", ["zero", "mean"])
@pytest.mark.parametrize("name", OUTPUT)
def test_an_unplugged_head_writes_nothing_or_its_mean(name: str, by: str) -> None:
    kind = "cross" if name in CROSSED else "self"
    ablation = Ablate(layer=0, head=1, by=by)
    before, trace = read(name), read(name, ablate=ablation)
    with replaced(fresh(name), name, ablation, heads=trace.memory(kind).heads):
        wanted, logits = eager(fresh(name), [token.id for token in trace.tokens], target=inputs_of_decoder(trace))
    for memory, weights in wanted.items():
        assert np.abs(patterns(trace, memory) - weights).max() <= 1e-5
    one, other = patterns(before, kind), patterns(trace, kind)
    assert (one[0] == other[0]).all(), "its own pattern stays"
    assert np.abs(one[1] - other[1]).max() > 1e-4, "the next layer reads something else"
    assert trace.ablations == (ablation,)
    if logits is not None and kind == "self":
        expected = logits[:-1].log_softmax(-1).gather(1, torch.tensor(IDS)[1:, None])[:, 0]
        np.testing.assert_allclose(trace.logprobs[1:], expected, rtol=0, atol=1e-4)


def test_an_encoder_head_is_unplugged_by_the_name_of_its_memory() -> None:
    ablation = Ablate(1, 2, kind="encoder")
    before, trace = read("t5"), read("t5", ablate=[ablation])
    model = fresh("t5")
    projection = model.encoder.block[1].layer[0].SelfAttention.o
    heads = trace.memory("encoder").heads

    def silence(module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        states = args[0].clone().unflatten(-1, (heads, -1))
        states[:, :, 2] = 0
        return (states.flatten(2),)

    hook = projection.register_forward_pre_hook(silence)
    wanted, _ = eager(model, [token.id for token in trace.tokens], target=inputs_of_decoder(trace))
    hook.remove()
    for kind, weights in wanted.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-5
    assert np.abs(patterns(before, "cross") - patterns(trace, "cross")).max() > 1e-4


@pytest.mark.parametrize("name", ["gpt2", "mistral"])
@pytest.mark.parametrize("nothing", [Eviction.none(), Eviction.window(80), Eviction.sinks(4, 76)])
def test_what_lets_nothing_go_changes_nothing(name: str, nothing: Eviction) -> None:
    before, after = read(name), read(name, eviction=nothing)
    assert np.abs(patterns(before) - patterns(after)).max() == 0.0
    assert np.abs(before.logprobs[1:] - after.logprobs[1:]).max() == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"forget": Forget([1], heads=[0]) | Forget([3], layers=[1])},
        {"eviction": Eviction.window(2)},
        {"eviction": Eviction.heavy_hitters(2, 2)},
        {"ablate": [Ablate(0, 0), Ablate(1, 3)]},
    ],
    ids=["forget", "eviction", "heavy hitters", "ablate"],
)
@pytest.mark.parametrize("name", ["t5", "marian"])
def test_what_is_changed_while_writing_is_what_the_reading_changes(name: str, changes: dict[str, object]) -> None:
    """Written step by step with a KV cache: every token is the likeliest of the reading, under the same changes."""
    used = opened(name)
    trace = used.translate(words(20), max_new_tokens=24, **changes)
    written = [token.id for token in trace.targets]
    assert [step[0].id for step in trace.steps] == written
    assert len(written) > 2
    plain, changed = (used.translate(words(20), words(12, seed=1), **how).logprobs for how in ({}, changes))
    assert np.abs(plain - changed).max() > 1e-4


def test_layers_share_their_parts_and_are_told_apart() -> None:
    """ALBERT computes every layer with the same module: only the layer that was named forgets."""
    before, trace = read("albert"), read("albert", forget=Forget([5], layers=[1]))
    assert (patterns(before)[0] == patterns(trace)[0]).all()
    assert not patterns(trace)[1, :, :, 5].any()
    assert patterns(trace)[2, :, :, 5].all()


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"eviction": Eviction.window(4)}, ReadingError, "sees its whole text at once"),
        ({"eviction": 4}, TraceError, "must be an Eviction; this is int"),
        ({"ablate": [3]}, TraceError, "must be an Ablate; this is int"),
        ({"ablate": Ablate(9, 0)}, TraceError, "There is no layer 9 to unplug"),
        ({"ablate": Ablate(0, 9)}, TraceError, "There is no head 9 to unplug"),
        ({"ablate": Ablate(0, 0, kind="cross")}, TraceError, "no “cross” memory"),
        ({"forget": Forget([1]) | Forget([2], layers=[7])}, TraceError, "There is no layer 7 to forget in"),
    ],
)
def test_what_cannot_be_changed_is_refused(changes: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        opened("bert").read_ids(IDS, **changes)


@pytest.mark.parametrize("name", ["bloom", "mpnet"])
def test_a_dense_model_refuses_every_change(name: str) -> None:
    for changes in ({"ablate": Ablate(0, 0)}, {"forget": Forget([0])}):
        with pytest.raises(ReadingError, match="cannot be made to forget"):
            opened(name).read("the cat", **changes)


def test_the_mean_of_what_is_not_written_yet_is_refused() -> None:
    with pytest.raises(ReadingError, match="known only when the whole output is"):
        opened("t5").translate("the cat", ablate=Ablate(0, 0, by="mean"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Eviction.window(0),
        lambda: Eviction.sinks(-1, 4),
        lambda: Eviction.window(2.5),
        lambda: Ablate("1", 2),
        lambda: Ablate(1, 2, by="noise"),
        lambda: Ablate(1, 2, kind="other"),
    ],
)
def test_an_intervention_of_the_wrong_kind_is_refused(make: object) -> None:
    with pytest.raises(TraceError):
        make()


def test_one_named_head_of_a_long_text_takes_little_memory() -> None:
    """At 8,192 tokens its edges, written out for all nine heads of a layer, would be 604 MB."""
    tokens, heads = 8192, 9
    spans = np.stack([np.zeros(tokens, dtype=np.int64), np.arange(1, tokens + 1)], axis=1)
    changes = Interventions(Forget(keys=[5], layers=[0], heads=[3]))
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        masks = changes.masks(Place("self", 0), heads=heads, keys=tokens, spans=spans)
        assert masks is not None
        cuts = HeadCuts(masks, torch.device("cpu"))
    held = sum(event.cpu_memory_usage for event in profile.function_events if event.cpu_memory_usage > 0)
    scores = torch.zeros(heads, BLOCK, tokens)
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        cuts.hide(scores, start=tokens - BLOCK, first=0)
    block = sum(event.cpu_memory_usage for event in profile.function_events if event.cpu_memory_usage > 0)
    numpy = sum(array.nbytes for mask in masks if mask for cut in mask.cuts for array in cut)
    assert 0 < block
    assert held + block + numpy < 10e6
    assert (scores != 0).sum() == BLOCK, "one key, one head, all queries of the block"
    plain, changed = (limits.estimate(*args) for args in _estimates(tokens, changes))
    assert 0 < changed - plain < 10e6, "and it is counted"


def _estimates(tokens: int, changes: Interventions) -> Iterator[tuple[object, ...]]:
    used = opened("llama")
    yield used.model, used.plan, tokens
    yield used.model, used.plan, tokens, changes
