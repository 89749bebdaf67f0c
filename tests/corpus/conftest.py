"""A tiny language model in a folder, and texts of the words that it knows."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))  # tiny_models, whichever way pytest imports this folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a GPT-2 of two layers and two heads, whose heads differ; it reads 64 tokens."""
    import torch
    import transformers
    from tiny_models import small_config, word_tokenizer

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("corpus") / "tiny"
    model = transformers.GPT2LMHeadModel(small_config("gpt2"))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(path)
    word_tokenizer().save_pretrained(path)
    return str(path)


def sentences(count: int, *, seed: int = 0, most: int = 20) -> list[str]:
    """Sentences of the words that the tiny tokenizer knows, of 1 to ``most`` words."""
    words = "the cat sat on mat because it was tired a dog ran".split()
    draw = random.Random(seed)
    return [" ".join(draw.choices(words, k=draw.randint(1, most))) for _ in range(count)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of this name: texts as JSON lines, or what it is given as bytes."""

    def written(name: str, content: bytes | list) -> Path:
        path = tmp_path / name
        if isinstance(content, list):
            rows = [row if isinstance(row, dict) else {"text": row} for row in content]
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(content)
        return path

    return written
