"""Whatever a person pastes or types: a picture or one clear message, and what was pasted stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.app_page import WORD, AppPage
from tests.browser.serving import serving
from tests.pages.odd_texts import ODD
from tests.pages.shelf import stocked

pytestmark = [pytest.mark.browser, pytest.mark.models]

NOTHING = "Paste a text above, or choose a sample"
PASTED = {
    "spaces": "    ",
    "one character": "a",
    "one token 500 times": "cat " * 500,
    "100,000 characters of one word": "x" * 100_000,
    "100,000 characters of words": "cat and dog " * 8_334,
    "a lone surrogate": "a \ud800 b",
    **{
        name: ODD[name]
        for name in (
            "Chinese",
            "Arabic",
            "Hindi",
            "emoji with joiners",
            "combining marks",
            "byte-order mark",
            "null and control characters",
            "script",
            "image",
            "link",
            "formula",
            "directives",
        )
    },
}
TOO_LONG = {
    ("minilm", "one token 500 times"),
    ("minilm", "100,000 characters of words"),
    ("smollm2", "100,000 characters of words"),
    ("smollm2", "100,000 characters of one word"),  # MiniLM has one token for it, which says: unknown
}
PASTE = """([text]) => {
  const box = document.querySelector('textarea');
  box.focus();
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, JSON.parse(text));
  box.dispatchEvent(new Event('input', { bubbles: true }));
}"""


def paste(here: AppPage, text: str) -> str:
    """Pastes any text, half characters included, and reads it; what the box then holds."""
    here.page.evaluate(PASTE, [json.dumps(text)])
    here.page.locator("textarea").first.press("Control+Enter")
    here.page.wait_for_timeout(150)
    here.settled()
    return here.page.locator("textarea").first.input_value()


def broken(here: AppPage) -> int:
    """How many stack traces are on the page?"""
    return here.page.locator("[data-testid=stException]").count()


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_what_is_pasted_is_read_or_explained_and_stays(visit, model: str) -> None:
    here = visit("", model=model)
    for name, text in PASTED.items():
        kept = paste(here, text)
        assert len(kept.split()) == len(text.split()), name
        assert broken(here) == 0, name
        if name == "spaces":
            here.says(NOTHING)
        elif (model, name) in TOO_LONG:
            here.page.get_by_role("button", name="Read the first").wait_for()
        else:
            here.page.locator(WORD).first.wait_for()


def test_a_text_that_is_too_long_is_read_by_the_window_one_chooses(visit) -> None:
    here = visit("", model="minilm")
    text = "cat " * 900
    paste(here, text)
    here.press("Read the first")
    here.says("of 900")
    assert here.page.locator(WORD).count() > 400
    assert len(here.page.locator("textarea").first.input_value().split()) == 900


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../etc/passwd", "switched off"),
        ("https://huggingface.co/openai-community/gpt2", "Give the id alone"),
        ("my model", "There is no model called"),
        ("minlm", "Did you mean"),
    ],
)
def test_a_bad_model_name_is_explained(visit, name: str, said: str) -> None:
    here = visit("")
    box = here.page.get_by_role("combobox", name="Model", exact=True)
    box.click()
    box.fill(name)
    box.press("Enter")
    here.says(said)
    assert broken(here) == 0
    here.choose("Model", "all-MiniLM-L6-v2")
    here.page.locator(WORD).first.wait_for()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local models, most of which must not be opened."""
    return stocked(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def local(folders: Path) -> Iterator[str]:
    """The address of an app that may open models in those folders."""
    with serving(MEMVIZ_LOCAL_MODELS=str(folders)) as address:
        yield address


@pytest.mark.parametrize(
    ("name", "said"), [("pickle", "can run programs"), ("remote", "remote code"), ("corrupt", "cannot be read")]
)
def test_a_dangerous_or_broken_folder_is_refused(local, browser, folders: Path, name: str, said: str) -> None:
    here = AppPage(browser, local)
    here.page.goto(f"{local}/?model={folders / name}")
    here.page.locator("[data-testid=stAlertContentError]").wait_for()
    found = here.page.locator("[data-testid=stAlertContentError]").inner_text()
    assert broken(here) == 0
    assert said in found
    assert here.close() == []
