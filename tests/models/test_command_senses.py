"""``memviz transcribe|look|completion|app``: the model's numbers, files by their ending, what opens the pages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

import memviz
from memviz import extras
from memviz.command import app
from memviz.command.main import main
from memviz.models import CATALOGUE
from tests.reading.senses import RATE, SAMPLES, hearing, seeing

ROOT = Path(memviz.__file__).parents[1]
MEDIA = ROOT / "memviz" / "ui" / "media"


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound file; every model is a tiny one that hears."""
    monkeypatch.setattr(memviz, "load", lambda name, **options: hearing(), raising=False)
    path = tmp_path / "sound.wav"
    soundfile.write(path, SAMPLES, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture file; every model is a tiny one that sees."""
    monkeypatch.setattr(memviz, "load", lambda name, **options: seeing(), raising=False)
    return MEDIA / "coffee.jpg"


def test_a_sound_is_written_down_with_its_times(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = sound.with_suffix(".srt")
    assert main(["transcribe", str(sound), "--target", "the cat", "--json", "--out", str(target)]) == 0
    fields = json.loads(capsys.readouterr().out)
    trace = hearing().transcribe(str(sound), target="the cat")
    times = memviz.measures.word_times(trace)
    assert fields["output"] == trace.output
    assert [row["word"] for row in fields["words"]] == [word.text for word in times]
    assert [row["start"] for row in fields["words"]] == pytest.approx([word.start for word in times], abs=1e-3)
    assert target.read_text("utf-8") == memviz.tables.srt(times)
    assert times


def test_one_head_of_a_sound_is_that_head(sound: Path) -> None:
    out = sound.with_suffix(".csv")
    assert (
        main(["transcribe", str(sound), "--target", "the cat", "--layer", "1", "--head", "0", "--out", str(out)]) == 0
    )
    trace = hearing().transcribe(str(sound), target="the cat")
    expected = memviz.measures.word_times(trace, [(1, 0)])
    assert pd.read_csv(out)["peak"].tolist() == pytest.approx([word.peak for word in expected], abs=1e-3)


def test_a_picture_says_where_every_head_looks_most(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", str(picture)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[3:]]
    trace = seeing().look(str(picture))
    memory, count = trace.memory(), trace.source.rows * trace.source.columns
    assert len(rows) == memory.layers * memory.heads
    for name, patch, weight, share in rows:
        layer, head = (int(part[1:]) for part in name.split("."))
        given = memory.pattern(layer, head)[0, -count:]
        row, column = divmod(int(given.argmax()), trace.source.columns)
        assert patch == f"{row + 1}·{column + 1}"
        assert float(weight) == pytest.approx(given.max(), abs=1e-4)
        assert float(share[:-1]) == pytest.approx(given.max() * count, abs=0.06)


def test_the_files_of_a_picture_hold_the_head(picture: Path, tmp_path: Path) -> None:
    for ending in (".csv", ".npz", ".png", ".svg", ".html"):
        assert (
            main(["look", str(picture), "--layer", "1", "--head", "2", "--out", str(tmp_path / f"look{ending}")]) == 0
        )
    trace = seeing().look(str(picture))
    given = trace.memory().pattern(1, 2)[0, -trace.source.rows * trace.source.columns :]
    assert pd.read_csv(tmp_path / "look.csv")["weight"].to_numpy() == pytest.approx(given, abs=1e-6)
    assert memviz.Trace.load(tmp_path / "look.npz").memory().pattern(1, 2) == pytest.approx(
        trace.memory().pattern(1, 2)
    )
    tinted = np.asarray(Image.open(tmp_path / "look.png").convert("RGB")).astype(int)
    plain = np.asarray(Image.open(picture).convert("RGB").resize(tinted.shape[1::-1])).astype(int)
    rows, columns = trace.source.rows, trace.source.columns
    high, wide = tinted.shape[0] / rows, tinted.shape[1] / columns
    changes = [
        np.abs(tinted - plain)[int(r * high) : int((r + 1) * high), int(c * wide) : int((c + 1) * wide)].mean()
        for r in range(rows)
        for c in range(columns)
    ]
    assert int(np.argmax(given)) in np.argsort(changes)[-3:], "the patch it looks at most is tinted most"
    assert "<image" in (tmp_path / "look.html").read_text("utf-8")


def test_what_cannot_be_written_or_opened_is_one_line(
    picture: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, said in (
        (["look", str(picture), "--out", str(tmp_path / "look.srt")], "no kind of file that can be written"),
        (["look", str(picture), "--layer", "1"], "Give both"),
        (["transcribe", str(tmp_path / "none.wav")], "none.wav"),
    ):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "soundfile")
    assert main(["transcribe", str(sound)]) == 2
    assert capsys.readouterr().err == (
        'memviz: This needs soundfile, which is not installed: pip install "memviz-attention[speech]"\n'
    )


def test_a_shell_completes_commands_options_and_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        scripts[shell] = capsys.readouterr().out
        assert all(command in scripts[shell] for command in ("transcribe", "corpus", "--window", "minilm"))
    if not shutil.which("bash"):
        pytest.skip("no bash on this machine")
    (tmp_path / "memviz.sh").write_text(scripts["bash"], "utf-8")
    program = f"""source {tmp_path / "memviz.sh"}
    words() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_memviz; echo "${{COMPREPLY[@]}}"; }}
    words memviz tr; words memviz read x --model fire; words memviz read x --wi; words memviz completion "" """
    out = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()
    firefox = " ".join(name for name in CATALOGUE if name.startswith("fire"))
    assert out == ["translate transcribe", firefox, "--window", "bash zsh fish"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["app.py"]),
        (["app", "--port", "8600", "--no-browser"], ["app.py", "--server.port=8600", "--server.headless=true"]),
        (["app", "--with-headers"], ["server.py"]),
    ],
)
def test_without_a_command_the_pages_open(
    arguments: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(app.runpy, "run_module", lambda name, run_name: started.append([name, run_name, *sys.argv]))
    monkeypatch.setattr(sys, "argv", ["memviz"])
    assert main(arguments) == 0
    script, *flags = expected
    assert started == [["streamlit", "__main__", "streamlit", "run", str(ROOT / script), *flags]]
