"""Many texts through one model: chunk by chunk, each a part of the results."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from memviz.corpus.folder import CHUNK, FORMAT, Counts, Folder, Part, part_of
from memviz.corpus.results import Results
from memviz.corpus.rows import Row, Rows, Source
from memviz.errors import CorpusError
from memviz.extras import require
from memviz.note import Note
from memviz.version import __version__

if TYPE_CHECKING:  # torch comes in with the first model
    from memviz.reading import Reader

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True)
class Pace:
    """How far a run is: ``texts`` read, ``errors``, which ``fraction`` of the input is done, ``seconds`` so far."""

    texts: int
    errors: int
    fraction: float
    seconds: float
    before: float = 0.0  # the fraction that an earlier run had done

    @property
    def rate(self) -> float:
        """Texts a second, those of an earlier run not counted."""
        return self.texts / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """About how long it will take; ``None`` as long as nothing can be said."""
        done = self.fraction - self.before
        return self.seconds / done * (1 - self.fraction) if done > 0.01 and self.seconds > 0.5 else None

    def line(self) -> Note:
        """The same in one line."""
        left = self.seconds_left
        values: dict[str, object] = {"texts": self.texts, "errors": self.errors, "rate": self.rate}
        if left is None:
            return Note("{texts:,} texts read · {rate:.1f} a second · {errors:,} errors", values)
        minutes, seconds = divmod(round(left), 60)
        values |= {"left": f"{minutes}:{seconds:02d}"}
        return Note("{texts:,} texts read · {rate:.1f} a second · {errors:,} errors · {left} min left", values)


OnPace = Callable[[Pace], None]
"""Called between two passes of the model; may raise to stop: what was written is kept."""


def run(
    file: Source,
    *,
    model: str | Reader,
    out: str | os.PathLike[str],
    engine: str = LOCAL,
    column: str = "text",
    limit: int | None = None,
    resume: bool = False,
    keep_texts: bool = True,
    progress: OnPace | None = None,
) -> Results:
    """What does every head of a model do on every text of a corpus? The results, as they stand in the folder ``out``.

    ``file`` is a CSV, TSV, JSONL or Parquet file with a ``column`` of texts (and, if it has one, a column ``id``), a
    folder of .txt files, a data set that Hugging Face's library saved, or a list of texts; ``limit`` of its first rows
    are read. ``model`` is a name, see `memviz.load`, or a reader. Each text is read by itself; one that is longer than
    the model's context is cut to what fits. Kept are summaries (see `memviz.corpus.COLUMNS`), never traces, and the
    texts themselves beside them, so that a number can be looked at again, unless ``keep_texts`` is false. A row that
    cannot be read goes into ``errors.csv`` with the reason.

    ``engine``: "local", in this process; "ray" or "ray://ADDRESS", on as many processes as Ray has processors for.
    The numbers are the same. ``resume`` goes on with what an interrupted run left in ``out``.
    ``progress(pace)`` is told how far it is, and may raise to stop.

    Raises `CorpusError` for an input that holds no texts, a folder that holds other results, a disk that is full;
    a `MissingPackageError` where Ray is not installed; a `ModelError` where there is no such model.
    """
    if limit is not None and limit < 1:
        raise CorpusError("{limit} texts cannot be read.", todo="Give 1 or more (--limit).", limit=limit)
    if engine != LOCAL and engine.partition("://")[0] != RAY:
        raise CorpusError(
            "There is no engine “{engine}”.", todo="Choose local, ray, or ray://ADDRESS.", engine=str(engine)[:80]
        )
    if engine != LOCAL:
        require("ray", extra="ray")
    rows = Rows(file, column)
    reader = _reader(model)
    folder, began = Folder(Path(out)), time.monotonic()
    settings = {
        "format": FORMAT,
        "memviz": __version__,
        "model": reader.info.name,
        "revision": reader.info.revision,
        "quantisation": reader.info.quantisation,
        "precision": reader.info.precision,
        "layers": reader.info.layers,
        "heads": reader.info.heads,
        "context": reader.info.context,
        "input": rows.name,
        "sha256": rows.sha256(),
        "column": column,
        "limit": limit,
        "chunk": CHUNK,
        "keep_texts": keep_texts,
    }
    folder.begin(settings, resume=resume)
    work = _Work(rows, folder, limit, keep_texts, progress, began)
    try:
        if engine == LOCAL:
            _run_here(work, reader)
        else:
            from memviz.corpus.ray_engine import run_with_ray

            run_with_ray(work.chunks(), work.take, engine=engine, model=model, keep_texts=keep_texts)
        if not work.passed:
            raise CorpusError("{name} holds no texts.", todo="Give at least one text.", name=rows.name)
    except BaseException:
        folder.abandon()
        raise
    folder.end(settings, seconds=time.monotonic() - began)
    return Results.open(out)


class _Work:
    """A run: which chunks are left, and what has become of them."""

    def __init__(
        self,
        rows: Rows,
        folder: Folder,
        limit: int | None,
        keep_texts: bool,
        progress: OnPace | None,
        began: float,
    ) -> None:
        self.folder, self.keep_texts = folder, keep_texts
        self.passed = 0  # rows
        self._rows, self._limit, self._progress, self._began = rows, limit, progress, began
        self._before = 0.0
        self._chunk = (0.0, 0.0, 1)  # where it begins and ends in the input, and how many rows it has
        self._counts = Counts()
        self._done = folder.done()

    def chunks(self) -> Iterator[tuple[int, list[Row]]]:
        """(number, rows) of the chunks that are not done yet."""
        rows = islice(self._rows, self._limit)
        number, end = 0, 0.0
        while chunk := [*islice(rows, CHUNK)]:
            self.passed += len(chunk)
            begin, end = end, self._passed()
            if number not in self._done:
                self._chunk = begin, end, len(chunk)
                yield number, chunk
            else:
                self._before += end - begin
            number += 1

    def take(self, part: Part) -> None:
        """Keeps a part."""
        self.folder.add(part)
        self._counts += part.counts
        self._tell(0, self._chunk[1])

    def tell(self, texts: int) -> None:
        """Tells how far it is, when so many ``texts`` of the latest chunk are read."""
        begin, end, count = self._chunk
        self._tell(texts, begin + (end - begin) * min(texts / count, 1.0))

    def _tell(self, texts: int, fraction: float) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self._began
            self._progress(Pace(self._counts.texts + texts, self._counts.errors, fraction, seconds, self._before))

    def _passed(self) -> float:
        """How much of the input has been taken from it."""
        share = self.passed / self._limit if self._limit else 0.0
        return min(max(share, self._rows.fraction), 1.0)


def _run_here(work: _Work, reader: Reader) -> None:
    """The chunks one after the other, in this process."""
    from memviz.corpus.texts import read_rows

    for number, rows in work.chunks():
        done, bad = read_rows(reader, rows, work.tell)
        work.take(part_of(number, done, bad, keep_texts=work.keep_texts))


def _reader(model: str | Reader) -> Reader:
    from memviz.corpus.texts import require_reads
    from memviz.reading import load

    reader = load(model) if isinstance(model, str) else model
    require_reads(reader)
    return reader
