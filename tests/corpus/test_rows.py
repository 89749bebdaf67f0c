"""Files as people have them: every row is read or named with its reason, and none of it stops the run."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from memviz.corpus import rows as module
from memviz.corpus.rows import Rows
from memviz.errors import CorpusError


def texts(source, **more: str) -> list[str]:
    return [row.text for row in Rows(source, **more) if row.problem is None]


def problems(source) -> dict[int, str]:
    return {row.number: str(row.problem) for row in Rows(source) if row.problem is not None}


def test_every_kind_of_file_gives_the_same_texts(write, tmp_path: Path) -> None:
    expected = ["one, two", 'a "quoted" word', "两行\nin one", "=1+1"]
    table = b'text,n\n"one, two",1\n"a ""quoted"" word",2\n"\xe4\xb8\xa4\xe8\xa1\x8c\nin one",3\n=1+1,4\n'
    assert texts(write("a.csv", table)) == expected
    assert texts(write("b.csv", b"\xef\xbb\xbf" + table)) == expected
    assert texts(write("c.csv", table.decode().encode("utf-16"))) == expected
    tabs = table.decode().replace("one, two", "one; two").replace(",", "\t").replace("one; two", "one, two").encode()
    assert texts(write("a.tsv", tabs)) == expected
    assert texts(write("a.jsonl", expected)) == expected
    assert texts(expected) == expected
    parquet.write_table(pa.table({"text": expected, "n": range(4)}), tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == expected
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, text in enumerate(expected):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8", newline="")
    assert texts(folder) == expected
    assert [row.id for row in Rows(folder)] == ["0.txt", "1.txt", "2.txt", "3.txt"]
    assert len({Rows(path).sha256() for path in (tmp_path / "a.csv", tmp_path / "b.csv", folder)}) == 3


def test_bad_rows_have_a_reason_and_the_others_are_read(write) -> None:
    table = b'id,text\na,good\nb,\nc\nd,caf\xe9\ne,nu\x00l\na,again\nf,"  "\ng,also good\n'
    path = write("bad.csv", table)
    assert texts(path) == ["good", "also good"]
    assert problems(path) == {
        1: "it is empty",
        2: "the row has 1 cells, and none in this column",
        3: "it is not UTF-8",
        4: "it holds NUL bytes",
        5: "another row has this id: row 0",
        6: "it is empty",
    }
    lines = b'{"text": "good"}\n{"text": 3}\nno json\n[1]\n{"other": "x"}\n{"text": null}\n\n{"text": "\\ud800"}\n'
    assert problems(write("bad.jsonl", lines)) == {
        1: "not a text but int",
        2: "not JSON",
        3: "not an object with columns",
        4: "the row has no column “text”",
        5: "not a text but nothing",
        6: "it is not UTF-8",
    }


def test_a_line_without_end_is_passed_and_never_held(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 100_000)
    monkeypatch.setattr(module, "LONGEST", 50_000)
    monkeypatch.setattr(module, "BYTES", 50_000)
    size = 30_000_000
    path = write("long.csv", b"text\ngood\n" + b"x" * size + b"\nalso good\n" + b"y" * 60_000 + b"\nthird\n")
    tracemalloc.start()
    found = [(row.number, row.text) for row in Rows(path) if row.problem is None]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [(0, "good"), (2, "also good"), (4, "third")]
    assert peak < size / 10
    assert problems(path) == dict.fromkeys((1, 3), "longer than 50,000 characters")


def test_a_quotation_mark_that_is_never_closed_costs_its_rows_and_not_the_run(write) -> None:
    path = write("open.csv", b'text\ngood\n"never closed\nmore\n' + b"z" * 10 + b"\n")
    assert texts(path)[0] == "good"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"body,n\nhello,1\n", "has no column “text”. Its columns are: body, n."),
        ("a.jsonl", b'{"body": "hello"}\n', "has no column “text”. Its columns are: body."),
        ("a.csv", b"", "holds no texts"),
        ("a.docx", b"PK", "ends with no kind of file"),
        ("a.parquet", b"PAR1 and no more", "is not a Parquet file"),
    ],
)
def test_what_cannot_be_read_at_all_is_refused_at_once(write, name: str, content: bytes, said: str) -> None:
    with pytest.raises(CorpusError, match=said.replace(".", r"\.")):
        Rows(write(name, content))


def data_set(folder: Path, tables: list[pa.Table]) -> Path:
    """What ``datasets.Dataset.save_to_disk`` writes: files of Arrow, and which they are."""
    folder.mkdir()
    names = [f"data-{number:05d}-of-{len(tables):05d}.arrow" for number in range(len(tables))]
    for name, table in zip(names, tables, strict=True):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table, max_chunksize=2)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def test_a_data_set_on_disk_is_read_with_all_its_files(tmp_path: Path) -> None:
    expected = ["one, two", 'a "quoted" word', "两行\nin one", "=1+1", "last"]
    whole = pa.table({"n": range(5), "text": expected, "id": [f"r{number}" for number in range(5)]})
    path = data_set(tmp_path / "set", [whole.slice(0, 3), whole.slice(3)])
    assert [(row.id, row.text) for row in Rows(path)] == [(f"r{number}", text) for number, text in enumerate(expected)]
    rows = Rows(path)
    shares = [rows.fraction for _ in rows]
    assert shares == sorted(shares)
    assert rows.fraction == 1
    assert Rows(path).sha256() != Rows(data_set(tmp_path / "other", [whole.slice(0, 3)])).sha256()
    with pytest.raises(CorpusError, match=r"has no column “body”\. Its columns are: n, text, id"):
        Rows(path, "body")
    (path / "data-00000-of-00002.arrow").unlink()
    with pytest.raises(CorpusError, match=r"set is not a whole data set of Hugging Face .*save_to_disk"):
        Rows(path)


def test_a_data_set_says_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    with pytest.raises(CorpusError, match="holds no texts"):
        Rows(folder)
    for name in ("dataset_info.json", "state.json"):
        (folder / name).write_text("{}")
    with pytest.raises(CorpusError, match="not a whole data set"):
        Rows(folder)
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(CorpusError, match="train, test"):
        Rows(folder)
    with pytest.raises(CorpusError, match="There is no file"):
        Rows(tmp_path / "nowhere")
