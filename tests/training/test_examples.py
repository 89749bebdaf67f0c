"""Labelled lines as people bring them: every odd file is read, or refused with what to do."""

from __future__ import annotations

import pytest

from memviz.errors import TrainingError
from memviz.training import examples
from memviz.training.examples import parse

ROWS = [(f"line number {number}", "even" if number % 2 == 0 else "odd") for number in range(12)]
PLAIN = "".join(f"{text},{label}\n" for text, label in ROWS)


def notes(result: examples.Examples) -> str:
    return " ".join(map(str, result.notes))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_samples_are_many_lines_each_once(language: str) -> None:
    sample = examples.sample(language)
    assert len(sample) >= 200
    assert len(set(sample.texts)) == len(sample)
    assert sample.notes == ()
    assert set(sample.counts.values()) == {70}
    assert all(4 <= len(text) <= 160 for text in sample.texts)
    chinese = [any("\u4e00" <= sign <= "\u9fff" for sign in text) for text in sample.texts]
    assert all(chinese) if language == "zh" else not any(chinese)
    with pytest.raises(TrainingError, match="no sample"):
        examples.sample("fr")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.encode(),
        "\ufeff" + PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        "text,label\n" + PLAIN,
        "label;text\n" + "".join(f"{label};{text}\n" for text, label in ROWS),
        "".join(f"{label}\t{text}\n" for text, label in ROWS),
        "id,text,label\n" + "".join(f"{number},{text},{label}\n" for number, (text, label) in enumerate(ROWS)),
        "Label,Id,Text\r\n" + "".join(f"{label},7,{text}\r\n" for text, label in ROWS),
        "".join(f'"{text}","{label}"\n\n' for text, label in ROWS),
    ],
)
def test_a_table_however_it_is_written(content: str | bytes) -> None:
    result = parse(content)
    assert list(zip(result.texts, result.labels, strict=True)) == ROWS
    assert result.notes == ()


def test_quotes_commas_and_line_breaks_inside_a_line() -> None:
    result = parse(PLAIN + '"He said ""no"", and\nleft",odd\nwell, yes, then,even\n')
    assert result.texts[-2:] == ('He said "no", and left', "well, yes, then")
    assert result.labels[-2:] == ("odd", "even")


def test_a_formula_is_a_text_like_any_other() -> None:
    result = parse(PLAIN + "=cmd|' /C calc'!A0,odd\n")
    assert result.texts[-1] == "=cmd|' /C calc'!A0"
    assert result.labels[-1] == "odd"


def test_a_doubled_header_is_left_out_and_said() -> None:
    result = parse("text,label\ntext,label\n" + PLAIN + "text,label\n")
    assert len(result) == 12
    assert "names of the columns" in notes(result)


def test_other_encodings_are_read_and_said() -> None:
    chinese = "".join(
        f"这是第{number}行，{'好' if number % 2 else '坏'}天气,{'好' if number % 2 else '坏'}\n" for number in range(10)
    )
    result = parse(chinese.encode("gb18030"))
    assert result.texts[1] == "这是第1行，好天气"
    assert "GB 18030" in notes(result)
    french = "".join(f"le café numéro {number} — fermé,{'à' if number % 2 else 'é'}\n" for number in range(10))
    result = parse(french.encode("cp1252"))
    assert result.texts[0] == "le café numéro 0 — fermé"
    assert "Windows-1252" in notes(result)
    german = "".join(f"Straße {number} ist schön größer,{'gut' if number % 2 else 'müde'}\n" for number in range(10))
    assert "鰊" in german.encode("cp1252").decode("gb18030"), "it could be read as Chinese"
    result = parse(german.encode("cp1252"))
    assert result.texts[0] == "Straße 0 ist schön größer"
    mixed = "".join(f"我用Python写第{number}个程序，繁體也有,{'快' if number % 2 else '慢'}\n" for number in range(10))
    assert parse(mixed.encode("gb18030")).texts[3] == "我用Python写第3个程序，繁體也有"


def test_rows_without_a_label_are_left_out_and_counted() -> None:
    result = parse(PLAIN + "nobody labelled this,\n,odd\nalone\n")
    assert len(result) == 12
    assert "3 rows without" in notes(result)


def test_repeated_lines_count_once_and_contradictions_not_at_all() -> None:
    assert "1 lines stand there again" in notes(parse(PLAIN + "line number 3,odd\n"))
    result = parse(PLAIN + "line number 3,even\n")
    assert "line number 3" not in result.texts
    assert "several labels" in notes(result)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "no lines"),
        (" \n\n", "no lines"),
        ("one text,a\n", "one row"),
        ("text,label\none text,a\n", "one row"),
        (PLAIN.replace("odd", "even"), "same label, “even”"),
        ("".join(f"{text}\n" for text, _ in ROWS), "No line has a label"),
        ("".join(f"{text},\n" for text, _ in ROWS), "No line has a label"),
        ("text,label\n", "No line has a label"),
        ("".join(f"text {number},label {number}\n" for number in range(30)), "a label of its own"),
        ("".join(f"text {number},label {number // 4}\n" for number in range(120)), "30 labels are more than the 20"),
        (PLAIN + "a rare one,rare\n", "“rare” has 1 rows"),
        ("a line,x\n" * 100_000, "rows are more than the 5,000"),
        ("".join(f"line {number},{number % 2}\n" for number in range(100_000)), "rows are more than the 5,000"),
        (PLAIN + '"not closed ' + "and so on " * 400, "quotation mark is not closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not a text"),
        (b"PK\x03\x04\0\0", "not a text"),
        ("a\0b,c\n", "not a text"),
        (b"\xff\xfea", "not a text"),
        (b"x" * 6_000_000, "5 MB"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused(content: str | bytes, what: str) -> None:
    with pytest.raises(TrainingError, match=what):
        parse(content)


def test_lists_of_texts_and_labels_are_checked_alike() -> None:
    with pytest.raises(TrainingError, match="3 texts and 2 labels"):
        examples.check(["a", "b", "c"], ["x", "y"])
    with pytest.raises(TrainingError, match="empty"):
        examples.check(["a", " "], ["x", "y"])
    with pytest.raises(TrainingError, match="one row"):
        examples.check(["a"], ["x"])
