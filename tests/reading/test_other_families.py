"""Any other text model of transformers is exact, or read densely with a reason, or refused: never a wrong number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from cases import eager, patterns, reader
from families import EXPERTS, GPT, GROUPED, SEQ2SEQ, T5, Family, tokenizer, words

from memviz import Reader
from memviz.errors import MeasureError, ModelError, ReadingError, UnsupportedModelError
from memviz.reading.attention.eager import is_attention
from tests import oracle

LATENT = {
    "num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
    "v_head_dim": 12, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "n_group": 1,
    "topk_group": 1, "first_k_dense_replace": 1, "head_dim": 8,
}  # fmt: skip
LINEAR = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
MIXED = ["linear_attention", "full_attention", "full_attention"]
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}

RECORDED = {
    "ernie": Family("ErnieModel", tokenizer="pair"),
    "layoutlm": Family("LayoutLMModel", tokenizer="pair"),
    "esm": Family("EsmForMaskedLM", {"position_embedding_type": "rotary"}, "pair"),
    "nomic-bert": Family("NomicBertModel", tokenizer="pair"),
    "gpt-bigcode": Family("GPTBigCodeForCausalLM", GPT),
    "ctrl": Family("CTRLLMHeadModel", {**GPT, "dff": 48}),
    "biogpt": Family("BioGptForCausalLM"),
    "phi": Family("PhiForCausalLM", {"partial_rotary_factor": 0.5}),
    "gemma": Family("GemmaForCausalLM", {**GROUPED, "head_dim": 8}, "bos"),
    "granite": Family("GraniteForCausalLM", {**GROUPED, "attention_multiplier": 0.2, "residual_multiplier": 0.5}),
    "starcoder2": Family("Starcoder2ForCausalLM", {**GROUPED, "sliding_window": 20}, window=20),
    "nemotron": Family("NemotronForCausalLM", {**GROUPED, "partial_rotary_factor": 0.5}),
    "glm": Family("GlmForCausalLM", {**GROUPED, "head_dim": 8}),
    "cohere": Family("CohereForCausalLM", {**GROUPED, "use_qk_norm": True}),
    "cohere2": Family("Cohere2ForCausalLM", {**GROUPED, "sliding_window": 20}, window=20),
    "olmo": Family("OlmoForCausalLM", {**GROUPED, "clip_qkv": 3.0}),
    "qwen3-moe": Family(
        "Qwen3MoeForCausalLM",
        {**GROUPED, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "head_dim": 8},
    ),
    "llama4-chunked": Family(
        "Llama4ForCausalLM",
        {**GROUPED, **EXPERTS, "head_dim": 8, "attention_chunk_size": 16, "intermediate_size_mlp": 48}, window=16,
    ),
    "doge": Family("DogeForCausalLM", {**GROUPED, "keep_window_size": 10}),
    "deepseek-v2": Family("DeepseekV2ForCausalLM", LATENT),
    "deepseek-v3": Family("DeepseekV3ForCausalLM", LATENT),
    "minicpm3": Family("MiniCPM3ForCausalLM", LATENT),
    "bitnet": Family("BitNetForCausalLM", GROUPED),
    "umt5": Family("UMT5ForConditionalGeneration", T5, "end"),
    "switch": Family("SwitchTransformersForConditionalGeneration", {**T5, "num_experts": 3}, "end"),
    "plbart": Family("PLBartForConditionalGeneration", SEQ2SEQ, "end"),
    "blenderbot": Family("BlenderbotForConditionalGeneration", {**SEQ2SEQ, "decoder_start_token_id": 1}, "end"),
    "bert-as-decoder": Family("BertLMHeadModel", {"is_decoder": True}, "bos"),
}  # fmt: skip
DENSE = {
    "falcon": Family("FalconForCausalLM", {"alibi": True, "new_decoder_architecture": False}),
    "mpt": Family("MptForCausalLM", {"n_heads": 4, "n_layers": 3, "d_model": 32, "max_seq_len": 512}),
    "xlnet": Family("XLNetLMHeadModel", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 48}),
    "deberta-v2": Family(
        "DebertaV2Model", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}, "pair"
    ),
    "rembert": Family("RemBertModel", {"input_embedding_size": 16, "output_embedding_size": 16}, "pair"),
    "roformer": Family("RoFormerModel", {"embedding_size": 32}, "pair"),
    "codegen": Family("CodeGenForCausalLM", {**GPT, "rotary_dim": 4}),
    "openai-gpt": Family("OpenAIGPTLMHeadModel", GPT),
    "xglm": Family("XGLMForCausalLM", {"d_model": 32, "num_layers": 3, "attention_heads": 4, "ffn_dim": 48}),
    "diffllama": Family("DiffLlamaForCausalLM", GROUPED),
    "bigbird-full": Family("BigBirdModel", {"attention_type": "original_full"}, "pair"),
    "granite-swa": Family("GraniteSWAForCausalLM", {**GROUPED, "sliding_window": 20}),
    "nllb-moe": Family("NllbMoeForConditionalGeneration", {**SEQ2SEQ, "num_experts": 4}, "end"),
    "mvp": Family("MvpForConditionalGeneration", SEQ2SEQ, "end"),
}
HYBRID = {
    "qwen3-next": Family(
        "Qwen3NextForCausalLM",
        {**GROUPED, **LINEAR, "head_dim": 8, "layer_types": MIXED, "num_experts": 4, "moe_intermediate_size": 24,
         "shared_expert_intermediate_size": 24, "num_experts_per_tok": 2},
    ),
    "bamba": Family("BambaForCausalLM", {**GROUPED, **MAMBA, "attn_layer_indices": [1, 2]}),
    "jamba": Family(
        "JambaForCausalLM",
        {**GROUPED, "attn_layer_period": 3, "attn_layer_offset": 1, "num_experts": 2, "use_mamba_kernels": False,
         "mamba_d_state": 8, "mamba_dt_rank": 4},
    ),
    "lfm2": Family("Lfm2ForCausalLM", {**GROUPED, "layer_types": ["conv", "full_attention", "full_attention"]}),
    "minimax": Family(
        "MiniMaxForCausalLM", {**GROUPED, **EXPERTS, "head_dim": 8, "block_size": 8, "layer_types": MIXED}
    ),
}  # fmt: skip
REFUSED = {
    "longformer": Family("LongformerModel", {"attention_window": 8}, "pair"),
    "funnel": Family(
        "FunnelModel", {"d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 48, "block_sizes": [1, 1]}, "pair"
    ),
    "bigbird-sparse": Family("BigBirdModel", tokenizer="pair"),
    "bigbird-pegasus": Family("BigBirdPegasusForConditionalGeneration", SEQ2SEQ, "end"),
    "led": Family("LEDForConditionalGeneration", {**SEQ2SEQ, "attention_window": 8}, "end"),
    "prophetnet": Family(
        "ProphetNetForConditionalGeneration",
        {"num_encoder_layers": 2, "num_decoder_layers": 2, "num_encoder_attention_heads": 4,
         "num_decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}, "end",
    ),
    "reformer": Family(
        "ReformerModel",
        {"attn_layers": ["local", "lsh", "local"], "attention_head_size": 8, "axial_pos_embds_dim": [16, 16],
         "axial_pos_shape": [16, 32], "feed_forward_size": 48, "local_attn_chunk_length": 8, "lsh_attn_chunk_length": 8,
         "is_decoder": True, "num_hashes": 1},
    ),
    "yoso": Family("YosoModel", tokenizer="pair"),
    "mra": Family("MraModel", tokenizer="pair"),
}  # fmt: skip


def read_both(family: Family) -> tuple:
    """(the reader, its trace, the model's own weights by kind)."""
    used = reader(family)
    trace = used.read(words(90), words(60, seed=1)) if used.model.config.is_encoder_decoder else used.read(words(90))
    model = family.build()
    model.set_attn_implementation("eager")
    target = [token.id for token in trace.memory("decoder").keys] if trace.targets else None
    return used, trace, eager(model, [token.id for token in trace.tokens], target=target)[0]


@pytest.mark.parametrize("name", RECORDED)
def test_models_that_are_recorded_are_exact(name: str) -> None:
    used, trace, own = read_both(RECORDED[name])
    assert used.info.method == "recorded"
    assert set(trace.memories) == set(own)
    for kind, weights in own.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-5
        oracle.check_summary(trace.memory(kind), weights)
    if RECORDED[name].window:
        assert trace.memory().visible(0)[-1, 0] >= len(trace.tokens) - RECORDED[name].window > 0


@pytest.mark.parametrize("name", DENSE)
def test_models_that_are_read_densely_are_exact_and_say_why(name: str) -> None:
    used, trace, own = read_both(DENSE[name])
    assert used.info.method == "dense"
    assert str(used.info.note).startswith("Read through the model's own eager weights, because ")
    assert set(trace.memories) == set(own)
    for kind, weights in own.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-6
        oracle.check_summary(trace.memory(kind), weights)
        assert trace.memory(kind).summary.value_norm.shape[-1] == 0


@pytest.mark.parametrize("name", HYBRID)
def test_hybrid_models_show_their_attention_layers_and_say_so(name: str) -> None:
    used, trace, own = read_both(HYBRID[name])
    memory = trace.memory()
    assert memory.layers < 3
    assert (
        str(used.info.note) == f"Only {memory.layers} of its 3 layers have softmax attention; the others are not shown."
    )
    assert np.abs(patterns(trace) - own["self"]).max() <= 1e-5
    oracle.check_summary(memory, own["self"])


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_give_away_something_else_are_refused(name: str) -> None:
    """Windows, blocks, pooled or approximate attention is no [query, key] table of the text's tokens."""
    with pytest.raises(UnsupportedModelError) as caught:
        read_both(REFUSED[name])
    assert "minilm" in str(caught.value)


def test_a_dense_model_that_changes_its_ways_with_the_length_is_stopped() -> None:
    """As BigBird does above some length: what is no table of this text's tokens is never shown as one."""
    used = reader(DENSE["falcon"])
    honest = used.model.forward

    def windowed(*args: object, **kwargs: object) -> object:
        outputs = honest(*args, **kwargs)
        if outputs.attentions[0].shape[-1] > 20:
            outputs.attentions = tuple(layer[..., :8] for layer in outputs.attentions)
        return outputs

    used.model.forward = windowed
    assert used.read(words(15)).memory().layers == 3
    with pytest.raises(ReadingError, match="gives away something else than its attention for a text of 30 tokens"):
        used.read(words(30))


def test_a_part_that_attends_only_to_long_texts_is_stopped() -> None:
    used = reader(Family("LlamaForCausalLM", GROUPED))
    used.plan.places.by_module.pop(id(used.model.model.layers[1].self_attn))
    with pytest.raises(ReadingError, match=r"A part of the model \(LlamaAttention\) attends to this text"):
        used.read(words(30))
    assert used.model.config._attn_implementation == "sdpa"


def test_what_counts_as_attention() -> None:
    shares = torch.full((1, 2, 3, 5), 0.2)
    assert is_attention(shares, (3, 5))
    assert is_attention(shares * 0.5, (3, 5)), "a sink may take its share"
    assert not is_attention(shares, (3, 6)), "a window"
    assert not is_attention(shares - 0.3, (3, 5)), "scores"
    assert not is_attention(shares * 1.5, (3, 5)), "more than all of it"
    assert not is_attention(shares[0], (3, 5))
    assert not is_attention((shares, shares), (3, 5))


def test_layers_with_different_numbers_of_heads_are_refused() -> None:
    family = Family("GPT2LMHeadModel", GPT)
    model = family.build()
    odd = model.transformer.h[1].attn
    odd.num_heads, odd.head_dim = 2, 16
    from memviz import Reader

    with pytest.raises(UnsupportedModelError, match=r"its layers have different numbers of heads \(2, 4\)"):
        Reader(model, reader(family).tokenizer)


def test_a_part_that_is_not_read_is_said() -> None:
    """LongT5's local encoder attention has no [query, key] table; its decoder does."""
    family = Family("LongT5ForConditionalGeneration", {**T5, "local_radius": 5}, "end")
    used, trace, own = read_both(family)
    assert list(trace.memories) == ["decoder", "cross"]
    assert str(used.info.note) == "Its encoder has no softmax attention over all tokens, so that is not shown."
    for kind in trace.memories:
        assert np.abs(patterns(trace, kind) - own[kind]).max() <= 1e-5


def test_a_model_that_sees_both_ways_expects_nothing() -> None:
    """XLNet and a BERT that is no decoder can generate, but they have seen the tokens they would be asked about."""
    for family in (DENSE["xlnet"], Family("BertLMHeadModel", tokenizer="pair")):
        used = reader(family)
        trace = used.read(words(20))
        assert used.info.kind == "encoder-only"
        assert np.isnan(trace.logprobs).all()
        assert trace.next_tokens == ()


def test_a_head_that_is_more_than_a_linear_map_does_not_stop_the_reading() -> None:
    """The heads of these are transformed or smaller than the model."""
    for name in ("AlbertForMaskedLM", "ElectraForMaskedLM", "ElectraForCausalLM"):
        more = {"is_decoder": True} if name.endswith("CausalLM") else {}
        used = reader(Family(name, {"embedding_size": 16, **more}, "pair"))
        trace = used.read(words(20))
        assert np.isnan(trace.logprobs[1:]).all() == (not more)


def test_shares_of_rows_that_go_to_no_token_are_said() -> None:
    """CPM-Ant has 32 prompt tokens of its own before the text: rows sum to less than one, and say so."""
    family = Family(
        "CpmAntForCausalLM",
        {"num_attention_heads": 4, "dim_head": 8, "dim_ff": 48, "num_hidden_layers": 2, "prompt_length": 4},
    )
    _, trace, own = read_both(family)
    assert own["self"].sum(-1).max() < 0.999
    assert trace.memory().has_sink_logits


def test_a_decoder_that_knows_fewer_tokens_is_opened_and_refuses_the_others() -> None:
    """FSMT keeps a table for each language; the tokens of the source may have no place in the other."""
    sizes = {
        f"{side}_{name}": count for side in ("encoder", "decoder") for name, count in (("layers", 2), ("ffn_dim", 48))
    }
    sizes |= {"d_model": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = transformers.FSMTConfig(langs=["en", "de"], src_vocab_size=400, tgt_vocab_size=350, **sizes)
    used = Reader(transformers.FSMTForConditionalGeneration(config).eval(), tokenizer("end"))
    known = [word for word in words(200).split() if max(used.tokenizer(word)["input_ids"]) < 350]
    assert 0 < len(known) < 200
    trace = used.translate(words(20), known[0])
    np.testing.assert_allclose(trace.memory("cross").mean().sum(-1), 1, atol=1e-5)
    with pytest.raises(ModelError, match="knows only 350 tokens"):
        used.translate(words(20), words(200))


@pytest.mark.parametrize("name", ["phi", "granite", "cohere"])
def test_blocks_that_are_built_otherwise_are_not_taken_apart(name: str) -> None:
    """Parallel attention and scaled residuals: the pieces would not add up."""
    with pytest.raises(MeasureError, match="neither post-norm nor pre-norm"):
        reader(RECORDED[name]).decompose(words(12), 1)
