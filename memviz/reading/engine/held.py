"""Is what somebody brought a model of transformers with its tokenizer? If not, what should be given instead?"""

from __future__ import annotations

import os
from typing import Any

from torch import nn
from transformers import Pipeline, PreTrainedModel

from memviz.errors import UnsupportedModelError
from memviz.models.folders import WITH_TOKENS

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def require_model(model: Any, processor: Any) -> None:
    """Raises `UnsupportedModelError`, with what to give instead, for a name, a pipeline, a model
    inside of a class, or no model.

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
    answers = isinstance(model, nn.Module) and hasattr(model, "config") and hasattr(model, "get_input_embeddings")
    if not answers and (inside := _model_inside(model)):
        raise UnsupportedModelError(
            "{kind} is a class around a model of transformers; a Reader takes the model itself.",
            todo="Use memviz.Reader(model.{inside}, tokenizer).",
            kind=type(model).__name__,
            inside=inside,
        )
    if not answers:
        raise UnsupportedModelError(
            "A Reader takes a model of transformers; this is {kind}.",
            todo="Give the model first, then its tokenizer, or use memviz.load with a name.",
            kind=type(model).__name__,
        )
    if hasattr(model, "text_model") and hasattr(model, "vision_model"):
        raise UnsupportedModelError(
            "{kind} holds two models, one for texts and one for pictures; a Reader takes one of them.",
            todo="Use memviz.Reader(model.text_model, tokenizer), or "
            "memviz.Reader(model.vision_model, image_processor).",
            kind=type(model).__name__,
        )
    adapters = getattr(model, "peft_config", None)
    kinds = [getattr(adapter, "peft_type", "") for adapter in adapters.values()] if isinstance(adapters, dict) else []
    if tuned := [kind for kind in (str(getattr(each, "value", each)) for each in kinds) if kind in WITH_TOKENS]:
        raise UnsupportedModelError(
            "The adapter of this model ({kind}) puts vectors that are no words in front of a text; they have no name "
            "to show.",
            todo="Use memviz.Reader(model.base_model, tokenizer), which reads without them.",
            kind=tuned[0],
        )
    if processor is None:
        raise UnsupportedModelError(
            "A Reader needs the tokenizer of {kind} too.",
            todo="Use memviz.Reader(model, tokenizer).",
            kind=type(model).__name__,
        )


def _model_inside(model: Any) -> str:
    """Where in somebody's class stands a model of transformers, such as ``encoder``? "" where there is none."""
    parts = model.named_modules() if isinstance(model, nn.Module) else ()
    return next((name for name, part in parts if name and isinstance(part, PreTrainedModel)), "")
