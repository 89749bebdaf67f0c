"""What must hold for any model and any text."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from cases import opened, patterns
from families import FAMILIES, tokenizer, words
from transformers import AttentionInterface

from memviz.memory import Memory
from memviz.reading.attention import attention_function

CAUSAL = [name for name, family in FAMILIES.items() if family.architecture.endswith(("ForCausalLM", "LMHeadModel"))]


def ids(count: int) -> list[int]:
    return np.random.default_rng(5).integers(100, 140, size=count).tolist()


@pytest.mark.parametrize("name", CAUSAL)
def test_a_prefix_is_read_as_it_is_in_the_whole_text(name: str) -> None:
    whole, part = opened(name).read_ids(ids(90)), opened(name).read_ids(ids(90)[:37])
    np.testing.assert_allclose(patterns(whole)[:, :, :37, :37], patterns(part), rtol=0, atol=2e-5)
    np.testing.assert_allclose(whole.logprobs[1:37], part.logprobs[1:], rtol=0, atol=1e-4)
    np.testing.assert_allclose(
        whole.memory().summary.entropy[:, :, :37], part.memory().summary.entropy, rtol=0, atol=2e-4
    )


def test_an_encoder_without_positions_does_not_mind_the_order() -> None:
    """With positions set to zero BERT reads a bag of words: swapping two tokens swaps their rows and columns."""
    reader = opened("bert")
    places = reader.model.embeddings.position_embeddings.weight
    kept = places.detach().clone()
    try:
        with torch.no_grad():
            places.zero_()
        one, two = ids(40), ids(40)
        one[3], one[20] = 101, 139
        two[3], two[20] = 139, 101
        swap = np.arange(40)
        swap[[3, 20]] = swap[[20, 3]]
        first, second = patterns(reader.read_ids(one)), patterns(reader.read_ids(two))
    finally:
        with torch.no_grad():
            places.copy_(kept)
    np.testing.assert_allclose(first[:, :, swap][:, :, :, swap], second, rtol=0, atol=1e-5)


def test_heads_that_share_keys_share_them_in_groups() -> None:
    scores = opened("llama").read(words(20)).memory().scores[0]
    assert (scores.query.shape[0], scores.key.shape[0], scores.groups) == (4, 2, 2)


def test_reading_twice_gives_the_same() -> None:
    for name in ("mistral", "t5"):
        once, again = (opened(name).read(words(50), words(9) if name == "t5" else None) for _ in range(2))
        for kind in once.memories:
            assert (patterns(once, kind) == patterns(again, kind)).all()
        assert (once.logprobs == again.logprobs)[1:].all()


@pytest.mark.parametrize("name", ["llama", "bloom", "t5"])
def test_what_was_read_is_let_go_without_the_collector(name: str) -> None:
    """So that the memory of a server stays flat though nothing is collected after every answer."""
    opened(name)
    gc.disable()
    try:
        trace = opened(name).read(words(50), words(9) if name == "t5" else None)
        memories = [weakref.ref(memory) for memory in trace.memories.values()]
        assert all(memory() is not None for memory in memories)
        del trace
        assert [memory() for memory in memories] == [None] * len(memories)
    finally:
        gc.enable()


def test_arrays_cannot_be_written() -> None:
    memory = opened("gpt-oss").read(words(40)).memory()
    arrays = [value for value in vars(memory.summary).values() if isinstance(value, np.ndarray)]
    arrays += [value for scores in memory.scores for value in vars(scores).values() if isinstance(value, np.ndarray)]
    arrays += [opened("gpt2").read(words(5)).logprobs, opened("bloom").read(words(5)).memory().weights]
    assert len(arrays) > 20
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_memory_is_linear_in_the_text() -> None:
    """Four times the text takes about four times the bytes, also with a relative bias and a window."""
    for name in ("mistral", "gpt2"):
        short, long = (opened(name).read_ids(ids(count)).memory().nbytes for count in (128, 512))
        assert long < 4.5 * short
    t5 = opened("t5")
    short, long = (t5.translate(words(count), words(5)).memory("encoder").nbytes for count in (127, 511))
    assert long < 4.5 * short


def test_nothing_asked_is_plain_sdpa() -> None:
    """The function answers with transformers' own SDPA when no reading is in progress."""
    for name in ("bert", "llama", "mistral", "t5"):
        model = FAMILIES[name].build()
        inputs = {"input_ids": torch.tensor([ids(70), ids(70)[::-1]])}
        if model.config.is_encoder_decoder:
            inputs["decoder_input_ids"] = torch.tensor([ids(20), ids(20)[::-1]])
        with torch.no_grad():
            model.set_attn_implementation("sdpa")
            wanted = model(**inputs)[0]
            model.set_attn_implementation("memviz")
            assert torch.equal(model(**inputs)[0], wanted)


@pytest.mark.parametrize("name", ["gemma2", "gpt-oss"])
def test_nothing_asked_also_works_where_sdpa_does_not(name: str) -> None:
    """Soft caps and sinks: a batch of two, and generation with a cache."""
    model = FAMILIES[name].build()
    batch = torch.tensor([ids(40), ids(40)[::-1]])
    with torch.no_grad():
        model.set_attn_implementation("eager")
        wanted, written = model(batch).logits, model.generate(batch, max_new_tokens=8, do_sample=False, pad_token_id=0)
        model.set_attn_implementation("memviz")
        found, again = model(batch).logits, model.generate(batch, max_new_tokens=8, do_sample=False, pad_token_id=0)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert torch.equal(again, written)


def test_padding_is_left_out_when_nothing_is_asked() -> None:
    model = FAMILIES["gpt-oss"].build()
    batch, mask = torch.tensor([ids(30), [0] * 10 + ids(20)]), torch.ones(2, 30, dtype=torch.long)
    mask[1, :10] = 0
    with torch.no_grad():
        model.set_attn_implementation("eager")
        wanted = model(batch, attention_mask=mask).logits
        model.set_attn_implementation("memviz")
        found = model(batch, attention_mask=mask).logits
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[1, 10:], wanted[1, 10:], rtol=1e-4, atol=1e-4)


def test_the_function_is_registered_with_its_masks() -> None:
    from transformers import AttentionMaskInterface

    assert AttentionInterface()[attention_function.NAME] is attention_function.attention
    assert attention_function.NAME in AttentionMaskInterface()


# the pieces of the attention function


def lookup(rows: int, cols: int, **more: object) -> attention_function.AttentionCall:
    draw = torch.Generator().manual_seed(rows * 1000 + cols)
    query, key = torch.randn(4, rows, 8, generator=draw), torch.randn(2, cols, 8, generator=draw)
    visible = more.pop("visible", torch.tensor([[0, cols]]).expand(rows, 2))
    return attention_function.AttentionCall(query, key, torch.randn(2, cols, 8, generator=draw), 0.7, visible, **more)


@dataclass(frozen=True)
class Edges:
    """Edges that are cut, all written out: bool [head, query, key]."""

    edges: torch.Tensor

    def hide(self, scores: torch.Tensor, *, start: int, first: int) -> None:
        _, rows, cols = scores.shape
        scores.masked_fill_(self.edges[:, start : start + rows, first : first + cols], attention_function.MASKED)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 70), (63, 64), (64, 64), (65, 65), (200, 33), (33, 200)])
@pytest.mark.parametrize("kind", ["plain", "windowed", "biased", "capped", "sink", "cut"])
def test_attend_is_softmax_attention(rows: int, cols: int, kind: str) -> None:
    draw = torch.Generator().manual_seed(3)
    more: dict[str, object] = {}
    if kind == "windowed":
        stop = torch.arange(1, rows + 1).clamp(max=cols)
        more["visible"] = torch.stack([(stop - 9).clamp(min=0), stop], dim=1)
    if kind == "biased":
        more["bias"] = torch.randn(4, rows, cols, generator=draw)
    if kind == "capped":
        more["softcap"] = 1.5
    if kind == "sink":
        more["sink"] = torch.randn(4, generator=draw)
    if kind == "cut":
        edges = torch.rand(4, rows, cols, generator=draw) < 0.3
        edges[:, :, 0] = False
        more["cut"] = Edges(edges)
    asked = lookup(rows, cols, **more)
    scores = asked.query @ asked.key.repeat_interleave(2, 0).transpose(1, 2) * asked.scale
    if asked.softcap:
        scores = asked.softcap * torch.tanh(scores / asked.softcap)
    scores = scores if asked.bias is None else scores + asked.bias
    column = torch.arange(cols)
    scores[:, (column < asked.visible[:, :1]) | (column >= asked.visible[:, 1:])] = -torch.inf
    scores = scores if asked.cut is None else scores.masked_fill(asked.cut.edges, -torch.inf)
    whole = scores if asked.sink is None else torch.cat([scores, asked.sink.view(4, 1, 1).expand(4, rows, 1)], -1)
    weights = whole.softmax(-1)[..., :cols]
    seen = torch.zeros(4, rows, cols)

    def watch(block: attention_function.Block) -> None:
        seen[:, block.start : block.stop, block.first : block.last] += block.weights

    for cell in ((1, 1), (3, 5), (100, 100)):
        seen.zero_()
        output = attention_function.attend(asked, watch=watch, cell=cell)
        torch.testing.assert_close(seen, weights, rtol=0, atol=1e-6)
        torch.testing.assert_close(output, weights @ asked.value.repeat_interleave(2, 0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", [1, 2, 3, 7, 63, 64, 65, 100, 256, 300])
@pytest.mark.parametrize("rows", [1, 64, 65, 511, 1000])
def test_blocks_cover_every_query_once_and_stay_inside_cells(rows: int, cell: int) -> None:
    covered = [row for start, stop in attention_function.blocks(rows, cell) for row in range(start, stop)]
    assert covered == list(range(rows))
    for start, stop in attention_function.blocks(rows, cell):
        assert stop - start <= max(attention_function.BLOCK, 1)
        if cell > attention_function.BLOCK:
            assert start // cell == (stop - 1) // cell
        else:
            assert start % cell == 0


def test_spans_of_a_mask_that_is_no_stretch_become_a_bias() -> None:
    mask = torch.tensor([[[True, False, True, True]]])
    visible, bias = attention_function.spans(mask, 3, 4, causal=False, device=torch.device("cpu"))
    assert visible.tolist() == [[0, 4]] * 3
    assert bias.tolist() == [[[0.0, float("-inf"), 0.0, 0.0]] * 3]


def test_spans_of_an_additive_mask_keep_what_it_adds() -> None:
    low = torch.finfo(torch.float32).min
    mask = torch.tensor([[[0.5, low], [0.25, -1.0]]])
    visible, bias = attention_function.spans(mask, 2, 2, causal=False, device=torch.device("cpu"))
    assert visible.tolist() == [[0, 1], [0, 2]]
    assert bias[0, 1].tolist() == [0.25, -1.0]
    assert bias[0, 0, 0] == 0.5


def test_a_bias_by_position_is_added_to_a_mask_that_adds_too() -> None:
    """As a relative bias beside a float mask; the plain answer and transformers' own eager arithmetic."""
    draw = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, 4, 6, 8, generator=draw) for _ in range(3))
    relative, added = torch.randn(1, 4, 6, 6, generator=draw), torch.randn(2, 1, 6, 6, generator=draw)
    sink = torch.randn(4, generator=draw)
    module = torch.nn.Module()
    found, _ = attention_function.attention(
        module, query, key, value, added, scaling=0.5, position_bias=relative, s_aux=sink, is_causal=False
    )
    scores = query @ key.transpose(2, 3) * 0.5 + relative + added
    whole = torch.cat([scores, sink.view(1, 4, 1, 1).expand(2, 4, 6, 1)], -1).softmax(-1)[..., :6]
    torch.testing.assert_close(found, (whole @ value).transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_a_memory_says_what_it_is() -> None:
    memory = opened("llama").read(words(20)).memory()
    assert isinstance(memory, Memory)
    assert repr(memory) == "<Memory self · 3 layers × 4 heads × 21 queries × 21 keys · causal>"
    assert repr(opened("bert")) == "<Reader bert · 3 layers × 4 heads · cpu>"
    assert tokenizer("bos").bos_token == memory.keys[0].text
