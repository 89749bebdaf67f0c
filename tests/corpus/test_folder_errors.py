"""The reason of a bad row is kept so that it can be said in another language."""

from __future__ import annotations

from pathlib import Path

from memviz.corpus.folder import FAILED, Folder, part_of
from memviz.corpus.rows import Rows


def _translated(text: str) -> str:
    return {
        "not a text but {kind}": "不是文本，而是{kind}",
        "nothing": "空值",
        "longer than {limit:,} characters": "超过 {limit:,} 个字符",
    }.get(text, text)


def test_a_reason_is_said_in_another_language_with_its_values(tmp_path: Path) -> None:
    bad = list(Rows([None, 7, "x" * 10_000_000]))  # type: ignore[list-item]
    (tmp_path / FAILED).mkdir()
    (tmp_path / FAILED / "part-00000.jsonl").write_text(part_of(0, [], bad, keep_texts=True).errors, encoding="utf-8")
    errors = [*Folder(tmp_path).errors(5)]
    assert [each["note"].render() for each in errors] == [str(row.problem) for row in bad]
    said = [each["note"].render(_translated) for each in errors]
    assert said[:2] == ["不是文本，而是空值", "不是文本，而是int"]
    assert said[2] == "超过 1,000,000 个字符"


def test_a_folder_without_the_parts_of_a_reason_gives_the_sentence(tmp_path: Path) -> None:
    (tmp_path / FAILED).mkdir()
    line = '{"row": 3, "id": "a", "reason": "it holds {braces}", "text": ""}\n'
    (tmp_path / FAILED / "part-00000.jsonl").write_text(line, encoding="utf-8")
    [error] = Folder(tmp_path).errors(5)
    assert error["note"].render() == "it holds {braces}"
