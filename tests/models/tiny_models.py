"""Tiny random models of several families, and a tokenizer that knows a dozen words."""

from __future__ import annotations

WORDS = "the cat sat on mat because it was tired a dog ran".split()
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def word_tokenizer(*, length: int = 64):
    """A fast tokenizer that knows a dozen words, saved with the padding that real files carry."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(max_length=8)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=length,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def small_config(kind: str, **more: object):
    """A configuration with two layers, two heads and 16 dimensions of a family of models."""
    from transformers import AutoConfig

    vocabulary = len(SPECIAL) + len(WORDS)
    names = {
        "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
        "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
        "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
        "electra": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "embedding_size": 16},
        "bart": {
            "d_model": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "max_position_embeddings": 64,
        },
    }
    return AutoConfig.for_model(kind, vocab_size=vocabulary, pad_token_id=0, **names[kind], **more)
