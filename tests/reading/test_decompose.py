"""One layer taken apart: the pieces are what they say, and they add up to what the model computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import fresh, opened
from families import FAMILIES, words

from memviz.errors import EmptyTextError, MeasureError, TextTooLongError, TraceError
from memviz.reading.decompose import LIMIT, Decomposition, decompose

POST = ["bert", "distilbert", "roberta", "xlm-roberta", "albert", "electra", "bart", "bart-uneven", "marian"]
PRE = [
    "modernbert", "gpt2", "gpt2-by-layer", "opt", "llama", "mistral", "mixtral", "qwen2", "qwen2-sliding", "qwen3",
    "phi3", "stablelm", "smollm3", "gpt-oss", "t5", "t5-gated", "mbart", "m2m-100", "nllb", "pegasus",
]  # fmt: skip
NEITHER = ["gpt-neox", "gemma2", "gemma3", "olmo2"]
UNKNOWN = ["mpnet", "gpt-neo", "gptj", "bloom"]
TEXT = words(70)


def test_every_family_is_in_one_of_the_lists() -> None:
    assert sorted(POST + PRE + NEITHER + UNKNOWN) == sorted(FAMILIES)


@pytest.mark.parametrize("name", POST + PRE)
def test_the_pieces_add_up_in_every_layer(name: str) -> None:
    reader = opened(name)
    kind = "encoder" if reader.model.config.is_encoder_decoder else "self"
    for layer in range(reader.info.layers):
        found = reader.decompose(TEXT, layer)
        assert found.shape == ("post-norm" if name in POST else "pre-norm")
        assert (found.kind, found.layer) == (kind, layer)
        assert 0 <= found.error <= 1e-5
        assert np.abs(found.output).max() > 0.5
        count = len(found.tokens)
        assert found.heads.shape == (next(iter(reader.plan.heads.values())), count, count)
        assert (found.joint <= found.heads.sum(axis=0) + 1e-4).all(), "triangle inequality"
        for mixing in (found.mixing_by_weight, found.mixing_by_vector, found.mixing_in_block):
            assert mixing.shape == (count,)
            assert ((mixing >= -1e-6) & (mixing <= 1 + 1e-6)).all()
        assert found.mixing_in_block.mean() < found.mixing_by_weight.mean()


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "t5"])
def test_one_heads_pieces_are_weight_times_value_norm(name: str) -> None:
    reader = opened(name)
    memory = (reader.translate(TEXT, "a dog") if name == "t5" else reader.read(TEXT)).memory()
    found = reader.decompose(TEXT, 1)
    for head in range(memory.heads):
        wanted = memory.pattern(1, head) * memory.summary.value_norm[1, head]
        np.testing.assert_allclose(found.heads[head], wanted, rtol=1e-3, atol=1e-5)


def naive_pieces(name: str, text: str, layer: int) -> dict[str, np.ndarray]:
    """R_ij and T_ij of one BERT layer, every vector written out, from the fresh model's own modules."""
    model = fresh(name)
    ids = torch.tensor([[token.id for token in opened(name).read(text).tokens]])
    block = model.encoder.layer[layer]
    made: dict[str, torch.Tensor] = {}
    modules = {"x": block.attention, "value": block.attention.self.value, "out": block.attention.output.LayerNorm}
    hooks = [
        module.register_forward_hook(
            lambda _m, args, out, key=key: made.update({key: (args[0] if key == "x" else out)[0].detach()})
        )
        for key, module in modules.items()
    ]
    with torch.no_grad():
        weights = model(ids, output_attentions=True).attentions[layer][0]
    for hook in hooks:
        hook.remove()
    heads, count = weights.shape[:2]
    dense, norm = block.attention.output.dense, block.attention.output.LayerNorm
    value = made["value"].view(count, heads, -1)
    with torch.no_grad():
        by_head = dense.weight.T.view(heads, -1, dense.weight.shape[0])
        written = torch.einsum("khd,hdw->hkw", value, by_head)
        pieces = torch.einsum("hqk,hkw->qkw", weights, written)
        plain = pieces.clone()
        pieces[range(count), range(count)] += made["x"]
        summed = pieces.sum(1) + dense.bias
        deviation = (summed.var(-1, unbiased=False) + norm.eps).sqrt()
        normed = norm.weight * (pieces - pieces.mean(-1, keepdim=True)) / deviation[:, None, None]
        rest = norm.weight * (dense.bias - dense.bias.mean()) / deviation[:, None] + norm.bias
    assert float((normed.sum(1) + rest - made["out"]).abs().max()) < 1e-5
    return {
        "joint": plain.norm(dim=-1).numpy(),
        "block": normed.norm(dim=-1).numpy(),
        "output": made["out"].numpy(),
        "vector": _mixing(plain),
        "mixing": _mixing(normed),
    }


def _mixing(pieces: torch.Tensor) -> np.ndarray:
    own = pieces[range(len(pieces)), range(len(pieces))]
    others = (pieces.sum(1) - own).norm(dim=-1)
    return (others / (others + own.norm(dim=-1))).numpy()


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_post_norm_block_equals_every_vector_written_out(layer: int) -> None:
    wanted, found = naive_pieces("bert", TEXT, layer), opened("bert").decompose(TEXT, layer)
    np.testing.assert_allclose(found.joint, wanted["joint"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.block, wanted["block"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.output, wanted["output"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.mixing_by_vector, wanted["vector"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.mixing_in_block, wanted["mixing"], rtol=0, atol=1e-5)


def test_a_pre_norm_block_adds_the_residual_to_what_a_token_writes_into_itself() -> None:
    """GPT-2, with hooks: the stream before the block, and what attention adds to it."""
    reader, model = opened("gpt2"), fresh("gpt2")
    found = reader.decompose(TEXT, 1)
    made: dict[str, torch.Tensor] = {}
    block = model.transformer.h[1]
    hooks = [
        block.ln_1.register_forward_hook(lambda _m, args, _out: made.update(x=args[0][0].detach())),
        block.attn.c_proj.register_forward_hook(lambda _m, _args, out: made.update(added=out[0].detach())),
    ]
    with torch.no_grad():
        model(torch.tensor([[token.id for token in found.tokens]]))
    for hook in hooks:
        hook.remove()
    np.testing.assert_allclose(found.output, made["added"], rtol=0, atol=1e-5)
    off = ~np.eye(len(found.tokens), dtype=bool)
    np.testing.assert_allclose(found.block[off], found.joint[off])
    assert np.abs(found.block.diagonal() - found.joint.diagonal()).min() > 0.1
    first = made["x"][0] + made["added"][0] - block.attn.c_proj.bias.detach()  # the first token reads only itself
    np.testing.assert_allclose(found.block[0, 0], float(first.norm()), rtol=1e-4)
    assert found.mixing_by_weight[0] == pytest.approx(0, abs=1e-6)


def test_a_broken_piece_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is measured, not assumed: with another output projection nothing adds up."""
    from memviz.reading import decompose as room

    honest = room.by_head
    monkeypatch.setattr(room, "by_head", lambda module, heads: honest(module, heads) * 1.01)
    assert opened("bert").decompose(TEXT, 0).error > 1e-3
    assert opened("llama").decompose(TEXT, 0).error > 1e-3


@pytest.mark.parametrize("name", NEITHER + UNKNOWN)
def test_blocks_whose_shape_is_not_known_are_refused(name: str) -> None:
    reason = "neither post-norm nor pre-norm" if name in NEITHER else "its output projection could not be found"
    with pytest.raises(MeasureError, match=reason) as caught:
        opened(name).decompose(TEXT, 0)
    assert "minilm" in str(caught.value)


def test_what_else_is_refused() -> None:
    reader = opened("bert")
    for layer in (3, -1):
        with pytest.raises(TraceError, match=f"There is no layer {layer}"):
            reader.decompose(TEXT, layer)
    with pytest.raises(TextTooLongError, match=f"at most {LIMIT:,} can be taken apart"):
        reader.decompose(words(LIMIT + 1), 0)
    with pytest.raises(TextTooLongError, match="at most 512 can be read"):
        reader.decompose(words(600), 0)
    with pytest.raises(EmptyTextError):
        reader.decompose(" ", 0)


def test_it_leaves_no_hooks_and_its_arrays_cannot_be_written() -> None:
    reader = opened("llama")
    count = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in reader.model.modules())
    found = decompose(reader.engine, TEXT, layer=2)
    assert isinstance(found, Decomposition)
    assert count == sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in reader.model.modules())
    for value in vars(found).values():
        if isinstance(value, np.ndarray):
            assert value.dtype == np.float32
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0


def test_one_token() -> None:
    found = opened("gpt2").decompose("the", 0)
    assert found.heads.shape == (4, 1, 1)
    assert found.mixing_by_weight.tolist() == [0.0]
