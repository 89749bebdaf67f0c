"""Tiny tokenizers of every kind, trained here: nothing is downloaded."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "The cat sat on the mat because it was tired. didn't 12 3.14",
    "The dog sat on the log.\n\nHello world",
    "café naïve 天気 。",
] * 20
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def with_bytes(tokenizer: Tokenizer, **model: Any) -> Tokenizer:
    """Byte pieces are plain pieces, as sentencepiece has them, and unknown characters fall back to them."""
    written = json.loads(tokenizer.to_str())
    written["model"].update(model)
    written["added_tokens"] = [added for added in written["added_tokens"] if added["content"] not in BYTES]
    return Tokenizer.from_str(json.dumps(written))


@pytest.fixture(scope="session")
def byte_level() -> PreTrainedTokenizerFast:
    """As GPT-2 and SmolLM2: no added tokens, characters outside ASCII are several pieces."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|im_end|>"]
    raw.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, special_tokens=special, show_progress=False),
    )
    raw.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>")


@pytest.fixture(scope="session")
def word_piece() -> PreTrainedTokenizerFast:
    """As BERT and MiniLM: lower case, accents and control characters gone; its file cuts at 5 tokens and pads to 12."""
    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    raw.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    raw.enable_truncation(5)
    raw.enable_padding(length=12)
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_input_names=inputs, **names)


@pytest.fixture(scope="session")
def unigram() -> PreTrainedTokenizerFast:
    """As T5 and XLM-R: ▁ for a space, NFKC, unknown characters as bytes."""
    raw = Tokenizer(models.Unigram())
    raw.normalizer, raw.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    special = ["<s>", "</s>", "<unk>", *BYTES]
    trainer = trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=special, show_progress=False)
    raw.train_from_iterator(CORPUS, trainer)
    raw = with_bytes(raw, byte_fallback=True)
    raw.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="session")
def merged() -> PreTrainedTokenizerFast:
    """As Llama 2: pieces may reach over spaces, unknown characters as bytes, a start token."""
    raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *BYTES]
    raw.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False))
    raw = with_bytes(raw)
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", unk_token="<unk>")


@pytest.fixture(scope="session")
def sentencepiece_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with m.model and vocab.json, for the tokenizers that are written in Python."""
    spm = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("spm")
    (folder / "corpus.txt").write_text("\n".join(CORPUS), encoding="utf-8")
    spm.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "m"),
        vocab_size=70,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    model = spm.SentencePieceProcessor(str(folder / "m.model"))
    vocabulary = {model.id_to_piece(number): number for number in range(len(model))}
    vocabulary |= {"<pad>": len(vocabulary), ">>fra<<": len(vocabulary) + 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def marian(sentencepiece_files: Path) -> Any:
    """Opus-MT: sentencepiece, written in Python, a target language may be named in the text."""
    from transformers import MarianTokenizer

    model, vocabulary = sentencepiece_files / "m.model", sentencepiece_files / "vocab.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends sacremoses, which tokenising does not use
        return MarianTokenizer(str(model), str(model), str(vocabulary))


@pytest.fixture(scope="session")
def m2m(sentencepiece_files: Path) -> Any:
    """M2M-100: sentencepiece, written in Python, a language token first."""
    from transformers import M2M100Tokenizer

    vocabulary, model = sentencepiece_files / "vocab.json", sentencepiece_files / "m.model"
    return M2M100Tokenizer(str(vocabulary), str(model), src_lang="en", tgt_lang="fr")


@pytest.fixture(scope="session")
def byt5() -> Any:
    """ByT5: a piece per byte, written in Python."""
    from transformers import ByT5Tokenizer

    return ByT5Tokenizer()


@pytest.fixture(scope="session")
def prophet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """ProphetNet: WordPiece written in Python; unknown words say nothing about their characters."""
    from transformers import ProphetNetTokenizer

    pieces = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat cafe sat ##s ##at c ##a ##f ##e e t ##t didn ' .".split()
    path = tmp_path_factory.mktemp("prophet") / "vocab.txt"
    path.write_text("\n".join(pieces), encoding="utf-8")
    return ProphetNetTokenizer(str(path))


FAST = ["byte_level", "word_piece", "unigram", "merged"]
SLOW = ["marian", "m2m", "byt5", "prophet"]


@pytest.fixture(params=[*FAST, *SLOW])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    """Each kind of tokenizer in turn."""
    return request.getfixturevalue(request.param)
