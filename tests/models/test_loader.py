"""Files become models: the right class, never a random head, never a surprise of the tokenizer."""

import json
import sys
from pathlib import Path

import pytest
import torch

import memviz
from memviz.errors import MemoryBudgetError, ModelError, ModelFileError, UnsupportedModelError
from memviz.models import ModelFiles, auto_class, locate, open_model
from memviz.models.loader import load_gguf, quietly


def opened(path: Path, **options):
    return open_model(locate(str(path)), **{"attn_implementation": "eager", **options})


@pytest.mark.parametrize(
    ("saved", "kind"),
    [
        ("BertModel", "bert"),
        ("BertForMaskedLM", "bert"),
        ("BertForSequenceClassification", "bert"),
        ("BertForQuestionAnswering", "bert"),
        ("BertForTokenClassification", "bert"),
        ("GPT2LMHeadModel", "gpt2"),
        ("GPT2Model", "gpt2"),
        ("BartForConditionalGeneration", "bart"),
        ("ElectraForMaskedLM", "electra"),
    ],
)
def test_the_class_is_the_one_that_was_saved(saved: str, kind: str, make_model) -> None:
    path = make_model(saved, kind)
    model, _ = opened(path)
    assert type(model).__name__ == saved
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def same_weights(model, path: Path) -> None:
    from safetensors.torch import load_file

    state = model.state_dict()
    for name, value in load_file(path / "model.safetensors").items():
        assert torch.equal(state[name], value), name


def test_the_weights_are_those_of_the_file(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    same_weights(opened(path)[0], path)


def claim(path: Path, *architectures: str, **changes: object) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "architectures": list(architectures), **changes}))


@pytest.mark.parametrize("claimed", ["BertForMaskedLM", "BertForSequenceClassification", "BertForQuestionAnswering"])
def test_a_head_that_the_file_lacks_is_left_off_and_never_random(claimed: str, make_model) -> None:
    path = make_model("BertModel", "bert")
    claim(path, claimed)
    model, _ = opened(path)
    assert type(model).__name__ == "BertModel"
    same_weights(model, path)


def test_a_pooler_may_be_absent_because_nothing_depends_on_it(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    claim(path, "BertModel")
    assert type(opened(path)[0]).__name__ == "BertModel"


def without(path: Path, part: str) -> list[str]:
    """Take the weights whose names contain this part out of the file; returns their names."""
    from safetensors.torch import load_file, save_file

    weights = load_file(path / "model.safetensors")
    lost = [name for name in weights if part in name]
    save_file({n: v for n, v in weights.items() if n not in lost}, path / "model.safetensors", {"format": "pt"})
    return lost


def test_a_pooler_may_not_be_absent_where_a_head_reads_it(make_model) -> None:
    path = make_model("BertForSequenceClassification", "bert")
    assert len(without(path, "pooler")) == 2
    assert type(opened(path)[0]).__name__ == "BertModel"


def test_missing_weights_of_the_model_itself_are_refused(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    assert len(without(path, "layer.1.attention.self.query")) == 2
    with pytest.raises(ModelFileError, match=r"2 parts are missing, among them .*layer.1.attention.self.query"):
        opened(path)


def test_weights_of_another_shape_are_refused(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    claim(path, "BertForMaskedLM", intermediate_size=48)
    with pytest.raises(ModelFileError, match="cannot be opened"):
        opened(path)


def test_bart_saved_without_a_head_gets_the_one_it_shares(make_model) -> None:
    path = make_model("BartModel", "bart")
    model, _ = opened(path)
    assert type(model).__name__ == "BartForConditionalGeneration"
    assert torch.equal(model.lm_head.weight, model.model.shared.weight)


def test_pretraining_models_get_their_masked_language_head(make_model) -> None:
    path = make_model("BertForPreTraining", "bert")
    assert type(opened(path)[0]).__name__ == "BertForMaskedLM"
    electra = make_model("ElectraForPreTraining", "electra", folder="electra")
    assert type(opened(electra)[0]).__name__ == "ElectraModel"


def test_the_wished_attention_or_the_only_one(make_model) -> None:
    path = make_model("GPT2LMHeadModel", "gpt2")
    assert opened(path, attn_implementation="sdpa")[0].config._attn_implementation == "sdpa"
    assert opened(path, attn_implementation="eager")[0].config._attn_implementation == "eager"
    bloom = make_model("BloomForCausalLM", "bloom", folder="bloom")
    assert opened(bloom, attn_implementation="sdpa")[0].config._attn_implementation == "eager"


def test_the_wished_precision(make_model) -> None:
    path = make_model("GPT2LMHeadModel", "gpt2")
    assert opened(path, dtype=torch.bfloat16)[0].dtype == torch.bfloat16


def test_a_tokenizer_saved_with_padding_and_a_cut_does_neither(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    kept = json.loads((path / "tokenizer.json").read_text())
    assert kept["padding"]["strategy"] == {"Fixed": 16}
    assert kept["truncation"]["max_length"] == 8
    _, tokenizer = opened(path)
    assert tokenizer.is_fast
    assert len(tokenizer.backend_tokenizer.encode("the cat").ids) == 4
    assert len(tokenizer.backend_tokenizer.encode("the cat sat on the mat because it was tired").ids) == 12
    assert len(tokenizer("the cat").input_ids) == 4
    assert len(tokenizer("the cat sat on the mat because it was tired").input_ids) == 12


@pytest.mark.parametrize("content", ["{", '{"version": "1.0"}', ""])
def test_a_broken_tokenizer(content: str, make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    (path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelFileError, match="cannot be opened"):
        opened(path)


WRONG_SETTINGS = [
    ("config.json", "vocab_size", "x", "vocab_size"),
    ("config.json", "vocab_size", None, "vocab_size"),
    ("config.json", "num_attention_heads", 5, "cannot be opened"),
    ("config.json", "pad_token_id", 99999, "Padding_idx must be within num_embeddings"),
    ("config.json", "hidden_act", "nonsense", "nonsense"),
    ("config.json", "architectures", 5, "cannot be opened"),
    ("config.json", "dtype", "float8", "float8"),
    ("tokenizer_config.json", "model_max_length", "long", "cannot be opened"),
    ("tokenizer_config.json", "tokenizer_class", 5, "cannot be opened"),
    ("tokenizer_config.json", "added_tokens_decoder", {"x": 1}, "added_tokens_decoder"),
]


@pytest.mark.parametrize(("file", "setting", "value", "said"), WRONG_SETTINGS)
def test_a_setting_of_the_wrong_type(file: str, setting: str, value: object, said: str, make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    kept = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps({**kept, setting: value}))
    with pytest.raises(ModelFileError, match=said) as refused:
        memviz.load(str(path))
    assert refused.value.__cause__ is not None
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("raised", [MemoryError(), KeyboardInterrupt(), ModelError("Ours.")])
def test_what_is_no_fault_of_the_files_stays_as_it_is(
    raised: BaseException, make_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise raised

    path = make_model("BertForMaskedLM", "bert")
    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", fail)
    with pytest.raises(type(raised)) as caught:
        opened(path)
    assert caught.value is raised


def test_an_accelerator_that_is_too_small_for_the_weights(make_model, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    path = make_model("BertForMaskedLM", "bert")
    monkeypatch.setattr("transformers.PreTrainedModel.to", full)
    with pytest.raises(MemoryBudgetError, match="took more memory than the accelerator has"):
        opened(path)


def test_damage_that_comes_after_the_check(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    found = locate(str(path))
    (path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ModelFileError, match="cannot be opened") as refused:
        open_model(found, attn_implementation="eager")
    assert "\n" not in str(refused.value)


def test_a_pickle_is_not_opened_even_if_the_check_was_skipped(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert")
    torch.save(opened(path)[0].state_dict(), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    found = ModelFiles(name="x", title="x", path=path, format="transformers", revision="", licence="")
    with pytest.raises(ModelFileError, match="cannot be opened"):
        open_model(found, attn_implementation="eager")


def test_a_model_that_is_not_for_text(make_model) -> None:
    from transformers import ViTConfig

    with pytest.raises(UnsupportedModelError, match="vit"):
        auto_class.candidates(ViTConfig(architectures=["ViTForMaskedImageModeling"]))


def test_candidates_without_a_class_name() -> None:
    from transformers import BartConfig, LlamaConfig, T5Config

    assert auto_class.candidates(LlamaConfig()) == ["AutoModel"]
    assert auto_class.candidates(LlamaConfig(), gguf=True) == ["AutoModelForCausalLM", "AutoModel"]
    assert auto_class.candidates(T5Config(), gguf=True) == ["AutoModelForSeq2SeqLM", "AutoModel"]
    assert auto_class.candidates(BartConfig(architectures=["BartModel"]))[0] == "AutoModelForSeq2SeqLM"
    assert auto_class.candidates(LlamaConfig(architectures=["LlamaForCausalLM"]))[0] == "AutoModelForCausalLM"


def test_transformers_is_quiet_only_inside() -> None:
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quietly():
        assert logging.get_verbosity() == logging.ERROR
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)


def test_nothing_is_printed_while_opening(make_model, capfd: pytest.CaptureFixture[str]) -> None:
    path = make_model("BertModel", "bert")
    claim(path, "BertForMaskedLM")
    capfd.readouterr()
    opened(path)
    assert capfd.readouterr() == ("", "")


def test_a_gguf_opens_dequantised_with_its_digits_split(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    path = write_gguf(tmp_path / "tiny.Q8_0.gguf")
    found = locate(str(path))
    assert (found.format, found.quantisation, found.title) == ("gguf", "GGUF Q8_0", "Tiny llama")
    model, tokenizer = open_model(found, attn_implementation="sdpa")
    assert type(model).__name__ == "LlamaForCausalLM"
    tensor = next(t for t in gguf.GGUFReader(path).tensors if t.name == "token_embd.weight")
    expected = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type))
    assert torch.equal(model.model.embed_tokens.weight, expected)
    assert tokenizer.convert_ids_to_tokens(tokenizer("the  2").input_ids) == ["the", "ĠĠ", "2"]


def test_a_gguf_whose_weights_are_cut(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    path = write_gguf(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ModelFileError, match=r"tiny.gguf cannot be opened"):
        opened(path)


def test_a_gguf_of_another_rule_keeps_its_digits(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    path = write_gguf(tmp_path / "tiny.gguf", pre="default")
    _, tokenizer = load_gguf(path, attn_implementation="eager")
    assert tokenizer.convert_ids_to_tokens(tokenizer("the  2").input_ids) == ["the", "Ġ", "Ġ", "2"]


def test_a_gguf_without_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    path = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setitem(sys.modules, "gguf", None)
    found = ModelFiles(name="x", title="x", path=path, format="gguf", revision="", licence="")
    with pytest.raises(UnsupportedModelError, match=r"GGUF|gguf"):
        open_model(found, attn_implementation="eager")


def test_importing_the_models_brings_in_nothing_heavy() -> None:
    import subprocess

    program = "import sys, memviz.models; print([m for m in ('torch', 'transformers', 'pandas') if m in sys.modules])"
    root = str(Path(auto_class.__file__).parents[2])
    told = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
