"""A page in Chinese begins with a text in Chinese, read by a model that knows Chinese, where it is on this machine."""

from __future__ import annotations

import pytest

from memviz.ui.shell.samples import samples, two_texts

pytestmark = pytest.mark.models
E5 = "e5-multilingual"


def test_it_begins_with_a_chinese_text_and_a_model_that_knows_chinese(visit) -> None:
    here = visit("home", lang="zh")
    first = samples(E5)[0]
    assert here.state("model") == E5
    assert here.input == first.text
    assert here.pictures
    assert "model" not in here.address, "nobody chose it"
    assert any("65 %" in line.replace("\u00a0", " ") and "L5.H5" in line for line in here.sentences), "its hint"
    here.press("sample_6")
    assert here.input == samples(E5)[6].text
    assert here.errors == []
    (said,) = (line for line in here.sentences if line.startswith("各是一个词元"))
    assert "“因为它”" in said
    assert "坐在" not in said, "two characters are nothing strange"
    assert here.go("compare").state("other") == two_texts(E5)[1].text


def test_english_and_a_choice_stay_what_they_are(visit) -> None:
    assert visit("home").state("model") == "minilm"
    chosen = visit("home", lang="zh", model="minilm")
    assert chosen.state("model") == "minilm"
    assert chosen.address["model"] == "minilm", "on a Chinese page it is a choice"


def test_the_language_changes_the_model_of_a_text_that_nobody_chose_and_of_no_other(visit) -> None:
    here = visit("home")
    here.app.get("button_group")[-1].set_value("zh").run()
    assert (here.state("model"), here.input) == (E5, samples(E5)[0].text)
    here.app.get("button_group")[-1].set_value("en").run()
    assert (here.state("model"), here.input) == ("minilm", samples("minilm")[0].text)
    here.press("sample_1")
    here.app.get("button_group")[-1].set_value("zh").run()
    assert (here.state("model"), here.input) == ("minilm", samples("minilm")[1].text)


def test_without_it_the_page_reads_with_another_and_offers_it(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.models.offer.is_here", lambda entry: entry.name != E5)
    here = visit("home", lang="zh")
    assert here.state("model") == "minilm"
    assert here.pictures
    assert any("multilingual" in note and "0.09 GB" in note for note in here.notes)
    here.press("fetch_language_model")
    assert here.state("model") == E5
    assert here.pictures
    assert not any("0.09 GB" in note for note in here.notes)
    assert not any("0.09 GB" in note for note in visit("home").notes), "English has its model"


def test_where_it_is_not_offered_nothing_is_said_of_it(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMVIZ_MODELS", "minilm")
    monkeypatch.setattr("memviz.models.offer.is_here", lambda entry: entry.name != E5)
    here = visit("home", lang="zh")
    assert (here.state("model"), here.notes) == ("minilm", [])


def test_a_text_in_four_scripts_is_read(visit) -> None:
    text = "繁體中文：記憶與注意力。日本語：記憶とは注意である。한국어: 기억은 주의다. 简体：记忆。"
    here = visit("home", text=text, lang="zh")
    assert here.errors == []
    assert here.state("model") == E5
    assert "words_view" in here.pictures
