"""A sentence is said in the reader's language, its own parts included, and what it quotes stays as it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from memviz.errors import MemVizError
from memviz.memory import Forget
from memviz.note import Note
from tests.memories import memory_of

GERMAN = {
    "{name} cannot be opened: {why}.": "{name} lässt sich nicht öffnen: {why}.",
    "{item} is missing": "{item} fehlt",
}


def german(text: str) -> str:
    return GERMAN.get(text, text)


def test_the_parts_of_a_sentence_are_said_in_its_language() -> None:
    note = Note("{name} cannot be opened: {why}.", {"name": "a_b", "why": Note("{item} is missing", {"item": "c_d"})})
    assert str(note) == "a_b cannot be opened: c_d is missing."
    assert note.render(german) == "a_b lässt sich nicht öffnen: c_d fehlt."


def test_only_what_it_quotes_is_quoted() -> None:
    why = Note("{item} is missing", {"item": "c"})
    note = Note("{name} cannot be opened: {why}.", {"name": "a", "why": why, "count": 3})
    assert note.render(german, "<{}>".format) == "<a> lässt sich nicht öffnen: <c> fehlt."
    values = {"name": "a", "why": why, "count": 1200}
    error = MemVizError("{name} cannot be opened: {why}.", todo="Give {count:,} of it.", **values)
    assert error.render(german, "<{}>".format) == "<a> lässt sich nicht öffnen: <c> fehlt. Give 1,200 of it."
    assert str(error) == "a cannot be opened: c is missing. Give 1,200 of it."


@pytest.mark.parametrize(
    ("refuse", "part"),
    [
        (lambda memory: memory.require_one_sequence("Span"), "Span"),
        (lambda memory: Forget(keys=[0], heads=[9]).check(layers=2, heads=4), "head"),
        (lambda memory: Forget(keys=[0], layers=[9]).check(layers=2, heads=4), "layer"),
    ],
)
def test_a_word_of_ours_inside_an_error_is_translated_too(refuse, part: str) -> None:
    memory, _ = memory_of(3, 4)
    with pytest.raises(MemVizError) as refused:
        refuse(memory)
    assert f"⟦{part}⟧" in refused.value.render(lambda text: f"⟦{text}⟧")


def compared_sentences(code: str) -> list[int]:
    """The lines that compare the words of a note or of an error with something, or look into them."""
    lines = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "with" in node.func.attr:
            sides = [node.func.value]
        else:
            continue
        for side in sides:
            note = isinstance(side, ast.Attribute) and isinstance(side.value, ast.Name) and "note" in side.value.id
            if isinstance(side, ast.Attribute) and (
                side.attr in ("happened", "todo") or (note and side.attr == "text")
            ):
                lines.append(node.lineno)
    return lines


def test_no_program_branches_on_the_words_of_a_sentence() -> None:
    assert compared_sentences("cut = any(note.text == BROKEN for note in notes)") == [1]
    assert compared_sentences("if note.text not in {'a'}:\n    error.happened.startswith('The')") == [1, 2]
    root = Path(__file__).parents[1]
    files = [*(root / "memviz").rglob("*.py"), *(root / "pages").glob("*.py")]
    wrong = [f"{file}:{line}" for file in files for line in compared_sentences(file.read_text(encoding="utf-8"))]
    assert not wrong, "compare the code of a note, or the class of an error: " + ", ".join(wrong)
