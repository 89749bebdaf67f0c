"""What a written name means, and names that mean harm."""

import os
from pathlib import Path

import pytest

from memviz.errors import ModelError, ModelFileError, UnknownModelError, UnsafeModelError
from memviz.models import CATALOGUE, Policy, hub, locate, location, names, preview, table, wheels
from memviz.models.hub_errors import UnreachableError
from memviz.models.location import resolve_name

SERVER = Policy(local=None)


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub does not answer; whoever asks is written down."""

    def plan(id: str) -> None:
        raise UnreachableError("hub asked for {id}", id=id)

    monkeypatch.setattr(hub, "plan", plan)
    monkeypatch.setattr(hub, "is_here", lambda id: False)
    monkeypatch.setattr(hub, "_snapshot", lambda id, plan: None)


def test_the_catalogue_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    assert resolve_name("minilm", policy=Policy()) is CATALOGUE["minilm"]
    assert resolve_name("  minilm ", policy=Policy()) is CATALOGUE["minilm"]
    assert resolve_name(Path("minilm"), policy=Policy()) == tmp_path.resolve() / "minilm"
    assert resolve_name("./minilm", policy=Policy()) == tmp_path.resolve() / "minilm"


def test_a_folder_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_name("models/mine", policy=Policy()) == "models/mine"
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert resolve_name("models/mine", policy=Policy()) == tmp_path.resolve() / "models" / "mine"
    assert resolve_name("models/mine", policy=SERVER) == "models/mine"
    assert resolve_name("models/mine", policy=Policy(local=tmp_path)) == tmp_path.resolve() / "models" / "mine"


@pytest.mark.parametrize("name", ["gpt3", "google-bert/bert-base-cased", "a/b.c_d-e", "1x"])
def test_hub_ids(name: str) -> None:
    assert resolve_name(name, policy=SERVER) == name


@pytest.mark.parametrize("name", ["/abs", "./x", "../x", "~/x", "a/b/c", "x.gguf", "X.GGUF", "a\\b", "..", "."])
def test_names_that_are_paths(name: str) -> None:
    assert isinstance(resolve_name(name, policy=Policy()), Path)
    with pytest.raises(UnsafeModelError, match="switched off"):
        resolve_name(name, policy=SERVER)


ATTACKS = [
    "",
    "   ",
    "mini lm",
    "../../etc/passwd",
    "minilm/../../../etc/passwd",
    "/etc/passwd",
    "~/.ssh/id_rsa",
    "https://example.com/model",
    "http://169.254.169.254/latest",
    "file:///etc/passwd",
    "hf://google/bert",
    "minilm\x00.gguf",
    "a\nb",
    "\ud800",
    "x" * 10_000,
    "../" * 400,
    "a/../b",
    "-rf",
    "--trust-remote-code",
    "a--b/c",
    "org/..",
    "<script>alert(1)</script>",
    "$(reboot)",
    "{name}",
    "模型",
    "%2e%2e/x",
    "C:\\Windows\\x",
    "\\\\server\\share",
    "a/b/c/d",
    "nul\u202egnp",
]


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_no_bad_name_gets_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server each is refused, without a look at the file system and without a question to the hub."""

    def touched(*arguments: object, **options: object) -> None:
        pytest.fail(f"touched the file system: {arguments}")

    monkeypatch.setattr(os.path, "isdir", touched)
    monkeypatch.setattr(Path, "resolve", touched)
    monkeypatch.setattr(wheels, "fetch", touched)
    with pytest.raises((UnknownModelError, UnsafeModelError)) as refused:
        locate(name, policy=SERVER)
    said = str(refused.value)
    assert "hub asked" not in said
    assert len(said) < 700
    assert refused.value.todo


@pytest.mark.parametrize("name", ATTACKS, ids=ascii)
def test_bad_names_are_errors_in_the_library_too(name: str) -> None:
    with pytest.raises(ModelError):
        locate(name)
    with pytest.raises(ModelError):
        preview(name)


@pytest.mark.parametrize("name", [None, 3, b"minilm", ["minilm"]])
def test_what_is_no_name_at_all(name: object) -> None:
    with pytest.raises(UnknownModelError, match=r"memviz.Reader|No model is named"):
        locate(name)


def test_a_web_address_is_answered_with_the_id() -> None:
    with pytest.raises(UnknownModelError, match=r"Give the id alone: openai-community/gpt2\.$"):
        locate("https://huggingface.co/openai-community/gpt2/tree/main")
    with pytest.raises(UnknownModelError, match=r"Give the id alone: owner/name\.$"):
        locate("https://example.com/gpt2")


MISSPELLED = [("minlm", "minilm"), ("Smollm2", "smollm2"), ("gpt-2", "gpt2"), ("google-t5/t5-smal", "t5-small")]


@pytest.mark.parametrize(("typed", "near"), MISSPELLED)
def test_a_misspelled_name_is_answered_with_the_nearest(typed: str, near: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(id: str) -> None:
        raise UnknownModelError("The model hub has no public model {id}.", id=id)

    monkeypatch.setattr(hub, "plan", unknown)
    for ask in (locate, preview):
        with pytest.raises(UnknownModelError, match=rf"No model called {typed} is known.*Did you mean .*{near}\b"):
            ask(typed)


@pytest.mark.parametrize(("typed", "near"), MISSPELLED)
def test_a_hub_that_is_away_is_never_said_to_lack_a_model(typed: str, near: str) -> None:
    for ask in (locate, preview):
        with pytest.raises(UnreachableError, match=rf"^The model hub could not be reach.*you mean .*{near}\b") as away:
            ask(typed)
        assert "No model called" not in str(away.value)


def test_a_name_like_no_other_lists_all() -> None:
    with pytest.raises(UnknownModelError, match=r"known are minilm, smollm2, .*bart-base"):
        locate("what is this?")


def test_an_unreachable_hub_is_said_when_nothing_is_near() -> None:
    with pytest.raises(UnreachableError, match="hub asked for zzz/yyy"):
        locate("zzz/yyy")
    with pytest.raises(UnreachableError, match="hub asked for openai-community/gpt2"):
        locate("gpt2")


def test_an_unknown_home_and_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for name in ("~nobody-of-that-name/x", str(tmp_path / "round")):
        with pytest.raises(ModelFileError, match="no model at"):
            locate(name)


def test_the_allow_list_holds_for_both_names_of_a_model() -> None:
    only_gpt2 = Policy(allowed=("openai-community/gpt2",), local=None)
    assert resolve_name("gpt2", policy=only_gpt2) is CATALOGUE["gpt2"]
    assert resolve_name("openai-community/gpt2", policy=only_gpt2) == "openai-community/gpt2"
    assert names(policy=only_gpt2) == ("gpt2",)
    assert resolve_name("openai-community/gpt2", policy=Policy(allowed=("gpt2",))) == "openai-community/gpt2"
    for name in ("minilm", "minlm", "google-t5/t5-small"):
        with pytest.raises(UnknownModelError, match="not offered here"):
            locate(name, policy=only_gpt2)
        with pytest.raises(UnknownModelError, match="not offered here"):
            preview(name, policy=only_gpt2)


def test_local_models_of_a_server(make_model, tmp_path: Path) -> None:
    path = make_model("BertModel", "bert", folder="allowed/mine")
    policy = Policy(allowed=("minilm",), local=path.parent)
    assert locate("mine", policy=policy).path == path.resolve()
    assert locate("./mine", policy=policy).name == "./mine"
    (path.parent / "escape").symlink_to(tmp_path)
    for name in ("../model", "escape/allowed/mine", str(tmp_path)):
        assert not Path(name).is_relative_to(path.parent)
        if name.startswith("escape"):
            continue
        with pytest.raises(UnsafeModelError, match="outside the folder"):
            locate(name, policy=policy)
    with pytest.raises(UnknownModelError, match="not offered"):
        locate("escape", policy=policy)


def test_names_and_table() -> None:
    assert names()[:2] == ("minilm", "smollm2")
    shown = table()
    assert list(shown["name"]) == list(names())
    assert not shown["here"].any()
    row = shown.set_index("name").loc["smollm2"]
    assert (row["size_mb"], row["licence"], row["family"]) == (93, "Apache-2.0", "decoder-only")


def test_preview_of_a_wheel_and_of_a_folder(make_entry, make_model) -> None:
    entry = make_entry({"tiny/w": b"x"})
    before = preview("tiny")
    assert (before.size, before.here, before.licence) == (entry.size, False, "MIT")
    locate("tiny")
    assert (preview("tiny").size, preview("tiny").here) == (0, True)
    assert location.table().set_index("name").loc["tiny", "here"]
    local = preview(make_model("BertModel", "bert"))
    assert (local.size, local.here) == (0, True)
