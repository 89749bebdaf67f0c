"""Taking a view along: every file opens, holds the page's numbers, and says where they come from.

The page's numbers were computed by another process, whose threads round the last digit otherwise.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import memviz
from memviz.tables import read_csv
from tests.browser.app_page import PLOT, AppPage
from tests.browser.serving import ROOT
from tests.conftest import CAT

pytestmark = [pytest.mark.browser, pytest.mark.models]

IT = 8
METADATA = "Metadata of the CSV"
PAGES = {
    "home": {"word": IT},
    "heads": {"layer": 3, "head": 1, "by_word": "false"},
    "recall": {"word": IT, "one_head": "true", "layer": 3, "head": 1},
}


@pytest.fixture(scope="module")
def files(address, browser, tmp_path_factory) -> dict[str, dict[str, Path]]:
    """Everything that can be downloaded, by page and kind."""
    folder = tmp_path_factory.mktemp("exports")
    found: dict[str, dict[str, Path]] = {}
    for name, query in PAGES.items():
        here = AppPage(browser, address).open("" if name == "home" else name, **query)
        here.open_popover("Export")
        found[name] = {}
        for kind in ("CSV", "npz", "PNG", "SVG", "HTML", METADATA):
            with here.page.expect_download() as waiting:
                here.page.get_by_role("button", name=kind, exact=True).click()
            download = waiting.value
            ending = "csv-metadata.json" if kind == METADATA else kind.lower()
            assert download.suggested_filename == f"memviz-{name}.{ending}"
            found[name][kind] = folder / download.suggested_filename
            download.save_as(found[name][kind])
        assert here.close() == []
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_says_where_it_comes_from(files, page: str) -> None:
    table, metadata = pd.read_csv(files[page]["CSV"]), files[page][METADATA].read_text(encoding="utf-8")
    _, said = read_csv(files[page]["CSV"].read_bytes().decode("utf-8-sig"), metadata)
    assert [column["name"] for column in json.loads(metadata)["tableSchema"]["columns"]] == list(table.columns)
    assert json.loads(metadata)["url"] == files[page]["CSV"].name
    with np.load(files[page]["npz"], allow_pickle=False) as archive:
        inside = json.loads(str(archive["provenance"]))
    picture = Image.open(files[page]["PNG"])
    html = files[page]["HTML"].read_text(encoding="utf-8")
    for facts in (said, inside):
        assert facts["model"] == "minilm"
        assert memviz.__version__ in " ".join(facts.values())
    assert min(picture.size) > 200
    assert len(picture.convert("L").getcolors(maxcolors=1 << 20)) > 20, "there is something to see"
    drawing = ElementTree.fromstring(files[page]["SVG"].read_bytes())
    assert (drawing.tag, drawing.get("role")) == ("{http://www.w3.org/2000/svg}svg", "img")
    written = {name: value for name, value in picture.info.items() if name != "dpi"}
    assert json.loads(drawing.find("{*}metadata").text) == written, "both pictures say the same"
    assert picture.size == (2 * int(drawing.get("width")), 2 * int(drawing.get("height")))
    for text in (" ".join(written.values()), html):
        assert "minilm" in text
        assert memviz.__version__ in text
    if page == "heads":
        assert (said["layer"], said["head"]) == ("3", "1")
        assert "L3.H1" in html


def test_the_numbers_of_a_head_come_back(files, cat, cat_eager) -> None:
    exact = cat.memory().pattern(3, 1)
    np.testing.assert_allclose(exact, cat_eager[3, 1], atol=1e-5)
    table, _ = read_csv(files["heads"]["CSV"].read_bytes().decode("utf-8-sig"))
    assert len(table) == 169
    back = np.zeros((13, 13))
    back[table["query"], table["key"]] = table["weight"]
    np.testing.assert_allclose(back, exact, atol=1e-6)
    with np.load(files["heads"]["npz"]) as archive:
        np.testing.assert_allclose(archive["weights"], exact, atol=1e-6)
        assert list(archive["keys"]) == [token.text for token in cat.memory().keys]


def test_the_links_of_home_and_the_figures_of_recall_come_back(files, cat) -> None:
    remembers, remembered_by = memviz.measures.links(cat.memory(), *cat.sides())
    with np.load(files["home"]["npz"]) as archive:
        for name, links in (("remembers", remembers), ("remembered_by", remembered_by)):
            np.testing.assert_array_equal(archive[f"{name}.index"], links.index)
            np.testing.assert_allclose(archive[f"{name}.weight"], links.weight, atol=1e-6)
        assert list(archive["words"]) == [word.text for word in cat.words]
    table, _ = read_csv(files["home"]["CSV"].read_bytes().decode("utf-8-sig"))
    assert len(table) == (remembers.index >= 0).sum()
    with np.load(files["recall"]["npz"]) as archive:
        np.testing.assert_allclose(archive["received"], memviz.measures.received(cat.memory()), atol=1e-6)


@pytest.mark.parametrize("page", PAGES)
def test_the_svg_is_drawn_by_a_browser_as_the_png_is(files, browser, page: str) -> None:
    context, opened, requests = offline(browser, files[page]["SVG"])
    view = np.asarray(Image.open(files[page]["PNG"]).convert("L")).astype(int)
    opened.set_viewport_size({"width": view.shape[1] // 2, "height": view.shape[0] // 2})
    shown = np.asarray(Image.open(io.BytesIO(opened.screenshot())).convert("L")).astype(int)
    height, width = (size // 2 * 2 for size in view.shape)
    halved = view[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    assert (np.abs(shown[: height // 2, : width // 2] - halved) > 64).mean() < 0.02, "but for the edges of letters"
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    context.close()


def offline(browser, path: Path):
    """A page from a file, in a browser without any network."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(f"error: {error}"))
    page.goto(path.as_uri())
    return context, page, asked


def test_the_html_of_home_answers_the_pointer_offline(files, browser, cat) -> None:
    context, page, asked = offline(browser, files["home"]["HTML"])
    word = page.get_by_test_id("memviz-word").nth(IT)
    word.wait_for()
    assert page.get_by_test_id("memviz-word").all_text_contents() == [one.text for one in cat.words]
    remembers, _ = memviz.measures.links(cat.memory(), *cat.sides())
    weights = page.locator("[data-testid=memviz-remembers] [data-testid=memviz-row]").evaluate_all(
        "rows => rows.map(row => Number(row.dataset.weight))"
    )
    np.testing.assert_allclose(weights, remembers.weight[IT][: len(weights)], rtol=1e-5)
    word.click()
    page.get_by_test_id("memviz-word").nth(2).hover()
    page.locator("[data-testid=memviz-words][data-shown='2']").wait_for()
    assert asked == [files["home"]["HTML"].as_uri()]
    context.close()


@pytest.mark.parametrize("page", ["heads", "recall"])
def test_the_html_of_charts_opens_offline_and_tells_its_numbers(files, browser, cat, page: str) -> None:
    context, opened, asked = offline(browser, files[page]["HTML"])
    plot = opened.locator(PLOT).first
    plot.locator(".main-svg").first.wait_for()
    if page == "heads":
        cells = plot.evaluate("plot => plot.calcdata[0][0].z.map(row => Array.from(row))")
        np.testing.assert_allclose(np.array(cells, dtype=float), cat.memory().pattern(3, 1), atol=1e-6)
    else:
        heights = plot.evaluate("plot => Array.from(plot._fullData[0].y)")
        np.testing.assert_allclose(heights, memviz.measures.received(cat.memory())[3, 1], atol=1e-5)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_files_speak_the_language_of_the_page(browser, address, tmp_path) -> None:
    here = AppPage(browser, address).open("heads", lang="zh", model="minilm", layer=3, head=1)
    here.open_popover("导出")
    for kind in ("HTML", "PNG"):
        with here.page.expect_download() as waiting:
            here.page.get_by_role("button", name=kind, exact=True).click()
        waiting.value.save_as(tmp_path / kind)
    html = (tmp_path / "HTML").read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in html
    assert "每个注意力头在做什么" in html
    assert "原始权重" in html
    with Image.open(tmp_path / "PNG") as picture:
        assert picture.info["model"] == "minilm", "where it comes from is written in English"
    assert here.close() == []


def code(here: AppPage, number: int = 0) -> str:
    """What stands in a block of code."""
    return here.page.locator("[data-testid=stPopoverBody]:visible [data-testid=stCode] code").nth(number).inner_text()


def test_show_as_python_runs_prints_and_saves_its_picture(visit, cat, tmp_path) -> None:
    here, programs = visit(word=IT), {}
    for page, query in PAGES.items():
        here.follow("" if page == "home" else page, **query).open_popover("Show as Python")
        programs[page] = code(here)
        assert "import memviz" in programs[page]
    run = f"for name, program in {programs!r}.items():\n    print('#', name)\n    exec(program, {{}})"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    for page in programs:
        with Image.open(tmp_path / f"memviz-{page}.png") as picture:
            assert picture.info["model"] == "minilm"
    printed = {part.split(maxsplit=1)[0]: part for part in done.stdout.split("# ")[1:]}
    assert "(13, 13)" in printed["heads"]
    for page, head in (("home", {}), ("recall", {"layer": 3, "head": 1})):
        remembers, _ = memviz.measures.links(cat.memory(), *cat.sides(), **head)
        lines = [line for line in printed[page].splitlines() if line.startswith("it -> ")]
        assert len(lines) == (remembers.index[IT] >= 0).sum()
        assert f"{remembers.weight[IT, 0]:.3f}" in lines[0]


def test_a_copied_link_restores_the_view_with_and_without_the_text(visit) -> None:
    text = "The dog ran because it was “happy” & <b>bold</b>."
    here = visit("heads", model="minilm", layer=3, head=1, values="log", sinkless="true", lang="zh", text=text)
    here.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=here.address)
    here.page.get_by_role("button", name="复制链接", exact=True).click()
    here.says("已复制。打开链接")
    whole = here.page.evaluate("navigator.clipboard.readText()")
    here.open_popover("不含文本的链接")
    here.page.get_by_role("button", name="复制不含文本的链接").click()
    here.says("已复制。其中不含你的文本")
    bare = here.page.evaluate("navigator.clipboard.readText()")
    assert "text" not in parse_qs(urlsplit(bare).query)
    for link in (bare, whole):
        there = visit("heads", **{name: value[0] for name, value in parse_qs(urlsplit(link).query).items()})
        assert urlsplit(link).path == "/heads"
        assert there.choice("注意力头") == "L3.H1"
        assert np.nanmin(there.cells()) >= -4, "a logarithmic scale"
        assert np.isnan(there.cells()[:, 0]).all(), "the attention sinks are hidden"
        there.page.locator("[data-testid=stExpander] summary").first.click()
        assert there.page.locator("textarea").input_value() == (text if link == whole else CAT)
