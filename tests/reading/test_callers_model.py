"""`Reader(model, tokenizer)` borrows somebody's model, in many threads, and gives it back as it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from cases import case, eager, fresh, patterns
from families import FAMILIES, SEQ2SEQ, Family, tokenizer, words
from transformers import PreTrainedModel

from memviz import Forget, Reader
from memviz.errors import TraceError, UnsupportedModelError
from memviz.memory import Memory
from memviz.reading.attention.attention_function import BLOCK
from memviz.trace import ModelInfo


class Stopped(Exception):  # noqa: N818 - not an error: a person who left
    """What a progress callback raises to stop."""


def state(model: PreTrainedModel) -> dict[str, Any]:
    """Everything about a model that a reading could leave changed."""
    return {
        "attention": [m.config._attn_implementation for m in model.modules() if isinstance(m, PreTrainedModel)],
        "modules": [(name, id(module)) for name, module in model.named_modules()],
        "ways": [getattr(module, "attention_type", None) for module in model.modules()],
        "training": [module.training for module in model.modules()],
        "hooks": [(len(m._forward_pre_hooks), len(m._forward_hooks)) for m in model.modules()],
        "gradients": [parameter.requires_grad for parameter in model.parameters()],
        "weights": [float(parameter.detach().double().sum()) for parameter in model.parameters()],
        "config": model.config.to_dict(),
    }


def capturing(model: PreTrainedModel, **inputs: Any) -> None:
    """Transformers hangs its own hooks into a model that is asked for attention, once: not ours to count."""
    with torch.no_grad():
        model(torch.tensor([[100, 101]]), **inputs, output_attentions=True)


def theirs(name: str, attention: str, **config: Any) -> PreTrainedModel:
    """A model in the hands of a caller: in training, part of it frozen in eval mode."""
    model = FAMILIES[name].build(**config)
    model.set_attn_implementation(attention)
    model.train()
    next(iter(model.children())).eval()
    inputs = {"decoder_input_ids": torch.tensor([[0, 100]])} if model.config.is_encoder_decoder else {}
    capturing(model, **inputs)
    return model


DROPOUT = {
    "bert": {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5},
    "gpt2": {"attn_pdrop": 0.5, "embd_pdrop": 0.5, "resid_pdrop": 0.5},
    "llama": {"attention_dropout": 0.5},
    "bloom": {"attention_dropout": 0.5, "hidden_dropout": 0.5},
    "t5": {"dropout_rate": 0.5},
}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", DROPOUT)
def test_a_model_in_training_is_read_exactly_and_given_back(name: str, attention: str) -> None:
    model = theirs(name, "eager" if name == "bloom" else attention, **DROPOUT[name])
    before = state(model)
    reader = Reader(model, tokenizer(FAMILIES[name].tokenizer))
    assert state(model) == before
    trace = reader.read(words(90), words(70, seed=1) if name == "t5" else None)
    assert state(model) == before
    own = case(name).own
    for kind in own:
        assert np.abs(patterns(trace, kind) - own[kind]).max() <= 1e-5
    if name == "llama":
        reader.decompose(words(20), 1)
        assert state(model) == before


SPARSE = {
    "bigbird": Family("BigBirdModel", tokenizer="pair"),
    "bigbird-pegasus": Family("BigBirdPegasusForConditionalGeneration", SEQ2SEQ, "end"),
}


@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("name", SPARSE)
def test_a_model_that_a_short_text_changes_for_good_is_refused_and_given_back(name: str, owned: bool) -> None:
    """BigBird swaps its sparse attention for a full one at the first short text, and keeps it for all longer ones."""
    model = SPARSE[name].build()
    before = state(model)
    with pytest.raises(UnsupportedModelError, match="original_full in place of block_sparse") as caught:
        Reader(model, tokenizer(SPARSE[name].tokenizer), owned=owned)
    assert "minilm" in str(caught.value)
    after = state(model)
    kept = set(before) - {"hooks"}  # transformers' own
    assert all(after[part] == before[part] for part in ({"modules", "ways"} if owned else kept))


def test_a_text_that_changes_the_model_for_good_is_refused_and_the_model_given_back() -> None:
    """Blocks so small that the probe is read sparsely; a text of three tokens is not."""
    model = Family(
        "BigBirdPegasusForConditionalGeneration", {**SEQ2SEQ, "block_size": 1, "num_random_blocks": 1}, "end"
    ).build()
    reader = Reader(model, tokenizer("end"))
    before = state(model)
    with pytest.raises(UnsupportedModelError, match="in place of"):
        reader.translate("the cat", "a dog")
    with pytest.raises(UnsupportedModelError, match="in place of"):
        reader.translate("the cat")
    assert state(model) == before


def test_a_known_info_does_not_make_the_model_ours() -> None:
    model = theirs("bert", "sdpa")
    before = state(model)
    reader = Reader(model, tokenizer("pair"), info=ModelInfo(name="my bert", revision="17", licence="MIT"))
    reader.read("the cat")
    assert state(model) == before
    assert (reader.info.name, reader.info.revision, reader.info.family) == ("my bert", "17", "bert")


def test_an_owned_model_stays_ready_to_read() -> None:
    model = FAMILIES["bert"].build()
    reader = Reader(model, tokenizer("pair"), owned=True)
    assert model.config._attn_implementation == "memviz"
    assert np.abs(patterns(reader.read(words(90))) - case("bert").own["self"]).max() <= 1e-5


@pytest.mark.parametrize("name", ["llama", "bloom", "t5"])
def test_a_callback_that_raises_stops_the_reading_and_leaves_everything_usable(name: str) -> None:
    model = theirs(name, "eager")
    before = state(model)
    reader = Reader(model, tokenizer(FAMILIES[name].tokenizer))
    heard: list[tuple[float, str]] = []

    def stop(share: float, label: str) -> None:
        heard.append((share, label))
        if len(heard) == (1 if name == "bloom" else 2):
            raise Stopped

    with pytest.raises(Stopped):
        reader.read(words(30), words(20) if name == "t5" else None, progress=stop)
    assert state(model) == before
    assert len(heard) <= 2
    trace = reader.read(words(90), words(70, seed=1) if name == "t5" else None)
    for kind, own in case(name).own.items():
        assert np.abs(patterns(trace, kind) - own).max() <= 1e-5


def test_an_error_inside_leaves_everything_usable() -> None:
    model = theirs("gpt2", "sdpa")
    before = state(model)
    reader = Reader(model, tokenizer("plain"))
    with pytest.raises(TraceError):
        reader.read(words(20), forget=Forget(keys=[0], queries=[0]))
    assert state(model) == before
    with pytest.raises(TraceError):
        reader.decompose(words(20), 99)
    assert state(model) == before
    assert np.abs(patterns(reader.read(words(90))) - case("gpt2").own["self"]).max() <= 1e-5


@pytest.mark.parametrize("name", ["llama", "t5", "bert"])
def test_progress_goes_up_to_one_a_layer_at_a_time(name: str) -> None:
    heard: list[tuple[float, str]] = []
    reader = Reader(FAMILIES[name].build(), tokenizer(FAMILIES[name].tokenizer))
    trace = reader.read(
        words(30), words(20) if name == "t5" else None, progress=lambda share, label: heard.append((share, label))
    )
    layers = sum(memory.layers for memory in trace.memories.values())
    assert len(heard) == layers
    counted = layers - (trace.memory("cross").layers if name == "t5" else 0)  # two attentions are one layer's
    assert heard[-1] == (1.0, f"{counted}/{counted}")
    assert [share for share, _ in heard] == sorted({share for share, _ in heard})


def test_a_long_text_tells_its_progress_block_by_block_too() -> None:
    """A server lets shorter texts pass between the blocks, and who leaves is noticed."""
    heard: list[tuple[float, str]] = []
    reader = Reader(FAMILIES["llama"].build(), tokenizer(FAMILIES["llama"].tokenizer))
    trace = reader.read(words(300), progress=lambda share, label: heard.append((share, label)))
    memory = trace.memory()
    blocks = -(-len(memory.queries) // BLOCK)
    assert blocks > 2
    assert len(heard) == blocks * memory.layers
    assert [share for share, _ in heard] == sorted({share for share, _ in heard})
    assert [label for _, label in heard] == [
        f"{layer + 1}/{memory.layers}" for layer in range(memory.layers) for _ in range(blocks)
    ]
    assert heard[-1][0] == 1.0


def test_a_callback_may_read_too() -> None:
    """The lock of a borrowed model lets its own thread in again."""
    model = theirs("gpt2", "sdpa")
    before = state(model)
    reader = Reader(model, tokenizer("plain"))
    inner: list[Memory] = []

    def curious(share: float, label: str) -> None:
        if not inner:
            inner.append(reader.read(words(5)).memory())

    outer = reader.read(words(90), progress=curious)
    assert len(inner[0].queries) == 5
    assert np.abs(patterns(outer) - case("gpt2").own["self"]).max() <= 1e-5
    assert state(model) == before


# several people at once

TEXTS = [np.random.default_rng(n).integers(100, 140, size=60 + n).tolist() for n in range(6)]


def readings(readers: list[Reader], name: str) -> None:
    """Six texts, each read several times in six threads at once: every one is what it is alone."""
    alone = [eager(fresh(name), text)[0]["self"] for text in TEXTS]
    gate = threading.Barrier(len(TEXTS))

    def read(number: int) -> list[np.ndarray]:
        gate.wait()
        return [patterns(readers[number % len(readers)].read_ids(TEXTS[number])) for _ in range(3)]

    with ThreadPoolExecutor(len(TEXTS)) as pool:
        for found, own in zip(pool.map(read, range(len(TEXTS))), alone, strict=True):
            for one in found:
                assert one.shape == own.shape
                assert np.abs(one - own).max() <= 1e-5


@pytest.mark.parametrize("name", ["mistral", "bloom"])
def test_one_owned_reader_shared_by_threads(name: str) -> None:
    readings([Reader(FAMILIES[name].build(), tokenizer("plain"), owned=True)], name)


@pytest.mark.parametrize("name", ["gpt2", "bloom"])
def test_one_reader_of_a_callers_model_shared_by_threads(name: str) -> None:
    model = theirs(name, "eager")
    before = state(model)
    readings([Reader(model, tokenizer("plain"))], name)
    assert state(model) == before


def test_two_readers_of_one_callers_model() -> None:
    model = theirs("gpt2", "sdpa")
    before = state(model)
    readings([Reader(model, tokenizer("plain")), Reader(model, tokenizer("plain"))], "gpt2")
    assert state(model) == before


def test_forgetting_in_one_thread_is_not_forgetting_in_another() -> None:
    reader = Reader(FAMILIES["llama"].build(), tokenizer("bos"), owned=True)
    whole = patterns(reader.read_ids(TEXTS[0]))
    gate = threading.Barrier(4)

    def read(number: int) -> float:
        gate.wait()
        forget = Forget(keys=[5]) if number % 2 else None
        found = patterns(reader.read_ids(TEXTS[0], forget=forget))
        assert (found[:, :, 6:, 5] == 0).all() == bool(forget)
        return float(np.abs(found - whole).max())

    with ThreadPoolExecutor(4) as pool:
        apart = list(pool.map(read, range(4)))
    assert apart[0] == apart[2] == 0.0
    assert apart[1] == apart[3] > 0.01


def test_the_caller_can_go_on_training() -> None:
    model = theirs("bert", "sdpa")
    Reader(model, tokenizer("pair")).read(words(20))
    model(torch.tensor([[100, 101, 102]])).last_hidden_state.sum().backward()
    assert model.embeddings.word_embeddings.weight.grad is not None
