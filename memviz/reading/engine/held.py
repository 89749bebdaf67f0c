"""Is what somebody brought a model of transformers with its tokenizer? If not, what should be given instead?"""

from __future__ import annotations

import os
from typing import Any

from torch import nn
from transformers import Pipeline

from memviz.errors import UnsupportedModelError

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def require_model(model: Any, processor: Any) -> None:
    """Raises `UnsupportedModelError`, with what to give instead, for a name, a pipeline, a wrapped model, or no model.

    A model around a model that answers for it (an adapter's) is taken as it is.
    """
    if isinstance(model, str | os.PathLike):
        raise UnsupportedModelError(
            "A Reader takes a model that is open already; {name} is a name.",
            todo="Use memviz.load({quoted}).",
            name=os.fspath(model)[:120],
            quoted=repr(os.fspath(model)[:120]),
        )
    if isinstance(model, Pipeline):
        raise UnsupportedModelError(
            "A Reader takes a model and its tokenizer, not the pipeline around them.",
            todo="Use memviz.Reader(pipeline.model, pipeline.tokenizer).",
        )
    if isinstance(model, _PARALLEL):
        raise UnsupportedModelError(
            "{kind} only passes a model on, to run on several devices; a Reader takes the model itself.",
            todo="Use memviz.Reader(model.module, tokenizer).",
            kind=type(model).__name__,
        )
    if not isinstance(model, nn.Module) or not hasattr(model, "config"):
        raise UnsupportedModelError(
            "A Reader takes a model of transformers; this is {kind}.",
            todo="Give the model first, then its tokenizer, or use memviz.load with a name.",
            kind=type(model).__name__,
        )
    if processor is None:
        raise UnsupportedModelError(
            "A Reader needs the tokenizer of {kind} too.",
            todo="Use memviz.Reader(model, tokenizer).",
            kind=type(model).__name__,
        )
