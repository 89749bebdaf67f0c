"""What the model could not know is said with the reading, and nothing is said where it knew every token."""

from __future__ import annotations

import pytest
import torch
from cases import opened
from transformers import BertModel

from memviz.reading import Reader
from tests.models.tiny_models import small_config, word_tokenizer


@pytest.fixture(scope="module")
def reader() -> Reader:
    """A model that knows a dozen words."""
    torch.manual_seed(0)
    return Reader(BertModel(small_config("bert")).eval(), word_tokenizer())


def test_unknown_words_are_counted(reader: Reader) -> None:
    (note,) = reader.read("the zebra sat on the purple mat").notes
    assert note.values == {"unknown": 2, "tokens": 7}
    assert str(note) == "2 of the 7 tokens stand for words or characters that this model has never seen."
    (note,) = reader.read("the cat", "saw a zebra").notes
    assert note.values == {"unknown": 2, "tokens": 5}
    assert reader.read_ids([1, 5, 1]).notes[0].values == {"unknown": 2, "tokens": 3}


def test_nothing_is_said_where_every_token_is_known(reader: Reader) -> None:
    assert reader.read("the cat sat on the mat").notes == ()


def test_a_tokenizer_that_knows_every_byte_has_no_unknown_tokens() -> None:
    """It names an unknown token all the same, as GPT-2's and SmolLM2's do."""
    used = opened("gpt2")
    assert used.tokenizer.unk_token_id is not None
    assert used.read("猫 \x00 zebra 😀").notes == ()
    assert used.read_ids([used.tokenizer.unk_token_id, 20, 21]).notes == ()


def test_an_unknown_token_that_is_also_the_end_of_a_text_is_not_counted(reader: Reader) -> None:
    tokenizer = word_tokenizer()
    tokenizer.eos_token = tokenizer.unk_token
    assert Reader(reader.model, tokenizer).read("the zebra sat").notes == ()


@pytest.mark.models
def test_a_word_that_minilm_cannot_take_apart(minilm, smollm2) -> None:
    assert minilm.read("x" * 100_000).notes[0].values == {"unknown": 1, "tokens": 1}
    assert minilm.read("It was tired.").notes == ()
    assert smollm2.read("x" * 1_000).notes == ()
