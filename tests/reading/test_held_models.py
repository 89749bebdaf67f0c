"""What is no model with its tokenizer is answered with what to give instead."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from families import FAMILIES, tokenizer
from senses import image_processor
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


class Mine(nn.Module):
    """A class as people write it, with a model inside."""

    def __init__(self, *, with_config: bool = False) -> None:
        super().__init__()
        self.encoder = FAMILIES["bert"].build()
        self.head = nn.Linear(2, 2)
        if with_config:
            self.config = self.encoder.config


@pytest.mark.parametrize("with_config", [False, True])
def test_a_model_inside_of_a_class(with_config: bool) -> None:
    mine = Mine(with_config=with_config)
    with pytest.raises(
        UnsupportedModelError, match=r"Mine is a class .* Use memviz.Reader\(model.encoder, tokenizer\)"
    ):
        Reader(mine, tokenizer("pair"))
    deeper = nn.ModuleDict({"part": nn.ModuleDict({"bert": mine.encoder})})
    with pytest.raises(UnsupportedModelError, match=r"Reader\(model.part.bert, tokenizer\)"):
        Reader(deeper, tokenizer("pair"))
    assert Reader(mine.encoder, tokenizer("pair")).read("the cat").memory().layers == 3


def test_two_models_in_one_are_told_apart() -> None:
    from transformers import CLIPConfig, CLIPModel

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**sizes, "vocab_size": len(tokenizer("end")), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config={**sizes, "image_size": 48, "patch_size": 16}))
    for processor in (tokenizer("end"), image_processor()):
        with pytest.raises(UnsupportedModelError, match=r"CLIPModel holds two models.*model\.text_model.*vision_model"):
            Reader(model.eval(), processor)
    assert Reader(model.text_model, tokenizer("end")).read("the cat").memory().layers == 2
    picture = np.zeros((48, 48, 3), np.uint8)
    assert Reader(model.vision_model, image_processor()).look(picture).memory().layers == 2


def test_an_adapter_of_vectors_that_are_no_words() -> None:
    model = FAMILIES["gpt2"].build()
    for kind in ("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING"):
        model.peft_config = {"default": SimpleNamespace(peft_type=SimpleNamespace(value=kind))}
        with pytest.raises(UnsupportedModelError, match=rf"\({kind}\) puts vectors .*model.base_model"):
            Reader(model, tokenizer("plain"))
    model.peft_config = {"default": SimpleNamespace(peft_type="LORA")}
    assert Reader(model, tokenizer("plain")).read("the cat").memory().layers == 3
