"""A text that is longer than the model can read: a choice is offered, and nothing is cut without a word."""

from __future__ import annotations

import pytest

from tests.pages.odd_texts import ODD

pytestmark = pytest.mark.models

LONG = " ".join(f"sentence {number} is about the cat." for number in range(400))


def window_of(here) -> str:
    """The stretch that was read: the page's link with the text inside holds it."""
    from urllib.parse import parse_qs

    return parse_qs(here.links[0].partition("?")[2])["text"][0]


def said(reader, first: int) -> str:
    """What the page says of the window of MiniLM's 510 tokens that begins at this one."""
    total = reader.count(LONG) - 2
    last = min(first + 509, total - 1)
    return f"You are reading a window of the text: tokens {first:,} to {last:,} of {total:,}, counted from 0."


@pytest.mark.parametrize("page", ["home", "heads", "recall"])
@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("minilm", LONG),
        ("minilm", ODD["one token again and again"] * 2),
        ("minilm", "the cat " * 12_500),
        ("smollm2", "the cat " * 12_500),
    ],
)
def test_the_page_says_how_long_it_is_and_offers_a_window(visit, page: str, model: str, text: str) -> None:
    here = visit(page, text=text, model=model)
    assert here.pictures == []
    assert len(here.errors) == 1
    assert "tokens" in here.errors[0]
    assert here.app.button(key="window_first").label.startswith("Read the first ")
    assert here.input == text


def test_the_window_that_was_chosen_is_read_and_said(visit, minilm) -> None:
    here = visit("home", text=LONG)
    assert here.app.button(key="window_first").label == "Read the first 510 tokens", "two of the 512 are special"
    assert here.app.number_input(key="window_start").step == 510
    assert here.app.number_input(key="window_start").max == minilm.count(LONG) - 3
    here.press("window_first")
    assert here.pictures == ["words_view"]
    assert here.input == LONG, "the text stays whole in its box"
    assert here.notes == [said(minilm, 0)]
    read = window_of(here)
    assert LONG.startswith(read)
    assert minilm.count(read) == 512

    here.press("window_undo")
    assert here.pictures == []
    here.app.number_input(key="window_start").set_value(700).run()
    here.press("window_other")
    assert here.notes == [said(minilm, 700)]
    later = window_of(here)
    assert later in LONG
    assert later != read
    assert minilm.count(later) == 512
    assert minilm.count(LONG[: LONG.index(later)]) - 2 == 700

    here.press("window_undo")
    here.app.number_input(key="window_start").set_value(2_800).run()
    here.press("window_other")
    assert here.notes == [said(minilm, 2_800)]
    assert LONG.endswith(window_of(here)), "the end of the text"
    here.press("window_undo")
    here.app.number_input(key="window_start").set_value(700).run()
    here.press("window_other")

    here.go("heads")
    assert here.notes == [said(minilm, 700)]
    here.read("A short text.")
    assert here.notes == []
    assert here.pictures


@pytest.mark.parametrize(
    ("model", "text"),
    [("minilm", LONG), ("smollm2", "小猫坐在垫子上，因为它累了。" * 30), ("smollm2", "👩‍👩‍👧‍👦 ok " * 60)],
    ids=["sentences", "chinese", "emoji"],
)
def test_a_window_fits_beside_a_second_sentence(visit, monkeypatch, model: str, text: str) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "100")
    here = visit("home", text=text, pair="A second sentence: 小猫.", model=model)
    assert len(here.errors) == 1
    here.press("window_first")
    assert here.errors == []
    assert here.pictures == ["words_view"]
    assert here.notes[0].startswith("You are reading a window of the text: tokens 0 to ")
    here.press("window_undo")
    here.app.number_input(key="window_start").set_value(41).run()
    here.press("window_other")
    assert here.errors == []
    assert here.pictures == ["words_view"]


def test_a_second_sentence_that_leaves_no_room_is_said(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MAX_TOKENS", "20")
    here = visit("home", text=LONG, pair="the cat " * 20).press("window_first")
    assert len(here.errors) == 1
    assert here.errors[0].startswith("The second sentence and what the model adds have 43 tokens; at most 20 can be")
    assert here.pictures == []


def test_a_second_sentence_beyond_the_servers_limit_is_refused(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.ui.shell.runs.MAX_CHARACTERS", 1000)
    here = visit("home", text="The cat.", pair="x" * 1001)
    said = "The second sentence has 1,001 characters; this server reads at most 1,000. Paste a part of it."
    assert here.errors == [said]
    assert here.pictures == []


def test_a_text_beyond_the_servers_limit_is_refused_with_numbers(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.ui.shell.runs.MAX_CHARACTERS", 1000)
    here = visit("home", text="x" * 1001)
    assert here.errors == ["This text has 1,001 characters; this server reads at most 1,000. Paste a part of it."]
    assert here.pictures == []
