"""What is a classifier to learn from? Lines with a label each: pasted, from a CSV, or a sample that comes along."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from memviz.errors import TrainingError
from memviz.note import Note

MOST_ROWS = 5_000
MOST_BYTES = 5_000_000
MOST_LABELS = 20
MOST_CHARACTERS = 2_000  # of one line
LEAST_ROWS = 4  # of each label: some to learn from, some held out

SAMPLES = {"en": "English", "zh": "Chinese"}

_TEXT_NAMES = {"text", "texts", "sentence", "line", "message", "review", "content", "comment", "文本", "内容", "句子"}
_LABEL_NAMES = {"label", "labels", "class", "category", "target", "tag", "sentiment", "topic", "标签", "类别", "分类"}
_CHINESE = (("\u4e00", "\u9fff"), ("\u3000", "\u303f"), ("\uff00", "\uffef"), ("\u2010", "\u2027"))
"""Characters, and the punctuation between them."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


@dataclass(frozen=True)
class Examples:
    """Lines that a classifier can learn from.

    texts    the lines, each once
    labels   the label of each
    notes    what was left out, or read otherwise than it stands there
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def counts(self) -> dict[str, int]:
        """How many lines each label has, the most frequent first."""
        return dict(Counter(self.labels).most_common())


def sample(language: str = "en") -> Examples:
    """The lines that come along: 210 in English ("en") or in Chinese ("zh"), written for MemViz.

    Complaints, praise and questions of people in shops, hotels, trains and libraries, 70 each.
    Raises `TrainingError` for another language.
    """
    if language not in SAMPLES:
        raise TrainingError(
            "There is no sample in {language}; there are {known}.",
            todo="Choose one of these.",
            language=repr(language)[:40],
            known=", ".join(SAMPLES),
        )
    file = resources.files("memviz.training") / "samples" / f"{language}.csv"
    return parse(file.read_text(encoding="utf-8"))


def parse(content: str | bytes) -> Examples:
    """Which lines and labels are in this text, or in the bytes of this file?

    A row a line, with a label at its end or at its beginning, after a comma, a semicolon or a tab; quotes as in CSV. A
    first row with the names of the columns, such as ``text,label``, is understood, and left out where it stands again.
    Bytes are decoded by their mark, else as UTF-8, else as GB 18030 or Windows-1252, which a note says. Rows without a
    text or without a label, and repeated ones, are left out, which a note says, too.

    Raises `TrainingError` for what is too much (5,000 rows, 5 MB, 20 labels, 2,000 characters a line), not text, or
    nothing to learn from: see `check`.
    """
    notes: list[Note] = []
    text = _decoded(content, notes) if isinstance(content, bytes) else content
    if len(text) > MOST_BYTES:
        raise _too_large(len(text))
    rows = _rows(text.removeprefix("\ufeff"))
    if not rows:
        raise TrainingError("There are no lines.", todo="Give a line and its label in each row, such as: text,label.")
    _check_characters([field for row in rows for field in row])
    pairs = _pairs(rows, notes)
    examples = _distinct(pairs, notes)
    check(examples.texts, examples.labels)
    return examples


def check(texts: Sequence[str], labels: Sequence[str]) -> None:
    """Can a classifier learn from these, and be tested? Raises `TrainingError`, with what is missing, where not."""
    if len(texts) != len(labels):
        raise TrainingError(
            "There are {texts} texts and {labels} labels.",
            todo="Give one label for each text.",
            texts=len(texts),
            labels=len(labels),
        )
    if len(texts) > MOST_ROWS:
        raise TrainingError(
            "{count:,} rows are more than the {most:,} that are trained on here.",
            todo="Give some of them, such as the first {most:,}.",
            count=len(texts),
            most=MOST_ROWS,
        )
    if not all(isinstance(part, str) and part.strip() for part in (*texts, *labels)):
        raise TrainingError("A text or a label is empty.", todo="Leave that row out.")
    _check_characters(texts)
    counts = Counter(labels)
    if len(texts) < 2:
        raise TrainingError(
            "There is one row: nothing to compare it with.",
            todo="Give at least {least} rows for each of two labels.",
            least=LEAST_ROWS,
        )
    if len(counts) < 2:
        raise TrainingError(
            "All rows have the same label, “{label}”.",
            todo="Give rows of at least two labels.",
            label=str(next(iter(counts), ""))[:80],
        )
    if len(counts) == len(texts):
        raise TrainingError(
            "Each row has a label of its own: nothing is repeated that could be learnt.",
            todo="Give at least {least} rows for each label.",
            least=LEAST_ROWS,
        )
    if len(counts) > MOST_LABELS:
        raise TrainingError(
            "{count} labels are more than the {most} that are told apart here.",
            todo="Check that the label is in the last column, or name the columns text and label in the first row.",
            count=len(counts),
            most=MOST_LABELS,
        )
    label, fewest = min(counts.items(), key=lambda item: item[1])
    if fewest < LEAST_ROWS:
        raise TrainingError(
            "The label “{label}” has {count} rows; at least {least} are needed, to learn from some and test on others.",
            todo="Give more rows of it, or leave it out.",
            label=str(label)[:80],
            count=fewest,
            least=LEAST_ROWS,
        )


def _check_characters(texts: Sequence[str]) -> None:
    longest = max(map(len, texts), default=0)
    if longest > MOST_CHARACTERS:
        raise TrainingError(
            "A line has {count:,} characters; at most {most:,} are read.",
            todo="Shorten it. If no line is that long, a quotation mark is not closed.",
            count=longest,
            most=MOST_CHARACTERS,
        )


def _decoded(content: bytes, notes: list[Note]) -> str:
    if len(content) > MOST_BYTES:
        raise _too_large(len(content))
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(codec)
            except UnicodeDecodeError as error:
                raise _not_text(f"{name}: {error.reason}") from error
    if b"\0" in content:
        raise _not_text("NUL")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    encoding = "gb18030" if _is_chinese(content) else "cp1252"
    name = {"gb18030": "GB 18030", "cp1252": "Windows-1252"}[encoding]
    notes.append(Note("The file is not in UTF-8; it was read as {encoding}.", {"encoding": name}))
    return content.decode(encoding, errors="replace")


def _is_chinese(content: bytes) -> bool:
    """Are these bytes, which are not UTF-8, Chinese as GB 18030 writes it?

    An accented letter and the one behind it may be read as a Chinese one, too; but that stands inside a word of Latin
    letters, where Chinese seldom does.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    letters = [sign for sign in text if sign > "\x7f"]
    chinese = sum(any(low <= sign <= high for low, high in _CHINESE) for sign in letters)
    runs = [run.span() for run in re.finditer(r"[^\x00-\x7f]+", text)]
    inside = sum(
        end - begin <= 2 and bool(re.search("[A-Za-z]", text[max(0, begin - 1) : begin] + text[end : end + 1]))
        for begin, end in runs
    )
    return chinese > 0.9 * len(letters) and inside <= len(runs) / 2


def _too_large(size: int) -> TrainingError:
    return TrainingError(
        "{size:.1f} MB are more than the {most:.0f} MB that are read.",
        todo="Give some of the rows.",
        size=size / 1e6,
        most=MOST_BYTES / 1e6,
    )


def _not_text(reason: str) -> TrainingError:
    return TrainingError("This is not a text ({reason}).", todo="Save the table as CSV, in UTF-8.", reason=reason)


def _rows(text: str) -> list[list[str]]:
    """The fields of each row that is not empty, split by the sign that splits most rows."""
    if "\0" in text:
        raise _not_text("NUL")
    best: list[list[str]] = []
    for sign in "\t,;|，":
        try:
            rows = [row for row in csv.reader(io.StringIO(text), delimiter=sign) if any(map(str.strip, row))]
        except csv.Error:
            continue
        if len(rows) > MOST_ROWS + 10:
            raise TrainingError(
                "{count:,} rows are more than the {most:,} that are trained on here.",
                todo="Give some of them, such as the first {most:,}.",
                count=len(rows),
                most=MOST_ROWS,
            )
        if not best or _split(rows) > _split(best):
            best = rows
        if _split(rows) > 0.9 * len(rows):
            return rows
    return best


def _split(rows: list[list[str]]) -> int:
    """How many rows have several fields."""
    return sum(len(row) > 1 for row in rows)


def _pairs(rows: list[list[str]], notes: list[Note]) -> list[tuple[str, str]]:
    """(text, label) of each row, without the names of the columns."""
    names = [field.strip().casefold() for field in rows[0]]
    is_header = len(rows[0]) > 1 and any(name in _TEXT_NAMES | _LABEL_NAMES for name in names)
    if is_header:
        again = sum(row == rows[0] for row in rows[1:])
        rows = [row for row in rows[1:] if row != rows[0]]
        if again:
            notes.append(Note("The names of the columns stand there again, {count} times; left out.", {"count": again}))
    if not any(len(row) > 1 for row in rows):
        raise TrainingError(
            "No line has a label.",
            todo="Put a label at the end of each line, after a comma or a tab, such as: The soup was cold,complaint.",
        )
    if is_header and len(names) > 2 and set(names) & _TEXT_NAMES and set(names) & _LABEL_NAMES:
        text, label = (
            next(place for place, name in enumerate(names) if name in known) for known in (_TEXT_NAMES, _LABEL_NAMES)
        )
        return [(_field(row, text), _field(row, label)) for row in rows]
    first = len({row[0] for row in rows if len(row) > 1}) < len({row[-1] for row in rows if len(row) > 1})
    if is_header and len(names) == 2:
        first = names[0] in _LABEL_NAMES or names[1] in _TEXT_NAMES
    pairs = []
    for row in rows:
        if len(row) == 1:
            pairs.append((row[0], ""))
            continue
        inside, end = (row[1:], row[0]) if first else (row[:-1], row[-1])
        pairs.append((", ".join(part.strip() for part in inside), end))
    return pairs


def _field(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _distinct(pairs: list[tuple[str, str]], notes: list[Note]) -> Examples:
    """The rows that have both, each text once; a text with several labels says nothing."""
    pairs = [(" ".join(text.split()), " ".join(label.split())) for text, label in pairs]
    whole = [(text, label) for text, label in pairs if text and label]
    if len(whole) < len(pairs):
        count = len(pairs) - len(whole)
        notes.append(Note("{count} rows without a text or without a label were left out.", {"count": count}))
    if not whole:
        raise TrainingError(
            "No line has a label.",
            todo="Put a label at the end of each line, after a comma or a tab, such as: The soup was cold,complaint.",
        )
    by_text: dict[str, set[str]] = {}
    for text, label in whole:
        by_text.setdefault(text, set()).add(label)
    unclear = {text for text, labels in by_text.items() if len(labels) > 1}
    clear = dict(pair for pair in whole if pair[0] not in unclear)
    if unclear:
        notes.append(Note("{count} lines have several labels and were left out.", {"count": len(unclear)}))
    repeated = len(whole) - len(by_text)
    if repeated and not unclear:
        notes.append(Note("{count} lines stand there again and count once.", {"count": repeated}))
    return Examples(tuple(clear), tuple(clear.values()), tuple(notes))
