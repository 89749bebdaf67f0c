"""Everything that a page can say is said in Chinese too, with the same values and the same marks."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from memviz import errors
from memviz.serving import cache
from memviz.ui.shell import i18n
from tests.locales.collecting import LIBRARY, PAGES, ROOT, Found, Source, collect
from tests.locales.sources import IN_PICTURES, KNOWN
from tests.locales.speaking import left, said

FILE = ROOT / "memviz" / "locales" / "zh.json"
ZH: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
SAME = {"中文"}
"""Sources that are written alike in both languages."""

TRANSLATED = [text for text in ZH if ZH[text] != text and text not in i18n.LANGUAGES.values()]
"""Sources that a Chinese page does not show; the switch of languages names each language in itself."""

SENTENCES = {"Note", *(name for name in vars(errors) if name.endswith("Error"))}
QUOTED = {"owner/name", "ERROR:", "format", "ray"}
"""Words in values that are no English: the form of a hub id, a sign of pip's, a field of a file."""

HAN = "[\u4e00-\u9fff]"
FOREIGN = re.compile(f'{HAN}[,.;:?!(]|[)”）][,;:?!]|[)"]{HAN}|  ')
"""Signs that Chinese writes otherwise."""
MARKS = re.compile(r"\*\*|:\w+\[|`[^`]*`|https?://[^\s{]+|‖[^‖]*‖|L\d+\.H\d+")
LABELLED = {"label", "help", "placeholder", "text", "title", "body"}
SPEAKS = set(
    "title header subheader markdown caption text write info error warning success button toggle checkbox radio "
    "selectbox multiselect slider number_input text_input text_area segmented_control pills popover expander tabs "
    "metric page_link link_button download_button progress spinner toast status".split()
)


@pytest.fixture(scope="module")
def found() -> Found:
    return collect(KNOWN)


def test_every_text_that_is_translated_can_be_told_from_the_source(found: Found) -> None:
    assert found.unknown == [], "write a literal, or name the expression in tests/locales/sources.py"
    assert set(KNOWN) - found.used == set(), "no longer spoken: take it out of tests/locales/sources.py"


def test_the_collector_finds_texts_of_every_kind(found: Found) -> None:
    """One text for each way in which a text comes to a page, so that none is lost unnoticed."""
    expected = {
        "Home",  # a page's title
        "Which words does the model's attention connect?",  # its question
        "Paste a text here",  # t("…")
        "Every measure and every experiment that MemViz shows: the question it answers, its unit and formula or its "
        "cost, its source, and what it does not show.",  # show.question(…, hint)
        "Largest values, token by token",  # show.table(label=…)
        "Looking back further than chance is not the same as remembering more.",  # show.caveat(…)
        "Weights say where the model looks, not why it answers: attention alone is not an explanation "
        "(Jain & Wallace 2019; Wiegreffe & Pinter 2019).",  # the default of show.caveat
        "In {head} “{word}” puts **{weight}** of its attention on “{source}”.",  # a local variable
        "The text is empty.",  # an error
        "Choose the raw weights.",  # what to do about it
        "Download one of its .gguf files and open it by its path.",  # … from a local variable
        "Downloading",  # a label of progress, one of two
        "mean over all heads",  # a dictionary of the pages
        "Order by",  # a label of a component
        "Hover or tap a word; click to pin it.",
        "How widely does each token spread its attention?",  # a docstring that is a measure's question
        "River bank",  # a sample
    }
    assert expected - found.texts == set()


def test_every_text_has_a_translation_and_no_translation_is_left_over(found: Found) -> None:
    texts = found.texts | IN_PICTURES
    assert sorted(texts - set(ZH)) == [], "not translated"
    assert sorted(set(ZH) - texts) == [], "translated, but never shown"


def test_translations_hold_the_same_values() -> None:
    assert {english for english, chinese in ZH.items() if _values(chinese) != _values(english)} == set()


def test_translations_hold_the_same_marks() -> None:
    def marks(text: str) -> Counter:
        return Counter(MARKS.findall(text))

    assert {english for english, chinese in ZH.items() if marks(chinese) != marks(english)} == set()


def test_translations_are_chinese() -> None:
    """Each has a Chinese character where the English has a word, and Chinese signs beside Chinese characters."""

    def translated(english: str, chinese: str) -> bool:
        words = "".join(text for text, *_ in Formatter().parse(english))
        return english in SAME or not re.search("[A-Za-z]{2}", words) or bool(re.search(HAN, chinese))

    assert {english for english, chinese in ZH.items() if not translated(english, chinese)} == set()
    assert {chinese for chinese in ZH.values() if FOREIGN.search(chinese) or chinese != chinese.strip()} == set()


def test_what_is_bold_in_english_is_bold_in_chinese() -> None:
    """`**71 %**的` stays as it is in markdown: a mark next to a sign needs a space or a sign on its other side."""
    bold = [(chinese, *parts) for chinese in ZH.values() for parts in re.findall(r"(^|.)\*\*(.*?)\*\*(.|$)", chinese)]
    wrong = [
        chinese
        for chinese, before, inside, after in bold
        if (re.match(r"\w", before) and not re.match(r"\w", inside[0]))
        or (re.match(r"\w", after) and not re.match(r"\w", inside[-1]))
    ]
    assert len(bold) > 10
    assert not wrong, "\n".join(wrong)


def test_the_file_is_in_order() -> None:
    assert FILE.read_text(encoding="utf-8") == json.dumps(dict(sorted(ZH.items())), ensure_ascii=False, indent=2) + "\n"


def test_no_page_speaks_without_translating() -> None:
    """No title, label or help is an English literal that went past `t`."""
    wrong = [spoken for file in PAGES if file.parent.parent.name != "components" for spoken in _past_t(Source(file))]
    assert not wrong, "\n".join(wrong)


def _past_t(source: Source) -> Iterator[str]:
    """Every English literal that a page shows as it stands in the source, with its line."""
    for call in source.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in SPEAKS:
            first = [] if call.func.attr == "page_link" else call.args[:1]
            shown = [*first, *(word.value for word in call.keywords if word.arg in LABELLED)]
            yield from (source.at(call, text) for node in shown for text in _literal(node))


def test_no_sentence_is_put_into_another_without_translating() -> None:
    """What an error or a note is filled with is a number, a quotation or a `Note` of its own, never English of ours."""
    wrong = [spoken for file in LIBRARY for spoken in _inside_sentences(Source(file))]
    assert not wrong, "\n".join(wrong)


def _inside_sentences(source: Source) -> Iterator[str]:
    """Every English literal that an error or a note is filled with, with its line."""
    for call in source.calls:
        if isinstance(call.func, ast.Name) and call.func.id in SENTENCES:
            values = [word.value for word in call.keywords if word.arg not in ("todo", None)]
            values += call.args[1:] if call.func.id == "Note" else []
            texts = [text for value in values for text in _own_words(value)]
            yield from (source.at(call, text) for text in texts if text not in QUOTED)


@pytest.mark.parametrize("code", ['st.title("Two words")', 'st.button(t("Yes"), help=f"{n} more")'])
def test_a_literal_that_went_past_the_translation_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    assert len(list(_past_t(Source(tmp_path / "page.py")))) == 1


@pytest.mark.parametrize("code", ['Note("{why}", why="no room")', 'TraceError("{a}", a="an " + b, todo="Say it.")'])
def test_a_sentence_inside_a_sentence_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text(code, encoding="utf-8")
    assert len(list(_inside_sentences(Source(tmp_path / "room.py")))) == 1


def _own_words(node: ast.AST) -> list[str]:
    """The words that stand in an expression, other than in notes of their own and in the keys of dictionaries."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Note":
        return []
    inside = node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)
    own = [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
    return [text for text in own if re.search("[A-Za-z]{2}", text)] + [
        text for one in inside for text in _own_words(one)
    ]


def _literal(node: ast.expr) -> list[str]:
    """The words of a literal or of the fixed parts of an f-string."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [text for text in texts if re.search("[A-Za-z]{2}", text)]


def _values(text: str) -> Counter:
    """The placeholders, each with its name, format and conversion."""
    return Counter(part[1:] for part in Formatter().parse(text) if part[1] is not None)


@pytest.fixture(scope="module")
def reader():
    """A tiny BERT with random weights."""
    from memviz import Reader
    from tests.reading.families import FAMILIES, tokenizer

    return Reader(FAMILIES["bert"].build(), tokenizer("pair"))


@pytest.fixture
def open_page(reader, monkeypatch):
    """Opens a page of the app in a language, with the cat sentence and one word chosen."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setattr(cache, "open_reader", lambda name, **_: reader)
    cache.forget_everything()

    def opened(page: str, *, language: str, model: str = "bert") -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.session_state[i18n.KEY] = language
        app.run()
        app.switch_page(f"pages/{page}.py")
        app.session_state[i18n.KEY], app.session_state["word"] = language, 2
        app.run()
        if page != "glossary":
            app.session_state[i18n.KEY] = language
            app.text_area(key="text").set_value("The cat sat on the mat because it was tired.").run()
            assert any(re.match(rf"{model}( \(.*\))? · 3 ", text) for text in said(app)), "the text was read"
        return app

    yield opened
    cache.forget_everything()


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("home", "Which words does the model's attention connect?"),
        ("heads", "Which heads do what?"),
        ("recall", "What does this word remember, and who remembers it?"),
        ("glossary", "What do the numbers mean?"),
    ],
)
def test_a_page_changes_its_language(open_page, page: str, title: str) -> None:
    english, chinese = open_page(page, language="en"), open_page(page, language="zh")
    assert not english.exception
    assert not chinese.exception
    assert english.title[0].value == title
    assert chinese.title[0].value == ZH[title]
    assert len(left(said(english), sources=TRANSLATED)) > 20, "the English page is recognised as English"
    assert left(said(chinese), sources=TRANSLATED) == set()


@pytest.mark.parametrize("family", ["bloom", "mpnet"])
def test_why_a_model_was_read_another_way_is_said_in_the_readers_language(open_page, monkeypatch, family: str) -> None:
    from memviz import Reader
    from tests.reading.families import FAMILIES, tokenizer

    dense = Reader(FAMILIES[family].build(), tokenizer(FAMILIES[family].tokenizer))
    dense.engine.info = replace(dense.info, quantisation="8-bit weights, computed in float32")
    monkeypatch.setattr(cache, "open_reader", lambda name, **_: dense)
    english, chinese = (said(open_page("heads", language=language, model=family)) for language in ("en", "zh"))
    assert any("Read through the model's own eager weights, because it" in text for text in english)
    assert left(chinese, sources=TRANSLATED) == set()
    assert any(
        "8 位权重，以 float32 计算" in text and "通过模型自身的 eager 权重读取，因为它" in text for text in chinese
    )


def test_the_language_in_the_address_holds(open_page) -> None:
    """A link in Chinese, opened in an English browser, stays Chinese when something is clicked."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params[i18n.KEY] = "zh"
    assert [app.run().title[0].value for _ in range(3)] == [ZH["Which words does the model's attention connect?"]] * 3
