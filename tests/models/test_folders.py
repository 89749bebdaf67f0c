"""Local folders and files: judged before anything is loaded."""

import json
import pickle
import struct
from pathlib import Path

import pytest
import tiny_gguf

from memviz.errors import ModelError, ModelFileError, UnsafeModelError, UnsupportedModelError
from memviz.models import folders, locate, open_model
from memviz.models.fingerprint import fingerprint


class Bomb:
    """A pickle that would write a file when it is opened."""

    def __reduce__(self):
        return (open, ("bomb-went-off", "w"))


@pytest.fixture
def model(make_model) -> Path:
    return make_model("BertForMaskedLM", "bert")


def edit(path: Path, **changes: object) -> None:
    kept = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))


def test_a_good_folder(model: Path) -> None:
    found = locate(str(model))
    assert (found.path, found.format, found.title) == (model.resolve(), "transformers", "model")
    assert found.revision == fingerprint(model)
    assert locate(model) == found


def test_a_folder_with_only_a_pickle_is_refused_by_name_and_never_opened(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model)
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UnsafeModelError, match=r"pytorch_model.bin, a format that can run programs"):
        locate(str(model))
    assert not Path("bomb-went-off").exists()


@pytest.mark.parametrize("name", ["weights.pt", "x.pkl", "model.ckpt", "A.BIN"])
def test_every_kind_of_pickle_is_named(model: Path, name: str) -> None:
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(b"")
    with pytest.raises(UnsafeModelError, match=name):
        locate(str(model))
    with pytest.raises(UnsafeModelError, match=name):
        locate(str(model / name))


def test_a_pickle_beside_safetensors_is_left_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model)
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (model / name).write_bytes(pickle.dumps(Bomb()))
    opened, _ = open_model(locate(str(model)), attn_implementation="eager")
    assert type(opened).__name__ == "BertForMaskedLM"
    assert not Path("bomb-went-off").exists()


def test_a_folder_with_a_pickle_and_no_config(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "model.pkl").write_bytes(b"")
    with pytest.raises(UnsafeModelError, match=r"model.pkl"):
        locate(str(tmp_path / "x"))


REMOTE = """
from pathlib import Path
Path("remote-code-ran").write_text("ran")
from transformers import BertConfig, BertForMaskedLM
class Mine(BertForMaskedLM): pass
class MineConfig(BertConfig): pass
"""


def test_remote_code_of_an_unknown_type_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model)
    (model / "mine.py").write_text(REMOTE)
    edit(model / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.MineConfig"})
    with pytest.raises(UnsafeModelError, match="asks for remote code"):
        locate(str(model))
    edit(model / "config.json", model_type=None)
    with pytest.raises(UnsafeModelError, match="asks for remote code"):
        locate(str(model))
    assert not Path("remote-code-ran").exists()


def test_remote_code_of_a_known_type_is_ignored_and_never_run(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model)
    (model / "mine.py").write_text(REMOTE)
    asked = dict.fromkeys(("AutoModel", "AutoModelForMaskedLM"), "mine.Mine")
    edit(model / "config.json", auto_map={**asked, "AutoConfig": "mine.MineConfig"})
    edit(model / "tokenizer_config.json", auto_map={"AutoTokenizer": ["mine.Mine", "mine.Mine"]})
    opened, tokenizer = open_model(locate(str(model)), attn_implementation="eager")
    assert type(opened).__module__.startswith("transformers.")
    assert tokenizer.convert_tokens_to_ids("cat") == 6
    assert not Path("remote-code-ran").exists()


def test_a_type_that_nobody_knows(model: Path) -> None:
    edit(model / "config.json", model_type="not-invented-yet")
    with pytest.raises(UnsupportedModelError, match="not-invented-yet"):
        locate(str(model))


def test_a_config_without_a_type(model: Path) -> None:
    edit(model / "config.json", model_type=None)
    with pytest.raises(ModelFileError, match="does not say what type"):
        locate(str(model))


@pytest.mark.parametrize("content", ["{", "[]", "\x00", '"text"', "[" * 100_000])
def test_a_broken_config(model: Path, content: str) -> None:
    (model / "config.json").write_text(content)
    with pytest.raises(ModelFileError, match=r"config.json .* cannot be read"):
        locate(str(model))


def test_a_missing_config(model: Path) -> None:
    (model / "config.json").unlink()
    with pytest.raises(ModelFileError, match=r"no config.json"):
        locate(str(model))


def test_a_missing_tokenizer(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert", tokenizer=False)
    with pytest.raises(ModelFileError, match=r"tokenizer .* is missing"):
        locate(str(path))


def test_a_tokenizer_of_bytes_needs_no_vocabulary(make_model) -> None:
    path = make_model("BertForMaskedLM", "bert", tokenizer=False)
    (path / "tokenizer_config.json").write_text('{"tokenizer_class": "ByT5Tokenizer"}')
    assert folders.check(path, name="x") == "transformers"


def cut(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-100])


def overwrite(weights: Path) -> None:
    weights.write_bytes(b"<!doctype html>" * 100)


def empty(weights: Path) -> None:
    weights.write_bytes(b"")


def huge_header(weights: Path) -> None:
    weights.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


@pytest.mark.parametrize("damage", [cut, overwrite, empty, huge_header])
def test_corrupt_safetensors(model: Path, damage) -> None:
    damage(model / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"model.safetensors cannot be read"):
        locate(str(model))


def test_missing_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelFileError, match=r"no model.safetensors"):
        locate(str(model))


def test_weights_in_parts(model: Path) -> None:
    from transformers import AutoModelForMaskedLM

    whole = AutoModelForMaskedLM.from_pretrained(model)
    whole.save_pretrained(model, max_shard_size="5kB")
    (model / "model.safetensors").unlink(missing_ok=True)
    opened, _ = open_model(locate(str(model)), attn_implementation="eager")
    assert opened.num_parameters() == whole.num_parameters()
    part = sorted(model.glob("model-*.safetensors"))[1]
    part.unlink()
    with pytest.raises(ModelFileError, match=part.name):
        locate(str(model))


@pytest.mark.parametrize("weight_map", [{}, {"a": "../../secret.safetensors"}, None, {"a": "/etc/passwd"}])
def test_an_index_that_leads_elsewhere(model: Path, weight_map: object) -> None:
    (model / "model.safetensors").unlink()
    (model / folders.INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelFileError, match="incomplete"):
        locate(str(model))


def make_adapter(path: Path, **settings: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "adapter_config.json").write_text(json.dumps(settings))
    (path / "adapter_model.safetensors").write_bytes(b"")
    return path


@pytest.mark.parametrize("beside", [(), ("config.json",), ("tokenizer.json",), ("training_args.bin",)])
@pytest.mark.parametrize("kind", ["LORA", "ADALORA", "IA3"])
def test_an_adapter_alone_names_the_model_to_merge_it_into(kind: str, beside: tuple, tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "mine", peft_type=kind, base_model_name_or_path="meta/base-1b")
    for name in beside:
        (path / name).write_text('{"model_type": "llama"}')
    with pytest.raises(UnsupportedModelError, match=r"it changes meta/base-1b\. Merge it into meta/base-1b first"):
        locate(str(path))


@pytest.mark.parametrize("kind", ["PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING"])
def test_tuned_prompts_cannot_be_merged(kind: str, tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "mine", peft_type=kind, base_model_name_or_path="gpt2")
    with pytest.raises(UnsupportedModelError, match=rf"of the kind {kind}.*of gpt2\. It cannot be merged.*open gpt2"):
        locate(str(path))


def test_an_adapter_that_says_little(tmp_path: Path) -> None:
    for settings in ({}, {"peft_type": None, "base_model_name_or_path": None}, {"base_model_name_or_path": 5}):
        with pytest.raises(UnsupportedModelError, match="is an adapter, not a whole model"):
            locate(str(make_adapter(tmp_path / "mine", **settings)))
    (tmp_path / "mine" / "adapter_config.json").write_text("[")
    with pytest.raises(ModelFileError, match=r"adapter_config\.json"):
        locate(str(tmp_path / "mine"))


def test_a_whole_model_with_an_adapter_opens_and_the_adapter_is_named(model: Path) -> None:
    import memviz

    before = memviz.load(str(model))
    make_adapter(model, peft_type="LORA", base_model_name_or_path="somebody/else")
    assert locate(str(model)).adapter == "LORA"
    after = memviz.load(str(model))
    assert before.info.note is None
    assert str(after.info.note) == "An adapter (LORA) lies in the same folder; the model is read without it."
    weights = (reader.read("the cat sat").memory().pattern(1, 1) for reader in (before, after))
    assert (next(weights) == next(weights)).all()


@pytest.mark.parametrize(
    ("pruned", "heads"), [({"0": [1]}, "among them L0.H1: the"), ({"0": [0], "1": [0, 1]}, "L0.H0, L1.H0, L1.H1")]
)
def test_pruned_heads_are_said_plainly(pruned: dict, heads: str, model: Path) -> None:
    edit(model / "config.json", pruned_heads=pruned)
    with pytest.raises(UnsupportedModelError, match=heads) as refused:
        locate(str(model))
    assert str(refused.value).startswith(f"{sum(map(len, pruned.values()))} heads of {model} were pruned")


@pytest.mark.parametrize("pruned", [{}, None, [], {"0": []}, {"0": 5}, "x"])
def test_no_pruned_heads(pruned: object, model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "pruned_heads": pruned}))
    assert locate(str(model)).format == "transformers"


def test_a_firefox_folder_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "vocab.enpt.spm").write_bytes(b"")
    (tmp_path / "model.enpt.intgemm.alphas.bin").write_bytes(struct.pack("<QQ", 1, 195) + b"\x00" * 100)
    found = locate(str(tmp_path))
    assert found.format == "marian"
    with pytest.raises(UnsupportedModelError, match="Firefox"):
        open_model(found, attn_implementation="eager")
    for content in (pickle.dumps(Bomb()), b"PK"):
        (tmp_path / "model.enpt.intgemm.alphas.bin").write_bytes(content)
        with pytest.raises(UnsafeModelError, match=r"\.bin"):
            locate(str(tmp_path))


def test_a_firefox_folder_with_something_wrong_says_what(tmp_path: Path) -> None:
    weights, vocabulary = tmp_path / "model.enpt.bin", tmp_path / "vocab.enpt.spm"
    vocabulary.write_bytes(b"")
    for content in (b"", b"hello", struct.pack("<QQ", 1, 0), struct.pack("<QQ", 2, 195)):
        weights.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"model.enpt.bin is not a Marian model"):
            locate(str(tmp_path))
    weights.write_bytes(struct.pack("<QQ", 1, 195))
    (tmp_path / "model.pten.bin").write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"2 files like model\*.bin: model.enpt.bin, model.pten.bin"):
        locate(str(tmp_path))
    (tmp_path / "model.pten.bin").unlink()
    vocabulary.rename(tmp_path / "srcvocab.enpt.spm")
    with pytest.raises(ModelFileError, match=r"no trgvocab\*.spm: the vocabulary"):
        locate(str(tmp_path))
    (tmp_path / "srcvocab.enpt.spm").unlink()
    with pytest.raises(ModelFileError, match=r"no \*.spm: the vocabulary"):
        locate(str(tmp_path))
    vocabulary.write_bytes(b"")
    weights.rename(tmp_path / "model.enpt.bin.gz")
    with pytest.raises(ModelFileError, match=r"no model\*.bin: the weights.*unpacked"):
        locate(str(tmp_path))


def test_the_weights_of_a_firefox_model_alone_are_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.enpt.bin").write_bytes(struct.pack("<QQ", 1, 195))
    with pytest.raises(ModelFileError, match="but not its vocabulary"):
        locate(str(tmp_path / "model.enpt.bin"))


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelFileError, match=r"not a .gguf file"):
        locate(str(tmp_path / "notes.txt"))
    with pytest.raises(ModelFileError, match="no model at"):
        locate(str(tmp_path / "nothing"))
    (tmp_path / "x.gguf").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelFileError, match="not a GGUF file"):
        locate(str(tmp_path / "x.gguf"))


def test_a_folder_with_gguf_files(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    write_gguf(tmp_path / "a.gguf")
    found = locate(str(tmp_path))
    assert (found.path.name, found.format, found.quantisation) == ("a.gguf", "gguf", "GGUF Q8_0")
    assert (found.title, found.licence) == ("Tiny llama", "mit")
    write_gguf(tmp_path / "b.gguf")
    with pytest.raises(ModelFileError, match=r"2 GGUF files: a.gguf, b.gguf"):
        locate(str(tmp_path))


def test_a_fingerprint_follows_the_content_and_not_the_place(model: Path, make_model) -> None:
    same = make_model("BertForMaskedLM", "bert", folder="elsewhere")
    assert fingerprint(same) == fingerprint(model)
    weights = bytearray((same / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (same / "model.safetensors").write_bytes(weights)
    assert fingerprint(same) != fingerprint(model)


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.enpt.spm"])
def test_a_fingerprint_follows_the_tokenizer(file: str, model: Path) -> None:
    """The same weights with another tokenizer read other tokens: another model."""
    (model / file).touch()
    seen = set()
    for end in (b"", b" ", b"\n"):
        content = (model / file).read_bytes().strip()
        (model / file).write_bytes(content + end)
        seen.add(locate(str(model)).revision)
    assert len(seen) == 3
    (model / "README.md").write_text("what it is")
    assert locate(str(model)).revision in seen


def test_a_fingerprint_sees_every_letter_of_a_large_vocabulary(model: Path) -> None:
    vocabulary = bytearray(b"word\n" * 4_000_000)
    (model / "vocab.txt").write_bytes(vocabulary)
    before = fingerprint(model)
    vocabulary[10_100_001] ^= 1
    (model / "vocab.txt").write_bytes(vocabulary)
    assert fingerprint(model) != before


def test_a_fingerprint_sees_a_change_in_a_large_file(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(bytes(20_000_000))
    before = fingerprint(file)
    with file.open("r+b") as stream:
        stream.seek(10_000_100)
        stream.write(b"x")
    assert fingerprint(file) != before


def test_every_refusal_says_what_to_do(model: Path) -> None:
    (model / "config.json").unlink()
    with pytest.raises(ModelError) as refused:
        locate(str(model))
    assert refused.value.todo


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_hidden_layers", 100_000),
        ("num_hidden_layers", 10**400),
        ("num_hidden_layers", 1e300),
        ("n_layer", 100_000),
        ("encoder_layers", 100_000),
        ("depths", [2, 100_000]),
        ("inner_group_num", 100_000),
        ("num_local_experts", 10**6),
        ("num_labels", 10**9),
        ("max_position_embeddings", 10**9),
        ("n_positions", 10**9),
        ("text_config", {"num_hidden_layers": 100_000}),
        ("parts", [{"text_config": {"num_labels": 10**9}}]),
    ],
)
def test_a_configuration_that_asks_for_more_than_any_model_has(model: Path, setting: str, value: object) -> None:
    edit(model / "config.json", **{setting: value})
    with pytest.raises(ModelFileError, match=r"config\.json of .* says that \w+ is .* at most [\d,]+ is believed"):
        locate(model)


def test_a_configuration_of_a_large_model_is_believed(model: Path) -> None:
    large = {"num_hidden_layers": 1_000, "num_labels": 21_843, "max_position_embeddings": 10_485_760}
    names = {"label2id": {"groups": 20_000}, "id2label": {"20000": "groups"}}
    edit(model / "config.json", num_local_experts=2_048, seed=10**15, **large, **names)
    assert locate(model).format == "transformers"


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_small_file_that_is_huge_is_not_read(model: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (model / file).open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(ModelFileError, match=rf"{file} of .* has 1,099,511,627,776 bytes; at most"):
        locate(model)


def test_a_gguf_file_that_asks_for_more_than_any_model_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_gguf, "LAYERS", 0)
    monkeypatch.setattr(
        "gguf.GGUFWriter.add_block_count", lambda self, count: self.add_uint32("llama.block_count", 10**5)
    )
    path = tiny_gguf.write_gguf(tmp_path / "deep.gguf")
    with pytest.raises(ModelFileError, match=r"says that llama\.block_count is 1e\+05; at most 1,000"):
        locate(path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_hidden_layers", -1),
        ("num_hidden_layers", 0),
        ("num_hidden_layers", -1.5),
        ("num_attention_heads", 0),
        ("num_key_value_heads", -2),
        ("n_layer", -1),
        ("encoder_layers", -3),
        ("decoder_attention_heads", -4),
        ("hidden_size", 0),
        ("hidden_size", -1),
        ("d_model", -16),
        ("intermediate_size", -1),
        ("vocab_size", 0),
        ("type_vocab_size", -2),
    ],
)
def test_a_configuration_that_counts_less_than_nothing(model: Path, setting: str, value: float) -> None:
    edit(model / "config.json", **{setting: value})
    with pytest.raises(
        ModelFileError, match=rf"config\.json of .* says that {setting} is {value}; no model has so many"
    ):
        locate(model)


def test_no_configuration_of_transformers_is_called_senseless() -> None:
    from transformers import CONFIG_MAPPING

    from memviz.models.bounds import check_settings

    kinds = (
        "albert bart bert big_bird bloom canine deberta-v2 doge dpr electra funnel gemma3_text gpt2 gpt_oss led llama "
        "llava longformer m2m_100 mamba marian mistral mpnet mt5 opt phi3 qwen3 reformer roformer rwkv t5 xlm xlnet"
    )
    for kind in kinds.split():
        check_settings(CONFIG_MAPPING[kind]().to_dict(), name=kind, file="config.json")
    with pytest.raises(ModelFileError):
        check_settings({**CONFIG_MAPPING["bert"]().to_dict(), "vocab_size": -1}, name="bert", file="config.json")
