"""The default models, as they lie in the real cache: what they are known to say, and how fast they open."""

import pytest
import torch

from memviz.models import cache, locate, open_model

pytestmark = pytest.mark.models


@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_every_file_has_the_hash_of_the_manifest(name: str) -> None:
    path = locate(name).path
    files = cache.manifest(path)["files"]
    assert files
    for file, kept in files.items():
        assert cache.sha256(path / file) == kept["sha256"], file


def test_smollm2_knows_the_capital_of_france() -> None:
    model, tokenizer = open_model(locate("smollm2"), attn_implementation="sdpa")
    ids = torch.tensor([tokenizer("The capital of France is").input_ids])
    assert tokenizer.decode(model(ids).logits[0, -1].argmax()) == " Paris"
    assert (model.config.num_hidden_layers, model.config.num_attention_heads) == (30, 9)
    assert model.config.num_key_value_heads == 3
    assert tokenizer.model_max_length == 8192


def test_smollm2_splits_digits_as_it_was_trained_to() -> None:
    _, tokenizer = open_model(locate("smollm2"), attn_implementation="sdpa")
    assert tokenizer.convert_ids_to_tokens(tokenizer("in  2024").input_ids) == ["in", "ĠĠ", "2", "0", "2", "4"]


def test_minilm_opens_bare_and_reads_more_than_128_tokens() -> None:
    model, tokenizer = open_model(locate("minilm"), attn_implementation="eager")
    assert type(model).__name__ == "BertModel"
    assert len(tokenizer("cat").input_ids) == 3
    assert len(tokenizer("cat " * 300).input_ids) == 302
