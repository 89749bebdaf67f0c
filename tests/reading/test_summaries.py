"""What is measured block by block while reading equals what the finished weights say, at every length."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from cases import checked, eager, fresh, opened, patterns, reader
from families import FAMILIES, words

from memviz.memory import THUMBNAIL
from memviz.reading.attention import recording
from memviz.reading.attention.attention_function import Block, blocks
from memviz.reading.attention.summary import FEW, BlockSummariser, Repeats, cell_maxima
from tests import oracle

LENGTHS = [1, 2, 5, 31, 32, 33, 64, 65, 130, 200, 300]
ALONG = ["gpt2", "mistral", "gpt-oss", "bert", "modernbert", "gpt-neo"]


def ids(count: int, *, kinds: int = 40, seed: int = 0) -> list[int]:
    """Random tokens, most of them more than once."""
    return np.random.default_rng(seed).integers(100, 100 + kinds, size=count).tolist()


@cache
def read(name: str, count: int):
    return checked(name, opened(name).read_ids(ids(count)))


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("name", ALONG)
def test_patterns_and_summary_hold_at_every_length(name: str, count: int) -> None:
    known = read(name, count)
    memory = known.trace.memory()
    assert len(memory.queries) == len(memory.keys) == count
    assert np.abs(patterns(known.trace) - known.own["self"]).max() <= 1e-5
    oracle.check_summary(memory, known.own["self"])
    for position in {0, count // 2, count - 1}:
        np.testing.assert_allclose(memory.column(position), known.own["self"][..., position], rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 128, 129, 257, 300])
def test_log_probabilities_at_every_length(count: int) -> None:
    """Taken in pieces of 256 positions, each predicting the token after it."""
    for name in ("gpt2", "gemma2", "bloom"):
        tokens = ids(count)
        known = checked(name, opened(name).read_ids(tokens))
        wanted = known.logits[:-1].log_softmax(-1).gather(1, torch.tensor(tokens)[1:, None])[:, 0]
        assert np.isnan(known.trace.logprobs[0])
        np.testing.assert_allclose(known.trace.logprobs[1:], wanted, rtol=0, atol=1e-4)
        assert known.trace.next_tokens[0].id == int(known.logits[-1].argmax())


@pytest.mark.parametrize(("source", "target"), [(1, 1), (3, 120), (140, 2), (70, 65)])
def test_cross_attention_between_texts_of_any_two_lengths(source: int, target: int) -> None:
    for name in ("t5", "bart"):
        known = checked(name, opened(name).translate(words(source), words(target, seed=1)))
        for kind, own in known.own.items():
            assert np.abs(patterns(known.trace, kind) - own).max() <= 1e-5
            oracle.check_summary(known.trace.memory(kind), own)
        assert known.own["cross"].shape[2:] == (target + 1, source + 1)


@pytest.mark.parametrize("wide", [1, 2, 5, 31, 32, 33, 64])
@pytest.mark.parametrize("cols", [1, 32, 64, 100, 320])
def test_the_largest_weight_of_every_cell(wide: int, cols: int) -> None:
    weights = torch.rand(3, 7, cols, generator=torch.Generator().manual_seed(cols))
    wanted = [weights[:, :, start : start + wide].amax(2) for start in range(0, cols, wide)]
    assert torch.equal(cell_maxima(weights, wide), torch.stack(wanted, dim=2))


@pytest.mark.parametrize(("room", "groups"), [(0, 3), (2 * 4 * 40 * 40, 2), (3 * 4 * 40 * 40, 1)])
@pytest.mark.parametrize("name", ["bert", "gpt2", "mistral", "qwen3"])
def test_layers_of_a_short_text_are_summed_up_alone_or_together(name: str, room: int, groups: int, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(recording, "BATCH", room)
    monkeypatch.setattr(recording, "BlockSummariser", lambda *all_of_it: seen.append(1) or BlockSummariser(*all_of_it))
    known = checked(name, opened(name).read_ids(ids(40)))
    assert len(seen) == groups
    oracle.check_summary(known.trace.memory(), known.own["self"])


def test_layers_that_see_differently_far_are_never_summed_up_together(monkeypatch) -> None:
    """Gemma 3: of three layers, one sees everything and two only what is near."""
    seen = []
    monkeypatch.setattr(recording, "BlockSummariser", lambda *all_of_it: seen.append(1) or BlockSummariser(*all_of_it))
    known = checked("gemma3", opened("gemma3").read_ids(ids(40)))
    assert len({layer.visible.tobytes() for layer in known.trace.memory().scores}) == 2
    assert 1 < len(seen) <= 3
    oracle.check_summary(known.trace.memory(), known.own["self"])


def test_a_text_without_repeats_has_no_repeats() -> None:
    memory = opened("gpt2").read_ids(list(range(100, 150))).memory()
    assert memory.summary.repeats == 0
    assert not memory.summary.duplicate.any()
    assert not memory.summary.induction.any()


def test_cells_taller_than_a_block() -> None:
    """Above 2,048 tokens several blocks of queries share one row of the thumbnail."""
    family = FAMILIES["gpt2"]
    changes = {"n_positions": 2200, "n_layer": 1}
    tokens = ids(2100, kinds=200)
    memory = reader(family, **changes).read_ids(tokens).memory()
    model = family.build(**changes)
    model.set_attn_implementation("eager")
    own = eager(model, tokens)[0]["self"]
    assert memory.summary.thumbnail.shape == (1, 4, 32, 32)
    assert np.abs(memory.summary.thumbnail - oracle.thumbnail(own)).max() <= 1
    np.testing.assert_allclose(memory.summary.mass, oracle.mass(own), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(memory.summary.entropy, oracle.entropy(own), rtol=0, atol=5e-4)
    np.testing.assert_allclose(
        memory.summary.top_weight, oracle.without_special(own, memory.keys).max(-1), rtol=0, atol=2e-5
    )
    np.testing.assert_allclose(memory.pattern(0, 3, rows=[2099]), own[0, 3, [2099]], rtol=0, atol=1e-5)


def test_one_token_500_times() -> None:
    known = checked("gpt2", opened("gpt2").read_ids([120] * 500))
    memory = known.trace.memory()
    assert memory.summary.repeats == 499
    np.testing.assert_allclose(memory.summary.mass.sum(-1), 500, rtol=1e-5)
    assert np.abs(patterns(known.trace) - known.own["self"]).max() <= 1e-5


def test_many_copies_are_counted_without_being_kept() -> None:
    """Two tokens in turn and at random: more pairs than are kept from layer to layer."""
    for name in ("gpt2", "mistral", "gpt-neo"):
        known = checked(name, opened(name).read_ids(ids(500, kinds=2)))
        oracle.check_summary(known.trace.memory(), known.own["self"])


@pytest.mark.parametrize("kinds", [1, 2, 40])
def test_what_is_kept_of_repeats_is_linear(kinds: int) -> None:
    """Also where every token is a copy of every other."""
    kept = []
    for count in (1000, 2000, 4000):
        repeats = Repeats(ids(count, kinds=kinds), torch.device("cpu"))
        for start, stop in blocks(count, -(-count // THUMBNAIL)):
            repeats.sums(Block(start, stop, 0, stop, torch.ones(1, stop - start, stop)))
        kept.append(sum(places.nbytes for pair in repeats._places_of.values() for places in pair or ()))
        assert kept[-1] <= 8 * FEW * count


def test_one_token_thousands_of_times() -> None:
    family = FAMILIES["gpt2"]
    changes = {"n_positions": 3000, "n_layer": 1}
    memory = reader(family, **changes).read_ids([120] * 2500).memory()
    model = family.build(**changes)
    model.set_attn_implementation("eager")
    own = eager(model, [120] * 2500)[0]["self"]
    earlier = np.tril(own, k=-1).sum((-1, -2)) / 2499
    assert memory.summary.repeats == 2499
    np.testing.assert_allclose(memory.summary.duplicate, earlier, rtol=1e-4)
    np.testing.assert_allclose(memory.summary.induction, earlier - own[..., 1:, 0].sum(-1) / 2499, rtol=1e-3)
    np.testing.assert_allclose(memory.pattern(0, 3, rows=[2499]), own[0, 3, [2499]], rtol=0, atol=1e-5)


def test_induction_counts_what_follows_a_copy_that_has_left_the_window() -> None:
    """The first query of a block sees from key 44 on; its copy stands on 43, and key 44 came after it."""
    family = FAMILIES["mistral"]
    used, query, window = reader(family, sliding_window=21), 64, 21
    tokens = list(range(100, 200))
    tokens[query] = tokens[query - window]
    memory = used.read_ids(tokens).memory()
    first = int(memory.visible(0)[query, 0])
    assert first == query - window + 1
    assert first % (-(-len(tokens) // oracle.CELLS)) == 0, "the block begins with this key"
    model = family.build(sliding_window=window)
    model.set_attn_implementation("eager")
    own = eager(model, tokens)[0]["self"]
    oracle.check_summary(memory, own)
    assert memory.summary.duplicate.max() == 0
    np.testing.assert_allclose(memory.summary.induction, own[:, :, query, first], rtol=0, atol=1e-5)
    assert memory.summary.induction.max() > 1e-3


def test_special_tokens_are_left_out_of_the_strongest_key() -> None:
    trace = opened("bert").read(words(70))
    memory = trace.memory()
    assert [token.special for token in memory.keys].count(True) == 2
    assert not np.isin(memory.summary.top_key, [0, len(memory.keys) - 1]).any()
    assert patterns(trace)[..., 0].max() > memory.summary.top_weight.mean()


def test_with_nothing_but_the_first_key_there_is_no_strongest() -> None:
    memory = opened("gpt2").read_ids([105]).memory()
    assert (memory.summary.top_key == -1).all()
    assert (memory.summary.top_weight == 0).all()


# ‖value · W_O‖, from values caught by hooks on the model's own modules


def caught(name: str, where: str, tokens: list[int]) -> list[torch.Tensor]:
    """What every module whose name ends so made of these tokens: a list of [token, width]."""
    model, made = fresh(name), []
    modules = [module for path, module in model.named_modules() if path.endswith(where)]
    hooks = [m.register_forward_hook(lambda _m, _a, out: made.append(out[0].detach())) for m in modules]
    try:
        with torch.no_grad():
            model(torch.tensor([tokens]))
    finally:
        for hook in hooks:
            hook.remove()
    return made


def expected(values: list[torch.Tensor], outputs: list[torch.Tensor], *, heads: int) -> np.ndarray:
    """[layer, head, key]: values [key, key-value heads · dim], output projections [heads · dim, width]."""
    norms = []
    for value, output in zip(values, outputs, strict=True):
        dim = output.shape[0] // heads
        by_head = value.view(len(value), -1, dim)
        by_head = by_head.repeat_interleave(heads // by_head.shape[1], dim=1)
        written = [by_head[:, head] @ output[head * dim : (head + 1) * dim] for head in range(heads)]
        norms.append(torch.stack([part.norm(dim=-1) for part in written]))
    return torch.stack(norms).detach().numpy()


def projections(name: str, where: str) -> list[torch.Tensor]:
    return [parameter for path, parameter in fresh(name).named_parameters() if path.endswith(where)]


LINEAR = {
    "bert": ("self.value", "attention.output.dense.weight"),
    "distilbert": ("attention.v_lin", "attention.out_lin.weight"),
    "electra": ("self.value", "attention.output.dense.weight"),
    "opt": ("self_attn.v_proj", "self_attn.out_proj.weight"),
    "llama": ("self_attn.v_proj", "self_attn.o_proj.weight"),
    "qwen3": ("self_attn.v_proj", "self_attn.o_proj.weight"),
    "gemma2": ("self_attn.v_proj", "self_attn.o_proj.weight"),
    "gpt-oss": ("self_attn.v_proj", "self_attn.o_proj.weight"),
}


@pytest.mark.parametrize("name", LINEAR)
def test_value_norms_of_separate_projections(name: str) -> None:
    tokens = ids(70)
    value, output = LINEAR[name]
    memory = opened(name).read_ids(tokens).memory()
    wanted = expected(
        caught(name, value, tokens), [weight.T for weight in projections(name, output)], heads=memory.heads
    )
    assert wanted.std() > 0.1
    np.testing.assert_allclose(memory.summary.value_norm, wanted, rtol=1e-4, atol=1e-4)


def test_value_norms_of_gpt2_with_its_transposed_weights() -> None:
    tokens = ids(70)
    values = [joined[:, 64:] for joined in caught("gpt2", "attn.c_attn", tokens)]
    wanted = expected(values, projections("gpt2", "attn.c_proj.weight"), heads=4)
    np.testing.assert_allclose(
        opened("gpt2").read_ids(tokens).memory().summary.value_norm, wanted, rtol=1e-4, atol=1e-4
    )


def test_value_norms_of_gpt_neox_with_its_interleaved_weights() -> None:
    tokens = ids(70)
    values = [
        joined.view(70, 4, 24)[:, :, 16:].reshape(70, 32) for joined in caught("gpt-neox", "query_key_value", tokens)
    ]
    wanted = expected(values, [w.T for w in projections("gpt-neox", "attention.dense.weight")], heads=4)
    found = opened("gpt-neox").read_ids(tokens).memory().summary.value_norm
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("name", ["t5", "bart", "bart-uneven"])
def test_value_norms_of_an_encoder_decoder(name: str, kind: str) -> None:
    """Also where encoder and decoder have different numbers of heads."""
    known = checked(name, opened(name).translate(words(40), words(30, seed=1)))
    memory = known.trace.memory(kind)
    part = {
        "t5": {"encoder": "encoder.block.{}.layer.0.SelfAttention.",
               "decoder": "decoder.block.{}.layer.0.SelfAttention.",
               "cross": "decoder.block.{}.layer.1.EncDecAttention."},
        "bart": {"encoder": "model.encoder.layers.{}.self_attn.", "decoder": "model.decoder.layers.{}.self_attn.",
                 "cross": "model.decoder.layers.{}.encoder_attn."},
    }[name.split("-")[0]][kind]  # fmt: skip
    value, output = ("v", "o") if name == "t5" else ("v_proj", "out_proj")
    model, made = fresh(name), {}
    modules = dict(model.named_modules())
    places = [part.format(layer) for layer in range(memory.layers)]
    hooks = [
        modules[place + value].register_forward_hook(lambda _m, _a, out, place=place: made.update({place: out[0]}))
        for place in places
    ]
    with torch.no_grad():
        model(
            input_ids=torch.tensor([[token.id for token in known.trace.tokens]]),
            decoder_input_ids=torch.tensor([[token.id for token in known.trace.memory("decoder").keys]]),
        )
    for hook in hooks:
        hook.remove()
    weights = [modules[place + output].weight.T for place in places]
    wanted = expected([made[place] for place in places], weights, heads=memory.heads)
    np.testing.assert_allclose(memory.summary.value_norm, wanted, rtol=1e-4, atol=1e-4)


def test_dense_models_have_no_value_norms() -> None:
    assert opened("bloom").read(words(10)).memory().summary.value_norm.shape == (3, 4, 0)


@pytest.mark.parametrize("count", [5, 300])
@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_the_layers_are_told_while_the_model_reads_with_their_final_pictures(name: str, count: int) -> None:
    told: list[tuple[int, int, np.ndarray, float]] = []
    fractions = [0.0]
    trace = opened(name).read(
        words(count),
        progress=lambda fraction, label: fractions.append(fraction),
        on_layers=lambda layers: told.append((layers.first, layers.count, layers.thumbnails, fractions[-1])),
    )
    memory = trace.memory()
    assert np.concatenate([thumbnails for _, _, thumbnails, _ in told]).shape == memory.summary.thumbnail.shape
    for first, total, thumbnails, _ in told:
        assert total == memory.layers
        np.testing.assert_array_equal(thumbnails, memory.summary.thumbnail[first : first + len(thumbnails)])
    if count == 300:
        assert [first for first, *_ in told] == [*range(memory.layers)]
        assert told[0][3] < 1 / memory.layers < told[-1][3], "each before the next layer is read"
