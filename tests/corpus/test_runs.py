"""A run's numbers are those of single readings; interrupted at any moment and resumed, they are the same."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pyarrow.compute as pc
import pytest
from conftest import sentences

import memviz
from memviz import corpus
from memviz.command.main import main
from memviz.corpus import folder as folders
from memviz.corpus import texts as texts_room
from memviz.corpus.ray_engine import _connect
from memviz.corpus.results import Results
from memviz.corpus.rows import Rows
from memviz.errors import CorpusError, MissingPackageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reader(tiny: str):
    return memviz.load(tiny)


@pytest.fixture(scope="module")
def run_once(reader, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Results]:
    """Sixty sentences and two that are bad, in parts of 25."""
    texts = [*sentences(60), "", "the cat " * 60]
    with pytest.MonkeyPatch.context() as patch:
        for module in ("folder", "runs"):
            patch.setattr(f"memviz.corpus.{module}.CHUNK", 25)
        return texts, corpus.run(texts, model=reader, out=tmp_path_factory.mktemp("run") / "out")


def table(results: Results):
    return results.dataset().to_table().sort_by([("row", "ascending"), ("layer", "ascending"), ("head", "ascending")])


def test_every_number_is_that_of_a_reading_of_its_own(run_once, reader) -> None:
    texts, results = run_once
    frame = table(results).to_pandas()
    assert list(results.shape) == [2, 2]
    assert len(frame) == 61 * 4
    sums: dict[str, list[np.ndarray]] = {}
    for row, rows in frame.groupby("row"):
        text = texts[row] if row != 61 else texts[row][slice(*reader.stretch(texts[row]))]
        trace = reader.read(text)
        memory = trace.memory()
        expected = {
            "previous_token": memviz.measures.previous_token(memory),
            "induction": memviz.measures.induction(memory),
            "entropy": memviz.measures.entropy(memory).mean(-1),
            "sink_share": memviz.measures.sink_share(memory),
            "span": memviz.measures.span(memory),
        }
        weights = np.array([[memory.pattern(layer, head) for head in (0, 1)] for layer in (0, 1)])
        received = weights.sum(2) / np.arange(len(trace.tokens), 0, -1)  # of those that may look: itself and later ones
        special = [token.special for token in trace.tokens]
        closed = [token.text in {"the", "on", "because", "it", "was", "a"} for token in trace.tokens]
        content = [not (a or b) for a, b in zip(special, closed, strict=True)]
        for name, kind in (("special", special), ("function", closed), ("content", content)):
            known = any(kind) and (name == "special" or any(closed))
            mean = received[:, :, np.array(kind)].mean(-1) if known else np.full((2, 2), np.nan)
            expected[f"received_{name}"] = mean
        for name, values in expected.items():
            assert np.allclose(rows[name], values.ravel(), atol=1e-5, equal_nan=True), (name, row)
            sums.setdefault(name, []).append(values)
        assert np.allclose(rows["logprob"], np.nansum(trace.logprobs), rtol=1e-5)
        assert (rows["tokens"] == len(trace.tokens)).all()
        assert rows["role"].tolist() == memviz.measures.roles(memory).ravel().tolist()
    for name, values in sums.items():
        assert np.allclose(results.means(name, draws=50).mean, np.nanmean(values, axis=0), atol=1e-5), name


def test_a_long_text_is_cut_and_says_so_and_a_bad_row_is_named(run_once) -> None:
    texts, results = run_once
    last = table(results).filter(pc.field("row") == 61).to_pylist()
    assert all(row["cut"] and row["tokens"] <= 64 and row["characters"] < len(texts[61]) for row in last)
    assert not any(table(results).filter(pc.field("row") < 60)["cut"].to_pylist())
    assert vars(results.counts) == {"texts": 61, "cut": 1, "errors": 1}
    error = next(folders.Folder(results.path).errors(5))
    assert error["reason"] == error["note"].render() == "it is empty"
    table_of_errors = (results.path / "errors.csv").read_text(encoding="utf-8-sig")
    assert table_of_errors == 'row,id,reason,text\n60,60,"it is empty",""\n'
    assert results.settings["sha256"] == Rows(texts).sha256()


def test_roles_and_extremes_lead_back_to_the_texts(run_once, reader) -> None:
    texts, results = run_once
    roles = results.roles()
    assert (sum(roles.values()) == 61).all()
    high, low = results.extremes("entropy", 1, 0, count=3)
    own = {row: float(memviz.measures.entropy(reader.read(texts[row]).memory())[1, 0].mean()) for row in range(60)}
    assert [each.row for each in low if each.row in own] == sorted(own, key=own.get)[: len(low)]
    assert all(each.text == texts[each.row] for each in (*high, *low))
    assert high[0].value == max(each.value for each in (*high, *low))


def test_two_corpora_differ_where_their_numbers_do(run_once, reader, tmp_path: Path) -> None:
    _, results = run_once
    other = corpus.run(sentences(30, seed=5, most=6), model=reader, out=tmp_path / "other")
    found = corpus.compare(results, other, "entropy")
    expected = other.means("entropy", draws=2).mean - results.means("entropy", draws=2).mean
    assert np.allclose(found.difference, expected, atol=1e-6)
    assert (found.adjusted[expected < -0.3] < 0.05).all()
    assert (expected < -0.3).any()
    assert (found.adjusted >= found.p).all()


def test_a_folder_of_something_else_is_refused_with_the_reason(tiny: str, reader, write, tmp_path: Path) -> None:
    texts = sentences(4)
    out = tmp_path / "out"
    corpus.run(texts, model=reader, out=out)
    with pytest.raises(CorpusError, match="holds results already"):
        corpus.run(texts, model=reader, out=out)
    assert corpus.run(texts, model=reader, out=out, resume=True).counts.texts == 4
    with pytest.raises(CorpusError, match="another sha256"):
        corpus.run(sentences(5), model=reader, out=out, resume=True)
    for name, value in (("revision", "else"), ("memviz", "0.0.1"), ("format", 0)):
        settings = json.loads((out / "settings.json").read_text())
        (out / "settings.json").write_text(json.dumps({**settings, name: value}))
        with pytest.raises(CorpusError, match=f"another {name}: {value}"):
            corpus.run(texts, model=reader, out=out, resume=True)
        (out / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("mine")
    with pytest.raises(CorpusError, match="holds something else"):
        corpus.run(texts, model=reader, out=tmp_path / "mine", resume=True)
    with pytest.raises(CorpusError, match="holds no results"):
        Results.open(tmp_path / "mine")
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CorpusError, match="written by another MemViz"):
        Results.open(out)
    with pytest.raises(CorpusError, match="holds no texts"):
        corpus.run([], model=reader, out=tmp_path / "none")
    with pytest.raises(CorpusError, match="no engine"):
        corpus.run(texts, model=reader, out=tmp_path / "none", engine="spark")


def test_one_text_alone_and_texts_that_are_not_kept(reader, tmp_path: Path) -> None:
    results = corpus.run(["the cat sat"], model=reader, out=tmp_path / "one", keep_texts=False)
    interval = results.means("entropy")
    assert np.isfinite(interval.mean).all()
    assert np.isnan(interval.low).all()
    assert results.extremes("entropy", 0, 0)[0][0].text is None
    for file in results.path.rglob("*"):
        assert file.is_dir() or b"the cat sat" not in file.read_bytes(), file


def test_a_disk_that_is_full_keeps_what_was_read(reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.corpus.runs.CHUNK", 5)
    settle, calls = folders._settle, []

    def full(temporary: Path, path: Path) -> None:
        calls.append(path)
        if path.name == "part-00001.parquet" and len(calls) < 12:
            raise OSError(28, "No space left on device")
        settle(temporary, path)

    monkeypatch.setattr(folders, "_settle", full)
    texts = sentences(12)
    with pytest.raises(CorpusError, match=r"No space left on device.*--resume"):
        corpus.run(texts, model=reader, out=tmp_path / "out")
    assert not Results.open(tmp_path / "out").complete
    assert not [*(tmp_path / "out").rglob("*.tmp")]
    monkeypatch.setattr(folders, "_settle", settle)
    results = corpus.run(texts, model=reader, out=tmp_path / "out", resume=True)
    assert results.complete
    assert sorted(set(table(results)["row"].to_pylist())) == [*range(12)]


def test_a_disk_that_is_full_at_the_end_keeps_all_that_was_read(
    reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = folders._settle

    def full(temporary: Path, path: Path) -> None:
        if path.name == "errors.csv":
            raise OSError(28, "No space left on device")
        settle(temporary, path)

    monkeypatch.setattr(folders, "_settle", full)
    with pytest.raises(CorpusError, match=r"errors\.csv cannot be written \(No space left on device\).*--resume"):
        corpus.run(["the cat", ""], model=reader, out=tmp_path / "out")
    assert not [*(tmp_path / "out").rglob("*.tmp")]
    monkeypatch.setattr(folders, "_settle", settle)
    assert corpus.run(["the cat", ""], model=reader, out=tmp_path / "out", resume=True).counts.errors == 1


class LosingRay(ModuleType):
    """Ray whose actors are objects of this process, and are lost, as by a lack of memory, once they gave two parts."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayError=LookupError)
        self.parts = 0

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def remote(self, **_: object):
        def actor(kind: type) -> SimpleNamespace:
            def made(*inputs: object, **named: object) -> SimpleNamespace:
                one = kind(*inputs, **named)
                return SimpleNamespace(part=SimpleNamespace(remote=lambda *rows: lambda: one.part(*rows)))

            return SimpleNamespace(remote=made)

        return actor

    def wait(self, waiting: list, num_returns: int) -> tuple[list, list]:
        return waiting[:num_returns], waiting[num_returns:]

    def get(self, answer):
        self.parts += 1
        if self.parts > 2:
            raise LookupError("Task was killed due to the node running low on memory.\nIts log ...")
        return answer()


def test_a_cluster_that_is_lost_half_way_keeps_what_it_read(
    reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", LosingRay())
    monkeypatch.setattr("memviz.corpus.runs.require", lambda *_, **__: None)
    for module in ("folder", "runs"):
        monkeypatch.setattr(f"memviz.corpus.{module}.CHUNK", 5)
    texts = sentences(23)
    with pytest.raises(CorpusError, match=r"lost its workers \(Task was killed due to the .* memory\.\).*--resume"):
        corpus.run(texts, model=reader, out=tmp_path / "out", engine="ray")
    assert sorted(set(table(Results.open(tmp_path / "out"))["row"].to_pylist())) == [*range(10)]
    again = corpus.run(texts, model=reader, out=tmp_path / "out", resume=True)
    assert table(again).equals(table(corpus.run(texts, model=reader, out=tmp_path / "whole")))


KILLED = """
import os, pickle, random, signal, sys, time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from memviz.corpus import folder, runs
file, out, known = sys.argv[1], Path(sys.argv[2]), pickle.loads(Path(sys.argv[3]).read_bytes())
runs.CHUNK = folder.CHUNK = 8
sys.modules["memviz.corpus.texts"] = remembered = ModuleType("memviz.corpus.texts")  # torch would take seconds
def read_rows(reader, rows, pause):
    time.sleep(0.004)  # as a model does
    good = [row for row in rows if row.problem is None]
    return [SimpleNamespace(row=row, **known[row.number]) for row in good], [row for row in rows if row.problem]
remembered.read_rows = read_rows
runs._reader = lambda model: model
reader, draw, settle = SimpleNamespace(info=known["info"]), random.Random(7), folder._settle
def slow(temporary, path):
    time.sleep(0.002)  # so that many are killed in between
    settle(temporary, path)
    time.sleep(0.002)
folder._settle = slow
def parts():
    return len([*out.glob("heads/*.parquet")])
for _ in range(10):
    before = parts()
    child = os.fork()
    if not child:
        runs.run(file, model=reader, out=out, resume=True)
        os._exit(0)
    deadline = time.monotonic() + 20
    while parts() <= before and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.04))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(parts(), len([*out.rglob("*.tmp")]))
assert "torch" not in sys.modules
"""


def test_killed_ten_times_and_resumed_nothing_is_lost_and_nothing_twice(
    reader, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = write("texts.jsonl", [*sentences(500), 3]), tmp_path / "out"
    for module in ("folder", "runs"):
        monkeypatch.setattr(f"memviz.corpus.{module}.CHUNK", 8)
    known, read_rows = {"info": reader.info}, texts_room.read_rows

    def remembering(reader, rows, pause):
        done, bad = read_rows(reader, rows, pause)
        for each in done:
            known[each.row.number] = {"summary": each.summary, "characters": each.characters, "cut": each.cut}
        return done, bad

    with monkeypatch.context() as patch:
        patch.setattr(texts_room, "read_rows", remembering)
        undisturbed = corpus.run(path, model=reader, out=tmp_path / "whole")
    (tmp_path / "known").write_bytes(pickle.dumps(known))
    command = [sys.executable, "-c", KILLED, str(path), str(out), str(tmp_path / "known")]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    parts = [int(line.split()[0]) for line in lines]
    assert len(set(parts)) == 10, lines
    assert parts[-1] < 63
    assert not (out / "manifest.json").exists()
    resumed = corpus.run(path, model=reader, out=out, resume=True)
    assert table(resumed).equals(table(undisturbed))
    assert resumed.counts == undisturbed.counts == folders.Counts(500, 0, 1)
    assert (out / "errors.csv").read_bytes() == (tmp_path / "whole" / "errors.csv").read_bytes()
    assert not [*out.rglob("*.tmp")]


def test_the_pace_tells_rate_and_time_left(reader, tmp_path: Path) -> None:
    paces: list[corpus.Pace] = []
    corpus.run(sentences(40), model=reader, out=tmp_path / "out", progress=paces.append)
    assert [pace.fraction for pace in paces] == sorted(pace.fraction for pace in paces)
    assert paces[-1].texts == 40
    assert paces[-1].fraction == 1
    half = corpus.Pace(100, 2, 0.5, 10.0)
    assert half.seconds_left == pytest.approx(10)
    assert str(half.line()) == "100 texts read · 10.0 a second · 2 errors · 0:10 min left"
    assert corpus.Pace(50, 0, 0.75, 10.0, before=0.5).seconds_left == pytest.approx(10)


def test_without_ray_one_sentence_says_how_to_get_it(reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.extras.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"ray.*: pip install \"memviz-attention\[ray\]\""):
        corpus.run(["the cat"], model=reader, out=tmp_path / "out", engine="ray")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("engine", ["ray", "ray://listening"])
@pytest.mark.parametrize("error", [ConnectionError("nobody"), Exception("timed out during startup\nand more")])
def test_a_cluster_that_does_not_let_us_in_or_start_is_one_sentence(engine: str, error: Exception) -> None:
    tries: list[dict] = []

    def fails(**options: object) -> None:
        tries.append(options)
        raise error

    ray = SimpleNamespace(is_initialized=lambda: False, init=fails, shutdown=lambda: None)
    said = str(error).splitlines()[0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = engine.replace("listening", f"127.0.0.1:{listening.getsockname()[1]}")
        where, advice = (
            ("this machine", "Check the address") if engine == "ray" else (address, "set RAY_AUTH_MODE=token")
        )
        with pytest.raises(CorpusError, match=rf"cluster at {where} does not answer \({said}\)\. .*{advice}"):
            _connect(ray, address)
    assert len(tries) == (2 if engine == "ray" else 1), "a busy machine may begin it the second time"


def test_a_run_that_read_nothing_is_in_nobodys_way(reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.corpus.runs.require", lambda *_, **__: None)  # Ray is asked only where somebody listens
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: None))
    out = tmp_path / "out"

    def stop(pace: corpus.Pace) -> None:
        raise KeyboardInterrupt

    for failing in ({"engine": "ray://127.0.0.1:9"}, {"progress": stop}):
        with pytest.raises((CorpusError, KeyboardInterrupt)):
            corpus.run(["the cat"], model=reader, out=out, **failing)
        assert not out.exists()
    texts = ["the cat sat"] * (folders.CHUNK + 1)
    with pytest.raises(KeyboardInterrupt):  # behind the first part
        corpus.run(
            texts, model=reader, out=out, progress=lambda pace: stop(pace) if pace.texts > folders.CHUNK else None
        )
    assert corpus.run(texts, model=reader, out=out, resume=True).counts.texts == len(texts)


def test_where_nobody_listens_ray_is_not_asked() -> None:
    ray = SimpleNamespace(is_initialized=lambda: False, shutdown=lambda: None)  # without `init`
    with pytest.raises(CorpusError, match=r"ray://127\.0\.0\.1:9 does not answer \(.*refused\)\. Check the address"):
        _connect(ray, "ray://127.0.0.1:9")


def test_ray_is_told_to_report_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "")  # so that it is put back
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED")
    seen = []
    ray = SimpleNamespace(
        is_initialized=lambda: False, init=lambda **_: seen.append(os.environ["RAY_USAGE_STATS_ENABLED"])
    )
    assert _connect(ray, "ray")
    assert seen == ["0"]


@pytest.mark.filterwarnings("ignore")  # of Ray: what it began and gave up, where the machine was busy
def test_ray_gives_the_same_table(tiny: str, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr("memviz.corpus.runs.CHUNK", 60)
    path = write("texts.jsonl", [*sentences(500), ""])
    here, there = (corpus.run(path, model=tiny, out=tmp_path / engine, engine=engine) for engine in ("local", "ray"))
    for name, column in zip(table(here).column_names, table(here).columns, strict=True):
        other = table(there)[name]
        if column.type in ("float", "double"):
            assert np.allclose(column.to_numpy(), other.to_numpy(), atol=1e-6, equal_nan=True), name
        else:
            assert column.equals(other), name
    assert here.counts == there.counts


def test_the_command_reads_a_file_and_says_what_could_not_be_read(tiny: str, write, tmp_path: Path, capsys) -> None:
    path = write("texts.csv", b"text\nthe cat sat on the mat\n\xff\na dog ran\n")
    assert main(["corpus", str(path), "--model", tiny, "--out", str(tmp_path / "out"), "--limit", "3"]) == 0
    out, err = capsys.readouterr()
    assert "2 texts read, 0 of them cut" in out
    assert "Rows that could not be read: 1." in out
    assert "texts read" in err
    assert sorted(set(table(Results.open(tmp_path / "out"))["id"].to_pylist())) == ["0", "2"]
    assert main(["corpus", str(path), "--model", tiny, "--out", str(tmp_path / "out")]) == 2
    assert "holds results already" in capsys.readouterr().err
    assert main(["corpus", str(path), "--model", tiny, "--out", str(tmp_path / "b"), "--column", "body"]) == 2
    assert "no column “body”. Its columns are: text." in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
