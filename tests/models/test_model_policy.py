from pathlib import Path

import pytest

from memviz.errors import ModelError, UnknownModelError, UnsafeModelError
from memviz.models import Policy


def test_a_library_may_open_anything_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.library()
    assert policy == Policy(allowed=None, local="any", max_download_gb=6.0)
    policy.check_name("anything/at-all")
    monkeypatch.chdir(tmp_path)
    assert policy.local_path("models/x") == tmp_path.resolve() / "models" / "x"
    assert policy.local_path("~/x") == Path.home() / "x"


def test_a_server_is_closed_to_local_paths_unless_a_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.server()
    assert policy == Policy(allowed=None, local=None)
    with pytest.raises(UnsafeModelError, match="switched off"):
        policy.local_path("/etc/passwd")
    monkeypatch.setenv("MEMVIZ_MODELS", " minilm, openai-community/gpt2 ,")
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", "/srv/models")
    monkeypatch.setenv("MEMVIZ_MAX_DOWNLOAD_GB", "1.5")
    assert Policy.server() == Policy(
        allowed=("minilm", "openai-community/gpt2"), local=Path("/srv/models"), max_download_gb=1.5
    )


def test_only_listed_names_are_allowed() -> None:
    policy = Policy(allowed=("minilm", "openai-community/gpt2"))
    policy.check_name("minilm")
    policy.check_name("gpt2", "openai-community/gpt2")
    with pytest.raises(UnknownModelError, match=r"smollm2 is not offered here. Choose one of: minilm, openai-comm"):
        policy.check_name("smollm2")
    with pytest.raises(UnknownModelError):
        policy.check_name("MiniLM")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An allowed folder, a secret beside it, and links that lead out of it."""
    (tmp_path / "allowed" / "inside").mkdir(parents=True)
    (tmp_path / "allowed-too").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "allowed" / "inner").symlink_to(tmp_path / "allowed" / "inside")
    return tmp_path / "allowed"


@pytest.mark.parametrize("name", ["inside", "./inside", "x/../inside", "inner", "not-there"])
def test_paths_inside_the_folder_are_allowed(root: Path, name: str) -> None:
    path = Policy(local=root).local_path(name)
    assert path.is_relative_to(root.resolve())
    assert Policy(local=root).local_path(root / name) == path


@pytest.mark.parametrize(
    "name", ["..", "../secret", "inside/../../secret", "link", "link/x", "/etc/passwd", "../allowed-too", "/"]
)
def test_paths_outside_the_folder_are_refused_whether_they_exist_or_not(root: Path, name: str) -> None:
    with pytest.raises(UnsafeModelError, match="outside the folder") as refused:
        Policy(local=root).local_path(name)
    assert str(root.parent) not in str(refused.value) or name.startswith("/")


def test_a_server_does_not_expand_the_home_of_anybody(root: Path) -> None:
    assert Policy(local=root).local_path("~root") == root.resolve() / "~root"


@pytest.mark.parametrize("value", ["abc", "-1", "nan"])
def test_a_limit_that_is_no_size_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_DOWNLOAD_GB", value)
    with pytest.raises(ModelError, match=f"MEMVIZ_MAX_DOWNLOAD_GB is {value}"):
        Policy.server()
