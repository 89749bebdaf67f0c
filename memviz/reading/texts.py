"""What does a model look at when it reads a text?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from memviz.errors import EmptyTextError, ReadingError
from memviz.memory import Interventions, Kind, Memory, OnLayers
from memviz.progress import Progress, no_progress, work_clock
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits, notes
from memviz.reading.engine.engine import Engine, TransformersEngine, require_kind
from memviz.reading.engine.inputs import require_known, token_ids
from memviz.reading.engine.predictions import Logits, head_logprobs, token_logprobs, top_candidates
from memviz.tokens import Token, align, clean, dropped_characters, require_text, tokenise
from memviz.trace import Candidate, Trace


def read_text(
    engine: Engine,
    text: str,
    pair: str | None,
    interventions: Interventions,
    *,
    progress: Progress | None = None,
    on_layers: OnLayers | None = None,
) -> Trace:
    """The trace of one text, or of two as a sentence pair, by a model that is not an encoder-decoder.

    Raises `EmptyTextError`, `TextTooLongError`, `MemoryBudgetError` and other `ReadingError`.
    """
    require_kind(engine, "text")
    require_text(text)
    text, pair = clean(text), None if pair is None else clean(pair)
    tokens, inputs = tokenise(engine.tokenizer, text, pair)
    return read_tokens(
        engine, tokens, inputs, interventions, progress=progress, on_layers=on_layers, text=text, pair=pair
    )[0]


def read_texts(engine: TransformersEngine, texts: Sequence[str]) -> list[Trace]:
    """The traces of texts with as many tokens each, from one forward pass; the numbers are those of `read_text`.

    Raises as `read_text` does, for all of them together; `ReadingError` for texts that differ in length.
    """
    require_kind(engine, "text")
    began = work_clock()
    cleaned = [clean(require_text(text)) for text in texts]
    tokenised = [tokenise(engine.tokenizer, text) for text in cleaned]
    tensors = [engine.tensors(inputs) for _, inputs in tokenised]
    lengths = {tensor["input_ids"].shape[1] for tensor in tensors}
    if len(lengths) > 1:
        raise ReadingError(
            "Texts that are read together have as many tokens each; these have {least} to {most}.",
            todo="Read them one by one.",
            least=min(lengths),
            most=max(lengths),
        )
    [length] = lengths
    limits.check_length(length, context=engine.info.context)
    limits.check_memory(len(texts) * engine.estimate(length), tokens=len(texts) * length, device=engine.model.device)
    ids = [tensor["input_ids"][0].tolist() for tensor in tensors]
    axes = [Axes.of_sequence(tokens, tokens, own) for (tokens, _), own in zip(tokenised, ids, strict=True)]
    traces = []
    for text, (tokens, _), own, recorded in zip(
        cleaned, tokenised, ids, engine.record_batch(tensors, axes), strict=True
    ):
        logprobs, next_tokens = _predictions(engine, recorded.outputs, own, None)
        seconds = {"model": recorded.seconds, "total": (work_clock() - began) / len(texts)}
        traces.append(_trace(engine, text, None, tokens, recorded.memories, (logprobs, next_tokens), seconds))
    return traces


def read_ids(
    engine: Engine, ids: Sequence[int], interventions: Interventions, *, progress: Progress | None = None
) -> Trace:
    """The trace of exactly these tokens; its text is what they decode to. Raises as `read_text` does."""
    require_kind(engine, "text")
    ids = token_ids(ids)
    if engine.info.kind == "encoder-decoder":
        raise ReadingError(
            "{model} reads one text and writes another; token ids alone do not say which is which.",
            todo="Use `translate` with two texts.",
            model=engine.info.name,
        )
    if not ids:
        raise EmptyTextError("There are no tokens to read.", todo="Give at least one token id.")
    require_known(engine.model, ids)
    text = engine.tokenizer.decode(ids, skip_special_tokens=True)
    tokens = align(engine.tokenizer, ids, text)
    return read_tokens(engine, tokens, {"input_ids": ids}, interventions, progress=progress, text=text)[0]


def count_tokens(engine: Engine, text: str, pair: str | None = None) -> int:
    """With how many tokens is this text read, with its ``pair`` if there is one?"""
    return len(tokenise(engine.tokenizer, clean(text), pair)[0])


def read_tokens(
    engine: Engine,
    tokens: tuple[Token, ...],
    inputs: Mapping[str, list[int]],
    interventions: Interventions,
    *,
    progress: Progress | None,
    text: str,
    pair: str | None = None,
    on_layers: OnLayers | None = None,
) -> tuple[Trace, Logits]:
    """The trace of these ``tokens``, and the logits of any of them for as long as the caller needs them.

    ``inputs`` are what the model takes for them, ``text`` and ``pair`` what they stand for. Raises as `read_text` does.
    """
    began = work_clock()
    tensors = engine.tensors(inputs)
    ids = tensors["input_ids"][0].tolist()
    limits.check(engine, len(ids), interventions)
    axes = Axes.of_sequence(tokens, tokens, ids)
    recorded = engine.record(
        tensors, {"self": axes}, interventions=interventions, progress=progress, on_layers=on_layers
    )
    logprobs, next_tokens = _predictions(engine, recorded.outputs, ids, progress)
    seconds = {"model": recorded.seconds, "total": work_clock() - began}
    predictions = logprobs, next_tokens
    trace = _trace(engine, text, pair, tokens, recorded.memories, predictions, seconds, interventions)
    return trace, _logits(engine, recorded.outputs)


def _trace(
    engine: Engine,
    text: str,
    pair: str | None,
    tokens: tuple[Token, ...],
    memories: Mapping[Kind, Memory],
    predictions: tuple[np.ndarray, tuple[Candidate, ...]],
    seconds: Mapping[str, float],
    interventions: Interventions | None = None,
) -> Trace:
    """The trace of a text from what its reading left, with what a reader of it should know."""
    interventions = interventions or Interventions()
    return Trace(
        text=text,
        pair=pair,
        tokens=tokens,
        model=engine.info,
        memories=memories,
        logprobs=predictions[0],
        next_tokens=predictions[1],
        forget=interventions.forget,
        eviction=interventions.eviction,
        ablations=interventions.ablations,
        seconds=seconds,
        notes=(
            *notes.unknown(tokens, notes.stand_in(engine.tokenizer)),
            *notes.start_once(tokens, text),
            *notes.dropped_characters(dropped_characters(tokens, text, pair), text + (pair or "")),
        ),
    )


def _logits(engine: Engine, outputs: Any) -> Logits:
    """The logits of some tokens, [token, vocabulary], from what the model returned."""
    if engine.plan.headed:
        head = engine.model.get_output_embeddings()
        return lambda rows: head(outputs.last_hidden_state[0, rows])
    return lambda rows: outputs.logits[0, rows]


def _predictions(
    engine: Engine, outputs: Any, ids: list[int], progress: Progress | None
) -> tuple[np.ndarray, tuple[Candidate, ...]]:
    """Log-probabilities and next tokens; none for a model that does not predict the next token."""
    logits = getattr(outputs, "logits", None)
    progress = progress or no_progress

    def pause() -> None:
        progress(1.0, "Probabilities of the tokens")

    with torch.inference_mode():
        if engine.plan.headed:
            head = engine.model.get_output_embeddings()
            logprobs, last = head_logprobs(head, outputs.last_hidden_state[0], ids, pause=pause)
        elif logits is not None and engine.plan.causal:
            copied = {"dtype": torch.float32, "copy": True}  # what is taken is overwritten
            logprobs, last = token_logprobs(lambda rows: logits[0, rows].to(**copied), ids, pause=pause)
        else:
            return np.full(len(ids), np.nan, dtype=np.float32), ()
        return logprobs, top_candidates(last, engine.tokenizer.decode)
