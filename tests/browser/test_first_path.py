"""From a pasted text to a number, in a real browser: what is shown is what the model computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from memviz import Reader, Trace, measures
from tests.browser import serving
from tests.conftest import CAT

pytestmark = [pytest.mark.browser, pytest.mark.models]
IT, CAT_WORD = 8, 2


@pytest.fixture
def visit(address: str, browser) -> Iterator[Callable]:
    """Opens a page of the app; afterwards nothing may have gone wrong and nothing have left this machine."""
    contexts, trouble, requests = [], [], []

    def opened(path: str = "/", *, width: int = 1440, scheme: str = "light"):
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address + path)
        page.wait_for_selector("[data-testid^=memviz-][data-drawn=true]", timeout=120_000)
        serving.wait_until_idle(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def own(minilm: Reader) -> np.ndarray:
    """The model's own weights of the cat sentence, through its eager attention: [layer, head, query, key]."""
    ids = torch.tensor([minilm.tokenizer(CAT)["input_ids"]])
    minilm.model.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            weights = minilm.model(input_ids=ids, output_attentions=True).attentions
    finally:
        minilm.model.set_attn_implementation("memviz")
    return torch.stack(weights)[:, 0].numpy()


def rows(page, card: str) -> list[dict[str, str]]:
    """What stands in a card: data of each row."""
    result = page.locator(f"[data-testid={card}] [data-testid=memviz-row]")
    result.first.wait_for(timeout=20_000)
    return result.evaluate_all("rows => rows.map((row) => ({ ...row.dataset }))")


def test_the_hovered_numbers_are_the_models_own(visit: Callable, cat: Trace, own: np.ndarray) -> None:
    page = visit("/?model=minilm")
    page.get_by_test_id("memviz-word").nth(IT).hover()
    shown = rows(page, "memviz-remembers")
    assert len(shown) >= 5
    expected, _ = measures.links(cat.memory(), *cat.sides())
    for rank, row in enumerate(shown):
        layer, head = map(int, re.fullmatch(r"L(\d+)\.H(\d+)", row["head"]).groups())
        key = int(row["index"])
        assert key == expected.index[IT, rank]
        assert float(row["weight"]) == pytest.approx(cat.memory().pattern(layer, head)[IT, key], abs=1e-6)
        assert float(row["weight"]) == pytest.approx(own[layer, head, IT, key], abs=1e-5)
        others = np.delete(own[layer, head, :, key], IT).mean()
        assert float(row["lift"]) == pytest.approx(own[layer, head, IT, key] / others, rel=1e-3)


def test_home_leads_from_it_to_the_head_that_is_about_it(visit: Callable) -> None:
    page = visit("/?model=minilm")
    page.get_by_test_id("memviz-word").nth(IT).click()
    row = next(row for row in rows(page, "memviz-remembers") if int(row["index"]) == CAT_WORD)
    assert row["head"] == "L3.H1"
    assert float(row["weight"]) == pytest.approx(0.49, abs=0.01)
    assert float(row["lift"]) == pytest.approx(3.7, abs=0.1)
    page.get_by_test_id("memviz-remembers").get_by_role("button", name="L3.H1").click()
    page.wait_for_selector("[data-testid=memviz-grid][data-selected='L3.H1']", timeout=60_000)
    assert "/heads" in page.url
    assert "layer=3" in page.url
    assert "head=1" in page.url


def test_the_heatmaps_hovered_value_is_the_models_own(visit: Callable, own: np.ndarray) -> None:
    page = visit("/heads?model=minilm&layer=5&head=11")
    chart = page.locator("[data-testid=stPlotlyChart] .nsewdrag").first
    chart.wait_for(timeout=60_000)
    count = own.shape[-1]
    for query, key in ((IT, CAT_WORD), (4, 6)):
        box = chart.bounding_box()
        across, down = box["width"] / count, box["height"] / count
        page.mouse.move(box["x"] + across * (key + 0.3), box["y"] + down * (query + 0.3))
        page.mouse.move(box["x"] + across * (key + 0.5), box["y"] + down * (query + 0.5))
        text = page.locator(".hoverlayer .hovertext").first
        expected = f"{own[5, 11, query, key]:.4f}"
        text.filter(has_text=re.compile(f"weight {expected[:5]}")).wait_for(timeout=10_000)
        [number] = [float(number) for number in re.findall(r"0\.\d{3,}", text.text_content())]
        assert number == pytest.approx(own[5, 11, query, key], abs=6e-5)


def test_a_pasted_text_is_read_and_its_markup_is_text(visit: Callable) -> None:
    page = visit("/?model=minilm")
    before = page.evaluate("document.querySelectorAll('img').length")
    box = page.locator("textarea").first
    box.fill("<img src=x onerror=alert(1)> :red[x] $$ ](javascript:alert(1)) remembers")
    box.press("Control+Enter")
    page.get_by_test_id("memviz-words").get_by_text("remembers", exact=True).first.wait_for(timeout=60_000)
    serving.wait_until_idle(page)
    assert "onerror" in page.get_by_test_id("memviz-words").text_content()
    assert page.evaluate("document.querySelectorAll('img').length") == before


def test_the_text_comes_along_from_page_to_page(visit: Callable) -> None:
    page = visit("/heads?model=minilm")
    for name, picture in (("Home", "memviz-words"), ("Recall", "memviz-words"), ("Heads", "memviz-grid")):
        page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
        page.wait_for_selector("h1:has-text('?')")
        page.locator(f"[data-testid={picture}]").wait_for(timeout=60_000)
        serving.wait_until_idle(page)
        assert page.locator("textarea").first.input_value() == CAT
