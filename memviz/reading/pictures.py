"""What does a model look at in a picture, and which vector does it make of it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from memviz.errors import ReadingError, UnsupportedModelError
from memviz.memory import Interventions, read_only
from memviz.progress import Progress, no_progress, work_clock
from memviz.reading.attention import dense
from memviz.reading.attention.attention_function import handled_by
from memviz.reading.attention.summary import Axes
from memviz.reading.engine import limits, refusals
from memviz.reading.engine.adapters import PictureAdapter
from memviz.reading.engine.engine import Engine, TransformersEngine, require_kind
from memviz.reading.questions import Change, ChangesHandler
from memviz.sources import Picture, open_picture
from memviz.trace import Trace

ROWS = 1024  # units of all pictures of a batch together


def look(engine: Engine, image: Any, interventions: Interventions, *, progress: Progress | None = None) -> Trace:
    """The trace of one ``image``: a path, the bytes of a file, a PIL image, or an array [height, width, 3] of 0 to 255.

    Raises `ReadingError` for anything else, for a model that does not look at pictures, and as every reading does.
    """
    began = work_clock()
    require_kind(engine, "picture")
    assert isinstance(engine, TransformersEngine)
    engine = engine.changeable if interventions else engine
    assert isinstance(engine.adapter, PictureAdapter)
    pixels = _pixels(image)
    inputs = engine.adapter.inputs(pixels, engine.model.device, engine.model.dtype)
    picture = _picture(engine, pixels, inputs["pixel_values"].shape[-2:])
    count = len(picture.units)
    limits.check_memory(engine.estimate(count, interventions), tokens=count, device=engine.model.device)
    axes = Axes(picture.units, picture.units)
    recorded = engine.record(inputs, {"self": axes}, interventions=interventions, progress=progress)
    return Trace(
        text="",
        tokens=(),
        model=engine.info,
        memories=recorded.memories,
        logprobs=read_only(np.zeros(0, dtype=np.float32)),
        forget=interventions.forget,
        ablations=interventions.ablations,
        seconds={"model": recorded.seconds, "total": work_clock() - began},
        source=picture,
    )


def _pixels(image: Any) -> np.ndarray:
    """The picture as uint8 [height, width, 3]. Raises `ReadingError` for what is not one."""
    if isinstance(image, str | Path | bytes | Image.Image):
        return open_picture(image)
    try:
        pixels = np.asarray(image)
    except (TypeError, ValueError) as problem:
        raise _not_a_picture(type(image).__name__) from problem
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise _not_a_picture(f"{type(image).__name__} {list(pixels.shape)}")
    if pixels.dtype != np.uint8 and not (pixels.dtype.kind in "iu" and 0 <= pixels.min() and pixels.max() <= 255):
        raise _not_a_picture(f"{pixels.dtype} from {pixels.min():.3g} to {pixels.max():.3g}")
    return pixels.astype(np.uint8)


def _not_a_picture(what: str) -> ReadingError:
    return ReadingError(
        "This is not a picture that can be looked at: {what}.",
        todo="Give a path, a PIL image, or an array [height, width, 3] of whole numbers from 0 to 255.",
        what=what,
    )


def _picture(engine: Engine, pixels: np.ndarray, size: Any) -> Picture:
    """Where each unit stands, told by the size of a patch and by how many units the model made of its probe."""
    patch = getattr(engine.model.config, "patch_size", None)
    down, across = patch if isinstance(patch, list | tuple) else (patch, patch)
    if down and across:
        rows, columns = int(size[0]) // int(down), int(size[1]) // int(across)
        prefix = engine.plan.lengths["self"][0] - rows * columns
        if prefix >= 0:
            height, width = pixels.shape[:2]
            return Picture.of(width, height, rows=rows, columns=columns, prefix=prefix)
    raise UnsupportedModelError(
        "{model} looks at a picture in a way that cannot be shown: where its patches lie is not known.",
        todo="Choose a Vision Transformer with patches of one size, such as ViT or DINOv2.",
        model=engine.info.name,
    )


def picture_vectors(
    engine: Engine, image: Any, changes: Sequence[Change], *, progress: Progress | None = None
) -> np.ndarray:
    """The vector of one ``image`` under each of the ``changes``: float64 [change, width].

    The last hidden state of [CLS]; of a model without tokens that have no place, the mean of its patches'. Nothing is
    recorded. Raises as `look` does, and `ReadingError` for blanks and feed-forward networks, which are of texts.
    """
    require_kind(engine, "picture")
    assert isinstance(engine, TransformersEngine)
    engine = engine.changeable
    assert isinstance(engine.adapter, PictureAdapter)
    for change in changes:
        if change.blanks or change.feedforwards:
            raise ReadingError("Only the attention to a picture can be changed.", todo="Cut edges, or unplug heads.")
        change.interventions.check(layers=engine.plan.layers, heads=engine.plan.heads, causal=engine.plan.causal_kinds)
        if engine.plan.dense:
            dense.check(engine.model, change.interventions)
    pixels = _pixels(image)
    inputs = engine.adapter.inputs(pixels, engine.model.device, engine.model.dtype)
    picture = _picture(engine, pixels, inputs["pixel_values"].shape[-2:])
    count = len(picture.units)
    limits.check_memory(engine.estimate(count), tokens=count, device=engine.model.device)
    batch, vectors = max(1, ROWS // count), []
    asked = refusals.as_reading_error(progress or no_progress, model=engine.info.name, tokens=count)
    with engine.prepared(), torch.inference_mode(), asked as watched:
        for first in range(0, len(changes), batch):
            part = changes[first : first + batch]
            repeated = {name: tensor.expand(len(part), *tensor.shape[1:]) for name, tensor in inputs.items()}
            with handled_by(None if engine.plan.dense else ChangesHandler(part, engine.plan.places)):
                states = engine.model.base_model(**repeated, return_dict=True).last_hidden_state.double()
            vectors.append(states[:, 0] if picture.units[0].special else states.mean(1))
            watched(min(1.0, (first + len(part)) / len(changes)), "Asking again")
    return read_only(torch.cat(vectors).cpu().numpy())
