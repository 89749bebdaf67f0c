"""Forgotten edges are exactly gone, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from by_hand import PLACES, cutting
from cases import eager, fresh, opened, patterns
from families import FAMILIES, words

from memviz import Forget
from memviz.errors import ReadingError, TraceError
from memviz.trace import Trace
from tests import oracle

IDS = np.random.default_rng(9).integers(100, 140, size=80).tolist()
LOW = torch.finfo(torch.float32).min


def patched_by_hand(name: str, trace: Trace, cut: np.ndarray) -> dict[str, np.ndarray]:
    """Weights by kind of a model whose attention was patched by hand; ``cut`` is [layer, head, query, key]."""
    model = FAMILIES[name].build()
    target = [token.id for token in trace.memory("decoder").keys] if trace.targets else None
    with cutting(model, PLACES[name], cut):
        return eager(model, [token.id for token in trace.tokens], target=target)[0]


def edges_of(trace: Trace, forget: Forget, kind: str) -> np.ndarray:
    """[layer, head, query, key], written down naively from what `Forget` says; edges nobody sees stay out."""
    memory = trace.memory(kind)
    cut = np.zeros((memory.layers, memory.heads, len(memory.queries), len(memory.keys)), dtype=bool)
    rows = range(len(memory.queries))
    for layer in range(memory.layers) if forget.layers is None else forget.layers:
        for head in range(memory.heads) if forget.heads is None else forget.heads:
            for query in rows if forget.queries is None else forget.queries:
                for key in forget.keys:
                    cut[layer, head, query, key] = True
    return cut


READINGS = {
    "all of it": Forget(keys=(7, 30)),
    "for some": Forget(keys=(5, 6, -1), queries=(20, 40, -1)),
    "in one layer": Forget(keys=(4,), layers=(1,)),
    "in two heads": Forget(keys=(9, 10), heads=(0, 2)),
    "one edge": Forget(keys=(12,), queries=(25,), layers=(1,), heads=(3,)),
}


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("name", ["bert", "gpt2", "mistral", "gemma2", "gpt-oss"])
def test_forgetting_equals_a_model_patched_by_hand(name: str, how: str) -> None:
    forget = READINGS[how]
    before, trace = opened(name).read_ids(IDS), opened(name).read_ids(IDS, forget=forget)
    cut = edges_of(trace, forget, "self")
    wanted, found = patched_by_hand(name, trace, cut)["self"], patterns(trace)
    assert np.abs(found - wanted).max() <= 2e-5
    assert (found[cut] == 0.0).all()
    assert patterns(before)[cut].max() > 0
    assert (found != patterns(before)).any()
    oracle.check_summary(trace.memory(), wanted, cut=cut)


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("name", ["t5", "bart"])
def test_forgetting_in_cross_attention_equals_a_model_patched_by_hand(name: str, how: str) -> None:
    forget = READINGS[how]
    trace = opened(name).translate(words(60), words(50, seed=1), forget=forget)
    cut = edges_of(trace, forget, "cross")
    wanted = patched_by_hand(name, trace, cut)
    for kind, own in wanted.items():
        assert np.abs(patterns(trace, kind) - own).max() <= 2e-5
        oracle.check_summary(trace.memory(kind), own, cut=cut if kind == "cross" else None)
    assert (patterns(trace, "cross")[cut] == 0.0).all()
    assert trace.memory("encoder").forget is None
    assert trace.memory("cross").forget == forget


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "qwen3"])
def test_a_covered_key_equals_an_additive_mask(name: str) -> None:
    """An independent oracle: transformers' own eager attention, with a float mask that covers the key in all layers."""
    trace = opened(name).read_ids(IDS, forget=Forget(keys=[11], queries=range(12, 80)))
    mask = torch.zeros(80, 80)
    if trace.memory().causal:
        mask.masked_fill_(torch.ones(80, 80).triu(1).bool(), LOW)
    mask[12:, 11] = LOW
    own, logits = eager(fresh(name), IDS, attention_mask=mask[None, None])
    assert np.abs(patterns(trace) - own["self"]).max() <= 1e-5
    if logits is not None:
        wanted = logits[:-1].log_softmax(-1).gather(1, torch.tensor(IDS)[1:, None])[:, 0]
        np.testing.assert_allclose(trace.logprobs[1:], wanted, rtol=0, atol=1e-4)


def test_what_lies_before_the_cut_does_not_change() -> None:
    before = opened("llama").read_ids(IDS)
    after = opened("llama").read_ids(IDS, forget=Forget(keys=[5], queries=[60], layers=[1], heads=[2]))
    one, two = patterns(before), patterns(after)
    assert (one[0] == two[0]).all(), "an earlier layer"
    changed = np.abs(one[1] - two[1]).max(axis=(1, 2))
    assert changed[2] > 0
    assert not changed[[0, 1, 3]].any(), "other heads of the same layer"
    assert (one[1, 2][np.arange(80) != 60] == two[1, 2][np.arange(80) != 60]).all(), "other rows of the same head"
    assert (one[2, :, :60] == two[2, :, :60]).all(), "rows before the cut, in later layers"
    assert np.abs(one[2, :, 60:] - two[2, :, 60:]).max() > 1e-4
    assert (before.logprobs[1:61] == after.logprobs[1:61]).all()
    assert np.abs(before.logprobs[61:] - after.logprobs[61:]).max() > 1e-4


@pytest.mark.parametrize(
    "nothing", [Forget(keys=[]), Forget(keys=[3], queries=[]), Forget(keys=[3], layers=[]), Forget(keys=[3], heads=[])]
)
def test_forgetting_nothing_changes_nothing(nothing: Forget) -> None:
    for name in ("gpt2", "mistral"):
        before, after = opened(name).read_ids(IDS), opened(name).read_ids(IDS, forget=nothing)
        assert np.abs(patterns(before) - patterns(after)).max() == 0.0
        assert np.abs(before.logprobs[1:] - after.logprobs[1:]).max() == 0.0
        assert after.forget == nothing


def test_rows_still_sum_to_one_and_columns_agree() -> None:
    memory = opened("mistral").read_ids(IDS, forget=Forget(keys=[70, 75], heads=[1, 3])).memory()
    for layer in range(memory.layers):
        for head in range(memory.heads):
            whole = memory.pattern(layer, head)
            np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=0, atol=1e-5)
            for key in (70, 71):
                np.testing.assert_allclose(memory.column(key)[layer, head], whole[:, key], rtol=0, atol=1e-5)
            rows, cols = np.array([79, 76, 70]), np.array([70, 75, 69])
            edges = memory.weights_at(layer, head, rows, cols)
            np.testing.assert_allclose(edges, whole[rows, cols], rtol=0, atol=1e-5)
            np.testing.assert_allclose(
                memory.pattern(layer, head, rows=[79], cols=[70, 3]), whole[[79]][:, [70, 3]], rtol=1e-5
            )


def test_a_query_with_nothing_left_keeps_what_it_has() -> None:
    before, after = opened("gpt2").read_ids(IDS), opened("gpt2").read_ids(IDS, forget=Forget(keys=[0]))
    assert (patterns(after)[:, :, 0, 0] == 1.0).all()
    assert (patterns(after)[:, :, 1:, 0] == 0.0).all()
    assert (patterns(before)[0, :, 1:, 0] > 0).all()


def test_a_named_query_with_nothing_left_is_an_error() -> None:
    with pytest.raises(TraceError, match="Position 0 would have nothing left to read"):
        opened("gpt2").read_ids(IDS, forget=Forget(keys=[0], queries=[0]))
    window = FAMILIES["mistral"].window
    with pytest.raises(TraceError, match="Position 50 would have nothing left"):
        opened("mistral").read_ids(IDS, forget=Forget(keys=range(50 - window + 1, 51), queries=[50]))
    with pytest.raises(TraceError, match="nothing left"):
        opened("t5").translate("the cat", "a dog", forget=Forget(keys=range(3), queries=[1]))


@pytest.mark.parametrize(
    ("forget", "said"),
    [
        (Forget(keys=[80]), "There is no position 80"),
        (Forget(keys=[3], queries=[-81]), "There is no position -81"),
        (Forget(keys=[3], layers=[3]), "There is no layer 3 to forget in"),
        (Forget(keys=[3], layers=[-1]), "There is no layer -1"),
        (Forget(keys=[3], heads=[4]), "There is no head 4"),
    ],
)
def test_positions_layers_and_heads_that_are_not_there(forget: Forget, said: str) -> None:
    for name in ("llama", "bert"):
        with pytest.raises(TraceError, match=said):
            opened(name).read_ids(IDS, forget=forget)


def test_the_layers_and_heads_are_those_of_cross_attention() -> None:
    """Its decoder has two layers of two heads; its encoder three layers of four heads."""
    with pytest.raises(TraceError, match="There is no head 3"):
        opened("bart-uneven").translate("the cat", "a dog", forget=Forget(keys=[0], heads=[3]))
    with pytest.raises(TraceError, match="There is no layer 2"):
        opened("bart-uneven").translate("the cat", "a dog", forget=Forget(keys=[0], layers=[2]))
    trace = opened("bart-uneven").translate("the cat", "a dog", forget=Forget(keys=[0], layers=[1], heads=[1]))
    assert not patterns(trace, "cross")[1, 1, :, 0].any()
    assert patterns(trace, "cross")[1, 0, :, 0].all()


@pytest.mark.parametrize("name", ["bloom", "mpnet"])
def test_a_dense_model_cannot_be_made_to_forget(name: str) -> None:
    with pytest.raises(ReadingError, match="cannot be made to forget") as caught:
        opened(name).read("the cat", forget=Forget(keys=[0]))
    assert "minilm" in str(caught.value)
    assert opened(name).read("the cat").memory().weights is not None
