"""The hub, played by a stand-in: no network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import huggingface_hub
import pytest
from huggingface_hub import errors

from memviz.errors import FetchError, ModelFileError, UnknownModelError, UnsafeModelError
from memviz.models import Policy, cache, folders, hub, hub_download, locate, open_model, preview
from memviz.models.hub_errors import UnreachableError

SHA = "0123456789abcdef0123456789abcdef01234567"
ID = "somebody/tiny-bert"


def info(sizes: dict[str, int | None], *, sha: str = SHA, **more: Any) -> SimpleNamespace:
    siblings = [SimpleNamespace(rfilename=name, size=size) for name, size in sizes.items()]
    card = {"license": "apache-2.0"}
    return SimpleNamespace(**{"sha": sha, "siblings": siblings, "card_data": card, "tags": [], "gated": False, **more})


GOOD = {
    "config.json": 500,
    "model.safetensors": 90_000,
    "tokenizer.json": 700,
    "README.md": 10_000,
    "pytorch_model.bin": 90_000,
    "onnx/model.safetensors": 90_000,
    "model.fp16.safetensors": 45_000,
    "modeling_mine.py": 1_000,
}


class Hub:
    """What the stand-in answers, and what it was asked."""

    answer: ClassVar[Any] = None
    discussions: ClassVar[list[Any]] = []
    revisions: ClassVar[dict[str, Any]] = {}

    def model_info(self, id: str, *, revision: str | None = None, **options: Any) -> Any:
        assert options == {"files_metadata": True, "timeout": hub.TIMEOUT}
        answer = self.revisions[revision] if revision else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def get_repo_discussions(self, id: str, *, author: str, discussion_type: str) -> Any:
        assert discussion_type == "pull_request"
        return iter(self.discussions)


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch, make_model, tmp_path: Path) -> Any:
    """A hub that holds one tiny model; ``net.fail`` is what a download raises."""
    model = make_model("BertForMaskedLM", "bert")
    state = SimpleNamespace(api=Hub, downloads=[], here={}, fail=None, bytes=(), stalled=threading.Event())

    def snapshot_download(
        id: str, *, revision: str, allow_patterns: Any, local_files_only: bool = False, tqdm_class: Any = None
    ) -> str:
        if local_files_only:
            if (id, revision) in state.here:
                return str(state.here[id, revision])
            raise errors.LocalEntryNotFoundError("not here")
        state.downloads.append((id, revision, allow_patterns))
        bar = tqdm_class(total=0, unit="B", unit_scale=True, name="huggingface_hub.snapshot_download", desc="x")
        files = tqdm_class(total=3, desc="Fetching 3 files")
        for count in state.bytes:
            bar.update(count)
            files.update(1)
            if state.stalled.wait(0.3):
                break
        if state.fail:
            raise state.fail
        target = tmp_path / "hub" / revision
        target.mkdir(parents=True, exist_ok=True)
        for name in allow_patterns:
            if (model / name).is_file():
                (target / name).write_bytes((model / name).read_bytes())
        state.here[id, revision] = target
        return str(target)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(Hub, "answer", info(GOOD))
    monkeypatch.setattr(Hub, "discussions", [])
    monkeypatch.setattr(Hub, "revisions", {})
    return state


def http(kind: type[Exception], text: str = "") -> Exception:
    """An error of the hub, made without an answer of a server."""
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    return error


@pytest.fixture
def blobs(net: Any, tmp_path: Path) -> Path:
    """A downloaded commit as the hub's client lays it: links to files that are called by their hashes."""
    path, _ = hub.fetch(ID, policy=Policy.library())
    for file in list(path.iterdir()):
        content = file.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        blob = tmp_path / (hashlib.sha256(content).hexdigest() if file.suffix == ".safetensors" else git)
        file.rename(blob)
        file.symlink_to(blob)
    net.downloads.clear()
    return path


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_that_does_not_hold_what_the_hub_gave_is_fetched_again(net: Any, blobs: Path, file: str) -> None:
    good = (blobs / file).read_bytes()
    assert hub.damaged_file(blobs) == ""
    assert hub.fetch(ID, policy=Policy.library())[0] == blobs
    assert net.downloads == []
    blob = (blobs / file).resolve()
    blob.write_bytes(bytes(len(good)))
    assert hub.damaged_file(blobs) == file
    assert hub.fetch(ID, policy=Policy.library())[0] == blobs
    assert len(net.downloads) == 1
    assert (blobs / file).read_bytes() == good


def test_a_damaged_file_is_named_where_the_hub_cannot_be_asked(
    net: Any, blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (blobs / "config.json").resolve().write_bytes(b" " * (blobs / "config.json").stat().st_size)
    monkeypatch.setattr(Hub, "answer", ConnectionError("no route"))
    with pytest.raises(
        ModelFileError, match=r"config.json of somebody/tiny-bert does not hold .* could not be reached"
    ):
        locate(ID)
    assert (blobs / "config.json").exists()  # it may be all that anybody has


def test_the_plan_takes_safetensors_and_settings_at_the_top_only(net: Any) -> None:
    plan = hub.plan(ID)
    assert plan.files == ("config.json", "model.safetensors", "tokenizer.json")
    assert plan.size == 500 + 90_000 + 700
    assert (plan.revision, plan.licence) == (SHA, "apache-2.0")


def test_weights_in_parts_come_with_their_index(net: Any) -> None:
    parts = {f"model-0000{n}-of-00002.safetensors": 10 for n in (1, 2)}
    net.api.answer = info({"config.json": 1, folders.INDEX: 5, "consolidated.safetensors": 99, **parts})
    assert set(hub.plan(ID).files) == {"config.json", folders.INDEX, *parts}
    assert hub.plan(ID).size == 26


def test_a_model_is_fetched_pinned_and_opens(net: Any) -> None:
    found = locate(ID)
    assert (found.name, found.revision, found.licence, found.format) == (ID, SHA, "apache-2.0", "transformers")
    assert net.downloads == [(ID, SHA, ["config.json", "model.safetensors", "tokenizer.json"])]
    assert not list(found.path.glob("*.bin"))
    model, _ = open_model(found, attn_implementation="sdpa")
    assert type(model).__name__ == "BertForMaskedLM"


def test_the_catalogue_name_of_a_hub_model_keeps_its_own_facts(net: Any) -> None:
    found = locate("bert-base-uncased")
    assert (found.name, found.title, found.licence) == ("bert-base-uncased", "BERT base, uncased", "Apache-2.0")
    assert found.revision == SHA
    assert net.downloads[0][0] == "google-bert/bert-base-uncased"


def test_what_is_here_is_not_downloaded_again(net: Any) -> None:
    locate(ID)
    locate(ID)
    assert len(net.downloads) == 1
    net.here[ID, SHA].joinpath("tokenizer.json").unlink()
    locate(ID)
    assert len(net.downloads) == 2


def test_a_newer_commit_is_fetched(net: Any) -> None:
    locate(ID)
    net.api.answer = info(GOOD, sha="f" * 40)
    assert locate(ID).revision == "f" * 40


def test_offline_the_last_commit_is_used(net: Any) -> None:
    first = locate(ID)
    net.api.answer = errors.OfflineModeIsEnabled("offline")
    assert locate(ID) == first
    assert preview(ID).here


def test_offline_a_copy_that_another_program_fetched_is_used(
    net: Any, make_model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    net.api.answer = OSError("no route to host")
    with pytest.raises(UnreachableError):
        locate(ID)
    kept = "hf/models--somebody--tiny-bert"
    older = make_model("BertForMaskedLM", "bert", folder=f"{kept}/snapshots/older")
    newer = make_model("BertForMaskedLM", "bert", folder=f"{kept}/snapshots/newer")
    os.utime(older, (1, 1))
    assert (locate(ID).path, locate(ID).revision) == (newer, "newer")
    assert preview(ID).here
    (tmp_path / kept / "refs").mkdir()
    (tmp_path / kept / "refs" / "main").write_text("older")
    assert locate(ID).revision == "older"
    (older / "model.safetensors").unlink()
    assert locate(ID).revision == "newer"
    (newer / "config.json").unlink()
    with pytest.raises(UnreachableError):
        locate(ID)


def test_a_broken_note_is_no_obstacle(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    locate(ID)
    (note,) = (cache.folder() / "hub").iterdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", "/nowhere")
    for content in ("{", "[]", '{"id": 3}'):
        note.write_text(content)
        assert not hub.is_here(ID)
        assert locate(ID).revision == SHA


def test_the_size_is_looked_at_before_the_download(net: Any) -> None:
    net.api.answer = info({**GOOD, "model.safetensors": 7_500_000_000})
    assert preview(ID).size == 7_500_001_200
    with pytest.raises(FetchError, match=r"a download of 7.5 GB; the limit is 6 GB.*MEMVIZ_MAX_DOWNLOAD_GB"):
        locate(ID)
    assert net.downloads == []
    with pytest.raises(FetchError, match=r"the limit is 0.0005 GB"):
        locate(ID, policy=Policy(max_download_gb=0.0005))


def test_a_large_model_that_is_here_already_may_be_opened(net: Any) -> None:
    locate(ID)
    assert locate(ID, policy=Policy(max_download_gb=0)).revision == SHA


def test_a_full_disk_is_seen_before(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(FetchError, match=r"MB are needed .* set HF_HUB_CACHE to a folder on a larger disk") as refused:
        locate(ID)
    assert "MEMVIZ_CACHE" not in str(refused.value), "that would not move what comes from the hub"


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (http(errors.GatedRepoError), FetchError, r"gated.*https://huggingface.co/somebody/tiny-bert.*hf auth login"),
        (http(errors.RepositoryNotFoundError), UnknownModelError, r"no public model somebody/tiny-bert"),
        (http(errors.HfHubHTTPError, "500 Server Error\nmore"), FetchError, r"refused .*: 500 Server Error Try"),
        (http(errors.HfHubHTTPError), FetchError, "HfHubHTTPError"),
        (errors.OfflineModeIsEnabled("x"), UnreachableError, "could not be reached"),
        (OSError(-2, "Name or service not known"), UnreachableError, "Name or service not known"),
        (RuntimeError("anything"), UnreachableError, "RuntimeError anything"),
    ],
)
def test_what_the_hub_says_is_explained(net: Any, raised: Exception, kind: type[Exception], said: str) -> None:
    net.api.answer = raised
    with pytest.raises(kind, match=said):
        locate(ID)
    net.api.answer = info(GOOD)
    net.fail = raised
    with pytest.raises(kind, match=said):
        locate(ID)
    net.fail = None
    assert locate(ID).revision == SHA


def test_a_full_disk_during_the_download(net: Any) -> None:
    net.fail = OSError(28, "No space left on device")
    with pytest.raises(FetchError, match=r"is full.* set HF_HUB_CACHE to"):
        locate(ID)
    net.fail = PermissionError(13, "Permission denied")
    with pytest.raises(FetchError, match=r"may not write in .* set HF_HUB_CACHE to"):
        locate(ID)


def test_the_setting_that_an_error_names_moves_the_cache(tmp_path: Path) -> None:
    program = "from memviz.models.hub_download import hub_cache; print(hub_cache())"
    env = {**os.environ, hub_download.SETTING: str(tmp_path), "HF_HOME": "/elsewhere"}
    root = Path(hub.__file__).parents[2]
    told = subprocess.run([sys.executable, "-c", program], cwd=root, env=env, capture_output=True, text=True)
    assert told.stdout.strip() == str(tmp_path)


def test_no_safetensors(net: Any) -> None:
    net.api.answer = info({"config.json": 1, "pytorch_model.bin": 9, "rust_model.ot": 9})
    with pytest.raises(
        UnsafeModelError, match=r"no weights in the safetensors format \(it has pytorch_model.bin\)"
    ) as no:
        locate(ID)
    assert "https://huggingface.co/spaces/safetensors/convert" in str(no.value)
    net.api.answer = info({"config.json": 1, "model.gguf": 9, "pytorch_model.bin": 9})
    with pytest.raises(UnsafeModelError, match="MemViz never opens these"):
        locate(ID)
    net.api.answer = info({"tiny.Q4_1.gguf": 9})
    with pytest.raises(UnsafeModelError, match=r"Download one of its .gguf files"):
        locate(ID)
    net.api.answer = info({"README.md": 9})
    with pytest.raises(UnsafeModelError, match=r"none at all\)\. Choose a model that has model\.safetensors"):
        locate(ID)
    assert net.downloads == []


def request(author: str, *, title: str = hub._ROBOT_TITLE, status: str = "open", reference: str = "refs/pr/7") -> Any:
    return SimpleNamespace(author=author, title=title, status=status, git_reference=reference)


def test_the_conversion_of_the_hubs_robot_is_used(net: Any) -> None:
    net.api.answer = info({"config.json": 1, "pytorch_model.bin": 9})
    net.api.discussions = [
        request("Mallory", reference="refs/pr/1"),
        request("SFconvertbot", title="Something else", reference="refs/pr/2"),
        request("SFconvertbot", status="closed", reference="refs/pr/3"),
        request("SFconvertbot"),
    ]
    net.api.revisions = {"refs/pr/7": info(GOOD, sha="7" * 40)}
    assert locate(ID).revision == "7" * 40
    net.api.discussions = [request("Mallory")]
    with pytest.raises(UnsafeModelError):
        hub.plan(ID)


def test_remote_code_on_the_hub_is_refused(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = locate(ID)
    (found.path / "config.json").write_text('{"model_type": "mine", "auto_map": {"AutoConfig": "x.Y"}}')
    with pytest.raises(UnsafeModelError, match="remote code"):
        locate(ID)


@pytest.mark.parametrize(("card", "tags", "licence"), [(None, ["license:mit", "en"], "mit"), ({}, [], "")])
def test_the_licence_comes_from_the_card_or_the_tags(net: Any, card: Any, tags: list[str], licence: str) -> None:
    net.api.answer = info(GOOD, card_data=card, tags=tags)
    assert hub.plan(ID).licence == licence


def test_progress_counts_bytes_in_the_thread_that_asked(net: Any) -> None:
    net.bytes = (30_000, 30_000)
    said = []
    locate(ID, progress=lambda fraction, label: said.append((round(fraction, 2), label, threading.current_thread())))
    assert {thread for *_, thread in said} == {threading.current_thread()}
    assert (0.33, "Downloading") in {(fraction, label) for fraction, label, _ in said}
    assert (0.66, "Downloading") in {(fraction, label) for fraction, label, _ in said}
    assert said[-1][:2] == (1.0, "Ready")


def test_raising_from_the_progress_ends_the_download(net: Any) -> None:
    net.bytes = (1,) * 1000

    def stop(fraction: float, label: str) -> None:
        if label == "Downloading":
            raise InterruptedError

    before = threading.active_count()
    with pytest.raises(InterruptedError):
        locate(ID, progress=stop)
    for thread in threading.enumerate():
        if thread.name.startswith("memviz-download"):
            thread.join(timeout=5)
    assert threading.active_count() <= before
    assert net.here == {}
    assert hub_download.download is hub.download


def test_preview_of_a_hub_model(net: Any) -> None:
    before = preview(ID)
    assert (before.size, before.here, before.licence, before.title) == (91_200, False, "apache-2.0", ID)
    assert net.downloads == []
    assert (preview("gpt2").size, preview("gpt2").licence) == (91_200, "MIT")
    locate(ID)
    assert (preview(ID).size, preview(ID).here) == (0, True)


@pytest.mark.parametrize(
    "problem",
    [
        OSError(28, "No space left on device"),
        RuntimeError("Data processing error: I/O error: No space left (os error 28)"),
    ],
)
def test_a_disk_that_is_full_is_not_taken_for_a_hub_that_is_not_there(net: Any, problem: Exception) -> None:
    net.fail = problem
    with pytest.raises(FetchError, match=r"The disk that holds .* is full.*HF_HUB_CACHE") as refused:
        locate(ID)
    assert not isinstance(refused.value, UnreachableError)
