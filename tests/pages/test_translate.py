"""Translate: from a pasted text to what each written word was read from; whatever is pasted, nothing is lost."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import parse_qs, parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import memviz
from memviz import Forget, measures
from memviz.figures import percent
from memviz.locales import dictionary
from memviz.models import locate
from memviz.serving.cache import TranslationOptions
from memviz.tables import csv
from memviz.ui.parts.translation import CoveredRun, TranslationJob, TranslationView
from memviz.ui.parts.translation.covered_run import changed_words
from memviz.ui.share import Translate
from memviz.ui.shell import i18n
from memviz.ui.shell.samples import translations
from tests.locales.speaking import left, said
from tests.models.tiny_marian import firefox_folder
from tests.pages.odd_texts import NOTHING, ODD
from tests.pages.shelf import stocked

pytestmark = pytest.mark.models

BLACK_CAT = "The black cat drinks cold milk."
SAMPLES = [(model, n) for model in ("firefox-en-pt", "firefox-pt-en") for n in range(len(translations(model)))]
ODD_TO_TRANSLATE = {
    **{name: text for name, text in ODD.items() if name != "one token again and again"},
    "capitals": "THE BLACK CAT DRINKS COLD MILK.",
    "one word": "Milk",
    "numbers": "In 1984, 3.14 % of 1,000,000 people paid $5.99.",
    "address": "See https://example.org/a?b=c&d=%20e#f and mail me@example.org.",
    "code": "for i in range(10): print(f'{i:>3}')  # loop",
    "already Portuguese": "O gato preto bebe leite frio.",
}


@pytest.fixture(scope="module")
def reader():
    return memviz.load("firefox-en-pt")


def plain(sentences: list[str]) -> list[str]:
    """What a reader sees of escaped markdown."""
    return [said.replace("\\", "") for said in sentences]


def metric(here) -> dict[str, str]:
    """The large figures of the page, by name."""
    return {item.label: item.value for item in here.app.metric}


def test_a_given_translation_beyond_the_servers_limit_is_refused(visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memviz.ui.shell.runs.MAX_CHARACTERS", 100)
    here = visit("translate", text=BLACK_CAT, target="x" * 101)
    said = "The forced translation has 101 characters; this server reads at most 100. Paste a part of it."
    assert here.errors == [said]
    assert here.pictures == []


def test_a_text_is_translated_at_once(visit, reader) -> None:
    here = visit("translate", text=BLACK_CAT)
    assert here.pictures == ["cross_view", "chart"]
    assert here.errors == []
    assert next(code.value for code in here.app.code) == reader.translate(BLACK_CAT).output
    assert "This model is made for English → Portuguese." in here.sentences


def test_the_text_comes_along_and_goes_back(visit) -> None:
    here = visit("home", text="A dog saw the old bridge.", model="minilm").go("translate")
    assert here.input == "A dog saw the old bridge."
    assert here.go("home").input == "A dog saw the old bridge."


@pytest.mark.parametrize(("model", "number"), SAMPLES)
def test_every_sample_is_translated(visit, model: str, number: int) -> None:
    sample = translations(model)[number]
    here = visit("translate", text=sample.text, translator=model, details="alignment")
    assert here.pictures == ["cross_view"]
    if not sample.gold:
        return
    output = memviz.load(model).translate(sample.text).output
    assert output == sample.translation, "the translation that the alignment was made for"
    assert here.state("gold") == sample.gold
    rate = float(metric(here)["Alignment error rate, L1.H0"].rstrip("\u00a0 %"))
    assert rate <= 10.0


def test_the_error_rates_of_the_gold_sentences(visit, reader) -> None:
    here = visit("translate", text=BLACK_CAT, details="alignment")
    trace = reader.translate(BLACK_CAT)
    gold = measures.Gold.parse(here.state("gold"))
    errors = measures.aer_by_head(trace.memory("cross"), trace.sides("cross"), gold)
    assert metric(here)["Alignment error rate, L1.H0"] == percent(float(errors[1, 0]), digits=1) == "0.0\u00a0%"
    here.choose("cross_layer", 0).choose("cross_head", 5)
    assert metric(here)["Alignment error rate, L0.H5"] == percent(float(errors[0, 5]), digits=1)
    assert errors[0, 5] > 0.8
    here.app.toggle(key="cross_shift").set_value(True)
    here._run()
    shifted = measures.aer_by_head(trace.memory("cross"), trace.sides("cross"), gold, shift=1)
    assert metric(here)["Alignment error rate, L0.H5"] == percent(float(shifted[0, 5]), digits=1)
    assert shifted[0, 5] < 0.1


def test_an_alignment_made_by_hand_comes_along_in_a_link_with_the_text(visit) -> None:
    here = visit("translate", text="The cat sat.", details="alignment")
    assert here.state("gold") == ""
    here.app.text_input(key="gold").set_value("0-0 1-1 2p2")
    here._run()
    rate = metric(here)["Alignment error rate, L1.H0"]
    with_text, without = here.links
    assert "gold" not in without
    link = dict(parse_qsl(urlsplit(with_text).query))
    assert (link["gold"], link["text"]) == ("0-0 1-1 2p2", "The cat sat.")
    there = visit("translate", link=link)
    assert there.state("gold") == "0-0 1-1 2p2"
    assert metric(there)["Alignment error rate, L1.H0"] == rate
    there.read("A dog saw the old bridge.")
    assert there.state("gold") == "", "it belongs to the sentence it was made for"


def test_an_alignment_that_fits_two_counts_is_scored_when_one_is_chosen(visit, reader) -> None:
    text = "The $5 book is red."
    here = visit("translate", text=text, details="alignment")
    here.app.text_input(key="gold").set_value("4-4")
    here._run()
    assert "Alignment error rate, L1.H0" not in metric(here)
    trace = reader.translate(text)
    memory, sides = trace.memory("cross"), trace.sides("cross")
    spaced = tuple(measures.words_by_space(words) for words in sides)
    for name, counted in (("signs", sides), ("spaces", spaced)):
        gold = measures.Gold.parse("4-4", name)
        here.choose("gold_count", name)
        [(source, target)] = gold.in_words(counted)
        assert f"These links join: {source} – {target}" in plain(here.sentences)
        rate = float(measures.aer_by_head(memory, sides, gold)[1, 0])
        assert metric(here)["Alignment error rate, L1.H0"] == percent(rate, digits=1)
    assert source == "red."


@pytest.mark.parametrize("name", ODD_TO_TRANSLATE)
def test_odd_texts_are_translated(visit, name: str) -> None:
    here = visit("translate", text=ODD_TO_TRANSLATE[name], again="cover")
    here.nothing_broke()
    assert here.pictures[0] == "cross_view"
    assert here.input == ODD_TO_TRANSLATE[name]
    assert not any(re.search(r"\bnan\b", said) for said in here.sentences)


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_translate_the_page_says_what_to_do(visit, name: str) -> None:
    here = visit("translate", text=NOTHING[name])
    assert (here.pictures, here.errors) == ([], [])
    assert here.notes == ["Paste a text above, or choose a sample, and watch it being translated."]


def test_unknown_characters_are_said(visit) -> None:
    here = visit("translate", text="小猫坐在垫子上。")
    assert any("Unknown tokens ([UNK])" in said for said in here.notes)


def test_several_sentences_have_a_memory_each(visit) -> None:
    here = visit("translate", text="The cat sat. A white dog ran.", sentence="1")
    assert here.app.selectbox(key="sentence").value == 1
    assert "O gato sentou-se. Um cão branco correu." in plain(here.sentences)
    assert next(code.value for code in here.app.code) == "Um cão branco correu."
    here.choose("sentence", 0)
    here.nothing_broke()
    assert here.pictures == ["cross_view", "chart"]


def test_a_sentence_that_was_cut_is_shown_in_parts(visit) -> None:
    here = visit("translate", text="a" * 300)
    assert here.app.selectbox(key="sentence").label == "Part"
    here.read("The cat sat. A white dog ran.")
    assert here.app.selectbox(key="sentence").label == "Sentence"


def test_a_thousand_words_are_translated_sentence_by_sentence(visit, reader) -> None:
    sentences = [
        f"The old {who} with the {what} hat walked slowly home by the {where} while the rain fell on the empty streets."
        for who in ("man", "doctor", "teacher", "farmer")
        for what in ("grey", "red", "green", "white")
        for where in ("river", "road", "wall")
    ]
    text = " ".join(sentences)
    assert len(text.split()) > 990
    here = visit("translate", text=text)
    here.nothing_broke()
    assert here.pictures[0] == "cross_view"
    assert here.input == text
    assert here.app.selectbox(key="sentence").options == [f"{n} · {item}" for n, item in enumerate(sentences, start=1)]
    first, second, middle, last = (reader.write(sentences[place]) for place in (0, 1, 24, -1))
    whole = next(said for said in plain(here.sentences) if said.startswith(f"{first} {second} "))
    assert f" {middle} " in whole
    assert whole.endswith(f" {last}")
    assert next(code.value for code in here.app.code) == first
    here.choose("sentence", 24)
    assert next(code.value for code in here.app.code) == middle


def test_a_given_translation_is_read_and_can_be_taken_back(visit, reader) -> None:
    here = visit("translate", text=BLACK_CAT, target="O cachorro azul", details="alignment")
    assert any("Forced translation: “O cachorro azul”" in said for said in here.notes)
    trace = reader.translate(BLACK_CAT, "O cachorro azul")
    table = here.app.dataframe[0].value
    np.testing.assert_allclose(
        table["probability"].to_numpy()[0], np.exp(trace.logprobs[list(trace.target_words[0].tokens)].sum()), atol=1e-6
    )
    here.press("target_undo")
    assert here.notes == []
    assert next(code.value for code in here.app.code) == "O gato preto bebe leite frio."


def test_a_given_translation_goes_with_its_text_and_its_model(visit) -> None:
    here = visit("translate", text=BLACK_CAT, target="O cachorro azul")
    here.text = None
    here.press("sample_1")
    assert here.notes == [], "a sample brings its own text"
    assert next(code.value for code in here.app.code) == translations("firefox-en-pt")[1].translation
    here = visit("translate", text=BLACK_CAT, target="O cachorro azul")
    here.choose("translator", "firefox-pt-en")
    assert not any("Forced translation" in said for said in here.notes)
    here = visit("translate", text=BLACK_CAT, target="O cachorro azul")
    here.read("The black dog drinks cold milk.")
    assert any("Forced translation" in said for said in here.notes), "a text that is only corrected keeps it"


TWO = "The cat sat on the mat. It was tired."


def test_several_sentences_are_read_as_one_where_that_is_chosen(visit, reader, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where the code saves its picture
    here = visit("translate", text=TWO)
    assert here.app.selectbox(key="sentence").options == [
        "1 · The cat sat on the mat.",
        "2 · It was tired.",
    ]
    here.app.toggle(key="whole").set_value(True)
    here._run()
    single = reader.translate(TWO, split=False)
    assert single.output != reader.translate(TWO).output, "it matters"
    assert "sentence" not in [box.key for box in here.app.selectbox]
    code, program = (here.app.code[place].value for place in (0, -1))
    assert code == single.output
    assert here.address["whole"] == "true"
    exec(compile(program, "page", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == single.output
    there = visit("translate", link=dict(parse_qsl(urlsplit(here.links[0]).query)))
    assert there.app.code[0].value == single.output
    assert there.app.toggle(key="whole").value is True
    there.read(BLACK_CAT)
    assert there.app.toggle(key="whole").value is True, "what is chosen can be seen, and taken back"


def test_a_covered_word_of_a_text_read_as_one(visit, reader) -> None:
    here = visit("translate", text=TWO, link={"whole": "true"}, again="cover", again_word="1")
    trace = reader.translate(TWO, split=False)
    covered = reader.translate(TWO, forget=Forget(keys=trace.words[1].tokens), split=False)
    assert any(covered.output in said for said in plain(here.sentences))


@pytest.mark.parametrize("text", [BLACK_CAT, "The cat sat. " * 2_000, "\u200b", "?!"])
def test_the_switch_stands_where_a_text_would_be_split(visit, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("memviz.ui.shell.runs.MAX_CHARACTERS", 1_000)
    here = visit("translate", text=text)
    assert [toggle.key for toggle in here.app.toggle if toggle.key == "whole"] == []
    here.nothing_broke()


@pytest.mark.parametrize("target", ["   ", "\u3000", "\n"])
def test_a_blank_translation_is_none(visit, target: str) -> None:
    here = visit("translate", text=BLACK_CAT, link={"target": target})
    assert (here.notes, here.errors) == ([], [])
    assert next(code.value for code in here.app.code) == "O gato preto bebe leite frio."


def test_what_the_model_does_not_know_in_a_given_translation_is_said(visit) -> None:
    here = visit("translate", text="The cat sat. It was tired.", target="小猫睡着了")
    assert any("Unknown tokens ([UNK]) in the forced translation" in said for said in here.notes)
    assert any("the 2 sentences of the text are read as one" in said for said in here.notes)


def test_capitals_are_pointed_out(visit) -> None:
    assert any(said.startswith("“STOP” was copied") for said in visit("translate", text="STOP").notes)
    assert any("all in capitals" in said for said in visit("translate", text="THE BLACK CAT DRINKS MILK.").notes)
    assert visit("translate", text="The BBC and NASA drink milk.").notes == []


def test_the_files_of_a_covered_word_are_those_of_the_translation_chosen(visit, reader) -> None:
    here = visit("translate", text=BLACK_CAT, again="cover", again_word="1")
    result = here.app.radio(key="which")
    assert result.options == ["No word masked", "“black” masked"]
    offered = ["CSV", "npz", "PNG", "SVG", "HTML", "Metadata of the CSV", "Pharaoh"]
    assert [button.label for button in here.app.download_button] == offered
    trace = reader.translate(BLACK_CAT)
    covered = reader.translate(BLACK_CAT, forget=Forget(keys=trace.words[1].tokens))
    view = TranslationView(trace, layer=1, head=0, keep=0.9)
    job = TranslationJob(BLACK_CAT, "firefox-en-pt", TranslationOptions())
    both = Translate(trace, view=view, job=job, covered_run=CoveredRun(trace.words[1], "cover", trace, covered, None))
    first, second = both.others().values()
    for item, part in ((first, trace), (second, covered)):
        table, said = item.table()
        exact = measures.word_weights(part.memory("cross"), part.sides("cross"), layer=1, head=0)
        np.testing.assert_allclose(table["weight"], exact.ravel(), atol=1e-6)
        assert list(pd.read_csv(io.StringIO(csv(table))).columns) == list(table.columns)
        links = measures.Gold.parse(item.alignment_files()["alignment.pharaoh"]).sure
        assert links == measures.alignment(part.memory("cross"), part.sides("cross"), layer=1, head=0).pairs
        assert said["translation"] == part.output
        assert "kept" not in said, "a file of numbers leaves none out"
        assert ("forgotten" in said) == (part is covered)
        assert "up to 90" in item.svg().replace("\u00a0", " ")
        with np.load(io.BytesIO(item.npz()), allow_pickle=False) as archive:
            about = json.loads(str(archive["provenance"]))
            np.testing.assert_allclose(archive["cross"][0, 5], part.memory("cross").pattern(0, 5), atol=1e-6)
        assert "every head" in about["cross"]
        assert "kept" not in about


def test_the_code_between_tokens_is_of_tokens(
    visit, reader, capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the code saves its picture
    for shift in ("false", "true"):
        here = visit(
            "translate", text=BLACK_CAT, cross_words="false", cross_layer="0", cross_head="5", cross_shift=shift
        )
        code = next(item.value for item in here.app.code if item.value.startswith("import memviz"))
        exec(compile(code, "page", "exec"), {})
        trace = reader.translate(BLACK_CAT)
        rows = trace.memory("cross").pattern(0, 5)[1 if shift == "true" else 0 :]
        expected = [
            f"{token.text} <- {trace.tokens[row.argmax()].text}  {row.max():.3f}"
            for token, row in zip(trace.targets, rows, strict=False)
        ]
        assert capsys.readouterr().out.splitlines()[1:] == expected
        assert (tmp_path / "memviz-translate.html").stat().st_size > 10_000


def test_a_covered_word_changes_the_translation(visit, reader) -> None:
    here = visit("translate", text=BLACK_CAT, again="cover", again_word="1")
    trace = reader.translate(BLACK_CAT)
    black = trace.words[1].tokens
    covered = reader.translate(BLACK_CAT, forget=Forget(keys=black))
    assert "preto" in trace.output
    assert "preto" not in covered.output
    assert any(covered.output in said for said in plain(here.sentences))
    assert here.pictures == ["cross_view", "cross_view", "cross_view", "chart"]
    forced = reader.translate(BLACK_CAT, trace.output, forget=Forget(keys=black))
    preto = [word.text for word in trace.target_words].index("preto")
    places = list(trace.target_words[preto].tokens)
    before, after = (percent(float(np.exp(item.logprobs[places].sum()))) for item in (trace, forced))
    sentence = next(said for said in here.sentences if "drops most" in said)
    assert "preto" in sentence
    assert f"**{before}** to **{after}**" in sentence


@pytest.mark.parametrize(
    ("pin", "by_word", "word"),
    [
        ("s4", "true", 4),
        ("t1", "true", 2),
        ("t2", "true", 1),
        ("s5", "false", 5),
        ("", "true", None),
    ],
)
def test_covering_begins_with_the_word_that_is_pinned(visit, reader, pin: str, by_word: str, word: int | None) -> None:
    """A pinned word of the translation stands for the word that it was read from: gato for cat."""
    here = visit("translate", text=BLACK_CAT, cross_word=pin, cross_words=by_word, again_word="3")
    here.app.segmented_control(key="again").set_value("cover")
    here._run()
    if word is None:  # the word that one step read most from
        weights = reader.translate(BLACK_CAT).memory("cross").mean(1)
        word = int(weights[:, :-1].max(axis=0).argmax())
    assert here.app.selectbox(key="again_word").value == word
    here.choose("again_word", 3)
    here.app.segmented_control(key="again").set_value("only")
    here._run()
    assert here.app.selectbox(key="again_word").value == 3, "a word that was chosen stays while words are covered"


def test_the_buttons_that_cover_stand_by_the_graph_and_say_what_changed(visit) -> None:
    here = visit("translate", text=BLACK_CAT, again="cover", again_word="1")
    assert [box.key for box in here.app.segmented_control] == ["again", "details", "lang"]
    assert "The translation changes: “**preto**” is no longer written." in here.sentences
    here.choose("again_word", 0)
    assert "The same translation is written." in here.sentences
    here.choose("again_word", 3)
    assert "The translation changes: “**bebe**” is no longer written." in here.sentences


def test_changes_are_found_word_by_word(reader) -> None:
    def changed(before: str, after: str) -> str:
        first, second = (reader.translate(BLACK_CAT, target=target) for target in (before, after))
        return changed_words(CoveredRun(first.words[0], "cover", first, second, None))

    assert changed("O gato preto", "O cão preto") == "The translation changes: “**gato**” becomes “**cão**”."
    assert changed("O gato", "O gato preto") == "The translation changes: “**preto**” is added."
    assert changed("O gato bebe leite", "A gato bebe vinho") == (
        "The translation changes: “**O … leite**” becomes “**A … vinho**”."
    )


def test_only_one_word_read_runs_to_the_cap_and_says_so(visit) -> None:
    here = visit("translate", text=BLACK_CAT, again="only", again_word="2")
    assert any("gato gato gato" in said for said in here.sentences)
    assert any("was stopped after 20 tokens" in said for said in here.notes)


def test_a_model_that_cannot_translate_is_refused_and_the_right_ones_offered(visit) -> None:
    here = visit("translate", text=BLACK_CAT, translator="smollm2")
    assert here.pictures == []
    assert ["SmolLM2-135M-Instruct" in said for said in plain([box.value for box in here.app.warning])] == [True]
    here.press("take_firefox-en-pt")
    assert here.pictures == ["cross_view", "chart"]
    assert here.input == BLACK_CAT


def test_the_hub_id_of_a_known_model_is_refused_before_anything_is_asked(visit, monkeypatch) -> None:
    request: list[str] = []
    monkeypatch.setattr("memviz.models.hub.plan", request.append)
    here = visit("translate", text=BLACK_CAT, translator="openai-community/gpt2")
    assert [said.startswith("GPT-2") for said in plain([box.value for box in here.app.warning])] == [True]
    assert (here.errors, request) == ([], [])
    assert "take_firefox-en-pt" in [button.key for button in here.app.button]


def test_a_sample_moves_with_the_direction(visit) -> None:
    here = visit("translate", translator="firefox-en-pt").press("sample_1")
    here.choose("translator", "firefox-pt-en")
    assert here.input == translations("firefox-pt-en")[1].text


def test_a_text_that_was_typed_stays_though_it_says_what_a_sample_says(visit) -> None:
    typed = translations("firefox-en-pt")[1].text
    here = visit("translate", translator="firefox-en-pt").read(typed)
    here.choose("translator", "firefox-pt-en")
    assert here.input == typed


def test_a_link_restores_the_view(visit) -> None:
    request = {"cross_layer": "0", "cross_head": "5", "cross_shift": "true", "cross_words": "false", "cross_keep": "70"}
    here = visit(
        "translate", text=BLACK_CAT, **request, details="coverage", cross_word="t1", translator="firefox-en-pt"
    )
    assert (here.app.selectbox(key="cross_layer").value, here.app.selectbox(key="cross_head").value) == (0, 5)
    assert here.app.toggle(key="cross_shift").value is True
    assert here.app.toggle(key="cross_words").value is False
    assert here.app.slider(key="cross_keep").value == 70
    assert here.state("cross_word") == "t1"
    assert here.pictures == ["cross_view", "chart"]
    link = parse_qs(urlsplit(here.links[0]).query)
    assert link["text"] == [BLACK_CAT]
    assert link["translator"] == ["firefox-en-pt"]


@pytest.mark.parametrize("details", ["heatmap", "alignment", "coverage", "steps", "encoder", "recurrent"])
@pytest.mark.parametrize("shown", ["head", "layer", "all"])
def test_every_picture_of_every_view(visit, details: str, shown: str) -> None:
    here = visit("translate", text=BLACK_CAT, details=details, cross_shown=shown, cross_shift="true")
    here.nothing_broke()
    assert here.errors == []
    charts = {"alignment": 0, "recurrent": 2}.get(details, 1)
    assert here.pictures == ["cross_view"] + ["chart"] * charts


def test_the_code_of_the_page_runs_and_says_the_same(
    visit, capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the code saves its picture
    here = visit("translate", text=BLACK_CAT, again="cover", again_word="1")
    code = next(item.value for item in here.app.code if item.value.startswith("import memviz"))
    exec(compile(code, "page", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "O gato preto bebe leite frio."
    assert any(re.fullmatch(r"gato <- cat  0\.\d{3}", line) for line in said)
    assert "preto" not in said[-1]
    with Image.open(tmp_path / "memviz-translate.png") as picture:
        assert (picture.info["model"], picture.info["head"]) == ("firefox-en-pt", "0")


@pytest.mark.parametrize("target", ["小猫睡着了", "Der Hund schläft <b>nicht</b>", "?!", "THE BLACK CAT", "😀😀"])
def test_a_given_translation_in_the_wrong_language_is_read_all_the_same(visit, reader, target: str) -> None:
    here = visit("translate", text=BLACK_CAT, target=target, details="alignment", again="cover")
    assert here.errors == []
    assert here.pictures == ["cross_view"] * 3
    assert next(code.value for code in here.app.code) == target
    cached = reader.tokenizer(target)["input_ids"].count(reader.tokenizer.unk_token_id) == 0
    assert any("Unknown tokens ([UNK]) in the forced translation" in said for said in here.notes) != cached
    compared = next(said for said in plain(here.sentences) if said.startswith("**No word masked**"))
    assert "O gato preto bebe leite frio." in compared, "what it writes by itself stands beside the covered one"


def test_a_covered_full_stop_is_no_loss_of_words(visit) -> None:
    here = visit("translate", text=BLACK_CAT, again="cover", again_word="6")
    assert "No word of the first translation becomes noticeably less probable." in here.sentences


def test_a_model_that_writes_nothing_is_shown_too(visit) -> None:
    here = visit("translate", text="Milk", again="cover", again_word="0")
    assert here.errors == []
    assert here.pictures[:3] == ["cross_view"] * 3


def test_another_model_shows_its_own_head_first(visit, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(tmp_path))
    other = firefox_folder(tmp_path / "other")
    trace = memviz.load(str(other)).translate(BLACK_CAT)
    own = measures.best_head(trace.memory("cross"), trace.sides("cross"))
    assert own != (1, 0)

    def shown(here) -> tuple[int, int]:
        return here.app.selectbox(key="cross_layer").value, here.app.selectbox(key="cross_head").value

    here = visit("translate", text=BLACK_CAT, translator="firefox-en-pt")
    assert shown(here) == (1, 0)
    here.choose("translator", str(other))
    assert shown(here) == own
    here.choose("cross_head", 3)
    here.choose("translator", "firefox-pt-en")
    assert here.app.selectbox(key="cross_head").value == 3, "a head that was chosen stays"


@pytest.mark.parametrize(("shown", "where"), [("head", np.s_[1:2, :1]), ("layer", np.s_[1:2]), ("all", np.s_[:])])
def test_the_entropy_of_every_step_is_the_librarys(visit, reader, shown: str, where: tuple) -> None:
    here = visit("translate", text=BLACK_CAT, details="steps", cross_shown=shown)
    memory = reader.translate(BLACK_CAT).memory("cross")
    table = next(frame.value for frame in here.app.dataframe if "entropy" in frame.value)
    np.testing.assert_allclose(table["entropy"], measures.entropy(memory)[where].mean(axis=(0, 1)), atol=1e-5)
    assert ("Of several heads it is the mean of their entropies." in " ".join(here.sentences)) == (shown != "head")


def test_one_step_is_a_word_or_a_token(visit) -> None:
    for by_word, label in (("true", "Step {step} of {steps}"), ("false", "Token {step} of {steps}")):
        here = visit("translate", text=BLACK_CAT, cross_words=by_word)
        assert label in said(here.app)


def test_only_what_the_file_tells_is_said_of_the_taught_head(visit) -> None:
    here = visit("translate", text=BLACK_CAT)
    claim = "its settings name this layer, whose first head Marian trains on word alignments."
    assert any(claim in text for text in said(here.app))
    here.choose("cross_head", 3)
    assert not any(claim in text for text in said(here.app))


BROKEN = {
    "truncated": r"model\.enpt\S* is cut off: it should have [\d,]+ bytes, but has 100,000\.",
    "foreign": r"model\.enpt\S* is not a Marian model",
    "alone": r"has no \*\.spm: the vocabulary of a Firefox model is missing",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_firefox_folder_is_refused_in_one_box(visit, tmp_path, monkeypatch, kind: str) -> None:
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(tmp_path))
    whole = locate("firefox-en-pt").path
    [weights], [vocabulary] = whole.glob("*.bin"), whole.glob("*.spm")
    folder = tmp_path / "mine"
    folder.mkdir()
    content = {"truncated": weights.read_bytes()[:100_000], "foreign": b"\x07" * 4096, "alone": weights.read_bytes()}
    (folder / weights.name).write_bytes(content[kind])
    if kind != "alone":
        (folder / vocabulary.name).write_bytes(vocabulary.read_bytes())
    here = visit("translate", text=BLACK_CAT, translator=str(folder))
    assert here.pictures == []
    [error] = plain(here.errors)
    assert re.search(BROKEN[kind], error)
    assert here.input == BLACK_CAT


def test_a_local_model_without_a_decoder_is_refused_and_others_offered(visit, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(tmp_path))
    here = visit("translate", text=BLACK_CAT, translator=str(stocked(tmp_path / "shelf") / "good"))
    assert len(here.app.warning) == 1
    here.press("take_firefox-en-pt")
    assert here.pictures == ["cross_view", "chart"]


@pytest.mark.parametrize(
    ("language", "line"),
    [("en", "This model is made for English → Portuguese."), ("zh", "这个模型用于：英语 → 葡萄牙语。")],
)
def test_the_languages_of_a_model_are_called_by_their_names(visit, language: str, line: str) -> None:
    assert line in said(visit("translate", text=BLACK_CAT, lang=language).app)


ZH = {english for english, chinese in dictionary("zh").items() if english != chinese}
ZH -= {"cross", *i18n.LANGUAGES.values()}  # the name of a component, too; and the switch, each in itself
CHINESE = [
    {},
    {"details": "coverage", "again": "only"},
    {"details": "steps", "again": "cover"},
    {"details": "encoder", "cross_shown": "all"},
    {"details": "recurrent", "cross_shift": "true"},
    {"details": "alignment", "link": {"target": "O gato preto.", "gold": "0-0 9-9"}},
    {"model": "minilm", "translator": "minilm"},
    {"translator": "firefox-pt-en"},
]


@pytest.mark.parametrize("address", CHINESE, ids=str)
@pytest.mark.parametrize("text", ["A grey dog drinks cold milk.", "The 猫 sat. " * 3])
def test_the_chinese_page_has_no_english(visit, text: str, address: dict) -> None:
    english = visit("translate", text=text, lang="en", **address)
    assert len(left(said(english.app), sources=ZH)) > 5, "the English page is recognised as English"
    chinese = visit("translate", text=text, lang="zh", **address)
    assert left(said(chinese.app), sources=ZH) == set()
    headings = [str(column) for frame in chinese.app.dataframe for column in frame.value.columns]
    if address.get("details") != "alignment":  # its headings are put on by the browser
        assert [heading for heading in headings if heading.isascii()] == []
