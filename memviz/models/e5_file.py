"""How does a 4-bit multilingual E5 become a folder of transformers? Its weights unpacked, its tokenizer rebuilt.

The file (little endian) begins with ``E5S1`` and the sizes of the model; then follow the pieces of the tokenizer with
their scores, the table by which it rewrites characters, and a directory of the weights. Matrices stand in blocks of 32
numbers (Q4_0): one float16 scale d and 32 halves of a byte n, each for the weight (n − 8) · d.

The tokenizer is XLM-RoBERTa's: spaces become ▁, then the likeliest pieces by their scores. Of the 4,837 characters that
it rewrites, 30 are left out and 30 become a space; all others are NFKC, which ``tokenizers`` has.
"""

from __future__ import annotations

import itertools
import json
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memviz.errors import ModelFileError
from memviz.progress import Progress, no_progress

_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
_SIZES = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
_TOKENS = ("pieces", "bos", "eos", "pad", "unk")
_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


@dataclass(frozen=True)
class E5File:
    """What stands in the file.

    sizes      hidden, layers, heads, inner (of the feed-forward), vocabulary, positions, types
    tokens     how many pieces, and the numbers of the special tokens
    pieces     the tokenizer's pieces, with their ``scores``
    rewritten  characters by what they become
    weights    float32 by the names of the file
    """

    sizes: dict[str, int]
    tokens: dict[str, int]
    pieces: list[str]
    scores: np.ndarray
    rewritten: dict[str, str]
    weights: dict[str, np.ndarray]


def convert(folder: Path, *, into: Path, progress: Progress = no_progress) -> None:
    """Write the model in the ``.bin`` file of a ``folder`` as a transformers folder. Raises `ModelFileError`."""
    from safetensors.numpy import save_file

    progress(0.05, "Converting, once")
    file = read_file(next(folder.glob("*.bin")))
    progress(0.5, "Saving")
    into.mkdir(parents=True, exist_ok=True)
    save_file(_renamed(file), into / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": file.sizes["hidden"],
        "num_hidden_layers": file.sizes["layers"],
        "num_attention_heads": file.sizes["heads"],
        "intermediate_size": file.sizes["inner"],
        "vocab_size": file.sizes["vocabulary"],
        "max_position_embeddings": file.sizes["positions"],
        "type_vocab_size": file.sizes["types"],
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": file.tokens["pad"],
    }
    special = {name: file.pieces[file.tokens[name]] for name in ("bos", "eos", "unk", "pad")}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{f"{name}_token": text for name, text in special.items()},
        "cls_token": special["bos"],
        "sep_token": special["eos"],
        "model_max_length": file.sizes["positions"],
        "model_input_names": ["input_ids", "attention_mask"],  # it has no second kind of token
    }
    for name, content in (("config.json", config), ("tokenizer_config.json", settings)):
        (into / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    progress(0.8, "Saving")
    _tokenizer(file).save(str(into / "tokenizer.json"))


def read_file(path: Path) -> E5File:
    """What stands in an E5 file. Raises `ModelFileError` for a file that is not one."""
    with path.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _read(content)
    except (struct.error, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ModelFileError(
            "{file} is not a 4-bit E5 model that can be read.", todo="Fetch or copy the model again.", file=path.name
        ) from error


def _read(content: mmap.mmap) -> E5File:
    if content[:4] != b"E5S1":
        raise ValueError("it begins otherwise")
    place = 4

    def take(form: str) -> tuple[Any, ...]:
        nonlocal place
        values = struct.unpack_from(f"<{form}", content, place)
        place += struct.calcsize(f"<{form}")
        return values

    def array(kind: str, count: int) -> np.ndarray:
        nonlocal place
        values = np.frombuffer(content, kind, count, place)
        place += values.nbytes
        return values

    take("I")
    sizes = dict(zip(_SIZES, take("7i"), strict=True))
    take("fi")
    tokens = dict(zip(_TOKENS, take("5i"), strict=True))
    (length,) = take("Q")
    offsets, scores = array("<u4", tokens["pieces"] + 1), array("<f4", tokens["pieces"])
    raw = content[place : place + length]
    place += length
    ends = offsets.tolist()
    pieces = [raw[start:end].decode() for start, end in itertools.pairwise(ends)]
    rewritten = {}
    count, _ = take("iI")
    for _ in range(count):
        character, parts = take("IB")
        rewritten[chr(character)] = "".join(map(chr, take(f"{parts}I")))
    weights = {}
    (count,) = take("i")
    for _ in range(count):
        (letters,) = take("H")
        name = content[place : place + letters].decode()
        place += letters
        kind, numbers, offset, _ = take("BIQQ")
        weights[name] = (
            np.frombuffer(content, "<f4", numbers, offset)
            if kind == 0
            else _unpacked(np.frombuffer(content, _BLOCK, numbers // 32, offset))
        )
    return E5File(sizes, tokens, pieces, scores, rewritten, weights)


def _unpacked(blocks: np.ndarray) -> np.ndarray:
    """The numbers of blocks Q4_0: the low halves of the sixteen bytes first, then the high ones."""
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
    return (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]


def _renamed(file: E5File) -> dict[str, np.ndarray]:
    """The weights, in their shapes, by the names that transformers knows them by."""
    hidden = file.sizes["hidden"]
    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight",
        "emb.ln.w": "embeddings.LayerNorm.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
    }
    for layer in range(file.sizes["layers"]):
        for short, name in {**_MATRICES, **_NORMS}.items():
            names[f"l{layer}.{short}.w"] = f"encoder.layer.{layer}.{name}.weight"
            names[f"l{layer}.{short}.b"] = f"encoder.layer.{layer}.{name}.bias"
    if set(names) != set(file.weights):
        raise ModelFileError(
            "The weights of this E5 model are not those that are known.",
            todo="Fetch or copy the model again.",
        )
    weights = {}
    for short, name in names.items():
        values = file.weights[short]
        is_vector = name.endswith("bias") or "LayerNorm" in name
        columns = file.sizes["inner"] if short.endswith("fo.w") else hidden
        weights[name] = np.ascontiguousarray(values if is_vector else values.reshape(-1, columns))
    return weights


def _tokenizer(file: E5File) -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = list(zip(file.pieces, file.scores.tolist(), strict=True))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=file.tokens["unk"], byte_fallback=False))
    steps: list[Any] = []
    for becomes in ("", " "):
        characters = [character for character, text in file.rewritten.items() if text == becomes]
        if characters:
            of_any = "".join(f"\\x{{{ord(character):X}}}" for character in characters)
            steps.append(normalizers.Replace(Regex(f"[{of_any}]"), becomes))
    steps += [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace()
    start, end = (file.pieces[file.tokens[name]] for name in ("bos", "eos"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, file.tokens["bos"]), (end, file.tokens["eos"])],
    )
    special = [file.pieces[file.tokens[name]] for name in ("bos", "pad", "eos", "unk")]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return tokenizer
