"""Does it matter? One button on the pages of attention covers a word or unplugs a head, and opens Forget with it."""

from __future__ import annotations

import pytest

from memviz import experiments
from memviz.figures.style.statements import value_text
from memviz.tokens import distinct_texts
from tests.pages.visiting import plain
from tests.reading.families import words

pytestmark = pytest.mark.usefixtures("every_model_is_tiny")

TEXT = words(14)


def test_a_word_is_covered_beside_the_others_and_forget_opens_with_it(visit, reader) -> None:
    here = visit("home", text=TEXT, word="5")
    assert "Covering" not in plain(here.sentences), "only when it is asked for"
    here.press("check_button")
    assert here.errors == []
    found = experiments.cover(reader, TEXT, 5)
    kind, said = found.question.kind, plain(here.sentences)
    assert f"Covering “{distinct_texts(found.words)[5]}”" in said
    after, low, high = (plain([value_text(kind, value)]) for value in (found.after, *found.range))
    assert after in said
    assert f"between {low} and {high}" in said
    assert here.address["check"] == "5", "a link shows it"
    name, before = here.state("model"), here.input
    here.press("check_open")
    assert (here.input, here.state("covered"), here.state("model")) == (before, (5,), name)


@pytest.mark.parametrize("page", ["home", "recall", "heads"])
def test_where_the_answer_is_made_no_word_is_offered_to_be_covered(visit, reader, page) -> None:
    last = len(reader.read(TEXT).words) - 1 if reader.info.kind == "decoder-only" else len(TEXT.split())
    here = visit(page, text=TEXT, word=str(last), check=str(last))
    assert here.errors == []
    is_said = "choose an earlier word to cover it" in plain(here.sentences)
    assert is_said == (reader.info.kind == "decoder-only")


def test_a_word_of_the_second_text_is_covered_where_a_pair_is_read_from_both_sides(visit, reader) -> None:
    other = " ".join(TEXT.split()[3:9])
    if reader.model.config.model_type != "bert":
        return
    here = visit("home", text=TEXT, pair=other, word="18").press("check_button")
    assert here.errors == []
    found = experiments.cover(reader, reader.ask(TEXT, pair=other), 18)
    assert f"Covering “{distinct_texts(found.words)[18]}”" in plain(here.sentences)
    assert plain([value_text("vector", found.after)]) in plain(here.sentences)
    assert "check_open" not in [button.key for button in here.app.button], "Forget asks about one text"


def test_a_head_is_unplugged_beside_others_of_its_layer(visit, reader) -> None:
    here = visit("heads", text=TEXT, layer="1", head="2")
    if reader.info.kind == "encoder-decoder":
        assert "check_head_button" not in [button.key for button in here.app.button]
        return
    here.press("check_head_button")
    assert here.errors == []
    found = experiments.unplug(reader, TEXT, [(1, 2)])
    kind, said = found.question.kind, plain(here.sentences)
    assert "Without L1.H2" in said
    assert plain([value_text(kind, found.after)]) in said
    assert ("not distinguishable from chance" in said) == (found.verdict == "within" and found.effect > 0)


def test_one_head_alone_forgets_a_word(visit, reader) -> None:
    if reader.info.kind == "encoder-decoder":
        return
    here = visit("recall", text=TEXT, word="5", one_head="true", layer="1", head="2").press("check_button")
    assert here.errors == []
    found = experiments.cover(reader, TEXT, 5, layers=[1], heads=[2])
    assert "in L1.H2 alone" in plain(here.sentences)
    assert plain([value_text(found.question.kind, found.after)]) in plain(here.sentences)


def test_the_pinned_source_word_of_a_translation_is_covered(visit, reader) -> None:
    if reader.info.kind != "encoder-decoder":
        return
    here = visit("translate", text=TEXT, cross_word="s5").press("check_button")
    assert here.errors == []
    part = here.app.session_state["text"]
    found = experiments.cover(reader, part, 5)
    assert f"Covering “{distinct_texts(found.words)[5]}”" in plain(here.sentences)
    assert plain([value_text("translation", found.after)]) in plain(here.sentences)
