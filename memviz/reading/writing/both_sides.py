"""What does an encoder-decoder look at when it writes nothing, but rates a text or finds an answer in it?

Such a model (BART, mBART, T5, with a head that classifies or answers questions) reads the text on both sides: the
encoder as it is, the decoder shifted right, the token that it starts with first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from memviz.memory import Interventions, read_only
from memviz.progress import Progress, no_progress, work_clock
from memviz.reading.engine import limits, notes
from memviz.reading.engine.engine import Engine
from memviz.reading.writing.transformers_writer import start_token
from memviz.reading.writing.writer import Output, Source, Writer
from memviz.sources import tokens_of
from memviz.tokens import align, clean, dropped_characters, require_text, tokenise
from memviz.trace import Trace

_HEADS = ("ForSequenceClassification", "ForQuestionAnswering")


def reads_both_sides(model: Any) -> bool:
    """Is this an encoder-decoder whose decoder is given the text itself?"""
    return type(model).__name__.endswith(_HEADS)


def read_both_sides(
    engine: Engine,
    writer: Writer,
    text: str,
    pair: str | None,
    interventions: Interventions,
    *,
    progress: Progress | None = None,
) -> Trace:
    """The trace of one text, or of two as a pair, with the memories "encoder", "decoder" and "cross".

    The rows of "cross" are the text's own tokens, entered by the decoder one later; nothing is written, so there are no
    log-probabilities (NaN). Raises as `translate` does.
    """
    began = work_clock()
    text, pair = clean(require_text(text)), clean(pair) if pair else None
    tokens, inputs = tokenise(engine.tokenizer, text, pair)
    limits.check(engine, 2 * len(tokens), interventions)
    source = Source(text, tokens, engine.tensors(inputs))
    whole = " ".join(filter(None, (text, pair)))
    output = Output(source.ids, whole, align(engine.tokenizer, source.ids, whole), _start(engine.model, source.ids))
    reading = writer.read(source, output, interventions.upto(len(source.ids)), progress=progress or no_progress)
    seconds = work_clock() - began
    return Trace(
        text=text,
        pair=pair,
        output=whole,
        tokens=tokens_of(source.tokens),
        targets=output.targets,
        model=engine.info,
        memories=reading.memories,
        logprobs=read_only(np.full(len(source.ids), np.nan, dtype=np.float32)),
        forget=interventions.forget,
        eviction=interventions.eviction,
        ablations=interventions.ablations,
        seconds={"model": seconds, "total": seconds},
        notes=(
            *notes.unknown(tokens_of(source.tokens), writer.unknown[0]),
            *notes.start_once(tokens, text),
            *notes.dropped_characters(dropped_characters(tokens, text, pair), text + (pair or "")),
        ),
    )


def _start(model: Any, ids: tuple[int, ...]) -> int:
    """What the decoder reads first: mBART's last token (the language), else the token that the settings name."""
    return ids[-1] if model.config.model_type == "mbart" else start_token(model, torch.tensor([ids]))
