"""Forget: words are covered, and what the page says then is what the experiment gives."""

from __future__ import annotations

import html
import io
import re
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest

import memviz
from memviz import Eviction, experiments
from memviz.figures import decimal, percent
from memviz.figures.style.numbers import signed
from memviz.figures.style.statements import value_text
from memviz.tokens import distinct_texts
from memviz.ui import share
from memviz.ui.parts.experiment.eviction import perplexity
from tests.pages.visiting import plain
from tests.reading.families import words

pytestmark = pytest.mark.usefixtures("every_model_is_tiny")

TEXT = words(14)


def test_covering_a_word_says_what_the_experiment_gives(visit, reader) -> None:
    here = visit("forget", text=TEXT, covered="5")
    assert here.errors == []
    found = experiments.cover(reader, TEXT, 5)
    kind = found.question.kind
    said = plain(here.sentences)
    before, after, low, high = (plain([value_text(kind, value)]) for value in (found.before, found.after, *found.range))
    assert f"from {before} to {after}" in said or kind == "vector"
    assert after in said
    assert f"between {low} and {high}" in said
    assert f"“{distinct_texts(found.words)[5]}”" in said
    assert found.question.unit.render() in said
    assert "chart" in here.pictures


def test_nothing_is_covered_at_first_and_the_page_says_what_to_do(visit, reader) -> None:
    here = visit("forget", text=TEXT)
    assert here.errors == []
    assert here.pictures[0] == "words_view"
    assert "Tap a word" in plain(here.sentences)


@pytest.mark.parametrize(("view", "box"), [("words", "answer"), ("needle", "needle_question")])
def test_a_page_that_waits_for_a_choice_has_its_links(visit, reader, view, box) -> None:
    here = visit("forget", text=TEXT, view=view, link={box: "stone"})
    whole, bare = (dict(parse_qsl(urlsplit(link).query)) for link in here.links)
    assert (whole["text"], whole.get("view", "words"), whole[box]) == (TEXT, view, "stone")
    assert not {"text", box} & set(bare)
    there = visit("forget", link={**whole, "model": "smollm2"})  # the tiny one has no name
    assert (there.input, there.state(box)) == (TEXT, "stone")


def test_what_cannot_be_covered_is_said_and_the_text_stays(visit, reader) -> None:
    count = len(reader.read(TEXT).words) if reader.info.kind != "encoder-decoder" else len(TEXT.split())
    here = visit("forget", text=TEXT, covered=".".join(map(str, range(count))))
    assert here.input == TEXT
    assert any("nothing left to read" in error for error in here.errors)


def test_a_cache_says_what_it_holds_and_what_that_costs(visit, reader) -> None:
    here = visit("forget", text=TEXT, view="cache", rule="window", room="8", at="10")
    said = plain(here.sentences)
    if reader.info.kind == "decoder-only":
        under = reader.read(TEXT, eviction=Eviction.window(8))
        costs = [decimal(perplexity(trace)) for trace in (reader.read(TEXT), under)]
        assert f"from {costs[0]} to {costs[1]}" in said
        assert "the cache holds 8 of 11 keys" in said
        drawn = next(item.proto.body for item in here.app.get("html") if "memviz-cache" in item.proto.body)
        gone = re.findall(r'class="gone"[^>]*>([^<]*)', drawn)
        assert [html.unescape(text) for text in gone] == [
            word.text for word in under.words if max(word.tokens) <= 10 - 8
        ]
    else:
        assert "does not continue texts" in said


def test_heads_are_unplugged_beside_random_draws(visit, reader) -> None:
    if reader.info.kind == "encoder-decoder":
        return  # its draws take as long as all other tests of the page
    here = visit("forget", text=TEXT, view="heads", unplugged="L1.H2")
    assert here.errors == []
    found = experiments.unplug(reader, TEXT, ["L1.H2"])
    kind, said = found.question.kind, plain(here.sentences)
    low, high = (plain([value_text(kind, value)]) for value in (found.controls.min(), found.controls.max()))
    assert f"it is between {low} and {high}" in said
    assert "Without L1.H2" in said
    assert "heads_grid" in here.pictures


def test_rankings_are_compared_only_when_that_is_asked_for(visit, reader) -> None:
    if reader.info.kind == "encoder-decoder":
        return
    here = visit("forget", text=TEXT, view="agreement")
    assert "chart" not in here.pictures
    here.press("compare_button")
    assert here.errors == []
    found = experiments.agree(reader, TEXT)
    ranking = found.ranking("attention")
    said = plain(here.sentences)
    assert signed(ranking.spearman) in said
    assert ("not distinguishable from chance" in said) == (ranking.verdict == "within")
    place, effects = (
        int(np.argmax(ranking.scores)),
        found.blank.attention * (1 if found.blank.question.kind == "vector" else -1),
    )
    assert f"Hiding “{distinct_texts(found.blank.words)[found.blank.numbers[place]]}”" in said
    others = np.delete(effects, place)
    for value in (f"{effects[place]:+.2g}", f"{others.mean():+.2g}", f"± {others.std():.2g}"):
        assert value.replace("-", "−") in said
    again = visit("forget", text=TEXT, **here.address)
    assert signed(ranking.spearman) in plain(again.sentences), "a link shows it without another press"


def test_a_needle_is_looked_for_in_the_text(visit, reader) -> None:
    here = visit("forget", text=TEXT, view="needle", longest="64").press("search_button")
    if reader.info.kind != "decoder-only":
        assert any("does not continue texts" in plain([error]) for error in here.errors)
        return
    typed = [here.state(name) for name in ("needle", "needle_question", "needle_answer")]
    found = experiments.needle(reader, *typed, TEXT, lengths=[64])
    assert f"In {found.exact.sum()} of 5 texts" in plain(here.sentences)
    assert f"at most {plain([percent(float(found.controls.max()), digits=1)])}" in plain(here.sentences)


BUTTONS = {
    "curve": "curve_button",
    "needle": "search_button",
    "agreement": "compare_button",
    "parts": "retrieval_button",
}


@pytest.mark.parametrize("view", ["words", "cache", "curve", "heads", "parts", "needle", "agreement"])
def test_a_view_can_be_taken_along_and_its_code_repeats_its_table(
    visit, reader, view: str, monkeypatch, tmp_path
) -> None:
    if reader.info.kind != "decoder-only":
        return
    views: list = []
    bar = share.bar
    monkeypatch.setattr(share, "bar", lambda shared: (views.append(shared), bar(shared)))
    text = words(60) if view in ("cache", "curve") else TEXT
    page = {"curve": "cache", "parts": "heads"}.get(view, view)
    unplugged = "" if view == "parts" else "L0.H1"
    link = {"part": TEXT.split()[-1], "longest": "64"}
    here = visit("forget", text=text, view=page, covered="5", room="8", unplugged=unplugged, link=link)
    if view in BUTTONS:
        here.press(BUTTONS[view])
    assert here.errors == []
    shared = views[-1]
    frame, fields = shared.table()
    assert fields["experiment"] in experiments.EXPERIMENTS
    assert shared.png().startswith(b"\x89PNG")
    assert shared.view.statement()[:20] in shared.html()
    assert "<svg" in shared.svg()
    assert "shows" in np.load(io.BytesIO(shared.npz()), allow_pickle=False)["provenance"].item()
    code = next(block.value for block in here.app.code if "memviz.load" in block.value)
    monkeypatch.setattr(memviz, "load", lambda name: reader)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    again = pd.read_csv(tmp_path / "memviz-forget.csv")
    assert len(again) == len(frame)
    if view == "cache":
        assert list(again["token"]) == list(frame["token"])
        known = ~np.isnan(frame["first"])
        assert list(again["gone"][known]) == list(frame["first"][known])
        return
    number = {"curve": "perplexity", "agreement": "spearman", "parts": "score"}.get(view, "value")
    np.testing.assert_allclose(again[number], frame[number], rtol=1e-4, atol=1e-6)


def test_a_click_in_the_grid_unplugs_a_head_and_another_plugs_it_in_again(visit, reader, monkeypatch) -> None:
    """The component is the browser's: here it reports what a click would."""
    from memviz.ui.components.choice import Report
    from memviz.ui.parts.experiment import unplug

    if reader.info.kind != "decoder-only":
        return
    clicks = [Report((1, 2), 7)]
    monkeypatch.setattr(unplug, "last_click", lambda key, shape: clicks[-1])
    here = visit("forget", text=TEXT, view="heads", unplugged="L0.H1")
    assert here.address["unplugged"] == "L0.H1,L1.H2"
    assert "Without L0.H1, L1.H2" in plain(here.sentences)
    here._run()
    assert here.address["unplugged"] == "L0.H1,L1.H2", "the same click counts once"
    clicks.append(Report((1, 2), 8))
    here._run()
    assert here.address["unplugged"] == "L0.H1"
