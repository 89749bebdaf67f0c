"""Every pattern of every family is the model's own, to 1e-5; and so is everything that is made from it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import SMALL_BLOCK, case, opened, patterns
from families import FAMILIES
from translators import TRANSLATORS

from memviz import measures
from memviz.memory import THUMBNAIL
from memviz.reading.attention import attention_function
from tests import oracle

EXACT = 1e-5
families = pytest.mark.parametrize("name", FAMILIES)


@families
def test_every_pattern_equals_the_models_own_eager_weights(name: str) -> None:
    known = case(name)
    assert known.reader.info.method == known.family.method
    assert set(known.trace.memories) == set(known.own)
    for kind, own in known.own.items():
        found = patterns(known.trace, kind)
        assert found.dtype == np.float32
        assert found.shape == own.shape
        assert np.abs(found - own).max() <= EXACT


def test_the_families_that_the_readme_names_are_in_the_tests() -> None:
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    named = re.search(r"More than thirty families are read exactly, .*?: (.*?)\. ", readme)[1].split(", ")
    bypassing = re.search(r"([^.]*) bypass transformers' attention interface", readme)[1].replace(" and ", ", ")

    def plain(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", {"XLM-R": "xlm-roberta"}.get(name, name.lower()))

    tested = {plain(name) for name in (*FAMILIES, *TRANSLATORS)}
    assert len(set(named)) == len(named) > 30
    assert {name for name in named if plain(name) not in tested} == set()
    dense = {plain(name) for name, family in FAMILIES.items() if family.method == "dense"}
    assert {plain(name) for name in bypassing.split(", ")} == dense


def test_a_case_has_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_function, "BLOCK", SMALL_BLOCK)
    for count in (70, 90):
        assert len(list(attention_function.blocks(count, -(-count // THUMBNAIL)))) >= 3


@families
def test_the_weights_are_far_from_uniform(name: str) -> None:
    """Otherwise a wrong mask or scale could hide: heads differ, and rows have a clear favourite."""
    for own in case(name).own.values():
        assert own.max(axis=-1).mean() > 5 / own.shape[-1]
        assert np.abs(own[:, 0] - own[:, 1]).max() > 0.2


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.window])
def test_the_text_is_longer_than_the_windows(name: str) -> None:
    known = case(name)
    memory = known.trace.memory()
    starts = [int(memory.visible(layer)[-1, 0]) for layer in range(memory.layers)]
    assert max(starts) >= len(memory.queries) - known.family.window > 0


@families
def test_rows_sum_to_one_and_to_less_with_sinks(name: str) -> None:
    trace = case(name).trace
    for kind in trace.memories:
        memory, sums = trace.memory(kind), patterns(trace, kind).sum(axis=-1)
        assert memory.has_sink_logits == (name == "gpt-oss")
        if memory.has_sink_logits:
            assert sums.max() <= 1 + EXACT
            assert sums.min() < 0.7
        else:
            np.testing.assert_allclose(sums, 1.0, rtol=0, atol=EXACT)


@families
def test_causal_memories_have_nothing_above_the_diagonal(name: str) -> None:
    trace = case(name).trace
    for kind in trace.memories:
        memory = trace.memory(kind)
        assert memory.causal == (kind == "decoder" or (kind == "self" and known_causal(name)))
        if memory.causal:
            assert not np.triu(patterns(trace, kind), k=1).any()


@families
def test_one_token_is_enough_to_know_which_memories_are_causal(name: str) -> None:
    """Its only weight lies on the diagonal, in an encoder too."""
    used = opened(name)
    trace = used.translate("cat", "dog") if used.model.config.is_encoder_decoder else used.read_ids([105])
    for kind in trace.memories:
        assert trace.memory(kind).causal == (kind == "decoder" or (kind == "self" and known_causal(name)))
    if not known_causal(name) and "self" in trace.memories:
        np.testing.assert_allclose(measures.rollout(trace.memory()), 1.0)


def known_causal(name: str) -> bool:
    return FAMILIES[name].architecture.endswith(("ForCausalLM", "LMHeadModel"))


@families
def test_the_summary_equals_a_naive_one(name: str) -> None:
    known = case(name)
    for kind, own in known.own.items():
        oracle.check_summary(known.trace.memory(kind), own)


@families
def test_parts_of_a_pattern_agree_with_the_whole(name: str) -> None:
    known = case(name)
    for kind, own in known.own.items():
        memory = known.trace.memory(kind)
        layer, head = memory.layers - 1, memory.heads - 1
        queries, keys = [7, 0, len(memory.queries) - 1], [3, 3, len(memory.keys) - 1]
        whole = own[layer, head]
        np.testing.assert_allclose(memory.pattern(layer, head, rows=queries), whole[queries], rtol=0, atol=EXACT)
        np.testing.assert_allclose(memory.pattern(layer, head, cols=keys), whole[:, keys], rtol=0, atol=EXACT)
        part = memory.pattern(layer, head, rows=slice(5, 40, 3), cols=slice(None, None, -1))
        np.testing.assert_allclose(part, whole[5:40:3, ::-1], rtol=0, atol=EXACT)
        edges = memory.weights_at(layer, head, np.array([*queries, 8]), np.array([*keys, -2]))
        np.testing.assert_allclose(edges, whole[[*queries, 8], [*keys, -2]], rtol=0, atol=EXACT)


@families
def test_rows_columns_and_means_agree_with_the_whole(name: str) -> None:
    known = case(name)
    for kind, own in known.own.items():
        memory = known.trace.memory(kind)
        for position in (0, 4, -1):
            np.testing.assert_allclose(memory.row(position), own[:, :, position], rtol=0, atol=EXACT)
            np.testing.assert_allclose(memory.column(position), own[:, :, :, position], rtol=0, atol=EXACT)
        np.testing.assert_allclose(memory.mean(1), own[1].mean(axis=0), rtol=0, atol=EXACT)
        np.testing.assert_allclose(memory.mean(), own.mean(axis=(0, 1)), rtol=0, atol=EXACT)


@families
def test_log_probabilities_are_the_models(name: str) -> None:
    known = case(name)
    found = known.trace.logprobs
    if known.trace.targets:
        ids = torch.tensor([token.id for token in known.trace.targets])
        wanted = known.logits.log_softmax(-1).gather(1, ids[:, None])[:, 0].numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    elif known_causal(name):
        ids = torch.tensor([token.id for token in known.trace.tokens])
        wanted = known.logits[:-1].log_softmax(-1).gather(1, ids[1:, None])[:, 0].numpy()
        assert np.isnan(found[0])
        np.testing.assert_allclose(found[1:], wanted, rtol=0, atol=1e-4)
    else:
        assert np.isnan(found).all()
    assert len(found) == len(known.trace.targets or known.trace.tokens)


@pytest.mark.parametrize("name", [name for name in FAMILIES if known_causal(name)])
def test_next_tokens_are_the_likeliest_of_the_model(name: str) -> None:
    known = case(name)
    shares = known.logits[-1].softmax(-1)
    top = shares.topk(10)
    assert [candidate.id for candidate in known.trace.next_tokens] == top.indices.tolist()
    np.testing.assert_allclose([c.probability for c in known.trace.next_tokens], top.values, rtol=1e-4, atol=1e-6)
    for candidate in known.trace.next_tokens:
        assert candidate.text == known.reader.tokenizer.decode([candidate.id])


def test_gemma_2_caps_its_logits_and_its_scores() -> None:
    """The caps are small here, so that a reading without them would be far off."""
    known = case("gemma2")
    assert known.logits.abs().max() <= 4.0
    assert known.logits.abs().max() > 3.0
    assert known.trace.memory().scores[0].softcap == 3.0


@pytest.mark.parametrize("sink", [None, 301.5])
def test_weights_are_rounded_alike_however_large_the_scores_are(sink: float | None) -> None:
    """T5 does not scale its scores: of score − log Σ exp, with both near 300, only five digits were right."""
    torch.manual_seed(0)
    scores = 300 + 2 * torch.randn(2, 40, 40)  # of a query and a key that are 0, a bias is all there is
    call = attention_function.AttentionCall(
        query=torch.zeros(2, 40, 8),
        key=torch.zeros(2, 40, 8),
        value=torch.randn(2, 40, 8),
        scale=1.0,
        visible=torch.tensor([[0, 40]] * 40),
        bias=scores,
        sink=None if sink is None else torch.full((2,), sink),
    )
    blocks: list[attention_function.Block] = []
    output = attention_function.attend(call, watch=blocks.append)
    rows = np.concatenate([scores.double().numpy(), *([] if sink is None else [np.full((2, 40, 1), sink)])], axis=-1)
    total = np.exp(rows - 300).sum(axis=-1, keepdims=True)
    wanted = (np.exp(rows - 300) / total)[..., :40]
    np.testing.assert_allclose(blocks[0].weights.numpy(), wanted, rtol=1e-6, atol=0)
    np.testing.assert_allclose(blocks[0].normaliser.numpy(), 300 + np.log(total[..., 0]), rtol=1e-7)
    np.testing.assert_allclose(output.numpy(), wanted @ call.value.double().numpy(), rtol=0, atol=1e-6)
