"""A link holds a view: model, language, layer, head, word and options; junk in it does no harm."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

import memviz
from memviz import figures, measures

pytestmark = pytest.mark.models

LONG = " ".join(f"Lamp {number} burned along the river." for number in range(40))
CAT = "The cat sat on the mat because it was tired."


def options(here) -> dict[str, object]:
    """What is chosen on the page, by key."""
    kinds = ("selectbox", "radio", "toggle", "slider", "text_input")
    return {widget.key: widget.value for kind in kinds for widget in here.app.get(kind)}


def test_a_link_restores_the_heads_page(visit) -> None:
    request = {"layer": "3", "head": "1", "values": "log", "by_word": "false", "sinkless": "true", "keep": "80"}
    here = visit("heads", text=CAT, lang="zh", shown="head", find="it", model="minilm", **request)
    choices = options(here)
    assert (choices["named_head"], choices["shown"], choices["values"]) == ((3, 1), "head", "log")
    assert (choices["by_word"], choices["sinkless"], choices["keep"], choices["find"]) == (False, True, 80, "it")
    assert here.state("lang") == "zh"
    assert here.app.title[0].value == "每个注意力头在做什么？"


def test_a_link_restores_the_window_that_was_zoomed_into(visit) -> None:
    here = visit(
        "heads", text=LONG, model="smollm2", layer="18", head="6", zoom="true", zoom_rows="150", zoom_cols="90"
    )
    choices = options(here)
    assert (choices["zoom"], choices["zoom_rows"], choices["zoom_cols"]) == (True, 150, 90)
    link, code = here.links[1], here.app.get("code")[0].value
    assert (
        parse_qs(urlsplit(link).query).items() >= {"zoom": ["true"], "zoom_rows": ["150"], "zoom_cols": ["90"]}.items()
    )
    assert "window=(slice(150, 278, None), slice(90, 218, None))" in code
    here.read("A short text.")
    assert here.errors == []
    assert not {"zoom", "zoom_rows", "zoom_cols"} & set(here.address)
    junk = visit("heads", text=LONG, model="smollm2", zoom="true", zoom_rows="99999", zoom_cols="--5")
    assert "window=(slice(152, 280, None), slice(0, 128, None))" in junk.app.get("code")[0].value


@pytest.mark.parametrize("values", ["weight", "value norm"])
@pytest.mark.parametrize("shown", ["head", "layer", "all"])
@pytest.mark.parametrize("hidden", [False, True])
def test_the_table_of_a_head_holds_what_the_picture_shows(visit, values: str, shown: str, hidden: bool) -> None:
    here = visit("heads", text=CAT, model="minilm", layer="3", head="1", values=values, shown=shown)
    here.app.toggle(key="sinkless").set_value(hidden)
    here._run()
    memory = memviz.read(CAT, model="minilm").memory()
    without = measures.sink_positions(memory) if hidden else ()
    layer, head = {"head": (3, 1), "layer": (3, None), "all": (None, None)}[shown]
    exact = np.nan_to_num(figures.weights(memory, layer, head, view=values, without=without))
    table = here.app.dataframe[-1].value
    np.testing.assert_allclose(table[values], np.sort(exact, axis=None)[::-1][: len(table)], atol=1e-6)
    result = exact[table["query position"].to_numpy(), table["key position"].to_numpy()]
    np.testing.assert_allclose(table[values], result, atol=1e-6)
    assert not without or not set(without) & set(table["key position"][table[values] > 0])


def test_the_grid_is_a_table_too(visit) -> None:
    here = visit("heads", text=CAT, model="minilm")
    memory = memviz.read(CAT, model="minilm").memory()
    table = here.app.dataframe[0].value.set_index("head")
    assert list(table.index) == [f"L{layer}.H{head}" for layer in range(6) for head in range(12)]
    assert list(table["role"]) == [role or "no clear role" for role in measures.roles(memory).ravel()]
    assert table["role"]["L0.H2"] == "previous token"
    for name in ("previous_token", "sink_share"):
        measure = measures.MEASURES[name]
        np.testing.assert_allclose(table[measure.label], measure.compute(memory).ravel(), atol=1e-6)
    np.testing.assert_allclose(table["Attention entropy"], memory.summary.entropy.mean(-1).ravel(), atol=1e-6)


def test_the_order_and_the_role_of_the_grid_stand_in_the_address(visit) -> None:
    here = visit("heads", text=CAT, model="minilm", order="induction", role="previous token")
    choices_now = [here.address[name] for name in ("order", "role")]
    assert choices_now == ["induction", "previous token"]
    junk = visit("heads", text=CAT, model="minilm", order="<b>", role="--5")
    assert not {"order", "role"} & set(junk.address)


def test_a_rollout_is_shown_for_encoders_only(visit, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the code saves its picture
    here = visit("heads", text=CAT, model="minilm", values="rollout", layer="3", head="1")
    memory = memviz.read(CAT, model="minilm").memory()
    exact = measures.rollout(memory)
    table = here.app.dataframe[-1].value
    np.testing.assert_allclose(table["rollout"], np.sort(exact, axis=None)[::-1][: len(table)], atol=1e-6)
    assert measures.MEASURES["rollout"].caveat in here.sentences
    code = here.app.get("code")[0].value
    assert "memviz.figures.weights(memory, None, None, view='rollout')" in code
    exec(compile(code, "page", "exec"), {})
    decoder = visit("heads", text=CAT, model="smollm2", values="rollout")
    assert "rollout" not in decoder.app.radio(key="values").options
    assert decoder.app.radio(key="values").value == "weight"
    assert decoder.errors == []


def test_a_window_lies_inside_the_words_that_are_shown(visit) -> None:
    here = visit(
        "heads", text=" ".join(["quokkas wandered"] * 140), model="smollm2", zoom="true", zoom_rows="9999", find="zzz"
    )
    shown = here.app.get("code")[0].value
    words = len(here.app.session_state["carried"][1].split())
    assert words == 280
    assert f"window=(slice({words - 128}, {words}, None), slice(0, 128, None))" in shown
    here.app.toggle(key="by_word").set_value(False)
    here._run()
    last = int(here.app.slider(key="zoom_rows").max)
    assert last > words - 128, "there are more tokens than words"
    here.app.slider(key="zoom_rows").set_value(last)
    here._run()
    assert f"window=(slice({last}, {last + 128}, None)" in here.app.get("code")[0].value
    here.app.toggle(key="by_word").set_value(True)
    here._run()
    assert f"slice({words - 128}, {words}, None)" in here.app.get("code")[0].value, "moved inside the words again"
    assert here.errors == []


def test_a_link_restores_the_word_and_the_one_head_of_recall(visit) -> None:
    here = visit("recall", text=CAT, word="8", one_head="true", layer="3", head="1")
    assert here.state("word") == 8
    assert (options(here)["layer"], options(here)["head"]) == (3, 1)
    assert any("it" in item.label for item in here.app.expander), "the card of the word"


def test_a_link_with_a_text_and_its_pair_reads_them(visit) -> None:
    here = visit("home", link={"text": "She was hungry.", "pair": "So she ate."})
    assert (here.input, here.state("pair")) == ("She was hungry.", "So she ate.")


@pytest.mark.parametrize(
    "junk",
    [
        {"layer": "99", "head": "-1", "word": "abc", "lang": "xx"},
        {"layer": "L3", "head": "1e3", "word": "-5", "lang": ""},
        {"layer": "٣", "head": "²", "word": "9" * 30, "lang": "<script>"},
        {"layer": "", "head": "NaN", "word": "13", "shown": "all of them", "values": "pickle"},
        {"keep": "101", "find": ":red[x]", "by_word": "maybe", "sinkless": "2", "one_head": "x", "zoom": "true"},
        {"word": "0x1", "kind": "cross", "theme": "../x", "model": ""},
    ],
)
@pytest.mark.parametrize("page", ["home", "heads", "recall"])
def test_junk_in_a_link_does_no_harm(visit, page: str, junk: dict[str, str]) -> None:
    here = visit(page, text=CAT, **junk)
    assert here.pictures
    assert here.errors == []
    assert here.state("lang") == "en"
    if page == "heads":
        layer, head = options(here)["named_head"]
        assert 0 <= layer < 6
        assert 0 <= head < 12
        assert options(here)["values"] == "weight"


def test_a_layer_beyond_another_models_last_is_moved_inside(visit) -> None:
    here = visit("heads", text="a cat and a dog", model="smollm2", layer="29", head="8")
    assert options(here)["named_head"] == (29, 8)
    here.choose("model", "minilm")
    assert options(here)["named_head"] == (5, 8)


def test_the_address_follows_the_page_and_leaves_out_what_is_usual(visit) -> None:
    here = visit("heads", text=CAT)
    assert "layer" not in here.address
    here.choose("named_head", (3, 9)).choose("shown", "layer")
    here.app.radio(key="values").set_value("value norm").run()
    address = here.address
    assert (address["layer"], address["shown"], address["values"]) == ("3", "layer", "value norm")
    here.choose("shown", "head")
    assert "shown" not in here.address


def test_the_link_to_copy_holds_the_view_and_only_the_second_holds_the_text(visit) -> None:
    here = visit("home", link={"text": "She was hungry.", "pair": "So she ate."}, layer="3", lang="zh")
    bare, whole = map(urlsplit, reversed(here.links))
    assert parse_qs(bare.query) == {"model": ["e5-multilingual"], "lang": ["zh"], "layer": ["3"]}
    assert parse_qs(whole.query) == parse_qs(bare.query) | {"text": ["She was hungry."], "pair": ["So she ate."]}


def test_a_new_text_leaves_the_address(visit) -> None:
    here = visit("home", link={"text": "She was hungry."}, word="1")
    assert here.address["text"] == "She was hungry."
    here.read("He was tired.")
    assert "text" not in here.address


def test_a_page_that_ends_with_a_message_has_its_address_and_its_texts_too(visit) -> None:
    """What was chosen there is there again after a reload, and Back leads back from it."""
    assert visit("look", picture_from="upload").address["picture_from"] == "upload"
    here = visit("compare", text="Cats sleep.", model="minilm", compare_layer="2")
    assert "no word in common" in here.notes[-1]
    (bar,) = here._payloads("address_bar")
    assert (bar["texts"]["text"], here.address["compare_layer"]) == ("Cats sleep.", "2")
    here.go("home").read("")
    (bar,) = here._payloads("address_bar")
    assert "text" not in bar["texts"], "the box was emptied"


def test_another_language_keeps_every_choice(visit) -> None:
    request = {"layer": "3", "head": "1", "shown": "layer", "values": "log", "sinkless": "true"}
    here = visit("heads", text=CAT, **request)
    before = options(here)
    here.app.get("button_group")[-1].set_value("zh").run()
    assert here.app.title[0].value == "每个注意力头在做什么？"
    assert {**options(here), "lang": "zh"} == {**before, "lang": "zh"}
    assert here.input == CAT


@pytest.mark.parametrize(
    ("page", "choices", "box"),
    [
        ("corpus", {"corpus_way": "lines"}, "corpus_lines"),
        ("train", {"training": "classifier", "lines_from": "paste"}, "train_lines"),
    ],
)
def test_the_browser_is_told_that_a_box_is_empty(visit, page: str, choices: dict[str, str], box: str) -> None:
    """Otherwise it keeps what was pasted there when a person goes back to where nothing was."""
    area = visit(page, **choices).app.text_area(key=box)
    assert area.value == ""
    assert area.proto.set_value
