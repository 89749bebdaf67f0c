"""A translation as tables: which word was read from which, and how sure each step was.

``sides`` are the words along the two sides of a cross-attention, ``trace.sides("cross")``: target words, source words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from memviz.errors import MeasureError, TraceError
from memviz.measures import alignment
from memviz.measures.cross import Sides
from memviz.memory import Memory
from memviz.trace import Trace


def alignment_table(
    memory: Memory,
    sides: Sides,
    *,
    layer: int | None = None,
    head: int | None = None,
    shift: int = 0,
    logprobs: np.ndarray | None = None,
) -> pd.DataFrame:
    """Which source word was each target word read from? A row for each target word, added tokens included.

    Columns: ``target`` and ``source``, the places of the words (0-based), ``target_word`` and ``source_word``, their
    texts, ``weight`` (0..1), how much of the look-up went there, and ``probability`` (0..1) of the target word, the
    product over its tokens, by ``logprobs``, those of ``trace.logprobs``. A word without a source (an added token such
    as </s>, or nothing to be shifted from) has a gap there; without ``logprobs`` the probability is a gap.

    ``layer``, ``head`` and ``shift`` as in `measures.word_weights`, whose errors it raises, and `MeasureError` for
    log-probabilities of another text.
    """
    targets, sources = sides
    links = alignment(memory, sides, layer=layer, head=head, shift=shift)
    return pd.DataFrame(
        {
            "target": np.arange(len(targets)),
            "target_word": [word.text for word in targets],
            "source": pd.array([place if place >= 0 else pd.NA for place in links.source.tolist()], dtype="Int64"),
            "source_word": [sources[place].text if place >= 0 else None for place in links.source.tolist()],
            "weight": links.weight,
            "probability": _probabilities(memory, sides, logprobs),
        }
    )


def _probabilities(memory: Memory, sides: Sides, logprobs: np.ndarray | None) -> np.ndarray:
    """The probability of each target word: float32 [target word]."""
    if logprobs is None:
        return np.full(len(sides[0]), np.nan, dtype=np.float32)
    if len(logprobs) != len(memory.queries):
        raise MeasureError(
            "There are {count} log-probabilities for {tokens} target tokens.",
            todo="Give those of the same translation, `trace.logprobs`.",
            count=len(logprobs),
            tokens=len(memory.queries),
        )
    return np.exp([logprobs[list(word.tokens)].sum() for word in sides[0]]).astype(np.float32)


def weights_table(weights: np.ndarray, sides: Sides) -> pd.DataFrame:
    """How much of each target word was read from each source word? A row for each pair of words.

    ``weights``: float [target word, source word], such as `measures.word_weights`. Columns: ``target`` and ``source``,
    the places of the words (0-based), ``target_word`` and ``source_word``, their texts, and ``weight`` (0..1, a gap
    where a word has none).
    """
    targets, sources = sides
    target, source = np.indices(weights.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            "target": target,
            "target_word": [targets[place].text for place in target],
            "source": source,
            "source_word": [sources[place].text for place in source],
            "weight": weights.ravel(),
        }
    )


def links_pharaoh(
    memory: Memory, sides: Sides, *, layer: int | None = None, head: int | None = None, shift: int = 0
) -> str:
    """Which source word was each target word read from, as other tools write it down?

    The Pharaoh format: ``0-0 2-1`` are source-target, words counted from 0, added tokens and bare spaces left out, in
    the order of the target. `measures.Gold.parse` reads it back, with ``counts="signs"``; which words the numbers
    count, `words_counted` says, and `alignment_files` has both. ``layer``, ``head`` and ``shift`` as in
    `measures.word_weights`, whose errors it raises.
    """
    pairs = alignment(memory, sides, layer=layer, head=head, shift=shift).pairs
    return " ".join(f"{source}-{target}" for source, target in sorted(pairs, key=lambda pair: pair[::-1]))


def words_counted(sides: Sides) -> str:
    """Which words do the numbers of `links_pharaoh` count? ``source words ||| target words``, as fast_align reads them.

    ``sides`` as there. Words stand between single spaces, special tokens and bare spaces left out; white space inside
    a word is written ``␣``.
    """
    targets, sources = (
        ["␣".join(word.text.split()) for word in words if not word.special and word.text.strip("␣⏎⇥")]
        for words in sides
    )
    return f"{' '.join(sources)} ||| {' '.join(targets)}"


def alignment_files(
    memory: Memory, sides: Sides, *, layer: int | None = None, head: int | None = None, shift: int = 0
) -> dict[str, str]:
    """An alignment as files for other tools, by their names: the links, and the words that their numbers count.

    ``alignment.pharaoh`` holds the line of `links_pharaoh` and nothing else, because what loads such files takes every
    line for the links of a sentence; so the words stand beside it in ``alignment.words``, on the line of the same
    number, as `words_counted` writes them and fast_align reads them. ``layer``, ``head`` and ``shift`` as in
    `measures.word_weights`, whose errors it raises.
    """
    links = links_pharaoh(memory, sides, layer=layer, head=head, shift=shift)
    return {"alignment.pharaoh": f"{links}\n", "alignment.words": f"{words_counted(sides)}\n"}


def steps_table(trace: Trace) -> pd.DataFrame:
    """What was written at each step, how likely was it, and what could have been written instead?

    A row for each target token. Columns: ``step`` (0-based), ``token``, ``probability`` (0..1, a gap where the model
    made no prediction), and for each alternative, likeliest first, ``alternative_1`` and ``alternative_1_probability``
    and so on; gaps where a step has fewer. Raises `TraceError` where nothing was written.
    """
    if not trace.targets:
        raise TraceError("{model} wrote nothing here.", todo="Translate a text.", model=trace.model.name)
    columns = {
        "step": np.arange(len(trace.targets)),
        "token": [token.text for token in trace.targets],
        "probability": np.exp(trace.logprobs),
    }
    steps = trace.steps or ((),) * len(trace.targets)
    alternatives = [
        [candidate for candidate in step if candidate.id != token.id]
        for step, token in zip(steps, trace.targets, strict=True)
    ]
    for place in range(max(map(len, alternatives))):
        candidates = [step[place] if place < len(step) else None for step in alternatives]
        columns[f"alternative_{place + 1}"] = [candidate.text if candidate else None for candidate in candidates]
        columns[f"alternative_{place + 1}_probability"] = np.array(
            [candidate.probability if candidate else np.nan for candidate in candidates], dtype=np.float32
        )
    return pd.DataFrame(columns)
