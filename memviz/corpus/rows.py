"""Texts out of a file, one at a time: however large the file is, a row at a time is all that is held of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memviz.errors import CorpusError
from memviz.note import Note

LONGEST = 1_000_000
"""Characters of a text, at most: a longer one is no text to be read at once, but a file in the wrong place."""
LONGEST_LINE = 4 * LONGEST
ID = "id"
PEEK = 100  # rows of a JSONL file in which its column is looked for before the run begins
TOO_LONG_LINE = "\0line too long\0"
BYTES = 1 << 20
Source = str | os.PathLike[str] | Sequence[str]
"""A file, a folder, or the texts themselves."""


@dataclass(frozen=True)
class Row:
    """One row of a source: ``number`` counts from 0, over good rows and bad.

    id        as the source names it, else its number
    text      what is to be read; "" for a bad row
    problem   why it cannot be read, ``None`` for a good row
    """

    number: int
    id: str
    text: str
    problem: Note | None = None


@dataclass
class Rows:
    """The rows of a source, in order; iterate once.

    source     where they come from
    column     which column holds the texts
    fraction   how much of the source has been passed, 0 to 1, while it is iterated
    """

    source: Source
    column: str = "text"
    fraction: float = 0.0

    def __post_init__(self) -> None:
        self._open = _opened(self)

    def __iter__(self) -> Iterator[Row]:
        """Every row, good or bad; an id that stood in an earlier row makes a bad row."""
        with closing(sqlite3.connect("")) as seen:  # on disk where it grows: ids of millions of rows are no small thing
            seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID")
            for number, (name, value) in enumerate(self._open):
                problem = _problem(value)
                text_id = str(number) if name is None else _printed(name)
                if name is not None and not _is_new(seen, text_id, number):
                    [[first]] = seen.execute("SELECT row FROM seen WHERE id = ?", (text_id,)).fetchall()
                    problem = Note("another row has this id: row {row}", {"row": first})
                yield Row(number, text_id, value if problem is None else "", problem)

    def advance(self, fraction: float) -> None:
        """So much of the source is passed, 0 to 1."""
        self.fraction = fraction

    @property
    def name(self) -> str:
        """How the source is called: the name of its file or folder."""
        return Path(self.source).name if isinstance(self.source, str | os.PathLike) else "a list of texts"

    def sha256(self) -> str:
        """The hash of the source: of a file's bytes, of the names and bytes of a folder's files, or of the texts."""
        digest = hashlib.sha256()
        if not isinstance(self.source, str | os.PathLike):
            for text in self.source:
                digest.update(str(text).encode("utf-8", "surrogatepass") + b"\n")
            return digest.hexdigest()
        path = Path(self.source)
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if path.is_dir():
                digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            with file.open("rb") as stream:
                while block := stream.read(BYTES):
                    digest.update(block)
        return digest.hexdigest()


Values = Iterator[tuple[Any, Any]]
"""(id or ``None``, value of the text's column or a `Note` on why there is none), row by row."""


def _is_new(seen: sqlite3.Connection, text_id: str, number: int) -> bool:
    """Files an id; false where it was there."""
    return seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (text_id, number)).rowcount == 1


def _printed(name: Any) -> str:
    return str(name).encode("utf-8", "replace").decode()


def _problem(value: Any) -> Note | None:
    """Why this is no text that can be read; ``None`` where it is one."""
    if isinstance(value, Note):
        return value
    if not isinstance(value, str):
        return Note("not a text but {kind}", {"kind": Note("nothing") if value is None else type(value).__name__})
    if TOO_LONG_LINE in value or len(value) > LONGEST:
        return Note("longer than {limit:,} characters", {"limit": LONGEST})
    if "\0" in value:
        return Note("it holds NUL bytes")
    if any("\ud800" <= character <= "\udfff" for character in value):
        return Note("it is not UTF-8")
    return None if value.strip() else Note("it is empty")


def _opened(rows: Rows) -> Values:
    """The values of a source. Raises `CorpusError` for one that is not there, is empty, or lacks the column."""
    source = rows.source
    if not isinstance(source, str | os.PathLike):
        if not len(source):
            raise _no_texts(Note("The list"))
        return _listed(rows, source)
    path = Path(source)
    if not path.exists():
        raise CorpusError("There is no file or folder {path}.", todo="Check the path.", path=str(path))
    if path.is_dir():
        return _folder(rows, path)
    kinds = {".csv": _table, ".tsv": _table, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    if path.suffix.lower() not in kinds:
        raise CorpusError(
            "{name} ends with no kind of file that texts are read from.",
            todo="Give a .csv, .tsv, .jsonl or .parquet file, a folder of .txt files, or a data set of Hugging Face.",
            name=path.name,
        )
    if not path.stat().st_size:
        raise _no_texts(path.name)
    return kinds[path.suffix.lower()](rows, path)


def _no_texts(name: str | Note) -> CorpusError:
    return CorpusError("{name} holds no texts.", todo="Give at least one text.", name=name)


def _require_column(column: str, columns: Sequence[str], name: str) -> None:
    if column not in columns:
        raise CorpusError(
            "{name} has no column “{column}”.",
            todo="Its columns are: {columns}. Name the one with the texts (--column).",
            name=name,
            column=column,
            columns=", ".join(str(each)[:40] for each in columns[:30]),
        )


def _listed(rows: Rows, texts: Sequence[str]) -> Values:
    for number, text in enumerate(texts, start=1):
        rows.advance(number / len(texts))
        yield None, text


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _lines(path: Path, pass_on: Callable[[float], None] = lambda fraction: None) -> Iterator[str]:
    """The lines of a file; of one that is too long nothing is held but that it was.

    ``pass_on(fraction)`` is told how much of the file is passed.
    """
    size = path.stat().st_size
    errors = "surrogateescape" if _encoding(path) == "utf-8-sig" else "replace"
    with path.open("rb") as binary:
        file = io.TextIOWrapper(binary, encoding=_encoding(path), errors=errors, newline="")
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
                while (rest := file.readline(BYTES)) and not rest.endswith(("\n", "\r")):
                    pass
                line = f"{TOO_LONG_LINE}\n"
            pass_on(binary.tell() / size)
            yield line


def _table(rows: Rows, path: Path) -> Values:
    """The rows of a CSV or TSV file, below the names of its columns."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    lines = _lines(path, rows.advance)
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))  # of Python's, for all that read such files
    header = next(csv.reader(lines, delimiter=delimiter), [])
    if not header:
        raise _no_texts(path.name)
    _require_column(rows.column, header, path.name)
    return _table_rows(lines, delimiter, header.index(rows.column), header.index(ID) if ID in header else None)


def _table_rows(lines: Iterator[str], delimiter: str, place: int, id_place: int | None) -> Values:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # an open quotation mark that swallows the file: what follows is read afresh
            reader = csv.reader(lines, delimiter=delimiter)
            yield None, Note("not a row of a table ({said})", {"said": str(error)})
            continue
        if not cells:
            continue  # an empty line is no row
        name = cells[id_place] if id_place is not None and id_place < len(cells) else None
        whole = TOO_LONG_LINE not in cells[0] and place < len(cells)
        missing = Note("longer than {limit:,} characters", {"limit": LONGEST})
        if TOO_LONG_LINE not in cells[0]:
            missing = Note("the row has {count} cells, and none in this column", {"count": len(cells)})
        yield name or None, cells[place] if whole else missing


def _json_lines(rows: Rows, path: Path) -> Values:
    """The objects of a JSONL file. Its column must stand in one of the first of them."""
    names: dict[str, None] = {}
    for number, line in enumerate(_lines(path)):
        content = _json(line)
        if isinstance(content, dict):
            names |= dict.fromkeys(content)
        if rows.column in names or number >= PEEK:
            break
    if names:
        _require_column(rows.column, [*names], path.name)
    return _json_rows(rows, path)


def _json_rows(rows: Rows, path: Path) -> Values:
    for line in _lines(path, rows.advance):
        if not line.strip():
            continue
        content = _json(line)
        if isinstance(content, Note):
            yield None, content
        elif not isinstance(content, dict):
            yield None, Note("not an object with columns")
        elif rows.column not in content:
            yield content.get(ID), Note("the row has no column “{column}”", {"column": rows.column})
        else:
            yield content.get(ID), content[rows.column]


def _json(line: str) -> Any:
    if TOO_LONG_LINE in line:
        return Note("longer than {limit:,} characters", {"limit": LONGEST})
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return Note("not JSON")


def _parquet(rows: Rows, path: Path) -> Values:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise CorpusError(
            "{name} is not a Parquet file ({said}).",
            todo="Check the file, or save it again.",
            name=path.name,
            said=str(error)[:120],
        ) from error
    columns = file.schema_arrow.names
    _require_column(rows.column, columns, path.name)
    return _parquet_rows(rows, file, [rows.column, *([ID] if ID in columns and rows.column != ID else [])])


def _parquet_rows(rows: Rows, file: Any, wanted: list[str]) -> Values:
    done = 0
    with file:
        for batch in file.iter_batches(batch_size=256, columns=wanted):
            texts = batch.column(wanted[0]).to_pylist()
            ids = batch.column(ID).to_pylist() if ID in wanted[1:] else [None] * len(texts)
            done += len(texts)
            rows.advance(done / max(file.metadata.num_rows, 1))
            yield from zip(ids, texts, strict=True)


def _folder(rows: Rows, path: Path) -> Values:
    """A folder of .txt files, a text each, by name; or a data set that Hugging Face's library saved."""
    if (path / "dataset_dict.json").exists():
        parts = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8")).get("splits", ["train"])
        raise CorpusError(
            "{name} holds several data sets: {parts}.",
            todo="Give the folder of one of them, such as {first}.",
            name=path.name,
            parts=", ".join(parts),
            first=str(path / parts[0]),
        )
    if (path / "dataset_info.json").exists() and (path / "state.json").exists():
        return _data_set(rows, path)
    files = sorted(file for file in path.rglob("*.txt") if file.is_file())
    if not files:
        raise _no_texts(path.name)
    return _text_files(rows, path, files)


def _text_files(rows: Rows, folder: Path, files: Sequence[Path]) -> Values:
    for number, file in enumerate(files, start=1):
        rows.advance(number / len(files))
        name = file.relative_to(folder).as_posix()
        if file.stat().st_size > 4 * LONGEST:
            yield name, Note("longer than {limit:,} characters", {"limit": LONGEST})
        else:
            yield name, file.read_text(encoding=_encoding(file), errors="surrogateescape")


def _data_set(rows: Rows, path: Path) -> Values:
    """The rows of a data set that Hugging Face's library saved: files of Arrow, named in ``state.json``."""
    import pyarrow
    from pyarrow import ipc

    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        files = [path / Path(each["filename"]).name for each in state["_data_files"]]
        columns = ipc.open_stream(files[0]).schema.names
    except (OSError, ValueError, KeyError, TypeError, IndexError, pyarrow.ArrowInvalid) as error:
        raise CorpusError(
            "{name} is not a whole data set of Hugging Face ({said}).",
            todo="Save it again with Dataset.save_to_disk.",
            name=path.name,
            said=str(error)[:120],
        ) from error
    _require_column(rows.column, columns, path.name)
    return _data_set_rows(rows, files)


def _data_set_rows(rows: Rows, files: Sequence[Path]) -> Values:
    from pyarrow import ipc

    for number, file in enumerate(files, start=1):
        with ipc.open_stream(file) as stream:
            for batch in stream:
                texts = batch.column(rows.column).to_pylist()
                ids = batch.column(ID).to_pylist() if ID in batch.schema.names else [None] * len(texts)
                yield from zip(ids, texts, strict=True)
        rows.advance(number / len(files))
