"""Tiny saved models that translate, each with a real tokenizer of its family: built here, nothing is downloaded."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from families import FAMILIES
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES

import memviz
from memviz.reading import Reader
from memviz.tokens import Token
from memviz.trace import Trace

CORPUS = [
    "the cat sat on the mat because it was tired .", "a dog and a bird live in the old house .",
    "le chat noir boit du lait froid .", "ma sœur habite une petite maison blanche .",
    "she gave him a red book .", "translate English to German : summarize the house .",
]  # fmt: skip
TEXT = "the black cat drinks cold milk ."
TARGET = "le chat noir ."
LIMIT = 12  # tokens written
FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"]
FLORES = ["deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans"]
TASKS = {
    "summarization": {"prefix": "summarize: ", "num_beams": 4},
    "translation_en_to_de": {"prefix": "translate English to German: "},
}


@cache
def sentencepiece_model() -> bytes:
    """Of the corpus: <unk> 0, <s> 1, </s> 2, then pieces."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3), model_writer=model, vocab_size=90, hard_vocab_limit=False, minloglevel=2
    )
    return model.getvalue()


def pieces() -> list[tuple[str, float]]:
    """The pieces with their scores, without the three special ones."""
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_proto=sentencepiece_model())
    return [(model.id_to_piece(n), model.get_score(n)) for n in range(3, len(model))]


def unigram(kind: str, special: list[str], more: list[str] | None = None, **options: Any) -> Any:
    """A tokenizer that wants pieces with scores, special ones first, and some behind them."""
    vocab = [*((name, 0.0) for name in special), *pieces(), *((name, 0.0) for name in more or ())]
    return getattr(transformers, kind)(vocab=vocab, **options)


def bart() -> Any:
    """Bytes, and pairs of them."""
    from tokenizers import ByteLevelBPETokenizer

    raw = ByteLevelBPETokenizer()
    raw.train_from_iterator(CORPUS, vocab_size=330, special_tokens=[*FAIRSEQ, "<mask>"], show_progress=False)
    merges = [tuple(pair) for pair in json.loads(raw._tokenizer.to_str())["model"]["merges"]]
    return transformers.BartTokenizer(vocab=raw.get_vocab(), merges=merges)


def nllb() -> Any:
    """Characters, and a word made of them."""
    letters = sorted({letter for letter in "".join(CORPUS) if letter != " "} | {"▁"})
    names = [*FAIRSEQ, *letters, "th", "the", "▁the"]
    merges = [("t", "h"), ("th", "e"), ("▁", "the")]
    vocab = {name: number for number, name in enumerate(names)}
    return transformers.NllbTokenizer(vocab=vocab, merges=merges, extra_special_tokens=FLORES)


def spelled(kind: str, folder: Path, names: list[str]) -> Any:
    """A tokenizer written in Python: a sentencepiece model, and a vocabulary with other numbers."""
    model, vocab = folder / "m.model", folder / "vocab.json"
    model.write_bytes(sentencepiece_model())
    vocab.write_text(json.dumps({name: number for number, name in enumerate(names)}), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Marian recommends sacremoses, which tokenising does not use
        if kind == "M2M100Tokenizer":
            return transformers.M2M100Tokenizer(str(vocab), str(model))
        return transformers.MarianTokenizer(str(model), str(model), str(vocab), source_lang="en", target_lang="fr")


@dataclass(frozen=True)
class Translator:
    """One row of the table.

    tokenizer   makes the family's own, given a folder to work in
    start       the token that the decoder begins with
    config      what differs from the sizes in `families`
    settings    of `generate`, saved beside the model
    family      whose row there
    seed        of the weights: one with which the model writes many different tokens
    languages   from which into which the tests translate, where it can be chosen
    begins      the setting of `generate` that says into which
    """

    tokenizer: Callable[[Path], Any]
    start: str
    config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    family: str = ""
    seed: int = 0
    languages: tuple[str, str] | None = None
    begins: str = ""


T5, PEGASUS = ["<pad>", "</s>", "<unk>"], ["<pad>", "</s>", "<unk>", "<mask_2>"]
NAMES = [name for name, _ in pieces()]
TRANSLATORS = {
    "t5": Translator(
        lambda _: unigram("T5Tokenizer", T5, extra_ids=4), "<pad>", {"task_specific_params": TASKS}, seed=4
    ),
    "bart": Translator(
        lambda _: bart(), "</s>", settings={"forced_bos_token_id": 0, "forced_eos_token_id": 2}, seed=21
    ),
    "marian": Translator(
        lambda folder: spelled("MarianTokenizer", folder, ["</s>", "<unk>", *NAMES, ">>fra<<", ">>ron<<", "<pad>"]),
        "<pad>", seed=57,
    ),
    "mbart": Translator(
        lambda _: unigram("MBartTokenizer", FAIRSEQ), "</s>", seed=36, languages=("en_XX", "fr_XX"),
        begins="decoder_start_token_id",
    ),
    "mbart-50": Translator(
        lambda _: unigram("MBart50Tokenizer", FAIRSEQ, [*FAIRSEQ_LANGUAGE_CODES, "<mask>"]), "</s>",
        family="mbart", seed=51, languages=("en_XX", "fr_XX"), begins="forced_bos_token_id",
    ),
    "m2m-100": Translator(
        lambda folder: spelled("M2M100Tokenizer", folder, [*FAIRSEQ, *NAMES]), "</s>",
        {"vocab_size": len(NAMES) + 104}, seed=26, languages=("en", "fr"), begins="forced_bos_token_id",
    ),
    "nllb": Translator(
        lambda _: nllb(), "</s>", family="m2m-100", seed=28, languages=("eng_Latn", "fra_Latn"),
        begins="forced_bos_token_id",
    ),
    "pegasus": Translator(lambda _: unigram("PegasusTokenizer", PEGASUS, offset=5), "<pad>", seed=38),
}  # fmt: skip
MANY = [name for name, translator in TRANSLATORS.items() if translator.languages]


class Saved:
    """The models of the table in folders, each built when it is first asked for."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._readers: dict[str, Reader] = {}
        self._models: dict[tuple[str, str], PreTrainedModel] = {}
        self._tokenizers: dict[str, Any] = {}

    def folder(self, name: str) -> Path:
        """Where this model is."""
        folder = self.home / name
        if not folder.exists():
            folder.mkdir()
            row = TRANSLATORS[name]
            own = row.tokenizer(folder)
            ids = {part: getattr(own, part) for part in ("pad_token_id", "bos_token_id", "eos_token_id")}
            start = own.convert_tokens_to_ids(row.start)
            config = {"vocab_size": len(own), "tie_word_embeddings": False, "decoder_start_token_id": start, **ids}
            model = replace(FAMILIES[row.family or name], seed=row.seed).build(**{**config, **row.config})
            if name == "t5":  # its embeddings are its output too: large ones would only repeat what was entered
                with torch.no_grad():
                    model.shared.weight.mul_(0.05)
            model.generation_config.update(**row.settings)
            model.save_pretrained(folder)
            own.save_pretrained(folder)
        return folder

    def reader(self, name: str) -> Reader:
        """Opened as everybody opens a model; shared, because readers change nothing."""
        if name not in self._readers:
            self._readers[name] = memviz.load(str(self.folder(name)))
        return self._readers[name]

    @torch.inference_mode(False)
    def fresh(self, name: str, attention: str = "eager") -> PreTrainedModel:
        """The same weights in a model that MemViz never touches; a copy, so that a test may change it."""
        if (name, attention) not in self._models:
            model = AutoModelForSeq2SeqLM.from_pretrained(self.folder(name), attn_implementation=attention)
            self._models[name, attention] = model.eval()
        return deepcopy(self._models[name, attention])

    def tokenizer(self, name: str) -> Any:
        """Its tokenizer, told the languages of the tests as transformers wants it; a copy too."""
        if name not in self._tokenizers:
            self._tokenizers[name] = AutoTokenizer.from_pretrained(self.folder(name))
        own, languages = deepcopy(self._tokenizers[name]), TRANSLATORS[name].languages
        if languages is not None:
            own.src_lang, own.tgt_lang = languages
        return own

    def begins(self, name: str) -> dict[str, int]:
        """What transformers' `generate` has to be told for those languages."""
        row = TRANSLATORS[name]
        if row.languages is None:
            return {}
        code = f"__{row.languages[1]}__" if name == "m2m-100" else row.languages[1]
        return {row.begins: self.tokenizer(name).convert_tokens_to_ids(code)}


def ids(tokens: tuple[Token, ...]) -> list[int]:
    return [token.id for token in tokens]


def translated(saved: Saved, name: str, text: str = TEXT, **wishes: Any) -> Trace:
    """In the languages of the tests."""
    return saved.reader(name).translate(
        text, **{"languages": TRANSLATORS[name].languages, "max_new_tokens": LIMIT, **wishes}
    )
