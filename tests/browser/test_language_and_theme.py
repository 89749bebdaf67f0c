"""Another language or theme: the same view, in other words and colours."""

from __future__ import annotations

import re

import numpy as np
import pytest

from memviz.measures import MEASURES
from memviz.ui.shell.navigation import PAGES
from tests.browser.serving import serving
from tests.conftest import CAT

pytestmark = [pytest.mark.browser, pytest.mark.models]

WORDS = re.compile(r"[A-Za-z]{2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
BACKGROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
CANVAS = """() => {
  const host = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].map(one => one.shadowRoot);
  const canvas = host.find(root => root?.querySelector('canvas')).querySelector('canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const painted = data.filter((_, i) => i % 4 === 0 && data[i + 3] > 0);
  return painted.reduce((sum, value) => sum + value, 0) / painted.length;
}"""


def spoken(here) -> str:
    return here.page.evaluate("document.documentElement.lang")


def test_the_language_switch_keeps_the_view_and_tells_screen_readers(visit) -> None:
    text = "The dog ran because it was happy."
    here = visit().read(text)
    here.go("heads")
    here.choose("Head", "L3.H1").choose("Show", "layer mean")
    before = here.cells()
    assert spoken(here) == "en"
    here.mark("中文")
    here.says("每个注意力头在做什么？")
    here.wait_until(lambda: spoken(here).startswith("zh"), "the page says that it is Chinese")
    assert here.choice("层") == "L3"
    assert CHINESE.search(here.choice("显示")), "the choice has its name in the new language"
    np.testing.assert_array_equal(here.cells(), before)
    assert "lang=zh" in here.query
    here.go("recall")
    assert spoken(here).startswith("zh")
    assert "".join(here.words()).startswith("[CLS]Thedog")
    here.mark("English")
    here.says("What does this word remember, and who remembers it?")
    here.go("heads")
    assert here.choice("Layer") == "L3"
    assert here.choice("Show") == "layer mean"


def test_chinese_pages_are_chinese(visit) -> None:
    here = visit(lang="zh", word=8)
    for page in ("", "heads", "recall", "glossary"):
        here = here if not page else here.go(page)
        lines = set(here.page.locator("[data-testid=stMain]").inner_text().splitlines())
        lines -= {measure.source for measure in MEASURES.values()} | {CAT}  # the text itself
        assert [line for line in lines if len(WORDS.findall(line)) > 5 and not CHINESE.search(line)] == [], page


def test_a_browser_that_speaks_chinese_is_answered_in_chinese(address, browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{address}/glossary")
    page.get_by_text("这些数字是什么意思？").wait_for(timeout=30_000)
    context.close()


def test_the_theme_follows_the_system_and_the_pictures_follow_the_theme(visit) -> None:
    here = visit("heads", layer=3, head=1, scheme="light")
    light = here.page.evaluate(BACKGROUND), here.page.evaluate(CANVAS)
    here.page.emulate_media(color_scheme="dark")
    here.wait_until(lambda: here.page.evaluate(BACKGROUND) != light[0], "a dark page")
    here.wait_until(lambda: here.page.evaluate(CANVAS) < light[1] - 60, "a dark grid")
    assert here.choice("Head") == "L3.H1"


def test_the_first_visitor_of_a_fresh_server_may_come_by_a_link_to_a_page(browser) -> None:
    with serving() as fresh:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{fresh}/glossary?lang=zh")
        page.get_by_text("这些数字是什么意思？").wait_for(timeout=60_000)
        assert page.locator("[data-testid=stSidebarNavLink]").count() == len(PAGES)
        page.wait_for_function("document.documentElement.lang.startsWith('zh')")
        context.close()
