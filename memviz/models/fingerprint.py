"""Which very model is this, when nobody gave it a version?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

VOCABULARIES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "source.spm",
    "tekken.json",
    "spm.model",
    "prophetnet.tokenizer",
    "bpe.codes",
)
BESIDE = (
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "target.spm",
    *VOCABULARIES,
)
"""What decides beside the weights and their configuration how a text is cut into tokens, and what is written."""


def fingerprint(path: Path) -> str:
    """Which very model is this? A name made of content alone: ``blocks:`` and 16 hexadecimal digits.

    Hashes the configuration and the files of the tokenizer, and of every weight file its size and 64 blocks
    of 64 KiB, evenly spread: milliseconds for any size, and fine-tuning changes it, as does another vocabulary.
    """
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else _inside(path):
        size = file.stat().st_size
        digest.update(f"{file.name if path.is_dir() else ''}:{size};".encode())
        for block in _blocks(file, size):
            digest.update(block)
    return f"blocks:{digest.hexdigest()[:16]}"


def _inside(path: Path) -> list[Path]:
    """The files of a folder that make its model what it is."""
    weights = (*path.glob("*.safetensors"), *path.glob("*.bin"))
    others = (*path.glob("*.spm"), *(path / name for name in ("config.json", *BESIDE)))
    return sorted({file for file in (*weights, *others) if file.is_file()})


def _blocks(file: Path, size: int) -> Iterator[bytes]:
    """What is read of a file: 64 blocks of weights, all of anything else."""
    with file.open("rb") as stream:
        if file.suffix not in (".safetensors", ".bin", ".gguf"):
            yield stream.read()
            return
        for step in range(64):
            stream.seek(step * size // 64)
            yield stream.read(1 << 16)
