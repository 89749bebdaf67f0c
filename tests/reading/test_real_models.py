"""The oracles that were measured on the real weights, before this code was written."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import eager, patterns

from memviz import measures
from memviz.reading import Reader
from memviz.trace import Trace

pytestmark = pytest.mark.models

ABOUT_40_WORDS = (
    "On a cold morning in November the old teacher walked slowly through the quiet streets of the town, carrying a bag"
    " of books, because she wanted to read a long story about the sea to the children who were waiting for her."
)


def place(trace: Trace, word: str) -> int:
    return next(n for n, token in enumerate(trace.tokens) if token.text == word)


@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_patterns_equal_the_models_own(name: str, request: pytest.FixtureRequest) -> None:
    reader: Reader = request.getfixturevalue(name)
    assert reader.info.method == "recorded"
    trace = reader.read(ABOUT_40_WORDS + " They listened until the lamps were lit.")
    assert 50 <= len(trace.tokens) <= 70
    kept = reader.model.config._attn_implementation
    try:
        reader.model.set_attn_implementation("eager")
        own, logits = eager(reader.model, [token.id for token in trace.tokens])
    finally:
        reader.model.set_attn_implementation(kept)
    assert np.abs(patterns(trace) - own["self"]).max() <= 1e-5
    for position in (0, 7, -1):
        np.testing.assert_allclose(trace.memory().column(position), own["self"][..., position], rtol=0, atol=3e-5)
    if logits is not None:
        ids = torch.tensor([token.id for token in trace.tokens])
        wanted = logits[:-1].log_softmax(-1).gather(1, ids[1:, None])[:, 0].numpy()
        np.testing.assert_allclose(trace.logprobs[1:], wanted, rtol=0, atol=1e-3)


def test_minilm_head_0_2_looks_at_the_token_before(cat: Trace) -> None:
    weights = cat.memory().pattern(0, 2)
    assert weights.diagonal(offset=-1).mean() >= 0.95
    assert weights.diagonal()[1:].max() < 0.2


def test_it_looks_at_cat_in_two_ways(cat: Trace) -> None:
    memory = cat.memory()
    it, animal = place(cat, "it"), place(cat, "cat")
    for layer, head, weight, times in ((5, 11, 0.71, 1.1), (3, 1, 0.49, 3.7)):
        assert memory.pattern(layer, head)[it, animal] == pytest.approx(weight, abs=0.01)
        assert measures.lift(memory, layer, head)[it, animal] == pytest.approx(times, abs=0.1)


def test_smollm2_top_induction_head_is_18_6(smollm2: Reader) -> None:
    """[BOS] r r with 50 random tokens: the weight on what came after the token's first copy."""
    draw = torch.randint(0, smollm2.model.config.vocab_size, (50,), generator=torch.Generator().manual_seed(0)).tolist()
    trace = smollm2.read_ids([smollm2.tokenizer.bos_token_id, *draw, *draw])
    assert len(trace.tokens) == 101
    stripe = np.stack(
        [
            trace.memory().pattern(layer, head)[range(51, 101), range(2, 52)].mean()
            for layer in range(30)
            for head in range(9)
        ]
    ).reshape(30, 9)
    assert np.unravel_index(stripe.argmax(), stripe.shape) == (18, 6)
    assert stripe[18, 6] >= 0.7
    measured = trace.memory().summary.induction
    assert np.unravel_index(measured.argmax(), measured.shape) == (18, 6)
    first, second = -trace.logprobs[2:51].mean(), -trace.logprobs[52:].mean()
    assert first > 10
    assert second < 6


def test_cls_is_looked_at_and_little_is_read_from_it(minilm: Reader) -> None:
    """By weight .41/.43/.39/.51 in layers 1 to 4, by what is written .07/.07/.04/.07; another sentence, so about so."""
    memory = minilm.read(ABOUT_40_WORDS).memory()
    for layer, weight, norm in ((1, 0.41, 0.07), (2, 0.43, 0.07), (3, 0.39, 0.04), (4, 0.51, 0.07)):
        assert memory.mean(layer)[:, 0].mean() == pytest.approx(weight, abs=0.04)
        written = minilm.decompose(ABOUT_40_WORDS, layer).heads
        assert (written[:, :, 0] / written.sum(axis=-1)).mean() == pytest.approx(norm, abs=0.015)


def test_minilm_taken_apart_adds_up_and_mixes_little(minilm: Reader) -> None:
    """Kobayashi et al. 2021 on BERT-base: 96 % by weight, 19 % with residual and normalisation."""
    for layer in range(6):
        found = minilm.decompose(ABOUT_40_WORDS, layer)
        assert found.shape == "post-norm"
        assert found.error <= 1e-5
        assert 0.93 <= found.mixing_by_weight.mean() <= 0.98
        assert 0.17 <= found.mixing_in_block.mean() <= 0.31


def test_smollm2_taken_apart_adds_up(smollm2: Reader) -> None:
    for layer in (0, 12, 17, 24, 29):
        found = smollm2.decompose(ABOUT_40_WORDS, layer)
        assert found.shape == "pre-norm"
        assert found.error <= 1e-5


def test_smollm2_says_paris(smollm2: Reader) -> None:
    first = smollm2.read("The capital of France is").next_tokens[0]
    assert first.text == " Paris"
    assert first.probability == pytest.approx(0.77, abs=0.03)


def test_smollm2_forgets_the_password(smollm2: Reader) -> None:
    """The first classroom experiment: covering one edge takes the answer away, covering its neighbour does not."""
    from memviz import Forget

    text = (
        "The secret password of the castle is dragon. People walked slowly along the river."
        " The secret password of the castle is"
    )
    dragon = place(smollm2.read(text), "dragon")
    word = smollm2.tokenizer.encode(" dragon")[0]

    def chance(forget: Forget | None) -> float:
        found = smollm2.read(text, forget=forget).next_tokens
        return next((c.probability for c in found if c.id == word), 0.0)

    assert chance(None) == pytest.approx(0.52, abs=0.03)
    assert chance(Forget(keys=[dragon], queries=[-1])) < 0.01
    assert chance(Forget(keys=[dragon - 1], queries=[-1])) == pytest.approx(0.50, abs=0.06)
