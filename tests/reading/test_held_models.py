"""What is no model with its tokenizer is answered with what to give instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from families import FAMILIES, tokenizer
from torch import nn
from transformers import TextGenerationPipeline

from memviz import Reader
from memviz.errors import UnsupportedModelError


@pytest.mark.parametrize("name", ["minilm", Path("models/mine"), "it's"])
@pytest.mark.parametrize("more", [(), (None,), ("tokenizer",)])
def test_a_name(name: object, more: tuple) -> None:
    with pytest.raises(UnsupportedModelError, match="open already") as refused:
        Reader(name, *more)
    assert f"Use memviz.load({str(name)!r})." in str(refused.value)


def test_a_pipeline() -> None:
    model = FAMILIES["gpt2"].build()
    pipeline = TextGenerationPipeline(model=model, tokenizer=tokenizer("plain"))
    for arguments in ((pipeline,), (pipeline, tokenizer("plain"))):
        with pytest.raises(UnsupportedModelError, match=r"Use memviz.Reader\(pipeline.model, pipeline.tokenizer\)"):
            Reader(*arguments)
    assert Reader(pipeline.model, pipeline.tokenizer).read("the cat").memory().layers == 3


def test_a_model_on_several_devices() -> None:
    wrapped = nn.DataParallel(FAMILIES["bert"].build())
    with pytest.raises(UnsupportedModelError, match=r"DataParallel only passes .*Reader\(model.module, tok"):
        Reader(wrapped, tokenizer("pair"))
    assert Reader(wrapped.module, tokenizer("pair")).read("the cat").memory().layers == 3


@pytest.mark.parametrize("thing", [None, 5, {}, torch.zeros(2), nn.Linear(2, 2)])
def test_what_is_no_model(thing: object) -> None:
    with pytest.raises(UnsupportedModelError, match=f"transformers; this is {type(thing).__name__}"):
        Reader(thing, tokenizer("plain"))


def test_a_tokenizer_in_the_place_of_the_model() -> None:
    with pytest.raises(UnsupportedModelError, match="Give the model first, then its tokenizer"):
        Reader(tokenizer("plain"), FAMILIES["gpt2"].build())


def test_a_model_without_its_tokenizer() -> None:
    with pytest.raises(UnsupportedModelError, match=r"needs the tokenizer of GPT2LMHeadModel too"):
        Reader(FAMILIES["gpt2"].build())
