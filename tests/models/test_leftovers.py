"""Weights of a file without a place in the opened class: another model is refused by name, a leftover is harmless."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import WORDS, word_tokenizer

from memviz.errors import ModelFileError, UnsupportedModelError
from memviz.models import locate, open_model
from memviz.models.leftovers import wrapper_prefixes


def opened(path: Path):
    return open_model(locate(str(path)), attn_implementation="eager")[0]


def rewrite(path: Path, change) -> dict[str, torch.Tensor]:
    """Puts what ``change`` makes of the weights into the file; returns what was there before."""
    weights = load_file(path / "model.safetensors")
    new = {name: value.clone().contiguous() for name, value in change(dict(weights)).items()}
    save_file(new, path / "model.safetensors", {"format": "pt"})
    return weights


def configure(path: Path, **changes: object) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **changes}))


def make_llama(path: Path, **changes: object) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS) + 5, **sizes, **changes)).save_pretrained(path)
    word_tokenizer().save_pretrained(path)
    return path


ATTENTION = "bert.encoder.layer.{}.attention.self."


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
@pytest.mark.parametrize("saved", ["BertForMaskedLM", "BertForSequenceClassification", "BertModel"])
def test_positions_of_another_kind(saved: str, kind: str, make_model) -> None:
    path = make_model(saved, "bert")
    start = "" if saved == "BertModel" else "bert."
    keys = [f"{start}encoder.layer.{layer}.attention.self.distance_embedding.weight" for layer in (0, 1)]
    rewrite(path, lambda weights: weights | {key: torch.ones(127, 8) for key in keys})
    configure(path, position_embedding_type=kind)
    with pytest.raises(ModelFileError, match=rf"has 2 weights that Bert\w+ has no place for, among them {keys[0]}"):
        opened(path)


@pytest.mark.parametrize("biased", ["attention_bias", "mlp_bias"])
def test_biases_that_the_configuration_denies(biased: str, tmp_path: Path) -> None:
    path = make_llama(tmp_path / "model", **{biased: True})
    assert type(opened(path)).__name__ == "LlamaForCausalLM"
    configure(path, **{biased: False})
    bias = "self_attn.k_proj.bias" if biased == "attention_bias" else "mlp.down_proj.bias"
    with pytest.raises(ModelFileError, match=rf"has no place for, among them model.layers.0.{bias}"):
        opened(path)


@pytest.mark.parametrize(
    ("saved", "kind", "changes", "key"),
    [
        ("BertForMaskedLM", "bert", {"num_hidden_layers": 1}, "bert.encoder.layer.1."),
        ("BertModel", "bert", {"num_hidden_layers": 1}, "encoder.layer.1."),
        ("GPT2LMHeadModel", "gpt2", {"n_layer": 1}, "transformer.h.1."),
        ("BartForConditionalGeneration", "bart", {"encoder_layers": 1}, "model.encoder.layers.1."),
        ("BartForConditionalGeneration", "bart", {"decoder_layers": 1}, "model.decoder.layers.1."),
    ],
)
def test_more_layers_than_the_configuration(saved: str, kind: str, changes: dict, key: str, make_model) -> None:
    path = make_model(saved, kind)
    configure(path, **changes)
    with pytest.raises(ModelFileError, match=rf"has no place for, among them {key}"):
        opened(path)


def test_layers_of_a_wrapped_model_are_counted_too(make_model) -> None:
    path = make_model("BertModel", "bert")
    rewrite(path, lambda weights: {f"module.{name}": value for name, value in weights.items()})
    configure(path, num_hidden_layers=1)
    with pytest.raises(ModelFileError, match=r"has 16 weights that BertModel has no place for, among them encoder.l"):
        opened(path)


def test_adapters_and_quantised_numbers_inside_the_layers(tmp_path: Path) -> None:
    for part in ("q_proj.lora_A.weight", "q_proj.weight_scale_inv", "q_norm.weight"):
        path = make_llama(tmp_path / part)
        key = f"model.layers.0.self_attn.{part}"
        rewrite(path, lambda weights, key=key: weights | {key: torch.ones(8, 8)})
        with pytest.raises(ModelFileError, match=rf"has 1 weights that LlamaModel has no place for, among them {key}"):
            opened(path)


def test_a_head_that_would_be_used_otherwise_is_left_off(tmp_path: Path) -> None:
    """With the bias of its head left out, a model would predict other words: it is opened without the head."""
    path = make_llama(tmp_path / "model")
    rewrite(path, lambda weights: weights | {"lm_head.bias": torch.ones(len(WORDS) + 5)})
    assert type(opened(path)).__name__ == "LlamaModel"


HARMLESS = {
    "BertForMaskedLM": ["bert.embeddings.position_ids", "bert.embeddings.token_type_ids", "bert.pooler.dense.weight",
                        "cls.seq_relationship.weight", "classifier.weight", "fc.bias", "teacher.layer.0.weight"],
    "BertModel": ["embeddings.position_ids", "cls.predictions.bias", "classifier.weight", "qa_outputs.bias"],
    "GPT2LMHeadModel": ["transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias", "multiple_choice_head.bias"],
    "BartForConditionalGeneration": ["model.encoder.version", "model.decoder.embed_positions.weights",
                                     "classification_head.dense.weight"],
}  # fmt: skip


@pytest.mark.parametrize("saved", HARMLESS)
def test_what_changes_nothing_is_harmless(saved: str, make_model) -> None:
    path = make_model(saved, {"BertF": "bert", "BertM": "bert", "GPT2L": "gpt2", "BartF": "bart"}[saved[:5]])
    before = opened(path).state_dict()
    rewrite(path, lambda weights: weights | {key: torch.ones(3) for key in HARMLESS[saved]})
    model = opened(path)
    assert type(model).__name__ == saved
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_rotary_positions_are_harmless(tmp_path: Path) -> None:
    path = make_llama(tmp_path / "model")
    names = ("inv_freq", "cos_cached", "sin_cached")
    keys = [f"model.layers.{layer}.self_attn.rotary_emb.{name}" for layer in (0, 1) for name in names]
    rewrite(path, lambda weights: weights | {key: torch.ones(4) for key in keys})
    assert type(opened(path)).__name__ == "LlamaForCausalLM"


@pytest.mark.parametrize("prefix", ["encoder.", "model.", "module.", "module.model.", "backbone.", "self_.net."])
@pytest.mark.parametrize("saved", ["BertModel", "BertForMaskedLM", "GPT2LMHeadModel", "BartForConditionalGeneration"])
def test_a_model_saved_within_a_class(saved: str, prefix: str, make_model) -> None:
    path = make_model(saved, {"Be": "bert", "GP": "gpt2", "Ba": "bart"}[saved[:2]])
    rewrite(path, lambda weights: {f"{prefix}{name}": value for name, value in weights.items()})
    model = opened(path)
    assert type(model).__name__ == saved
    state = model.state_dict()
    for name, value in load_file(path / "model.safetensors").items():
        assert torch.equal(state[name.removeprefix(prefix)], value), name


@pytest.mark.parametrize("prefix", ["encoder.", "bert.", "model.bert.", "language."])
@pytest.mark.parametrize("beside", ["fc.weight", "lstm.weight_hh_l0", "classifier.bias"])
def test_a_bert_inside_a_class_with_a_head_of_its_own(prefix: str, beside: str, make_model) -> None:
    path = make_model("BertModel", "bert")
    weights = rewrite(path, lambda each: {f"{prefix}{name}": each[name] for name in each} | {beside: torch.ones(2, 16)})
    model = opened(path)
    assert type(model).__name__ == "BertModel"
    assert all(torch.equal(model.state_dict()[name], value) for name, value in weights.items())


def test_what_stands_beside_a_wrapped_model_is_not_taken_for_its_own(make_model) -> None:
    """A class may call its other parts as the model calls its own."""
    path = make_model("BertModel", "bert")
    beside = {"embeddings.weight": torch.ones(2, 16), "encoder.weight": torch.ones(2, 16)}
    rewrite(path, lambda each: {f"bert_.{name}": each[name] for name in each} | beside)
    assert type(opened(path)).__name__ == "BertModel"


def test_two_models_side_by_side_are_named(make_model) -> None:
    path = make_model("BertModel", "bert")
    rewrite(path, lambda each: {f"{side}.{name}": each[name] for name in each for side in ("query", "passage")})
    with pytest.raises(ModelFileError, match=r"hold 2 models side by side: passage\.\*, query\.\*"):
        opened(path)


def test_a_part_that_is_missing_in_a_wrapped_model_is_missed(make_model) -> None:
    path = make_model("BertModel", "bert")
    rewrite(path, lambda each: {f"module.{name}": each[name] for name in each if "layer.1.output" not in name})
    with pytest.raises(ModelFileError, match="incomplete"):
        opened(path)


def test_wrapper_prefixes() -> None:
    keys = ["a.x.w", "a.y.w", "b.x.w", "y.w", "a.c.x.w"]
    assert wrapper_prefixes(keys, ["x.w"]) == ["a.", "a.c.", "b."]
    assert wrapper_prefixes(keys, ["x.w", "y.w"]) == ["a."]
    assert wrapper_prefixes(keys, ["z.w"]) == []


@pytest.mark.parametrize("name", ["blk.0.attn_q.bias", "blk.1.attn_output.bias", "blk.2.attn_q.weight"])
def test_parts_of_attention_that_a_gguf_has_and_the_class_lacks(name: str, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    with pytest.raises(ModelFileError, match=rf"has 1 weights that Llama\w+ has no place for, among them {name}"):
        opened(write_gguf(tmp_path / "tiny.gguf", vectors=(name,)))


# -- rotary frequencies of GGUF files -----------------------------------------------------------------


def llama3_by_transformers(factor: float) -> torch.Tensor:
    """The frequencies of a head of 16 numbers by the rule of Llama 3.1, as transformers computes them."""
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rule = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": factor, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}  # fmt: skip
    config = LlamaConfig(hidden_size=64, num_attention_heads=4, rope_parameters=rule)
    return ROPE_INIT_FUNCTIONS["llama3"](config, None)[0]


PLAIN = 10000.0 ** -(torch.arange(8) / 8)


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_the_frequencies_of_llama_3_are_those_of_its_file(factor: float, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    expected = llama3_by_transformers(factor)
    factors = (PLAIN / expected).tolist()
    assert max(factors) > 2 * min(factors)
    model = opened(write_gguf(tmp_path / "tiny.gguf", factors=factors))
    assert torch.allclose(model.model.rotary_emb.inv_freq, expected, rtol=1e-4)
    assert torch.allclose(opened(write_gguf(tmp_path / "one.gguf", factors=[1.0] * 8)).model.rotary_emb.inv_freq, PLAIN)


@pytest.mark.parametrize(
    ("options", "unread"),
    [
        ({"factors": [1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 8.0, 8.0]}, "rope_freqs.weight"),
        ({"vectors": ("rope_factors_long.weight",)}, "rope_factors_long.weight"),
        ({"scaling": "linear"}, "llama.rope.scaling.type"),
        ({"scaling": "yarn"}, "llama.rope.scaling.type"),
    ],
)
def test_frequencies_that_transformers_does_not_read(options: dict, unread: str, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    with pytest.raises(UnsupportedModelError, match=rf"scales its rotary positions .*\({unread}\)"):
        opened(write_gguf(tmp_path / "tiny.gguf", **options))
    assert opened(write_gguf(tmp_path / "plain.gguf", scaling="none")) is not None


# -- adapters, with peft installed --------------------------------------------------------------------


def test_an_adapter_beside_a_model_is_not_read_where_peft_is_installed(make_model, monkeypatch) -> None:
    """transformers would load it into the model, and the note would say that it was not read."""
    from transformers.integrations import peft
    from transformers.models.auto import auto_factory

    path = make_model("BertForMaskedLM", "bert")
    (path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "no/where"}))
    added = []
    monkeypatch.setattr(peft.PeftAdapterMixin, "load_adapter", lambda *names, **options: added.append(names))

    def is_installed() -> bool:
        return True

    for module in (peft, auto_factory):
        monkeypatch.setattr(module, "is_peft_available", is_installed)
    assert type(opened(path)).__name__ == "BertForMaskedLM"
    assert not added
    assert peft.is_peft_available is auto_factory.is_peft_available is is_installed, "put back"
