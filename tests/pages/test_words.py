"""Words: neighbours, projection and drift are what the library gives, and pieces are said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import memviz
from memviz import Reader, embeddings
from memviz.ui import share
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
    here = visit("words", link={"text": RIVER, "other": MONEY, "lookup": "the", "list": "cat, dog, stone, rain"})
    assert here.errors == []
    found = embeddings.neighbours(reader, "the", 12)
    assert f"“{found.word[0]}” stands nearest to “the”: cosine {found.cosine[0]:.2f}" in plain(here)
    assert f"below {found.attrs['floor_high']:.2f}" in plain(here)
    drift = embeddings.drift(reader, "the", RIVER, MONEY)
    assert f"begins at cosine {drift[0]:.2f} and ends at {drift[-1]:.2f} after 3 layers" in plain(here)
    assert here.pictures.count("chart") == 3
    whole, bare = here.links
    assert "lookup=the" in whole
    assert "other=" in whole
    assert "other=" not in bare


def test_all_three_parts_can_be_taken_along_and_the_code_repeats_them(visit, reader, monkeypatch, tmp_path) -> None:
    views: list = []
    bar = share.bar
    monkeypatch.setattr(share, "bar", lambda shared: (views.append(shared), bar(shared)))
    here = visit("words", link={"text": RIVER, "other": MONEY, "lookup": "cat", "list": "cat, dog, stone, rain"})
    frame, _ = views[-1].table()
    assert frame.part.value_counts().to_dict() == {"neighbour": 12, "place": 4, "drift": 4}
    places = embeddings.project(reader, ["cat", "dog", "stone", "rain"])
    np.testing.assert_allclose(frame[frame.part == "place"].y, places.y, rtol=0, atol=1e-6)
    assert len(views[-1].view.charts()) == 3
    assert views[-1].png().startswith(b"\x89PNG")
    monkeypatch.setattr(memviz, "load", lambda name: reader)
    monkeypatch.chdir(tmp_path)
    exec(next(block.value for block in here.app.code if "memviz.load" in block.value), {})
    again = pd.read_csv(tmp_path / "memviz-words.csv")
    pd.testing.assert_frame_equal(again, frame, check_dtype=False, rtol=1e-4)


def test_texts_of_ones_own_begin_with_a_word_that_both_have(visit, reader) -> None:
    here = visit("words", link={"text": RIVER, "other": MONEY})
    assert here.errors == []
    assert here.app.text_input(key="lookup").placeholder == "cat", "the and cat stand in both"
    drift = embeddings.drift(reader, "cat", RIVER, MONEY)
    assert f"“cat” begins at cosine {drift[0]:.2f} and ends at {drift[-1]:.2f}" in plain(here)


def test_texts_without_a_word_in_common_are_no_error_of_whoever_named_none(visit) -> None:
    here = visit("words", link={"text": RIVER, "other": "nobody remembers home"})
    assert here.errors == []
    assert any("no word in common" in note for note in here.notes)
    assert here.pictures.count("chart") == 2


def test_a_word_that_the_vocabulary_lacks_shows_its_pieces_and_one_that_is_not_in_the_texts_is_said(visit) -> None:
    here = visit("words", link={"text": RIVER, "other": MONEY, "lookup": "catzq", "list": "cat, dog"})
    assert any("is not in this model's vocabulary" in note for note in here.notes)
    assert any("picture of 2 words" in error.replace("\\", "") for error in here.errors)
    assert any("no word “catzq”" in error for error in here.errors)
    assert here.pictures.count("chart") == 1
