"""A sentence is said in the reader's language, its own parts included, and what it quotes stays as it is."""

from __future__ import annotations

import pytest

from memviz.errors import MemVizError
from memviz.memory import Forget
from memviz.note import Note
from tests.memory_samples import recorded

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
    memory, _ = recorded(rows=3, cols=4, kind="cross")
    with pytest.raises(MemVizError) as refused:
        refuse(memory)
    assert f"⟦{part}⟧" in refused.value.render(lambda text: f"⟦{text}⟧")
