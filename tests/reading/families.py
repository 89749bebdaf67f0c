"""Tiny random models of every family, and the tokenizers that belong to them: built here, nothing is downloaded.

The weights are drawn so that attention is far from uniform: a wrong scale, mask, bias or head order shows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

WORDS = (
    "the cat sat on a mat because it was tired and nobody remembers where dog went home after rain had fallen for "
    "seven days near old stone bridge while children sang about ships that never came back to harbour again"
).split()
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 400


@dataclass(frozen=True)
class Family:
    """One row of the table.

    architecture  name of the model class; its configuration class is found from it
    config        what differs from the shared small sizes
    tokenizer     "pair" ([CLS] a [SEP] b [SEP]), "bos" (a <s> before the text), "plain", or "end" (</s> after it)
    method        how it must be read: "recorded" or "dense"
    window        fewest keys that some layer lets a query see, 0 where all
    seed          of the weights
    """

    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    tokenizer: str = "plain"
    method: str = "recorded"
    window: int = 0
    seed: int = 0

    @torch.inference_mode(False)  # it may be kept by whoever asks for it first, and others take gradients
    def build(self, **changes: Any) -> PreTrainedModel:
        """A fresh model with its own random weights, in eval mode, with transformers' default attention."""
        kind = getattr(transformers, self.architecture)
        own = {**self.config, **changes}
        config = kind.config_class(**_sizes(kind.config_class, own), **own)
        torch.manual_seed(self.seed)
        return scattered(kind(config), seed=self.seed).eval()


SMALL = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 512,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = {"num_key_value_heads": 2}
GEMMA = {**GROUPED, "head_dim": 8, "query_pre_attn_scalar": 8}
SEQ2SEQ = {
    "d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
}  # fmt: skip
GPT = {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 4,
      "relative_attention_num_buckets": 16, "relative_attention_max_distance": 40,
      "decoder_start_token_id": 0}  # fmt: skip
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
EXPERTS = {"num_local_experts": 3, "num_experts_per_tok": 2}

FROM_PADDING = {"max_position_embeddings": 514, "pad_token_id": 1, "type_vocab_size": 1}

FAMILIES: dict[str, Family] = {
    "bert": Family("BertModel", tokenizer="pair"),
    "distilbert": Family("DistilBertModel", {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 48}, "pair"),
    "roberta": Family("RobertaForMaskedLM", FROM_PADDING, "pair"),
    "xlm-roberta": Family("XLMRobertaModel", FROM_PADDING, "pair"),
    "albert": Family("AlbertModel", {"embedding_size": 16}, "pair"),
    "electra": Family("ElectraModel", {"embedding_size": 16}, "pair"),
    "mpnet": Family("MPNetModel", {"max_position_embeddings": 514, "pad_token_id": 1}, "pair", "dense"),
    "modernbert": Family(
        "ModernBertModel",
        {"local_attention": 16, "global_attn_every_n_layers": 2, "cls_token_id": 4, "sep_token_id": 5},
        "pair", window=9,
    ),
    "gpt2": Family("GPT2LMHeadModel", GPT),
    "gpt2-by-layer": Family("GPT2LMHeadModel", {**GPT, "scale_attn_by_inverse_layer_idx": True}),
    "gpt-neo": Family(
        "GPTNeoForCausalLM", {"num_layers": 3, "num_heads": 4, "attention_types": [[["global", "local", "global"], 1]],
                              "window_size": 12}, method="dense",
    ),
    "gpt-neox": Family("GPTNeoXForCausalLM", {"rotary_pct": 0.5}),
    "gptj": Family("GPTJForCausalLM", {**GPT, "rotary_dim": 4}, method="dense"),
    "opt": Family("OPTForCausalLM", {"ffn_dim": 48, "word_embed_proj_dim": 32}, "end"),
    "bloom": Family("BloomForCausalLM", {"n_layer": 3, "n_head": 4}, method="dense"),
    "llama": Family("LlamaForCausalLM", GROUPED, "bos"),
    "mistral": Family("MistralForCausalLM", {**GROUPED, "sliding_window": 20}, "bos", window=20),
    "mixtral": Family("MixtralForCausalLM", {**GROUPED, **EXPERTS}, "bos"),
    "qwen2": Family("Qwen2ForCausalLM", GROUPED),
    "qwen2-sliding": Family(
        "Qwen2ForCausalLM",
        {**GROUPED, "use_sliding_window": True, "sliding_window": 15, "max_window_layers": 1}, window=15,
    ),
    "qwen3": Family("Qwen3ForCausalLM", {**GROUPED, "head_dim": 16}),
    "gemma2": Family(
        "Gemma2ForCausalLM",
        {**GEMMA, "sliding_window": 20, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 4.0}, "bos",
        window=20,
    ),
    "gemma3": Family("Gemma3ForCausalLM", {**GEMMA, "sliding_window": 20, "layer_types": MIXED}, "bos", window=20),
    "phi3": Family("Phi3ForCausalLM", {**GROUPED, "sliding_window": 30}, "bos", window=30),
    "stablelm": Family("StableLmForCausalLM", {**GROUPED, "partial_rotary_factor": 0.5, "use_qkv_bias": True}),
    "olmo2": Family("Olmo2ForCausalLM", GROUPED),
    "smollm3": Family("SmolLM3ForCausalLM", {**GROUPED, "no_rope_layers": [1, 0, 1]}, "bos"),
    "gpt-oss": Family(
        "GptOssForCausalLM",
        {**GROUPED, **EXPERTS, "head_dim": 8, "sliding_window": 20, "layer_types": MIXED}, window=20,
    ),
    "t5": Family("T5ForConditionalGeneration", T5, "end"),
    "t5-gated": Family(
        "T5ForConditionalGeneration", {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, "end"
    ),
    "bart": Family("BartForConditionalGeneration", SEQ2SEQ, "end"),
    "bart-uneven": Family("BartForConditionalGeneration", {**SEQ2SEQ, "decoder_attention_heads": 2}, "end"),
    "marian": Family("MarianMTModel", {**SEQ2SEQ, "decoder_start_token_id": 0}, "end"),
    "mbart": Family("MBartForConditionalGeneration", SEQ2SEQ, "end"),
    "m2m-100": Family("M2M100ForConditionalGeneration", SEQ2SEQ, "end"),
    "nllb": Family("M2M100ForConditionalGeneration", {**SEQ2SEQ, "scale_embedding": True}, "end", seed=1),
    "pegasus": Family("PegasusForConditionalGeneration", {**SEQ2SEQ, "decoder_start_token_id": 0}, "end"),
}  # fmt: skip


def _sizes(config: type, own: dict[str, Any]) -> dict[str, Any]:
    """The shared small sizes that this configuration knows, except those that the family has under whatever name."""
    known, names = set(config().to_dict()) | set(config.attribute_map) | {"vocab_size"}, config.attribute_map
    said = set(own) | {names.get(name, name) for name in own}
    return {n: size for n, size in SMALL.items() if n in known and n not in said and names.get(n, n) not in said}


def scattered(model: PreTrainedModel, *, seed: int) -> PreTrainedModel:
    """The same model with weights spread widely: sharp attention, biases and norms that are not neutral."""
    generator = torch.Generator().manual_seed(seed)

    def draw(parameter: torch.Tensor, spread: float) -> torch.Tensor:
        return torch.randn(parameter.shape, generator=generator) * spread

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            part = name.lower()
            if parameter.ndim >= 2 and ("embed" in part or "wte" in part or "wpe" in part or "shared" in part):
                parameter.copy_(draw(parameter, 1.0))
            elif "relative_attention_bias" in part:
                parameter.copy_(draw(parameter, 1.5))
            elif parameter.ndim >= 2:
                parameter.copy_(draw(parameter, _gain(part) / min(parameter.shape[-2:]) ** 0.5))
            elif "sink" in part:
                parameter.copy_(1.0 + draw(parameter, 1.0))
            elif part.endswith("bias") or "norm" in part or part.endswith("ln_1.weight"):
                parameter.add_(draw(parameter, 0.2))
    return model


def _gain(name: str) -> float:
    """Queries and keys are larger than the rest, so that some tokens stand out."""
    asks = ("query", "key", "q_proj", "k_proj", "q_lin", "k_lin", "qkv", "wqkv", "c_attn", ".q.", ".k.")
    return 1.2 if any(part in name for part in asks) else 0.7


@cache
def tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer whose words are single tokens; ``kind`` says what it adds (see `Family`)."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    raw.train_from_iterator([" ".join(WORDS)] * 50, trainer)
    templates = {
        "pair": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
        "bos": ("<s> $A", "<s> $A $B"),
        "end": ("$A </s>", "$A $B </s>"),
        "plain": ("$A", "$A $B"),
    }
    single, pair = templates[kind]
    special = [(name, raw.token_to_id(name)) for name in SPECIAL]
    raw.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    if kind == "pair":
        names |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if kind == "pair" else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_input_names=inputs, **names)


def words(count: int, *, seed: int = 0) -> str:
    """A text of so many words, many of them more than once, some next to themselves."""
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS[: max(3, min(len(WORDS), count // 2))]) for _ in range(count))
