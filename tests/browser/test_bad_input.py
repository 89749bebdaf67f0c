"""Whatever a person pastes or types: a picture or one clear message, and what was pasted stays. One page for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.app_page import CROSS_WORD, AppPage
from tests.browser.serving import ROOT, serving
from tests.pages.odd_texts import ODD
from tests.pages.shelf import stocked

pytestmark = [pytest.mark.browser, pytest.mark.models]

HARMLESS = [
    "one character", "Chinese", "Arabic", "Hindi", "emoji with joiners", "combining marks", "byte-order mark",
    "null and control characters", "direction marks", "script", "image", "link", "formula", "directives",
]  # fmt: skip
PASTED = {
    ("minilm", "spaces"): ("    ", "Paste a text above, or choose a sample"),
    ("minilm", "one token 500 times"): ("cat " * 500, ""),
    ("minilm", "100,000 characters of words"): ("cat and dog " * 8_334, "This text has 25,004 tokens"),
    ("minilm", "100,000 characters of one word"): ("x" * 100_000, "Unknown tokens ([UNK]): 1 of 1."),
    **{("minilm", name): (ODD[name], "") for name in HARMLESS},
    ("smollm2", "a lone surrogate"): ("a \ud800 b", ""),
    ("smollm2", "emoji with joiners"): (ODD["emoji with joiners"], ""),
}
"""The texts by model and name, each with what the page must say; "" where it shows the words and nothing else."""

TRANSLATED = {
    "empty": ("", "watch it being translated"),
    "emoji": (ODD["emoji with joiners"], "Unknown tokens"),
    "markup": (ODD["script"], "Unknown tokens"),
    "capitals": ("THE BLACK CAT DRINKS COLD MILK.", "all in capitals"),
    "address": ("https://example.com/a?b=1", ""),
}
"""As above, on the page Translate."""

NAMES = {
    "../../etc/passwd": "models from local paths are switched off here",
    "https://huggingface.co/openai-community/gpt2": "Give the id alone",
    "my model": "There is no model called my model",
    "minlm": "Did you mean minilm?",
    "   ": "No model is named",
    "<img src=x onerror=alert(1)>": "There is no model called <img src=x onerror=alert(1)>",
}
FOLDERS = {
    "pickle": "can run programs",
    "remote": "asks for remote code",
    "corrupt": "model.safetensors cannot be read",
    "../outside": "outside the folder",
}
PASTE = """([text]) => {
  const box = document.querySelector('textarea');
  box.focus();
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, JSON.parse(text));
  box.dispatchEvent(new Event('input', { bubbles: true }));
}"""


class Visitor:
    """Someone who tries everything on the same page, and looks at what is there after each try."""

    def __init__(self, here: AppPage) -> None:
        self.here, self.page = here, here.page
        self.model = ""
        self.before: tuple = ()

    def choose(self, model: str) -> None:
        """Opens the page with a model, unless it is open."""
        if self.model != model:
            self.here.follow("", model=model) if self.model else self.here.open("", model=model)
            self.model = model

    def paste(self, text: str) -> str:
        """Pastes any text, half characters included, and reads it; what the box then holds."""
        self.before = self.shown
        self.page.evaluate(PASTE, [json.dumps(text)])
        self.page.locator("textarea").first.press("Control+Enter")
        self.here.wait_until(lambda: self.shown != self.before, "the page took no notice").at_rest()
        return self.box

    @property
    def box(self) -> str:
        """What stands in the text box."""
        return self.page.locator("textarea").first.input_value()

    @property
    def boxes(self) -> list[str]:
        """What the page says in boxes."""
        return self.page.locator("[data-testid=stAlertContainer]").all_inner_texts()

    @property
    def shown(self) -> tuple:
        """The words and the messages on the page."""
        return self.here.words(), self.here.page.locator(CROSS_WORD).all_text_contents(), self.boxes

    def nothing_broke(self) -> None:
        """No stack trace, no dialog, nothing in the console."""
        trouble, self.here.trouble = self.here.trouble, []
        assert trouble == []
        assert self.page.locator("[data-testid=stException]").count() == 0


@pytest.fixture(scope="module")
def visitor(address: str, browser: Any) -> Iterator[Visitor]:
    here = AppPage(browser, address)
    yield Visitor(here)
    assert here.close() == []


@pytest.mark.parametrize(("model", "name"), PASTED)
def test_what_is_pasted_is_read_or_explained_and_stays(visitor: Visitor, model: str, name: str) -> None:
    text, says = PASTED[model, name]
    visitor.choose(model)
    assert visitor.paste(text) == text.replace("\ud800", "\ufffd")
    visitor.nothing_broke()
    words, _, boxes = visitor.shown
    if says:
        assert len(boxes) == 1
        assert says in boxes[0]
    assert all("Unknown tokens" in line or "The tokenizer dropped" in line for line in boxes) or says
    assert words or says
    if "This text has" in says:
        assert visitor.page.get_by_role("button", name="Read the first").is_visible()


@pytest.mark.parametrize("name", TRANSLATED)
def test_what_is_pasted_to_be_translated_is_drawn_or_explained(visitor: Visitor, name: str) -> None:
    text, says = TRANSLATED[name]
    if visitor.model != "firefox-en-pt":
        visitor.here.open("translate")
        visitor.model = "firefox-en-pt"
    assert visitor.paste(text) == text
    visitor.nothing_broke()
    _, words, boxes = visitor.shown
    assert [says in line for line in boxes] == [True] * bool(says)
    assert bool(words) == bool(text)


def test_of_a_text_that_is_too_long_the_window_one_chooses_is_read(visitor: Visitor) -> None:
    visitor.choose("minilm")
    text = "the lamp " * 450
    assert visitor.paste(text) == text
    assert visitor.here.words() == []
    visitor.here.press("Read the first")
    visitor.here.says("tokens 0 to 509 of 900")
    assert len(visitor.here.words()) == 512
    assert visitor.box == text
    visitor.nothing_broke()


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_name_for_a_model_is_explained(visitor: Visitor, name: str) -> None:
    visitor.choose("minilm")
    visitor.model = ""  # it is another one from here on
    text = f"A text of one's own, and {name} is the model."
    visitor.paste(text)
    box = visitor.page.get_by_role("combobox", name="Model", exact=True)
    box.click()
    box.fill(name)
    box.press("Enter")
    visitor.here.wait_until(lambda: any(NAMES[name] in line for line in visitor.boxes), name).at_rest()
    assert len(visitor.boxes) == 1
    assert visitor.here.words() == []
    assert visitor.box == text
    visitor.nothing_broke()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good model and several bad ones."""
    home = tmp_path_factory.mktemp("models")
    (home / "outside").mkdir()
    return stocked(home / "shelf")


@pytest.fixture(scope="module")
def local(shelf: Path, browser: Any) -> Iterator[Visitor]:
    """A visitor of a server whose operator allows the models of the folder."""
    with serving(MEMVIZ_LOCAL_MODELS=str(shelf)) as address:
        here = AppPage(browser, address)
        yield Visitor(here)
        assert here.close() == []


@pytest.mark.parametrize("name", FOLDERS)
def test_a_dangerous_or_broken_folder_is_refused(local: Visitor, shelf: Path, name: str) -> None:
    if local.page.url == "about:blank":
        local.here.open("", model="./good", text="It was tired.")
    local.here.follow("", wait=False, model=f"./{name}")
    local.here.wait_until(lambda: any(FOLDERS[name] in line for line in local.boxes), name).at_rest()
    assert len(local.boxes) == 1
    assert local.here.words() == []
    assert local.box == "It was tired."
    local.nothing_broke()
    for home in (shelf.parent, ROOT):
        assert not list(home.glob("**/bomb-went-off" if home != ROOT else "bomb-went-off"))
        assert not list(home.glob("**/remote-code-ran" if home != ROOT else "remote-code-ran"))


def test_a_good_folder_beside_them_is_read(local: Visitor) -> None:
    local.here.open("", model="./good", text="the cat sat")
    assert local.here.words() == ["[CLS]", "the", "cat", "sat", "[SEP]"]
    local.nothing_broke()
