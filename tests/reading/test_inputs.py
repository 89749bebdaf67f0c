"""What is given to the model: the tokens of the text, and segments only where the model knows what they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import checked, eager, opened, patterns
from families import FAMILIES, GPT, Family, tokenizer, words

from memviz import Reader

ADDS_WORDS = {
    "gpt2": FAMILIES["gpt2"],
    "gptj": FAMILIES["gptj"],
    "ctrl": Family("CTRLLMHeadModel", {**GPT, "dff": 48}),
    "gpt-bigcode": Family("GPTBigCodeForCausalLM", GPT),
    "codegen": Family("CodeGenForCausalLM", {**GPT, "rotary_dim": 4}),
    "openai-gpt": Family("OpenAIGPTLMHeadModel", GPT),
    "xlm": Family("XLMModel", {"emb_dim": 32, "n_layers": 2, "n_heads": 4}),
    "flaubert": Family("FlaubertModel", {"emb_dim": 32, "n_layers": 2, "n_heads": 4}),
}
KNOWN = {
    "bert": FAMILIES["bert"],
    "albert": FAMILIES["albert"],
    "electra": FAMILIES["electra"],
    "xlnet": Family("XLNetLMHeadModel", {"d_model": 32, "n_layer": 3, "n_head": 4, "d_inner": 48}),
}


def segments_read(family: Family, *, pair: str | None) -> tuple[Reader, list[int], list[int], np.ndarray]:
    """(the reader, ids, segments, patterns) of a text read with a tokenizer that numbers the texts, as BERT's does."""
    reader = Reader(family.build(), tokenizer("pair"))
    trace = reader.read(words(20), pair)
    tokens = trace.tokens
    return reader, [token.id for token in tokens], [token.segment for token in tokens], patterns(trace)


def own(family: Family, ids: list[int], **inputs: torch.Tensor) -> np.ndarray:
    """The weights of a fresh model that was given exactly this."""
    model = family.build()
    model.set_attn_implementation("eager")
    return eager(model, ids, **inputs)[0]["self"]


@pytest.mark.parametrize("pair", [None, "nobody remembers the old dog"])
@pytest.mark.parametrize("name", ADDS_WORDS)
def test_segments_that_would_be_read_as_words_are_not_given(name: str, pair: str | None) -> None:
    """These look a segment's number up among the words, and add that word to every token."""
    reader, ids, _, found = segments_read(ADDS_WORDS[name], pair=pair)
    assert np.abs(found - own(ADDS_WORDS[name], ids)).max() <= 1e-5
    assert np.abs(found - patterns(reader.read_ids(ids))).max() == 0


@pytest.mark.parametrize("name", KNOWN)
def test_segments_that_the_model_knows_are_given(name: str) -> None:
    _, ids, segments, found = segments_read(KNOWN[name], pair="nobody remembers the old dog")
    assert set(segments) == {0, 1}
    assert np.abs(found - own(KNOWN[name], ids, token_type_ids=torch.tensor([segments]))).max() <= 1e-5
    assert np.abs(found - own(KNOWN[name], ids)).max() > 0.01


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.tokenizer != "pair"])
def test_a_tokenizer_that_numbers_its_texts_changes_nothing_where_there_is_one(name: str) -> None:
    """One text is one segment: what is read is what the model makes of the ids alone, in every family."""
    reader = Reader(opened(name).model, tokenizer("pair"))
    if reader.model.config.is_encoder_decoder:
        trace = reader.translate(words(20), words(15, seed=1))
    else:
        trace = reader.read(words(20))
    for kind, weights in checked(name, trace).own.items():
        assert np.abs(patterns(trace, kind) - weights).max() <= 1e-5
