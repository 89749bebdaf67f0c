"""Every encoder-decoder of transformers on the page Translate: its languages, its tasks, a covered word."""

from __future__ import annotations

import pytest
from translators import MANY, TEXT, TRANSLATORS, Saved

from memviz import Forget
from memviz.ui.parts.translation.languages import language_name, language_option
from memviz.ui.shell.markdown import literal


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return Saved(tmp_path_factory.mktemp("translators"))


@pytest.fixture
def translate(visit, saved: Saved, monkeypatch: pytest.MonkeyPatch):
    """Opens the page with one of them: ``translate("t5", task="")``."""
    monkeypatch.setenv("MEMVIZ_LOCAL_MODELS", str(saved.home))

    def opened(name: str, **address: str):
        return visit("translate", text=TEXT, translator=str(saved.folder(name)), **address)

    return opened


def output(here) -> str:
    """The translation, as it can be copied."""
    return here.app.code[0].value


def shown(text: str) -> str:
    """As a page writes text in a code box."""
    return text.strip()


@pytest.mark.parametrize("name", TRANSLATORS)
def test_it_translates_and_a_word_can_be_covered(translate, saved: Saved, name: str) -> None:
    here = translate(name, again="cover", again_word="1", details="alignment")
    assert here.errors == []
    assert here.pictures == ["cross_view"] * 3
    reader = saved.reader(name)
    wishes = {}
    if name in MANY:
        wishes["languages"] = tuple(here.app.selectbox(key=key).value for key in ("from", "into"))
    if reader.tasks:
        wishes["task"] = next(iter(reader.tasks.values()))
    trace = reader.translate(TEXT, **wishes)
    assert shown(output(here)) == shown(trace.output)
    wishes.pop("task", None)  # it stands in the text now
    second = [word for word in trace.words if not word.special and word.text.strip("␣⏎⇥")][1]
    covered = reader.translate(trace.text, forget=Forget(keys=second.tokens), **wishes)
    compared = [line for line in here.sentences if line.startswith("**“")]
    assert len(compared) == 1
    assert compared[0].split("  \n", 1)[1] == literal((covered.output or "").strip())


@pytest.mark.parametrize("name", MANY)
def test_the_languages_can_be_chosen(translate, saved: Saved, name: str) -> None:
    source, target = TRANSLATORS[name].languages
    here = translate(name, **{"from": source, "into": target})
    assert (here.app.selectbox(key="from").value, here.app.selectbox(key="into").value) == (source, target)
    assert shown(output(here)) == shown(saved.reader(name).translate(TEXT, languages=(source, target)).output)


@pytest.mark.parametrize("name", MANY)
def test_languages_have_their_names(translate, name: str) -> None:
    source, target = TRANSLATORS[name].languages
    here = translate(name, **{"from": source, "into": target})
    for key, code in (("from", source), ("into", target)):
        options = here.app.selectbox(key=key).options
        assert f"{language_name(code)} · {code}" in options
        assert options == sorted(options)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en", "English"),
        ("eng_Latn", "English"),
        ("pt_XX", "Portuguese"),
        (">>fra<<", "French"),
        ("zho_Hans", "Chinese (Hans)"),
        ("zh_CN", "Chinese (CN)"),
        ("tlh", "tlh"),
        ("translate English to German:", "translate English to German:"),
    ],
)
def test_the_name_of_a_language(code: str, name: str) -> None:
    assert language_name(code) == name
    assert language_option(code) == (code if name == code else f"{name} · {code}")


def test_no_task_may_be_chosen(translate, saved: Saved) -> None:
    here = translate("t5")
    request = output(here)
    here.choose("task", "")
    assert shown(output(here)) == shown(saved.reader("t5").translate(TEXT).output)
    assert output(here) != request


@pytest.mark.parametrize("name", ["t5", "mbart", "m2m-100"])
def test_the_code_of_a_covered_word_runs_and_says_the_same(
    translate, saved: Saved, capsys, name: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the code saves its picture
    languages = dict(zip(("from", "into"), TRANSLATORS[name].languages or (), strict=False))
    here = translate(name, again="cover", again_word="1", **languages)
    code = next(item.value for item in here.app.code if item.value.startswith("import memviz"))
    assert ("task=" in code, "languages=" in code) == (name == "t5", name != "t5")
    exec(compile(code, "page", "exec"), {})
    line = capsys.readouterr().out
    assert shown(line).startswith(shown(output(here)))
    compared = next(item for item in here.sentences if item.startswith("**“"))
    assert literal(line.splitlines()[-1].strip()) == compared.split("  \n", 1)[1]
