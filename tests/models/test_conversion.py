"""A GGUF file becomes an ordinary model: the same weights, the same tokens, and no trace of GGUF."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import torch

from memviz.errors import FetchError
from memviz.models import conversion, locate, open_model

gguf = pytest.importorskip("gguf")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tiny_gguf import write_gguf

    (tmp_path / "source").mkdir()
    monkeypatch.setattr(gguf, "GGUFReader", gguf.GGUFReader)  # the conversion replaces it, in a process of its own
    return write_gguf(tmp_path / "source" / "tiny.gguf")


def test_the_converted_model_is_the_same_model(file: Path, tmp_path: Path) -> None:
    said = []
    conversion.convert(
        "gguf", file.parent, into=tmp_path / "out", progress=lambda fraction, label: said.append(fraction)
    )
    assert said == sorted(said)
    before, their_tokens = open_model(locate(str(file)), attn_implementation="eager")
    after, our_tokens = open_model(locate(str(tmp_path / "out")), attn_implementation="eager")
    assert type(after) is type(before)
    for (name, left), (_, right) in zip(before.named_parameters(), after.named_parameters(), strict=True):
        assert torch.equal(left, right), name
    text = "the cat  12 sat\n\n3 times 猫😀"
    assert our_tokens(text).input_ids == their_tokens(text).input_ids
    ids = torch.tensor([our_tokens(text).input_ids])
    assert torch.equal(before(ids).logits, after(ids).logits)


def test_nothing_says_any_more_that_it_was_quantised(file: Path, tmp_path: Path) -> None:
    conversion.convert("gguf", file.parent, into=tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    settings = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
    assert "quantization_config" not in config
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert settings["model_max_length"] == 128
    assert "local_files_only" not in settings
    assert str(tmp_path) not in json.dumps([config, settings])


def test_raising_from_the_progress_stops_the_process(file: Path, tmp_path: Path, monkeypatch) -> None:
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])

    def stop(fraction: float, label: str) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        conversion.convert_apart("gguf", file.parent, into=tmp_path / "out", work=tmp_path / "work", progress=stop)
    assert [process.poll() for process in started] == [-signal.SIGKILL]


def test_the_latest_progress_is_read_among_other_output(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    for text, expected in [
        ("", (0.0, "Converting, once")),
        ("some library says hello\n", (0.0, "Converting, once")),
        ("0.100\tFirst\nnoise 0.9\n0.400\tSecond\n0.9", (0.4, "Second")),
    ]:
        log.write_text(text)
        assert conversion._latest(log) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("SafetensorError: I/O error: No space left on device (os error 28)", "is full"),
        ("Traceback\n  line\nImportError: install gguf>=0.10.0\n", r"x.gguf could not be converted: ImportError"),
        ("", "it was stopped"),
    ],
)
def test_why_a_conversion_failed(said: str, expected: str) -> None:
    with pytest.raises(FetchError, match=expected):
        raise conversion._failed("x.gguf", log=said)


def test_the_program_takes_two_paths_and_tells_how_far_it_is(file: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(conversion.sys, "argv", ["-c", "gguf", str(file.parent), str(tmp_path / "out")])
    conversion.main()
    (tmp_path / "log").write_text(capsys.readouterr().out)
    assert conversion._latest(tmp_path / "log") == (0.9, "Saving")
    assert (tmp_path / "out" / "model.safetensors").is_file()
