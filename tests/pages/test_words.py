"""Words: neighbours, projection and drift are what the library gives, and pieces are said."""

from __future__ import annotations

import pytest

from memviz import Reader, embeddings
from tests.pages.visiting import Visit
from tests.reading.cases import reader as tiny
from tests.reading.families import FAMILIES

pytestmark = pytest.mark.usefixtures("every_model_is_tiny")

RIVER, MONEY = "the cat sat near an old bridge after rain", "nobody remembers where the cat went home"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return tiny(FAMILIES["bert"])


def plain(here: Visit) -> str:
    return "\n".join(here.sentences).replace("\\", "")


def test_the_page_says_what_the_library_gives(visit, reader) -> None:
    here = visit("words", link={"text": RIVER, "other": MONEY, "lookup": "cat", "list": "cat, dog, stone, rain"})
    assert here.errors == []
    found = embeddings.neighbours(reader, "cat", 12)
    assert f"“{found.word[0]}” stands nearest to “cat”: cosine {found.cosine[0]:.2f}" in plain(here)
    assert f"below {found.attrs['floor_high']:.2f}" in plain(here)
    drift = embeddings.drift(reader, "cat", RIVER, MONEY)
    assert f"begins at cosine {drift[0]:.2f} and ends at {drift[-1]:.2f} after 3 layers" in plain(here)
    assert here.pictures.count("chart") == 3
    whole, bare = here.links
    assert "lookup=cat" in whole
    assert "other=" in whole
    assert "other=" not in bare


def test_a_word_that_the_vocabulary_lacks_shows_its_pieces_and_one_that_is_not_in_the_texts_is_said(visit) -> None:
    here = visit("words", link={"text": RIVER, "other": MONEY, "lookup": "catzq", "list": "cat, dog"})
    assert any("is not in this model's vocabulary" in note for note in here.notes)
    assert any("picture of 2 words" in error.replace("\\", "") for error in here.errors)
    assert any("no word “catzq”" in error for error in here.errors)
    assert here.pictures.count("chart") == 1
