"""Reads the texts of a chunk with a model: short ones of the same length together. The only file here that needs torch.

Nothing is padded, so the numbers of a text do not depend on which others stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from memviz.corpus.columns import TextSummary, summarise
from memviz.corpus.rows import Row
from memviz.errors import CorpusError, ReadingError, TextTooLongError
from memviz.note import Note
from memviz.reading import Reader
from memviz.trace import Trace

TOGETHER = 16  # texts of one pass, at most
TOKENS = 2048  # of one pass, at most, unless a single text has more


@dataclass(frozen=True, eq=False)
class TextRead:
    """A row that was read: what is kept of it, and how many of its characters were read where not all fitted."""

    row: Row
    summary: TextSummary
    characters: int
    cut: bool


Pause = Callable[[int], None]
"""Called with the number of texts that are done, between two passes; may raise to stop."""


def require_reads(reader: Reader) -> None:
    """Raises `CorpusError` for a model that does not simply read texts."""
    if reader.engine.reads != "text" or reader.info.kind == "encoder-decoder":
        raise CorpusError(
            "{model} does not simply read texts: it writes, hears or sees.",
            todo="Choose an encoder such as minilm, or a language model such as smollm2.",
            model=reader.info.name,
        )


def read_rows(reader: Reader, rows: Sequence[Row], pause: Pause | None = None) -> tuple[list[TextRead], list[Row]]:
    """(what was read, the rows that could not be), each in the order of the rows.

    A text longer than the model's context is cut: its beginning is read, as much as fits. Rows with a problem come
    back as they are.
    """
    bad = [row for row in rows if row.problem is not None]
    lengths: dict[int, list[tuple[Row, str]]] = {}
    for row in rows:
        if row.problem is None:
            try:
                part, length = _part(reader, row.text)
                lengths.setdefault(length, []).append((row, part))
            except ReadingError as error:
                bad.append(_failed(row, error))
    done: list[TextRead] = []
    for length in sorted(lengths):
        for group in _groups(lengths[length], length):
            for (row, part), trace in zip(group, _traces(reader, [part for _, part in group]), strict=True):
                if isinstance(trace, ReadingError):
                    bad.append(_failed(row, trace))
                else:
                    done.append(TextRead(row, summarise(trace), len(part), cut=len(part) < len(row.text)))
            if pause is not None:
                pause(len(done))
    return sorted(done, key=lambda each: each.row.number), sorted(bad, key=lambda row: row.number)


def _part(reader: Reader, text: str) -> tuple[str, int]:
    """What of the text is read, and as how many tokens."""
    length, context = reader.count(text), reader.info.context
    if context is None or length <= context:
        return text, length
    begin, end = reader.stretch(text)
    part = text[begin:end]
    return part, reader.count(part)


def _groups(pairs: Sequence[tuple[Row, str]], length: int) -> Iterator[Sequence[tuple[Row, str]]]:
    size = max(1, min(TOGETHER, TOKENS // length))
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _traces(reader: Reader, texts: Sequence[str]) -> list[Trace | ReadingError]:
    if len(texts) > 1:
        try:
            return [*reader.read_batch(texts)]
        except ReadingError:  # of one of them: which one is found below
            pass
    return [_trace(reader, text) for text in texts]


def _trace(reader: Reader, text: str) -> Trace | ReadingError:
    try:
        return reader.read(text)
    except TextTooLongError as error:
        return error
    except ReadingError as error:
        return error


def _failed(row: Row, error: ReadingError) -> Row:
    return Row(row.number, row.id, row.text, Note(error.happened, error.values))
