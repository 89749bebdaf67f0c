"""A text that is not ours is shown as it is: nothing in it becomes a link."""

from __future__ import annotations

import re

from memviz.tokens import Word
from memviz.ui.parts.heads.sentence import sentence
from memviz.ui.shell.markdown import joined, literal
from tests.pages.visiting import unmarked

LINKS = re.compile(r"https?://|www\.|[-.\w+]+@[-\w]+\.", re.IGNORECASE)  # what GitHub's markdown makes links of
TEXT = "see http://www.apache.org/licenses/, WWW.x.org, HTTPS://y.z and ann@b.org"


def test_no_address_in_a_text_becomes_a_link() -> None:
    assert len(LINKS.findall(TEXT)) >= 4
    shown = unmarked(literal(TEXT))
    assert LINKS.findall(shown) == []
    assert shown.replace("\u2060", "") == TEXT


def test_no_address_becomes_a_link_whose_parts_are_words() -> None:
    parts = re.findall(r"\w+|\W", TEXT + " a -> b")
    shown = unmarked(joined(" " if part == " " else literal(part) for part in parts))
    assert LINKS.findall(shown) == []
    assert "->" not in shown
    assert shown.replace("\u2060", "").split() == [*TEXT.split(), "a", "->", "b"]
    words = [Word(part, (place,), 0, 0, special=False) for place, part in enumerate("see http : / / x . org".split())]
    assert LINKS.findall(unmarked(sentence(words, None))) == []
