"""Whatever is pasted is text: it runs nothing, adds nothing to the page, and asks no other machine."""

from __future__ import annotations

import re

import pytest

from tests.pages.odd_texts import ODD

pytestmark = [pytest.mark.browser, pytest.mark.models]

MARKUP = "\n".join(
    ODD[name] for name in ("script", "image", "link", "formula", "directives", "markdown", "braces")
)  # each on lines of its own, where most of them would begin to mean something
PARTS = """() => {
  const count = (root, name) => [...root.querySelectorAll('*')].reduce(
    (sum, node) => sum + node.matches(name) + (node.shadowRoot ? count(node.shadowRoot, name) : 0), 0);
  return Object.fromEntries(['script', 'img', 'iframe', 'a[href^="javascript"]', '.katex', 'h1', 'b, strong, em']
    .map(name => [name, count(document.querySelector('[data-testid=stMain]'), name)]));
}"""


def squeezed(text: str) -> str:
    return "".join(re.sub("[␣⏎]", "", text).split()).casefold()


@pytest.mark.parametrize("page", ["", "heads", "recall"])
def test_markup_in_a_text_is_shown_as_text(visit, page: str) -> None:
    here = visit(page, text="a plain text", word=1, model="smollm2")
    plain = here.page.evaluate(PARTS)
    here.open(page, text=MARKUP, word=1, model="smollm2")
    result = here.page.evaluate(PARTS)
    for name in ("script", "img", "iframe", ".katex", "h1"):
        assert result[name] == plain[name], name
    assert result['a[href^="javascript"]'] == 0
    if page != "heads":
        assert squeezed("".join(here.words())) == squeezed(MARKUP)


def test_markup_in_sentences_and_tables_of_words(visit) -> None:
    text = (
        "The <b>cat</b> saw :red[x] and $$y$$ and [z](javascript:alert(1)) and <img src=x onerror=alert(1)> `c` **d**"
    )
    here = visit("", text=text)
    line = here.page.locator("[data-testid=stMarkdown] p", has_text="of its attention on “").all()
    assert line
    for item in line:
        assert item.locator("img, a, code, .katex, span[style*=color]").count() == 0
    words = here.words()
    for number in [n for n, word in enumerate(words) if not word.isalnum()][:2]:
        here.open("recall", text=text, word=number)
        label = here.page.locator("[data-testid=stExpander] summary", has_text="attends to, as a table").inner_text()
        assert re.search(f"“{re.escape(words[number])}( #{number})?”", label), "a word that stands twice has its place"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))"]
)
def test_markup_in_a_model_name_is_shown_as_text(visit, name: str) -> None:
    here = visit("glossary")
    here.page.goto(f"{here.address}/?model={name}")
    here.page.locator("[data-testid=stAlert]").wait_for()
    here.at_rest()
    box = here.page.locator("[data-testid=stAlert]")
    assert name in box.inner_text()
    assert box.locator("img, script, a").count() == 0


def test_a_typed_model_name_is_explained_and_the_way_back_is_open(visit) -> None:
    here = visit()
    box = here.page.get_by_role("combobox", name="Model", exact=True)
    box.click()
    box.fill("../x")
    here.page.keyboard.press("Enter")
    here.says("models from local paths are switched off here")
    assert here.page.locator("textarea").first.input_value(), "the text is still there"
    here.choose("Model", "all-MiniLM-L6-v2")
    here.drawn("")


def test_a_tour_asks_no_other_machine_and_nothing_goes_wrong(visit) -> None:
    here = visit(word=8)
    for page in ("heads", "recall", "glossary", "home"):
        if page == "home":
            here.page.locator("[data-testid=stSidebarNavLink]").first.click()
            here.drawn("home")
        else:
            here.go(page)
    assert len(here.requests) > 10
    assert {url.split("/")[2].split(":")[0] for url in here.requests if "//" in url} == {"127.0.0.1"}
