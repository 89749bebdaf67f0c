"""What stands in a model's embedding table: a vector for every token, the same in every text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memviz.errors import EmptyTextError, ReadingError
from memviz.reading.engine.engine import Engine, require_kind
from memviz.tokens import clean

CHUNK = 16_384  # rows of the table that are worked on at once


class Pieces(NamedTuple):
    """A word as the vocabulary holds it: the tokens, and how each is written. A word of its own is one piece."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]


def pieces(engine: Engine, word: str) -> Pieces:
    """The tokens of a word, as inside a text or at its beginning: whichever needs fewer.

    Raises `EmptyTextError` for no word, `ReadingError` for one that the vocabulary has nothing for.
    """
    require_kind(engine, "text")
    word = clean(word).strip()
    if not word:
        raise EmptyTextError("There is no word to look up.", todo="Write a word.")
    special = set(engine.tokenizer.all_special_ids)
    spellings = [
        tuple(token for token in engine.tokenizer(text, add_special_tokens=False)["input_ids"] if token not in special)
        for text in (f" {word}", word)
    ]
    ids = min([spelling for spelling in spellings if spelling] or [()], key=len)
    if not ids:
        raise ReadingError(
            "The vocabulary of {model} has nothing for “{word}”.",
            todo="Choose another word, or a model that knows this writing.",
            model=engine.info.name,
            word=word[:80],
        )
    return Pieces(ids, tuple(token_text(engine, token) for token in ids))


def token_text(engine: Engine, token: int) -> str:
    """How a token is written, as in a text; "##" stays in front of what goes on with a word."""
    texts = getattr(engine.tokenizer, "token_text", None)
    return str(texts(token) if texts is not None else engine.tokenizer.decode([token]))


def vectors(engine: Engine, ids: Sequence[int]) -> np.ndarray:
    """The vectors of these tokens: float32 [token, width]."""
    rows = torch.tensor(list(ids))
    with torch.inference_mode():
        return _table(engine)[rows.to(_table(engine).device)].float().cpu().numpy()


def cosines(engine: Engine, vector: np.ndarray) -> np.ndarray:
    """The cosine of a ``vector`` and that of every token of the table: float32 [token], −1..1; 0 for a zero vector."""
    table, parts = _table(engine), []
    wanted = torch.from_numpy(np.ascontiguousarray(vector, dtype=np.float32))
    wanted = (wanted / wanted.norm().clamp(min=1e-12)).to(table.device)
    with torch.inference_mode():
        for start in range(0, len(table), CHUNK):
            rows = table[start : start + CHUNK].float()
            parts.append((rows @ wanted) / rows.norm(dim=1).clamp(min=1e-12))
        return torch.cat(parts).cpu().numpy()


def size(engine: Engine) -> int:
    """How many rows the table has."""
    return len(_table(engine))


def _table(engine: Engine) -> Tensor:
    """[token, width]."""
    embedding = engine.model.get_input_embeddings()
    table = getattr(embedding, "table", None)
    return table.T if table is not None else embedding.weight
