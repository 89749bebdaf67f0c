"""The folder of a run: what has been read of a corpus, in parts that are whole or not there.

    settings.json     which model, which input, which settings: written first
    heads/            Parquet, a row a text and head
    texts/            JSON lines, a line a text: its id, its row, the text itself
    errors/           JSON lines, a line a row that could not be read, with the reason
    errors.csv        the same of the whole run
    manifest.json     the settings with how many texts there are: written last, so that its run is complete

A part of ``heads/`` is moved into its place when its texts and errors are there: it is what says that the part is done.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from memviz import tables
from memviz.corpus.columns import COLUMNS
from memviz.corpus.rows import Row
from memviz.errors import CorpusError
from memviz.note import Note
from memviz.tokens import printable

FORMAT = 1
CHUNK = 256
"""Rows of a part."""
SETTINGS, MANIFEST, ERRORS = "settings.json", "manifest.json", "errors.csv"
HEADS, TEXTS, FAILED = "heads", "texts", "errors"
ERROR_COLUMNS = ["row", "id", "reason", "text"]
WHOLE = re.compile("0|[1-9][0-9]{0,17}")  # a number as everybody writes it
SHOWN = 80  # characters of a bad text in the table of errors
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),
        ("layer", pa.int16()),
        ("head", pa.int16()),
        ("role", pa.string()),
        *((name, pa.float32()) for name in COLUMNS),
        ("tokens", pa.int32()),
        ("characters", pa.int32()),
        ("cut", pa.bool_()),
        ("language", pa.string()),
        ("logprob", pa.float64()),
        ("predicted", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Counts:
    """Of a part or of a run: how many texts were read, how many of them cut, and how many rows were bad."""

    texts: int = 0
    cut: int = 0
    errors: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.texts + other.texts, self.cut + other.cut, self.errors + other.errors)


@dataclass(frozen=True)
class Part:
    """What a chunk of rows became: the table of its heads, and its lines of texts and errors as they stand in files."""

    number: int
    heads: pa.Table
    texts: str
    errors: str
    counts: Counts


def part_of(number: int, done: Sequence[Any], bad: Sequence[Row], *, keep_texts: bool) -> Part:
    """A part from what was read of a chunk (`TextRead`) and the rows that could not be."""
    texts = [
        {"row": each.row.number, "id": each.row.id, **({"text": each.row.text} if keep_texts else {})} for each in done
    ]
    errors = [
        {
            "row": row.number,
            "id": row.id,
            "reason": str(row.problem),
            "text": printable(row.text[:SHOWN]),
            "note": _plain(row.problem),
        }
        for row in bad
    ]
    counts = Counts(len(done), sum(each.cut for each in done), len(bad))
    return Part(number, _heads(done), _json_lines(texts), _json_lines(errors), counts)


def _plain(value: Any) -> Any:
    """A note as json holds it, so that its sentence can be said in another language later; other values unchanged."""
    if isinstance(value, Note):
        return {"template": value.text, "values": {name: _plain(each) for name, each in value.values.items()}}
    return value


def _note(value: Any) -> Any:
    """What `_plain` made of it, turned back."""
    if isinstance(value, Mapping):
        values = {name: _note(each) for name, each in value["values"].items()}
        return Note(str(value["template"]), values)
    return value


def _heads(done: Sequence[Any]) -> pa.Table:
    """A row for each head of each text, in the order of the texts, layers and heads."""
    if not done:
        return SCHEMA.empty_table()
    sizes = [len(each.summary.roles) for each in done]
    layers = done[0].summary.layers
    heads = sizes[0] // layers
    place = np.concatenate([np.arange(size) for size in sizes])

    text = pa.array(np.repeat(np.arange(len(done)), sizes))

    def spread(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(text)

    columns = {
        "id": spread([each.row.id for each in done], pa.string()),
        "row": spread([each.row.number for each in done], pa.int64()),
        "layer": pa.array((place // heads).astype(np.int16)),
        "head": pa.array((place % heads).astype(np.int16)),
        "role": pa.array(np.concatenate([each.summary.roles for each in done]).tolist(), pa.string()),
        "tokens": spread([each.summary.tokens for each in done], pa.int32()),
        "characters": spread([each.characters for each in done], pa.int32()),
        "cut": spread([each.cut for each in done], pa.bool_()),
        "language": spread([each.summary.language for each in done], pa.string()),
        "logprob": spread(_known([each.summary.logprob for each in done]), pa.float64()),
        "predicted": spread([each.summary.predicted for each in done], pa.int32()),
    }
    for name in COLUMNS:
        values = np.concatenate([each.summary.heads[name] for each in done])
        columns[name] = pa.array(values, pa.float32(), mask=np.isnan(values))
    return pa.table({field.name: columns[field.name] for field in SCHEMA}, schema=SCHEMA)


def _known(values: Sequence[float]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values]


def _json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@dataclass(frozen=True)
class Folder:
    """The folder of a run at ``path``."""

    path: Path

    def begin(self, settings: Mapping[str, Any], *, resume: bool) -> None:
        """Makes the folder ready; raises `CorpusError` for one that belongs to something else."""
        if self.path.exists() and not self.path.is_dir():
            raise CorpusError("{path} is a file.", todo="Name a folder (--out).", path=str(self.path))
        if self.path.is_dir() and any(self.path.iterdir()):
            self._require_same(settings, resume=resume)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for leftover in self.path.rglob("*.tmp"):
                leftover.unlink()
            if not (self.path / SETTINGS).exists():
                _write(self.path / SETTINGS, json.dumps(settings, indent=1, ensure_ascii=False).encode())
            for name in (HEADS, TEXTS, FAILED):
                (self.path / name).mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _require_same(self, settings: Mapping[str, Any], *, resume: bool) -> None:
        if not (self.path / SETTINGS).exists() and [*self.path.iterdir()] != [self.path / f"{SETTINGS}.tmp"]:
            raise CorpusError(
                "The folder {path} holds something else.",
                todo="Name a folder that is empty or not there yet (--out).",
                path=str(self.path),
            )
        if not resume:
            raise CorpusError(
                "The folder {path} holds results already.",
                todo="Go on with them (--resume), or name another folder (--out).",
                path=str(self.path),
            )
        if (self.path / SETTINGS).exists():
            before = read_json(self.path / SETTINGS)
            for name in {**settings, **before}:
                if settings.get(name) != before.get(name):
                    raise CorpusError(
                        "The results in {path} were made with another {name}: {before}, now {now}.",
                        todo="Name another folder (--out), or run with what they were made with.",
                        path=str(self.path),
                        name=name.replace("_", " "),
                        before=str(before.get(name)),
                        now=str(settings.get(name)),
                    )

    def abandon(self) -> None:
        """Takes away what `begin` made, unless a part is there: a run that read nothing is in nobody's way."""
        if self.done():
            return
        for name in (HEADS, TEXTS, FAILED):
            shutil.rmtree(self.path / name, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self.path / SETTINGS).unlink(missing_ok=True)
            self.path.rmdir()

    def done(self) -> set[int]:
        """The numbers of the parts that are there."""
        return {int(file.stem.partition("-")[2]) for file in (self.path / HEADS).glob("part-*.parquet")}

    def add(self, part: Part) -> None:
        """Writes a part; the table of its heads last, which says that the part is done."""
        name = f"part-{part.number:05d}"
        _write(self.path / TEXTS / f"{name}.jsonl", part.texts.encode("utf-8", "replace"))
        _write(self.path / FAILED / f"{name}.jsonl", part.errors.encode("utf-8", "replace"))
        whole = self.path / HEADS / f"{name}.parquet"
        temporary = whole.with_name(whole.name + ".tmp")
        try:
            parquet.write_table(part.heads, temporary, compression="zstd", use_dictionary=["id", "role", "language"])
            _settle(temporary, whole)
        except OSError as error:
            raise _unwritable(whole, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def end(self, settings: Mapping[str, Any], *, seconds: float) -> None:
        """Joins the errors in one table, and writes the manifest."""
        whole = self.path / ERRORS
        temporary = whole.with_name(whole.name + ".tmp")
        try:
            with temporary.open("w", encoding="utf-8-sig", newline="") as out:
                csv.writer(out, lineterminator="\n").writerow(ERROR_COLUMNS)
                for file in sorted((self.path / FAILED).glob("part-*.jsonl")):
                    if rows := [*_objects(file)]:
                        out.write(tables.csv(_error_frame(rows)).partition("\n")[2])
            _settle(temporary, whole)
        except OSError as error:
            raise _unwritable(whole, error) from error
        finally:
            temporary.unlink(missing_ok=True)
        counts = self.counts()
        manifest = {**settings, "complete": True, **vars(counts), "seconds": round(seconds, 1)}
        _write(self.path / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())

    def counts(self) -> Counts:
        """How many texts and errors are in the parts that are there."""
        total = Counts()
        for number in self.done():
            name = f"part-{number:05d}"
            heads = parquet.read_table(self.path / HEADS / f"{name}.parquet", columns=["row", "cut"])
            first = np.unique(heads["row"].to_numpy(), return_index=True)[1]
            cut = heads["cut"].take(pa.array(first)).to_pylist()
            total += Counts(len(first), sum(cut), sum(1 for _ in _objects(self.path / FAILED / f"{name}.jsonl")))
        return total

    def line(self, row: int, *, chunk: int = CHUNK) -> Mapping[str, Any]:
        """What is known of the text of a row: its id, and the text where texts were kept. ``chunk``: rows of a part."""
        lines = _objects(self.path / TEXTS / f"part-{row // chunk:05d}.jsonl")
        return next((line for line in lines if line["row"] == row), {})

    def errors(self, most: int) -> Iterator[Mapping[str, Any]]:
        """The first rows that could not be read, ``most`` of them; ``note`` is the reason as a `Note`.

        A folder that an earlier version wrote holds the English sentence alone: then that is the note.
        """
        for file in sorted((self.path / FAILED).glob("part-*.jsonl")):
            for line in _objects(file):
                if (most := most - 1) < 0:
                    return
                yield {**line, "note": _note(line["note"]) if "note" in line else Note("{reason}", line)}


def _error_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows that could not be read as a table: an id that is a number is one, and a text that is empty is a gap."""
    frame = pd.DataFrame(rows)[ERROR_COLUMNS]
    ids = [int(each) if WHOLE.fullmatch(each) else each for each in frame["id"]]
    texts = [text or None for text in frame["text"]]
    return frame.assign(id=pd.Series(ids, dtype=object), text=pd.Series(texts, dtype=object))


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file. Raises `CorpusError` where it is not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(
            "{path} cannot be read ({said}).",
            todo="Choose another folder, or run again.",
            path=str(path),
            said=str(error)[:120],
        ) from error
    return content if isinstance(content, dict) else {}


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        with file.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        _settle(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _settle(temporary: Path, path: Path) -> None:
    """Moves a file that is whole, and on the disk, into its place."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _unwritable(path: Path, error: OSError) -> CorpusError:
    return CorpusError(
        "{path} cannot be written ({said}). What was read before is kept.",
        todo="Make room, and go on with --resume.",
        path=str(path),
        said=error.strerror or str(error),
    )
