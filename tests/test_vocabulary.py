"""The names in the code are those of the vocabulary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
VOCABULARY = ROOT / "docs" / "vocabulary.md"
FILES = sorted((ROOT / "memviz").rglob("*.py"))

PARTICIPLES = set(
    "found told said kept chosen usual given shown asked wanted taken looked meant seen written known made held lost "
    "gone judged own one".split()
)
"""Names that do not say of what: nouns for things, verbs for functions."""

ROOMS = {
    "__init__", "__main__", "archive", "errors", "measures", "models", "note", "progress", "settings", "tables",
    "tokens", "trace", "trace_format_3", "version",
}  # fmt: skip
"""The rooms that are held to it so far."""


def rows() -> list[list[str]]:
    """The rows of the table: [word, what it is, not]."""
    lines = VOCABULARY.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]


def names(code: str) -> Iterator[tuple[str, int]]:
    """(name, line) of everything that some code names: variables, parameters, attributes, functions and classes."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno


def uses(words: set[str], files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in files
        for name, line in names(file.read_text(encoding="utf-8"))
        if name.strip("_") in words
    ]


def room(file: Path) -> str:
    return file.relative_to(ROOT / "memviz").with_suffix("").parts[0]


def test_every_word_is_there_once_and_says_what_it_is() -> None:
    table = rows()
    assert len(table) > 60
    assert all(len(row) == 3 and row[0] and row[1] for row in table)
    words = [word for row in table for word in row[0].split(", ")]
    assert sorted(word for word in set(words) if words.count(word) > 1) == []


def test_a_word_that_the_vocabulary_rules_out_is_the_name_of_nothing() -> None:
    ruled_out = {word for row in rows() for word in re.findall(r"`(\w+)`", row[2])}
    assert len(ruled_out) > 25
    words = {word for row in rows() for word in row[0].split(", ")}
    assert not ruled_out & words, "a word cannot be used and ruled out"
    assert not uses(ruled_out, FILES)


def test_no_name_is_a_bare_participle() -> None:
    wrong = uses(PARTICIPLES, [file for file in FILES if room(file) in ROOMS])
    wrong = [use for use in wrong if not re.fullmatch(r"memviz/trace.py:\d+ written", use)]  # a name of the face
    assert not wrong, "say of what: " + ", ".join(wrong)


def test_names_of_every_kind_are_seen() -> None:
    code = """
class Lookup: pass
def said(told): found = one.kept = 1
for lost in (): pass
"""
    assert {name for name, _ in names(code)} == {"Lookup", "said", "told", "found", "kept", "lost"}
