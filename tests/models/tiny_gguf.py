"""A tiny llama in a GGUF file, quantised to 8 bits, with a byte-level tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

DIM, LAYERS, HEADS, KV_HEADS, FFN = 64, 2, 4, 2, 128


def write_gguf(
    path: Path, *, pre: str = "smollm", vectors: tuple[str, ...] = (), factors: Sequence[float] = (), scaling: str = ""
) -> Path:
    """Writes it; ``vectors`` are the names of vectors that it holds besides, ``factors`` those of its frequencies."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    random = np.random.default_rng(0)
    writer = GGUFWriter(str(path), "llama")
    tokens = _tokens()
    writer.add_name("Tiny llama")
    writer.add_license("mit")
    writer.add_file_type(7)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(DIM)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    if scaling:
        writer.add_string("llama.rope.scaling.type", scaling)
        writer.add_float32("llama.rope.scaling.factor", 4.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (len(tokens) - 3))
    writer.add_token_merges(["Ġ Ġ", "t h", "th e", "Ġ the"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def add(name: str, *shape: int) -> None:
        values = random.normal(0, 0.1, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, 1 + values)
        else:
            writer.add_tensor(name, quantize(values, GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)

    add("token_embd.weight", len(tokens), DIM)
    add("output_norm.weight", DIM)
    for layer in range(LAYERS):
        start = f"blk.{layer}."
        add(start + "attn_norm.weight", DIM)
        add(start + "ffn_norm.weight", DIM)
        add(start + "attn_q.weight", DIM, DIM)
        add(start + "attn_k.weight", DIM // HEADS * KV_HEADS, DIM)
        add(start + "attn_v.weight", DIM // HEADS * KV_HEADS, DIM)
        add(start + "attn_output.weight", DIM, DIM)
        add(start + "ffn_gate.weight", FFN, DIM)
        add(start + "ffn_up.weight", FFN, DIM)
        add(start + "ffn_down.weight", DIM, FFN)
    if len(factors):
        writer.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
    for name in vectors:
        add(name, DIM)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tokens() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return ["<unk>", "<s>", "</s>", *sorted(ByteLevel.alphabet()), "ĠĠ", "th", "the", "Ġthe"]
