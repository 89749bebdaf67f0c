"""Many languages and tasks: chosen for one text, read and written as tokens of their own, and never mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from translators import LIMIT, MANY, TARGET, TASKS, TEXT, TRANSLATORS, Saved, ids, translated

from memviz.errors import ReadingError
from memviz.memory import Forget
from memviz.reading import Reader
from memviz.reading.questions import Change
from memviz.reading.writing.languages import language_codes

many = pytest.mark.parametrize("name", MANY)


def test_what_a_model_knows_of_languages(saved: Saved) -> None:
    readers = {name: saved.reader(name) for name in TRANSLATORS}
    assert {name: len(reader.languages_known) for name, reader in readers.items()} == {
        "t5": 0, "bart": 0, "marian": 0, "mbart": 25, "mbart-50": 52, "m2m-100": 100, "nllb": 4, "pegasus": 0
    }  # fmt: skip
    assert {name: reader.languages for name, reader in readers.items()} == {
        "t5": None, "bart": None, "marian": ("en", "fr"), "mbart": ("en_XX", None), "mbart-50": ("en_XX", None),
        "m2m-100": ("en", None), "nllb": ("eng_Latn", None), "pegasus": None,
    }  # fmt: skip
    assert list(readers["nllb"].languages_known) == ["deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans"]
    for name in MANY:
        own = readers[name].tokenizer
        for code, token in readers[name].languages_known.items():
            assert own.convert_ids_to_tokens(token).strip("_") == code


def test_a_language_without_a_token_is_none_to_choose(saved: Saved) -> None:
    own = saved.tokenizer("mbart")
    own.lang_code_to_id["xx_XX"] = own.unk_token_id
    assert len(language_codes(own, len(own))) == 25
    places = sorted(saved.reader("m2m-100").languages_known.values())
    assert len(language_codes(saved.tokenizer("m2m-100"), places[70])) == 70, (
        "a model with fewer tokens than its tokenizer"
    )


@many
def test_the_languages_stand_where_the_model_reads_and_writes_them(saved: Saved, name: str) -> None:
    reader, (source, target) = saved.reader(name), TRANSLATORS[name].languages
    codes = reader.languages_known
    for trace in (translated(saved, name), translated(saved, name, target=TARGET)):
        read = [token for token in trace.tokens if token.special]
        assert [token.id for token in read if token.id in codes.values()] == [codes[source]]
        entered = trace.memory("decoder").keys
        place = entered[0] if name == "mbart" else trace.targets[0]
        assert (place.id, place.special) == (codes[target], True)
        assert place.text.strip("_") == target
        assert trace.targets[-1].id != codes[target], "never at the end"
    assert trace.output == TARGET
    assert trace.targets[-1].text == "</s>"
    inked = [token for token in trace.targets if not token.special and token.text != "␣"]
    assert all(TARGET[token.start : token.end] == token.text for token in inked)


@many
def test_other_languages_are_read_and_written_otherwise(saved: Saved, name: str) -> None:
    reader, (source, target) = saved.reader(name), TRANSLATORS[name].languages
    one, back = translated(saved, name), translated(saved, name, languages=(target, source))
    assert ids(one.tokens) != ids(back.tokens)
    assert ids(one.targets) != ids(back.targets)
    assert ids(back.targets) != ids(translated(saved, name, languages=(target, target)).targets)
    assert reader.languages == (source, None), "nothing was changed"


@many
def test_languages_do_not_stand_in_the_output(saved: Saved, name: str) -> None:
    """M2M-100's tokenizer would spell them out: __fr__."""
    trace = translated(saved, name)
    assert not any(code in trace.output for code in saved.reader(name).languages_known if "_" in code)
    assert "__" not in trace.output


@many
def test_a_model_that_has_to_be_told_what_to_write_says_so(saved: Saved, name: str) -> None:
    reader = saved.reader(name)
    for target in (None, TARGET):
        with pytest.raises(ReadingError, match=r'none was chosen.*languages=\("en", "fr"\)'):
            reader.translate(TEXT, target)
    trace = reader.read(TEXT, TARGET)  # on the other pages nothing can be chosen: the language of the text
    alike = translated(saved, name, target=TARGET, languages=(reader.languages[0],) * 2)
    assert ids(trace.targets) == ids(alike.targets)


@many
def test_the_usual_languages_are_those_that_the_model_was_told(saved: Saved, name: str) -> None:
    source, target = TRANSLATORS[name].languages
    told = Reader(saved.fresh(name), saved.tokenizer(name))
    assert told.languages == (source, target)
    assert ids(told.translate(TEXT, max_new_tokens=LIMIT).targets) == ids(translated(saved, name).targets)
    own = saved.tokenizer(name)
    own.tgt_lang = None
    model = saved.fresh(name)
    setattr(model.generation_config, TRANSLATORS[name].begins, told.languages_known[target])
    silent = Reader(model, own)
    assert silent.languages == (source, target)
    assert ids(silent.translate(TEXT, max_new_tokens=LIMIT).targets) == ids(translated(saved, name).targets)


@pytest.mark.parametrize(
    ("name", "languages", "said"),
    [
        ("m2m-100", ("en", "french"), "does not know a language “french”.*100 languages. The nearest are fr, "),
        ("nllb", ("en", "fra_Latn"), "“en”.*4 languages. The nearest are eng_Latn"),
        ("mbart", ("en_XX", "fr"), "“fr”.*25 languages. The nearest are fr_XX"),
        ("mbart-50", ("zh", "fr_XX"), "“zh”.*52 languages. The nearest are zh_CN"),
        ("nllb", ("eng_Latn", "</s>"), "does not know a language “</s>”"),
        ("m2m-100", "en", "Two languages are needed"),
        ("m2m-100", ("en", "fr", "de"), "Two languages are needed"),
        ("marian", ("en", "de"), "only translates from “en” into “fr”"),
        ("t5", ("en", "de"), "no languages to choose from.*choose a task"),
    ],
)
def test_languages_that_are_not_there(saved: Saved, name: str, languages: Any, said: str) -> None:
    with pytest.raises(ReadingError, match=said):
        saved.reader(name).translate(TEXT, TARGET, languages=languages)


def test_its_own_languages_are_no_mistake(saved: Saved) -> None:
    assert translated(saved, "marian", languages=("en", "fr")).targets


@many
def test_threads_with_different_languages_do_not_mix(saved: Saved, name: str) -> None:
    """And the tokenizer, which they share, is told nothing."""
    reader = saved.reader(name)
    before = dict(vars(reader.tokenizer))
    raw = getattr(reader.tokenizer, "backend_tokenizer", None)
    backend = raw.to_str() if raw else None
    some = list(reader.languages_known)[:4]
    pairs = [(one, other) for one in some for other in some]
    alone = {pair: translated(saved, name, languages=pair, max_new_tokens=3) for pair in pairs}

    def work(number: int) -> bool:
        pair = pairs[number % len(pairs)]
        own = alone[pair]
        free = translated(saved, name, languages=pair, max_new_tokens=3)
        given = translated(saved, name, languages=pair, target=TARGET)
        return (
            ids(free.tokens) == ids(given.tokens) == ids(own.tokens)
            and ids(free.targets) == ids(own.targets)
            and reader.languages_known[pair[1]] in (given.targets[0].id, given.memory("decoder").keys[0].id)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(3 * len(pairs))))
    assert dict(vars(reader.tokenizer)) == before
    assert backend is None or raw.to_str() == backend


# -- tasks ----------------------------------------------------------------------------------------------


def test_what_a_model_knows_of_tasks(saved: Saved) -> None:
    assert list(saved.reader("t5").tasks.items()) == [
        ("translation_en_to_de", TASKS["translation_en_to_de"]["prefix"]),
        ("summarization", TASKS["summarization"]["prefix"]),
    ]
    assert saved.reader("marian").tasks == {">>fra<<": ">>fra<< ", ">>ron<<": ">>ron<< "}
    assert not any(saved.reader(name).tasks for name in ("bart", *MANY))


@pytest.mark.parametrize("task", ["translate English to German: ", "translate English to German:"])
def test_a_task_stands_in_front_and_is_read_like_any_word(saved: Saved, task: str) -> None:
    trace = translated(saved, "t5", task=task)
    assert trace.text == f"translate English to German: {TEXT}"
    assert ids(trace.tokens) == saved.tokenizer("t5")(trace.text)["input_ids"]
    inked = [word for word in trace.words if not word.special and word.text != "␣"]
    assert [word.text for word in inked] == trace.text.replace(":", " :").split()
    assert all(trace.text[word.start : word.end] == word.text for word in inked)
    assert ids(trace.targets) != ids(translated(saved, "t5").targets)
    assert trace.notes == translated(saved, "t5", text=trace.text).notes


def test_a_language_may_be_a_task(saved: Saved) -> None:
    trace = translated(saved, "marian", task=">>fra<<")
    assert trace.tokens[0].text == ">>fra<<"
    assert trace.tokens[0].id == saved.reader("marian").tokenizer.convert_tokens_to_ids(">>fra<<")


def test_a_model_that_was_told_no_task_says_so(saved: Saved) -> None:
    said = "told what to do by words in front of the text, such as “translate English to German:”"
    assert said in str(translated(saved, "t5", target=TARGET).notes[-1])
    for trace in (
        translated(saved, "t5", target=TARGET, task="summarize:"),
        translated(saved, "t5", f"summarize: {TEXT}", target=TARGET),
        translated(saved, "bart", target=TARGET),
    ):
        assert trace.notes == ()


@many
def test_a_question_about_a_translation_is_put_in_the_languages_one_names(saved: Saved, name: str) -> None:
    reader, languages = saved.reader(name), TRANSLATORS[name].languages
    asked = reader.ask(TEXT, TARGET, languages=languages)
    found = reader.predict(asked, [Change(), Change.of(Forget((2,)))])
    for value, forget in zip(found.logprobs, (None, Forget((2,))), strict=True):
        trace = reader.translate(TEXT, TARGET, forget, languages=languages, split=False)
        assert np.allclose(value, trace.logprobs, atol=1e-6)
    other = reader.ask(TEXT, TARGET, languages=languages[::-1])
    assert not np.allclose(reader.predict(other, [Change()]).logprobs[0], found.logprobs[0], atol=1e-3)
