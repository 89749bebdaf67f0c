"""What does a word mean before any context, and what does a text make of it?

memviz.embeddings.neighbours(reader, "monday")        # the nearest words of the embedding table
memviz.embeddings.project(reader, ["monday", "paris", "seven"])
memviz.embeddings.drift(reader, "bank", river, money)  # cosine, layer by layer
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from memviz.errors import ReadingError
from memviz.experiments.words import find_words, tokens_of_words
from memviz.reading import Reader, embedding_table
from memviz.reading.hidden_states import HiddenStates
from memviz.tokens import clean, words

PAIRS = 10_000  # random pairs, for the floor
SEED = 0


def neighbours(reader: Reader, word: str, k: int = 10) -> pd.DataFrame:
    """Which words stand nearest to this one in the model's embedding table?

    Columns ``word``, ``cosine`` (−1..1, nearest first) and ``token`` (its id): the ``k`` nearest, each way of writing
    once, without special tokens, pieces that are no whole characters, and the word itself. In ``attrs``: ``floor`` and
    ``floor_high``, the mean cosine of 10,000 random pairs of the table and the value that 95 % of them stay below;
    ``pieces``, the tokens of the word, and ``whole``: is it one token? Of a word that the vocabulary lacks, the mean of
    its pieces' vectors is looked up, and ``note`` says so.

    cos(e_w, e_v) of the rows of the input embeddings. Raises `EmptyTextError` for no word and `ReadingError` for one
    that the vocabulary has nothing for, or a ``k`` below 1.
    """
    if k < 1:
        raise ReadingError("{k} neighbours cannot be shown.", todo="Ask for 1 or more.", k=k)
    engine = reader.engine
    found = embedding_table.pieces(engine, word)
    cosines = embedding_table.cosines(engine, embedding_table.vectors(engine, found.ids).mean(axis=0))
    hidden = {*engine.tokenizer.all_special_ids, *found.ids}
    seen, rows = {clean(word).strip()}, []
    for token in np.argsort(-cosines, kind="stable").tolist():
        text = embedding_table.token_text(engine, token).strip() if token < len(engine.tokenizer) else ""
        if token in hidden or text in seen or not text or "\ufffd" in text:
            continue
        seen.add(text)
        rows.append((text, float(cosines[token]), token))
        if len(rows) == k:
            break
    frame = pd.DataFrame(rows, columns=["word", "cosine", "token"])
    whole = len(found.ids) == 1
    note = "" if whole else f"“{word.strip()}” is not in the vocabulary: the mean of {' + '.join(found.texts)}"
    low, high = random_pairs(reader)
    frame.attrs = {"floor": low, "floor_high": high, "pieces": list(found.texts), "whole": whole, "note": note}
    return frame


def random_pairs(reader: Reader) -> tuple[float, float]:
    """How alike are two tokens of the table that have nothing to do with each other?

    (the mean cosine of 10,000 random pairs, the value that 95 % of them stay below); the seed is always the same.
    """
    draw = np.random.default_rng(SEED)
    first, second = draw.integers(0, embedding_table.size(reader.engine), size=(2, PAIRS))
    pairs = [_unit(embedding_table.vectors(reader.engine, side)) for side in (first, second)]
    cosines = (pairs[0] * pairs[1]).sum(axis=1)[first != second]
    return float(cosines.mean()), float(np.quantile(cosines, 0.95))


def project(reader: Reader, words: Sequence[str]) -> pd.DataFrame:
    """How do these words lie to each other, seen from the side where they differ most?

    Columns ``word``, ``x``, ``y``, ``pieces`` (how many tokens): their embeddings, centred, on their first two
    principal components. The sign of each is fixed: the word farthest from the middle stands on the positive side.
    ``attrs["explained"]``: which share of their variance the two show; distances in the picture are at most that true.

    x_i = (e_i − ē) · u_1, u from the singular value decomposition. Raises as `neighbours` does, and `ReadingError` for
    fewer than three different words.
    """
    names = list(dict.fromkeys(clean(word).strip() for word in words if word.strip()))
    if len(names) < 3:
        raise ReadingError(
            "A picture of {count} words shows nothing.", todo="Give three different words or more.", count=len(names)
        )
    found = [embedding_table.pieces(reader.engine, name) for name in names]
    table = np.stack([embedding_table.vectors(reader.engine, each.ids).mean(axis=0) for each in found])
    centred = table.astype(np.float64) - table.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :2] * sizes[:2]
    places *= np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])
    frame = pd.DataFrame({"word": names, "x": places[:, 0], "y": places[:, 1], "pieces": [len(f.ids) for f in found]})
    frame.attrs = {"explained": float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-30))}
    return frame


def drift(reader: Reader, word: str, text_a: str, text_b: str) -> np.ndarray:
    """How far apart do two texts carry the same word, layer by layer?

    float64 [layer + 1], −1..1: the cosine of its hidden states in both texts; entry 0 is before the first layer, the
    last after all of them. A word of several tokens is the mean of them, the first place where it stands counts. The
    same text twice gives 1.

    cos(h_l(w | a), h_l(w | b)). Ethayarajh 2019, How Contextual are Contextualized Word Representations? Raises
    `TraceError` for a word that does not stand in both texts, and as any reading does.
    """
    first, second = (_of_word(reader.hidden_states(text), word) for text in (text_a, text_b))
    return np.clip((_unit(first) * _unit(second)).sum(axis=1), -1.0, 1.0)


def _of_word(states: HiddenStates, word: str) -> np.ndarray:
    """The word's hidden states, float64 [layer + 1, width]."""
    every = words(states.tokens, states.text)
    places = tokens_of_words(every, find_words(every, word)[:1])
    return states.states[:, places].astype(np.float64).mean(axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions, of length 1; a vector of length 0 stays."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
